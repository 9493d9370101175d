"""A zip of a forwarder is looked into without being run, and packed so that Lambda finds it."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wizard.core import forwarder_package
from wizard.core.errors import UsageError
from wizard.core.events import State
from wizard.core.forwarder_package import (
    Build,
    build_of,
    chosen_forwarder,
    judge_build,
    read_package,
)
from wizard.services.workspace.module import forwarder_package as shipped

CODE = (
    'import os\nURL = os.environ["X_NODE_URL"]\nSCHEME = os.environ["X_NODE_SCHEME"]\n'
    "def lambda_handler(event, context):\n    return None\n"
)
INSIDE = "cw-resend-lambda/lambda_function.py"


def zipped(*files: tuple[str, str | bytes], packed: int = zipfile.ZIP_DEFLATED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", packed) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return held.getvalue()


def entry(name: str, mode: int = stat.S_IFREG | 0o644, content: str = CODE) -> bytes:
    """One entry with an odd name or kind, beside good code."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(INSIDE, CODE)
        info = zipfile.ZipInfo("x")
        info.filename = name
        info.external_attr = mode << 16
        archive.writestr(info, content)
    return held.getvalue()


def names(data: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return archive.namelist()


def refused(data: bytes) -> str:
    with pytest.raises(UsageError) as caught:
        read_package(data, "bundle.zip")
    assert caught.value.code == "WAG-E-PACKAGE-001"
    assert "Nothing of it was run" in caught.value.why
    return caught.value.why


def test_the_bundle_as_downloaded_is_recognised_and_packed_where_lambda_finds_it() -> None:
    found = read_package(zipped(("cw-resend-lambda/", ""), (INSIDE, CODE)))
    assert (found.official, found.folder, found.files) == (True, "cw-resend-lambda", 1)
    assert names(found.data) == ["lambda_function.py"]
    assert (found.handler, found.runtime, found.timeout) == (
        "lambda_function.lambda_handler", "python3.13", 60,
    )  # fmt: skip
    assert found.notes == ()


def test_what_comes_with_it_stays_and_what_an_operating_system_added_goes() -> None:
    found = read_package(zipped(
        (INSIDE, CODE), ("cw-resend-lambda/urllib3/__init__.py", "x = 1\n"),
        ("cw-resend-lambda/__pycache__/a.pyc", b"\0"), ("__MACOSX/._x", b"\0"),
        ("cw-resend-lambda/.DS_Store", b"\0"), ("README.md", "read me"),
    ))  # fmt: skip
    assert names(found.data) == ["lambda_function.py", "urllib3/__init__.py"]
    assert found.notes == (
        "1 of its files lie beside the folder of its code and are left out",
    )  # fmt: skip


def test_one_that_is_well_already_is_taken_as_it_is() -> None:
    ours = Path(__file__).resolve().parents[2] / "terraform" / "cw-resend-lambda.zip"
    found = read_package(ours.read_bytes())
    assert found.folder == ""
    with zipfile.ZipFile(ours) as was, zipfile.ZipFile(io.BytesIO(found.data)) as now:
        assert {n: was.read(n) for n in was.namelist()} == {n: now.read(n) for n in now.namelist()}


def test_the_same_code_gives_the_same_bytes_however_it_was_packed() -> None:
    a = zipped((INSIDE, CODE), ("cw-resend-lambda/a.py", "a = 1\n"))
    b = zipped(
        ("other/a.py", "a = 1\n"), ("other/lambda_function.py", CODE), packed=zipfile.ZIP_STORED
    )
    assert read_package(a).data == read_package(b).data
    assert read_package(read_package(a).data).data == read_package(a).data


def test_a_package_that_knows_no_node_is_not_called_wallarms() -> None:
    found = read_package(zipped(("lambda_function.py", "def lambda_handler(e, c): ...\n")))
    assert not found.official
    assert "X_NODE_URL and X_NODE_SCHEME" in found.notes[0]


@pytest.mark.parametrize(
    "code",
    [
        "async def lambda_handler(e, c): ...\n",
        "from a import lambda_handler\n",
        "from a import b as lambda_handler\n",
        "lambda_handler = print\n",
        '"\\d"\ndef lambda_handler(e, c): ...\n',
    ],
)
def test_a_handler_is_found_however_it_comes_to_be_there(code: str) -> None:
    assert read_package(zipped((INSIDE, code))).files == 1


def test_nothing_of_the_code_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    code = f"open({str(mark)!r}, 'w')\n" + CODE
    assert read_package(zipped((INSIDE, code))).files == 1
    assert not mark.exists()


NO_CODE = {
    "nothing": zipped(),
    "a page": zipped(("README.md", "x")),
    "another language": zipped(("index.js", "exports.handler = 1")),
    "a module without the handler": zipped((INSIDE, "x = 1\n")),
    "the handler inside something": zipped((INSIDE, "class A:\n  def lambda_handler(s): ...\n")),
    "no Python": zipped((INSIDE, "def lambda_handler(:\n")),
    "a null byte": zipped((INSIDE, b"def lambda_handler(e, c): ...\n\0")),
    "too deep to parse": zipped((INSIDE, "x = " + "(" * 5000 + ")" * 5000 + "\n" + CODE)),
    "too long to parse": zipped((INSIDE, "#" * 1_100_000 + "\n" + CODE)),
    "a zip in a zip": zipped(("bundle.zip", zipped((INSIDE, CODE)))),
}


@pytest.mark.parametrize("kind", NO_CODE)
def test_what_holds_no_handler_is_refused_by_what_it_holds(kind: str) -> None:
    assert "No lambda_function.py in it defines lambda_handler" in refused(NO_CODE[kind])


def test_two_that_could_be_meant_are_refused_and_the_one_nearer_the_top_is_meant() -> None:
    a, b = ("a/lambda_function.py", CODE), ("b/lambda_function.py", CODE)
    assert "a/lambda_function.py, b/lambda_function.py" in refused(zipped(a, b))
    found = read_package(zipped(a, ("a/vendored/lambda_function.py", CODE)))
    assert (found.folder, found.files) == ("a", 2)


WAYS_OUT = (
    "../evil.py", "a/../../evil.py", "/etc/cron.d/evil", "C:/evil.py", "a\\..\\evil.py",
    "a/\x1b[2Jb.py", "x" * 500,
)  # fmt: skip


@pytest.mark.parametrize("name", WAYS_OUT)
def test_a_name_that_leads_out_or_cannot_be_shown_is_refused(name: str) -> None:
    why = refused(entry(name))
    assert "\x1b" not in why


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_a_link_or_a_device_is_refused(kind: int) -> None:
    assert "is a link or a device" in refused(entry("a.py", kind | 0o777, "/etc/passwd"))


def test_a_bomb_is_refused_whatever_the_zip_says_of_its_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forwarder_package, "MOST_UNPACKED", 1_000_000)
    bomb = zipped((INSIDE, CODE), ("zeros", b"\0" * 2_000_000))
    assert "unpacks to more than 1 MB" in refused(bomb)
    halves = zipped((INSIDE, CODE), *((f"z{n}", b"\0" * 600_000) for n in range(2)))
    assert "unpacks to more than 1 MB" in refused(halves)
    size = struct.pack("<L", 2_000_000)
    refused(bomb.replace(size, struct.pack("<L", 9)))  # whatever it is refused for


