"""One run at a time, and a crash leaves nothing to clean up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wizard.core.errors import WizardError
from wizard.services.lock import Lock, Owner, is_held, read_owner

HOLD = """
import sys, time
from pathlib import Path
from wizard.services.lock import Lock
with Lock(Path(sys.argv[1]), "install"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_run_is_told_who_holds_the_deployment_and_how_long(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(WizardError) as caught:
            Lock(path).acquire()
        assert caught.value.code == "WAG-E-WS-010"
        assert f"process {other.pid} (install), for " in caught.value.why
        assert is_held(path)
    finally:
        other.kill()
        other.communicate()
    assert not is_held(path)
    with Lock(path) as lock:  # what the killed one held is free at once
        assert lock.held
        owner = read_owner(path)
        assert owner is not None
        assert owner.pid == os.getpid()


def test_two_locks_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    with Lock(tmp_path / "lock"), pytest.raises(WizardError):
        Lock(tmp_path / "lock").acquire()


def test_a_lock_is_free_again_after_use_even_after_an_error(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    with pytest.raises(RuntimeError), lock:
        raise RuntimeError
    assert not lock.held
    assert read_owner(tmp_path / "lock") is None
    with lock:
        assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600


def test_the_lock_does_not_pass_to_child_processes(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with Lock(path):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
    try:
        assert not is_held(path)
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', "\xff"])
def test_a_damaged_note_of_the_owner_does_not_matter(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lock"
    path.write_text(text)
    assert read_owner(path) is None
    with Lock(path, "doctor"):
        assert json.loads(path.read_text())["purpose"] == "doctor"


def test_an_owner_is_told_in_words_and_cannot_drive_the_terminal() -> None:
    owner = Owner(7, "host\x1b[31m", "jane\n", 100.0, "install")
    assert owner.age(190.0) == 90.0
    assert "\x1b" not in str(owner)
    assert "\n" not in str(owner)
