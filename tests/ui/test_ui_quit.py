"""Leaving returns to the shell at once, whatever a thread waits for; no key is lost for ever."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.typed import Typed
from wizard.ui.terminal import (
    PASTE_END,
    PASTE_SECONDS,
    PASTE_START,
    PatientParser,
    is_key,
)

SOON = 2.5  # seconds; what is waited for takes half a minute, and three times that
CTRL_C, CTRL_Q = "\x03", "\x11"


@pytest.fixture
def silence() -> Iterator[tuple[str, threading.Event]]:
    """An endpoint that takes every connection and answers none; set when somebody asked."""
    asked = threading.Event()
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            with contextlib.suppress(OSError):
                while True:
                    held.append(server.accept()[0])
                    if held[-1].recv(64):
                        asked.set()

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked
        for one in held:
            one.close()


def machine(root: Path, endpoint: str, **more: str) -> dict[str, str]:
    return {
        "HOME": str(root), "XDG_DATA_HOME": str(root / "data"), "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true", **more,
    }  # fmt: skip


def ended_within(command: Typed) -> float:
    began = time.monotonic()
    command.end()
    return time.monotonic() - began


def test_quit_does_not_wait_for_an_answer_of_aws(
    tmp_path: Path, silence: tuple[str, threading.Event]
) -> None:
    endpoint, asked = silence
    with Typed(machine(tmp_path, endpoint)) as wizard:
        wizard.until(b"Wallarm")
        assert asked.wait(60)
        wizard.type(CTRL_Q)
        assert ended_within(wizard) < SOON
    assert b"\x1b[?1049l" in wizard.said, "the screen is as it was"


def test_quit_ends_a_credential_helper_that_waits_for_somebody(
    tmp_path: Path, silence: tuple[str, threading.Event]
) -> None:
    helper, note = tmp_path / "helper", tmp_path / "pid"
    helper.write_text(f"#!/bin/sh\necho $$ > {note}.new\nmv {note}.new {note}\nexec sleep 100\n")
    helper.chmod(0o755)
    config = tmp_path / "config"
    config.write_text(f"[profile slow]\nregion = eu-central-1\ncredential_process = {helper}\n")
    env = machine(tmp_path, silence[0], AWS_CONFIG_FILE=str(config), AWS_PROFILE="slow")
    del env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]
    with Typed(env) as wizard:
        wizard.until(b"Wallarm")
        until(note.exists)
        wizard.type(CTRL_Q)
        assert ended_within(wizard) < SOON
    until(lambda: not alive(int(note.read_text())))


@pytest.mark.parametrize("words", [("stages", "list"), ("doctor",)])
def test_ctrl_c_does_not_wait_for_an_answer_of_aws(
    tmp_path: Path, silence: tuple[str, threading.Event], words: tuple[str, ...]
) -> None:
    endpoint, asked = silence
    with Typed(machine(tmp_path, endpoint), *words) as command:
        assert asked.wait(60)
        command.type(CTRL_C)
        assert ended_within(command) < SOON
        assert command.process.returncode == 130
    assert b"Interrupted" in command.said


def test_a_paste_whose_end_was_lost_does_not_lock_the_keyboard(
    tmp_path: Path, silence: tuple[str, threading.Event]
) -> None:
    with Typed(machine(tmp_path, silence[0])) as wizard:
        wizard.until(b"Wallarm")
        wizard.type(f"{PASTE_START}some text")
        wizard.type(CTRL_Q)
        assert ended_within(wizard) < 10
        assert wizard.process.returncode is not None
    assert b"\x1b[?1049l" in wizard.said


@pytest.mark.parametrize(
    ("data", "pause", "key"),
    [
        ("a", PASTE_SECONDS, True),
        ("a", PASTE_SECONDS - 0.01, False),  # the last letter of a paste that came in pieces
        ("\x1b", PASTE_SECONDS, True),
        ("\x1b[113;5u", PASTE_SECONDS, True),
        (CTRL_C, 0.0, True),
        (CTRL_Q, 0.0, True),
        ("", 9.0, False),
        ("a whole sentence", 9.0, False),
        (PASTE_END, 9.0, False),
        ("\x1b[<35;10;10M", 9.0, False),
        ("\x1b[I", 9.0, False),
    ],
)
def test_what_ends_a_paste(data: str, pause: float, key: bool) -> None:
    assert is_key(data, pause) is key


def heard(*pieces: tuple[float, str]) -> list[str]:
    now = 0.0
    parser = PatientParser(clock=lambda: now)
    out = []
    for at, data in pieces:
        now = at
        for event in parser.feed(data):
            out.append(getattr(event, "text", getattr(event, "key", "")))
    return out


def test_a_paste_stays_whole_in_whatever_pieces_it_comes() -> None:
    assert heard((0, f"{PASTE_START}one\ntwo{PASTE_END}")) == ["one\ntwo"]
    pieces = [(n * 0.9, c) for n, c in enumerate(f"{PASTE_START}one{PASTE_END}")]
    assert heard(*pieces) == ["one"]
    assert heard((0, f"{PASTE_START}one"), (60, " and a long rest"), (61, PASTE_END)) == [
        "one and a long rest"
    ]


def test_after_a_lost_end_what_was_pasted_is_there_and_keys_are_keys() -> None:
    assert heard((0, f"{PASTE_START}one"), (5, "a"), (5.1, "b")) == ["one", "a", "b"]
    again = ((0, f"{PASTE_START}one"), (5, "a"), (6, f"{PASTE_START}two{PASTE_END}"), (6.1, "b"))
    assert heard(*again) == ["one", "a", "two", "b"]
    assert heard((0, f"{PASTE_START}one{CTRL_Q}")) == ["one", "ctrl+q"]


def until(done: object, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not done():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIG_DFL)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
