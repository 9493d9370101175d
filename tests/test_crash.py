"""A bug of our own tells where its traceback is, and neither holds a secret."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.parsers import ResponseParserError

from wizard.flows.crash import unexpected
from wizard.services.aws.boundary import UnforeseenError

TOKEN = "canary+" * 9 + "c"
KEY = "canarySecretAccessKeyThatMustNotBeSeen01"

BROKEN = """
import sys
import wizard.cli.reference
from wizard.cli import main

def broken(options):
    from wizard.services.tokens import take_environment, read_token
    env = take_environment()
    token = read_token(None, env)
    try:
        raise ConnectionError({"X-WallarmApi-Token": token.reveal(), "said": env["KEY"]})
    except ConnectionError as error:
        raise RuntimeError("could not go on with " + token.reveal()) from error

wizard.cli.reference.answers = broken
sys.exit(main(sys.argv[1:]))
"""


def crash(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {"WALLARM_API_TOKEN": TOKEN, "KEY": KEY, "AWS_SECRET_ACCESS_KEY": KEY}
    return subprocess.run(
        [sys.executable, "-c", BROKEN, "answers", "--workspace", str(folder), *arguments],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_bug_ends_with_a_word_and_its_traceback_is_in_the_log_alone(tmp_path: Path) -> None:
    done = crash(tmp_path)
    assert done.returncode == 1
    assert "Something unexpected happened" in done.stderr
    assert "WAG-E-CLI-009" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    log = tmp_path / "wizard.log"
    assert str(log) in done.stderr
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert "Traceback" in log.read_text()
    assert "ConnectionError" in log.read_text()


def test_neither_the_word_nor_the_log_holds_the_token_or_a_key(tmp_path: Path) -> None:
    done = crash(tmp_path, "--json")
    assert json.loads(done.stdout)["error"] == "WAG-E-CLI-009"
    for text in (done.stdout, done.stderr, (tmp_path / "wizard.log").read_text()):
        assert TOKEN not in text
        assert KEY not in text


def test_the_log_is_not_written_through_a_link(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("theirs")
    (tmp_path / "wizard.log").symlink_to(target)
    done = crash(tmp_path)
    assert done.returncode == 1
    assert target.read_text() == "theirs"


def test_what_awss_library_raised_is_no_bug_of_ours_wherever_it_was_overlooked(
    tmp_path: Path,
) -> None:
    page = UnforeseenError(ResponseParserError("<html>Please log in</html>"))
    told = unexpected(page, tmp_path, {}, code="WAG-E-CLI-009")
    assert told.code == "WAG-E-AWS-028"
    assert "unexpected" not in str(told)
    assert "UnforeseenError" in (tmp_path / "wizard.log").read_text()


@pytest.mark.parametrize(
    ("error", "scarce"),
    [
        (RuntimeError("can't start new thread"), "threads or memory"),
        (MemoryError(), "memory"),
        (OSError(errno.EMFILE, "Too many open files"), "open files"),
        (OSError(errno.ENFILE, "Too many open files in system"), "open files"),
        (OSError(errno.EAGAIN, "Resource temporarily unavailable"), "memory or processes"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "memory or processes"),
    ],
)
def test_a_limit_of_the_machine_is_told_as_one(
    error: Exception, scarce: str, tmp_path: Path
) -> None:
    told = unexpected(error, tmp_path, {}, code="WAG-E-CLI-009")
    assert told.code == "WAG-E-CLI-012"
    assert told.what.endswith(f"enough {scarce}")
    assert "ulimit -a" in told.next_step


@pytest.mark.parametrize("error", [RuntimeError("other"), OSError(errno.EIO, "Input/output error")])
def test_what_is_no_limit_stays_a_bug(error: Exception, tmp_path: Path) -> None:
    assert unexpected(error, tmp_path, {}, code="WAG-E-CLI-009").code == "WAG-E-CLI-009"