def test_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarder_package, "MOST_FILES", 3)
    assert "more than 3 files" in refused(zipped(*((f"{n}.py", "") for n in range(4))))
    monkeypatch.setattr(forwarder_package, "MOST_PACKED", 10)
    assert "larger than 0 MB" in refused(zipped((INSIDE, CODE)))


def test_what_just_fits_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert forwarder_package.MOST_UNPACKED == 250_000_000, "Lambda's own limit"
    data = zipped((INSIDE, CODE), ("more.py", ""))
    monkeypatch.setattr(forwarder_package, "MOST_PACKED", len(data))
    monkeypatch.setattr(forwarder_package, "MOST_FILES", 2)
    monkeypatch.setattr(forwarder_package, "MOST_UNPACKED", len(CODE))
    monkeypatch.setattr(forwarder_package, "MOST_SOURCE", len(CODE))
    assert read_package(data).files == 1
    for limit in ("MOST_PACKED", "MOST_FILES", "MOST_UNPACKED", "MOST_SOURCE"):
        with monkeypatch.context() as patch:
            patch.setattr(forwarder_package, limit, getattr(forwarder_package, limit) - 1)
            refused(data)


def test_the_zip_for_lambda_bears_a_date_and_a_mode_that_are_always_the_same() -> None:
    with zipfile.ZipFile(io.BytesIO(read_package(zipped((INSIDE, CODE))).data)) as archive:
        (info,) = archive.infolist()
    assert (info.date_time, info.create_system) == ((1980, 1, 1, 0, 0, 0), 3)
    assert oct(info.external_attr >> 16) == "0o100644"


