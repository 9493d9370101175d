"""A chosen zip is placed in the workspace packed for Lambda; a download is found, never touched."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest

from wizard.core.errors import UsageError
from wizard.core.events import State
from wizard.services import forwarder_packages
from wizard.services.forwarder_packages import FILE_NAME, find_downloads, place_package

CODE = '"X_NODE_URL X_NODE_SCHEME"\ndef lambda_handler(event, context): ...\n'


def bundle(path: Path, code: str = CODE, name: str = "cw-resend-lambda/lambda_function.py") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, code)
    return path


def test_it_is_placed_once_private_and_packed_for_lambda(tmp_path: Path) -> None:
    chosen = bundle(tmp_path / "download.zip")
    folder = tmp_path / "workspace"
    folder.mkdir()
    package, file, news = place_package(str(chosen), folder)
    assert (file.name, file.stat().st_mode & 0o777) == (FILE_NAME, 0o600)
    assert zipfile.ZipFile(io.BytesIO(file.read_bytes())).namelist() == ["lambda_function.py"]
    assert package.official
    text = (
        "download.zip is Wallarm's bundle (its code lay in cw-resend-lambda/): 1 file, "
        "lambda_function.lambda_handler"
    )
    assert news == ((text, State.DONE),)
    assert place_package(str(chosen), folder)[2] == (), "nothing new is told twice"


def test_a_home_is_understood_and_a_colleague_without_the_file_uses_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    chosen = bundle(tmp_path / "mine.zip")
    place_package("~/mine.zip", tmp_path)
    chosen.unlink()
    package, file, news = place_package("~/mine.zip", tmp_path)
    assert (package.files, file, news) == (1, tmp_path / FILE_NAME, ())


@pytest.mark.parametrize("there", [False, True])
def test_what_cannot_be_read_is_told_with_the_answer_to_correct(
    tmp_path: Path, *, there: bool
) -> None:
    chosen = tmp_path / "folder.zip"
    if there:
        chosen.mkdir()
    with pytest.raises(UsageError, match="cannot be read") as caught:
        place_package(str(chosen), tmp_path)
    assert caught.value.keys == ("lambda_package",)


def test_one_that_knows_no_node_is_placed_with_a_warning(tmp_path: Path) -> None:
    chosen = bundle(tmp_path / "other.zip", "def lambda_handler(e, c): ...\n")
    _, _, news = place_package(str(chosen), tmp_path)
    assert "a forwarder of your own" in news[0][0]
    assert news[1][1] is State.WARNING


def contents(folder: Path) -> dict[str, tuple[float, int]]:
    return {p.name: (p.lstat().st_mtime, p.lstat().st_size) for p in folder.iterdir()}


def test_a_download_is_offered_newest_first_and_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "Downloads"
    folder.mkdir()
    for age, name in enumerate(("new.zip", "OLD.ZIP")):
        os.utime(bundle(folder / name), (10_000 - age, 10_000 - age))
    bundle(folder / "other.zip", "x = 1\n")
    bundle(folder / "notes.txt")
    (folder / "broken.zip").write_bytes(b"PK\3\4 not really")
    (folder / "link.zip").symlink_to(folder / "new.zip")
    (folder / "sub.zip").mkdir()
    before = contents(folder)
    assert [p.name for p in find_downloads({"HOME": str(tmp_path)})] == ["new.zip", "OLD.ZIP"]
    assert contents(folder) == before
    monkeypatch.setattr(forwarder_packages, "MOST_LOOKED_AT", 1)
    assert [p.name for p in find_downloads({"XDG_DOWNLOAD_DIR": str(folder)})] == []


def test_without_such_a_folder_nothing_is_offered(tmp_path: Path) -> None:
    assert find_downloads({"HOME": str(tmp_path)}) == ()
    assert find_downloads({"HOME": "/nonexistent\0"}) == ()


ELF = {"x86_64": 62, "arm64": 183, "of none of Lambda's": 40}


def compiled(path: Path, *kinds: str) -> Path:
    """A bundle with one compiled module for each; only the header of such a file is looked at."""
    bundle(path)
    with zipfile.ZipFile(path, "a") as archive:
        for kind in kinds:
            header = b"\x7fELF" + bytes(14) + ELF[kind].to_bytes(2, "little")
            archive.writestr(f"cw-resend-lambda/{kind.partition(' ')[0]}.so", header + bytes(8))
    return path


@pytest.mark.parametrize(
    ("kinds", "processor", "runs"),
    [
        ((), "arm64", True),
        (("x86_64",), "x86_64", True),
        (("x86_64",), "arm64", False),
        (("arm64",), "x86_64", False),
        (("arm64",), "arm64", True),
        (("x86_64", "arm64"), "arm64", True),
        (("of none of Lambda's",), "arm64", True),
    ],
)
def test_compiled_code_has_to_be_for_the_processor_that_was_chosen(
    tmp_path: Path, kinds: tuple[str, ...], processor: str, *, runs: bool
) -> None:
    chosen, folder = compiled(tmp_path / "own.zip", *kinds), tmp_path / "workspace"
    folder.mkdir()
    if runs:
        assert place_package(str(chosen), folder, processor)[0].runs_on(processor)
        return
    with pytest.raises(UsageError) as caught:
        place_package(str(chosen), folder, processor)
    assert caught.value.code == "WAG-E-PACKAGE-003"
    assert f"compiled for {kinds[0]}" in caught.value.why
    assert f"Set forwarder_architecture to {kinds[0]}" in caught.value.next_step
    assert list(folder.iterdir()) == [], "nothing was placed"
