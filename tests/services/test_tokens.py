"""The token is taken from a private file or the environment, and no child inherits it."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from wizard.core.errors import UsageError
from wizard.services.tokens import VARIABLE, for_child, read_token, take_environment

TOKEN = "Ab0+" * 16


def private(path: Path, text: str | bytes = TOKEN) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(0o600)
    return path


def refused(path: Path) -> UsageError:
    with pytest.raises(UsageError) as told:
        read_token(path, {})
    assert TOKEN not in str(told.value)
    assert told.value.__cause__ is None
    return told.value


def test_a_private_file_is_read_and_stripped_and_wins_over_the_environment(tmp_path: Path) -> None:
    found = read_token(private(tmp_path / "token", f"  {TOKEN}\n"), {VARIABLE: "B" * 64})
    assert found is not None
    assert found.reveal() == TOKEN


def test_the_environment_is_next_and_nothing_is_nothing() -> None:
    found = read_token(None, {VARIABLE: TOKEN})
    assert found is not None
    assert found.reveal() == TOKEN
    assert read_token(None, {}) is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o666])
def test_a_file_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = private(tmp_path / "token")
    path.chmod(mode)
    assert refused(path).code == "WAG-E-TOKEN-004"


def test_a_link_counts_as_what_it_leads_to(tmp_path: Path) -> None:
    target = private(tmp_path / "target")
    link = tmp_path / "link"
    link.symlink_to(target)
    assert read_token(link, {}) is not None
    target.chmod(0o644)
    assert refused(link).code == "WAG-E-TOKEN-004"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    path = private(tmp_path / "token")
    os.chown(path, 65534, 65534)
    assert "another user" in refused(path).what


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"\xff\xfe" * 32, "not text"), (b"A" * 100_000, "too long")],
    ids=["binary", "huge"],
)
def test_a_file_that_holds_something_else_is_refused_without_showing_it(
    tmp_path: Path, content: bytes, why: str
) -> None:
    told = refused(private(tmp_path / "token", content))
    assert why in told.why
    assert "AAAA" not in str(told)


def test_a_token_of_another_shape_is_refused_without_showing_it(tmp_path: Path) -> None:
    told = refused(private(tmp_path / "token", TOKEN[:63]))
    assert "63" in told.what
    assert TOKEN[:20] not in str(told)


@pytest.mark.skipif(sys.platform == "win32", reason="no FIFOs there")
def test_a_pipe_is_as_good_as_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o644)
    threading.Thread(target=pipe.write_text, args=(TOKEN,), daemon=True).start()
    found = read_token(pipe, {})
    assert found is not None
    assert found.reveal() == TOKEN


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    assert refused(tmp_path / "nowhere").code == "WAG-E-TOKEN-005"


def test_what_others_start_in_this_process_inherits_no_token() -> None:
    own = {VARIABLE: TOKEN, "WALLARM_OTHER_API_TOKEN": TOKEN, "PATH": "/bin"}
    taken = take_environment(own)
    assert own == {"PATH": "/bin"}
    assert taken[VARIABLE] == TOKEN


def test_what_we_start_gets_no_token_but_the_rest() -> None:
    env = {VARIABLE: TOKEN, "WALLARM_APIGW_TOKEN_FILE": "/run/secret", "AWS_REGION": "eu-west-1"}
    assert for_child(env) == {"WALLARM_APIGW_TOKEN_FILE": "/run/secret", "AWS_REGION": "eu-west-1"}


def test_what_was_copied_with_the_token_is_taken_off(tmp_path: Path) -> None:
    path = private(tmp_path / "token", f'export {VARIABLE}="{TOKEN}"\n')
    for found in (read_token(path, {}), read_token(None, {VARIABLE: f"\u200b'{TOKEN}'"})):
        assert found is not None
        assert found.reveal() == TOKEN