def test_the_same_name_twice_is_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        data = zipped((INSIDE, CODE), (INSIDE, "x = 1\n"))
    assert "is in it twice" in refused(data)


def test_a_file_with_a_password_is_refused() -> None:
    data = bytearray(zipped((INSIDE, CODE), packed=zipfile.ZIP_STORED))
    for at in (data.index(b"PK\3\4") + 6, data.index(b"PK\1\2") + 8):
        data[at] |= 1
    assert "password" in refused(bytes(data))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 255))
def test_whatever_the_bytes_are_they_are_a_package_or_refused(
    data: bytes, at: int, byte: int
) -> None:
    good = bytearray(zipped((INSIDE, CODE)))
    good[at % len(good)] = byte
    for tried in (data, b"PK\3\4" + data, bytes(good), bytes(good)[: at % len(good)]):
        try:
            found = read_package(tried)
        except UsageError:
            continue
        assert "lambda_function.py" in names(found.data)


def test_the_choice_says_what_each_can_and_cannot() -> None:
    assert chosen_forwarder("").key == "ours"
    wallarm = chosen_forwarder("/home/me/bundle.zip")
    assert wallarm.key == "wallarm"
    for word in ("private certificate", "proof", "replay"):
        assert word in wallarm.cannot


OURS = Build("0.2.0", "b" * 44)
OTHER_CODE = f"its code is not that of 0.2.0 (CodeSha256 {'a' * 12}…, expected {'b' * 12}…)"
UPDATE = "update the program rather than the forwarder"


@pytest.mark.parametrize(
    ("deployed", "state", "words"),
    [
        (OURS, State.DONE, "version 0.2.0"),
        (Build("", OURS.code), State.DONE, "version 0.2.0"),
        (Build("0.1.9", "a" * 44), State.WARNING, "0.1.9 is deployed, this program brings 0.2.0"),
        (Build("0.10.0", "a" * 44), State.WARNING, "update the program"),
        (Build("0.2.0", "a" * 44), State.WARNING, "calls itself 0.2.0, but its code is not"),
        (Build("", "a" * 44), State.WARNING, "its version is not known"),
    ],
)
def test_a_deployed_forwarder_is_compared_with_the_one_of_this_program(
    deployed: Build, state: State, words: str
) -> None:
    found, why = judge_build(deployed, OURS)
    assert (found, words in why) == (state, True), why


@pytest.mark.parametrize(
    ("deployed", "why"),
    [
        (
            Build("0.2.0", "a" * 44),
            f"it calls itself 0.2.0, but {OTHER_CODE}",
        ),
        (
            Build("", "a" * 44),
            f"its version is not known, and {OTHER_CODE}",
        ),
        (Build("0.1.9", "a" * 44), "version 0.1.9 is deployed, this program brings 0.2.0"),
        (
            Build("0.3", "a" * 44),
            f"version 0.3 is deployed, newer than the 0.2.0 of this program: {UPDATE}",
        ),
    ],
)
def test_how_a_deployed_forwarder_differs_is_said_once(deployed: Build, why: str) -> None:
    assert judge_build(deployed, OURS) == (State.WARNING, why)


@pytest.mark.parametrize(
    ("number", "held"),
    [(1, "f0"), (3, "f0, f1, f2"), (4, "f0, f1, f2 and 1 more"), (9, "f0, f1, f2 and 6 more")],
)
def test_three_files_of_what_is_no_package_are_named(number: int, held: str) -> None:
    why = refused(zipped(*((f"f{one}", "x") for one in range(number))))
    assert f": it holds {held}. Nothing of it was run." in why


def test_the_build_of_this_program_tells_its_own_version() -> None:
    source = Path(__file__).parents[2] / "lambda" / "cw-resend-lambda" / "protocol.py"
    assert f'VERSION = "{build_of(shipped()).version}"' in source.read_text()
