"""A role with MFA on the command line: asked for in the terminal once, and never shown."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.one_time_code import DEVICE, CodeGate, user
from tests.services.aws.conftest import World, clean_env
from tests.typed import Typed

PROFILE = ("--profile", "role-with-code", "--region", "eu-central-1")
PROMPT = f"Enter MFA code for {DEVICE}: ".encode()
RIGHT, WRONG = "483920", "111112"
PATIENCE = 60.0


@pytest.fixture
def gate(aws_url: str) -> Iterator[CodeGate]:
    with CodeGate(aws_url, RIGHT) as it:
        yield it


def hidden(typed: Typed, folder: Path, code: str) -> None:
    """The code is in nothing that was shown, and in no file."""
    assert code.encode() not in typed.said
    for path in folder.rglob("*"):
        if path.is_file():
            assert code.encode() not in path.read_bytes(), path


def test_the_code_is_asked_for_once_and_neither_shown_nor_kept(
    gate: CodeGate, world: World, tmp_path: Path
) -> None:
    name = world.name("with-code")
    world.rest_api(name, "prod")
    with Typed(user(gate.url, tmp_path), "stages", "list", *PROFILE) as typed:
        typed.until(PROMPT)
        assert not typed.echoes
        typed.type(f"{RIGHT}\n")
        assert typed.end() == 0, typed.said[-3000:]
        assert name.encode() in typed.said
        assert gate.seen == [RIGHT]
        assert typed.said.count(b"Enter MFA code") == 1
        hidden(typed, tmp_path, RIGHT)


@pytest.mark.parametrize(
    "command", [("status",), ("doctor", "--only", "identity"), ("install", "--dry-run")]
)
def test_every_command_can_ask_for_it(
    gate: CodeGate, tmp_path: Path, command: tuple[str, ...]
) -> None:
    with Typed(user(gate.url, tmp_path), *command, *PROFILE) as typed:
        typed.until(PROMPT)
        typed.type(f"{RIGHT}\n")
        typed.end()
        assert gate.seen == [RIGHT], typed.said[-3000:]
        assert b"WAG-E-AWS" not in typed.said
        hidden(typed, tmp_path, RIGHT)


def test_a_wrong_code_is_said_to_be_one_and_not_a_missing_permission(
    gate: CodeGate, tmp_path: Path
) -> None:
    with Typed(user(gate.url, tmp_path), "stages", "list", *PROFILE) as typed:
        typed.until(PROMPT)
        typed.type(f"{WRONG}\n")
        assert typed.end() == 1
        assert b"The MFA code was refused" in typed.said
        assert b"wait for the next one" in typed.said
        hidden(typed, tmp_path, WRONG)


@pytest.mark.parametrize(("keys", "code"), [("\x03", 130), ("\n", 2), ("\x04", 2)])
def test_whoever_gives_no_code_gets_the_terminal_back_as_it_was(
    gate: CodeGate, tmp_path: Path, keys: str, code: int
) -> None:
    with Typed(user(gate.url, tmp_path), "stages", "list", *PROFILE) as typed:
        typed.until(PROMPT)
        typed.type(keys)
        assert typed.end() == code
        assert b"Traceback" not in typed.said
        if code == 2:
            assert b"No MFA code was given" in typed.said
        assert gate.seen == []


def test_without_a_terminal_it_is_an_error_that_says_what_helps(
    gate: CodeGate, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wizard.cli", "stages", "list", *PROFILE],
        env={**clean_env(), **user(gate.url, tmp_path)}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "WAG-E-AWS-011" in done.stderr
    assert "aws configure export-credentials" in done.stderr
    assert gate.seen == []
