"""Files are private from their first byte, and no folder of others is closed."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from wizard.core.errors import WizardError
from wizard.services.files import private_dir, write_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_of_ones_own_is_closed(tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir(mode=0o755)
    assert mode(private_dir(open_to_all)) == 0o700
    assert mode(private_dir(tmp_path / "new" / "folder")) == 0o700


def test_a_folder_for_everybody_is_left_as_it_is(tmp_path: Path) -> None:
    shared = tmp_path / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)
    with pytest.raises(WizardError) as refused:
        private_dir(shared)
    assert refused.value.code == "WAG-E-WS-013"
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777
    assert mode(private_dir(shared / "wallarm-apigw")) == 0o700


def test_neither_is_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(WizardError, match="needs a folder of its own"):
        private_dir(tmp_path)
    assert mode(tmp_path) == 0o755


def test_a_file_is_never_readable_by_others_not_even_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    sync = os.fsync

    def looked_at(descriptor: int) -> None:
        seen.extend(mode(p) for p in tmp_path.iterdir() if p.is_file())
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", looked_at)
    before = os.umask(0)
    try:
        write_private(tmp_path / "state", "secret")
    finally:
        os.umask(before)
    assert seen
    assert set(seen) == {0o600}
    assert mode(tmp_path / "state") == 0o600


def test_a_link_in_its_place_is_replaced_and_its_target_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("theirs")
    target.chmod(0o644)
    link = tmp_path / "answers.json"
    link.symlink_to(target)
    write_private(link, "ours")
    assert target.read_text() == "theirs"
    assert not link.is_symlink()
    assert mode(link) == 0o600


def test_a_file_that_others_could_read_is_private_once_it_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert mode(path) == 0o600


def test_folders_above_it_that_had_to_be_made_are_closed_whatever_the_umask(
    tmp_path: Path,
) -> None:
    before = os.umask(0)
    try:
        private_dir(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(before)
    assert [mode(tmp_path / name) for name in ("a", "a/b", "a/b/c")] == [0o700] * 3


def test_a_shell_that_allows_no_more_open_files_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("tempfile.mkstemp", none_left)
    with pytest.raises(WizardError) as caught:
        write_private(tmp_path / "state", "x")
    assert "ulimit -n" in caught.value.next_step
