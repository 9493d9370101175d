"""What a flow says outside the guided screens: live in a terminal, plain lines with times in a log,
JSON lines as data, and a sign of life when nothing happens."""

from __future__ import annotations

import io
import json
import re
import sys
import time
from typing import Any

import pytest
from rich.console import Console as RichConsole

from wizard.cli import console as module
from wizard.cli.console import Console, print_error
from wizard.cli.console_live import LiveDeploy
from wizard.core.errors import WizardError
from wizard.core.events import (
    HopChanged,
    Note,
    Phase,
    PhaseChanged,
    StageReport,
    State,
    TerraformChanged,
)
from wizard.core.facts import StageRef
from wizard.core.proof import Hop
from wizard.core.terraform.events import ApplyComplete, ApplyStart, PlannedChange
from wizard.core.terraform.progress import Progress, ProgressReducer

TIME = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z "
APPLY = PhaseChanged(Phase.DEPLOY, State.RUNNING, "Deploying to 123456789012", "3m – 6m")
HOSTILE = "prod\x1b[2J\r\nerased \u202ereversed"


class Stream(io.StringIO):
    """A stream that is or is no terminal."""

    def __init__(self, *, terminal: bool = False, encoding: str = "utf-8") -> None:
        super().__init__()
        self._terminal, self._encoding = terminal, encoding

    def isatty(self) -> bool:
        return self._terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding


def catch(monkeypatch: pytest.MonkeyPatch, **kind: Any) -> Stream:
    """Standard error from here on; pytest would take a fixture's away again."""
    stream = Stream(**kind)
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


def snapshot(*, running: bool = True) -> Progress:
    reducer = ProgressReducer()
    names = [
        ("aws_vpc.this", "aws_vpc"),
        ("aws_subnet.private[0]", "aws_subnet"),
        ("aws_lb.node", "aws_lb"),
        ("aws_lambda_function.forwarder", "aws_lambda_function"),
    ]
    for name in names:
        reducer.apply(PlannedChange(*name, "create"), 0)
    for name in names[:2]:
        reducer.apply(ApplyStart(*name, "create"), 1)
        reducer.apply(ApplyComplete(*name, "create", 2), 3)
    if running:
        reducer.apply(ApplyStart(*names[2], "create"), 3)
    return reducer.snapshot(44)  # fmt: skip


def test_in_a_log_every_line_begins_with_the_time_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    err = catch(monkeypatch)
    with Console() as console:
        console.emit(APPLY)
        console.emit(Note("64 to add", State.DONE))
        console.emit(TerraformChanged(snapshot(), "aws_lb.node: creating"))
        console.line("two\nlines", State.WARNING)
    lines = err.getvalue().splitlines()
    assert len(lines) == 5
    assert all(re.match(TIME, line) for line in lines)
    assert lines[0].endswith("● Deploying to 123456789012 (usually 3m – 6m)")
    assert lines[2].endswith("    aws_lb.node: creating")


def test_without_utf_8_the_signs_are_words_in_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    err = catch(monkeypatch, encoding="ascii")
    with Console() as console:
        console.line("done", State.DONE)
        console.line("failed", State.FAILED)
    assert re.findall(r"\[.{2}\]", err.getvalue()) == ["[ok]", "[XX]"]


def test_what_others_wrote_cannot_drive_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    err = catch(monkeypatch)
    with Console() as console:
        console.emit(StageReport(StageRef("abc", "prod"), HOSTILE, State.DONE, HOSTILE))
        console.emit(Note(HOSTILE, State.WARNING, HOSTILE))
    print_error(WizardError("WAG-E-X-001", HOSTILE, why=HOSTILE, next_step=HOSTILE), as_json=False)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", err.getvalue())


def test_an_error_is_what_why_and_next(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    err = catch(monkeypatch)
    error = WizardError("WAG-E-AWS-002", "The credentials have expired", why="a\nb",
                        next_step="Log in again.")  # fmt: skip
    print_error(error, as_json=True)
    assert err.getvalue().splitlines() == [
        "✗ The credentials have expired  [WAG-E-AWS-002]",
        "  Why   a",
        "        b",
        "  Next  Log in again.",
    ]
    assert json.loads(capsys.readouterr().out)["error"] == "WAG-E-AWS-002"


def test_as_data_every_event_is_one_json_object_and_prose_stays_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    catch(monkeypatch)
    with Console(as_json=True) as console:
        console.emit(APPLY)
        console.emit(TerraformChanged(snapshot(), "aws_lb.node: creating"))
        console.emit(TerraformChanged(snapshot(), ""))  # only time has passed
        console.data({"type": "Result"})
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["type"] for one in found] == ["PhaseChanged", "TerraformChanged", "Result"]


def test_each_hop_is_told_once_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    err = catch(monkeypatch)
    with Console() as console:
        for state in (State.TODO, State.RUNNING, State.DONE, State.DONE):
            console.emit(HopChanged(Hop("node", "arrived at the node", state, 1700000000.25)))
    assert err.getvalue().count("arrived at the node") == 1
    assert "22:13:20.250" in err.getvalue()


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (None, "quiet, still on"),
        (snapshot(), "2 of 4"),
        (ProgressReducer().snapshot(0), "quiet, still on"),
    ],
)
def test_when_nothing_happens_a_log_shows_that_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, seen: Progress | None, said: str
) -> None:
    err = catch(monkeypatch)
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 1.0)
    with Console() as console:
        console.emit(APPLY)
        if seen is not None:
            console.emit(TerraformChanged(seen, "said"))
        end = time.monotonic() + 30
        while said not in err.getvalue() and time.monotonic() < end:
            time.sleep(0.05)
    assert "… Deploying to 123456789012: " in err.getvalue()
    assert said in err.getvalue()


def test_a_log_reader_waits_ten_seconds_at_most_for_a_sign_of_life() -> None:
    assert module.HEARTBEAT_SECONDS <= 10


def drawn(progress: Progress, monkeypatch: pytest.MonkeyPatch) -> str:
    catch(monkeypatch)
    live = LiveDeploy(unicode=True)
    live.update(progress)
    live.close()
    out = io.StringIO()
    RichConsole(file=out, width=80, color_system=None).print(live._draw())
    return out.getvalue()


def test_the_live_picture_has_a_bar_the_time_left_every_group_and_what_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = drawn(snapshot(), monkeypatch)
    assert re.search(r"2 of 4   about \d+\w.* \d+%", text)
    assert re.search(r"━+╸? *\n✓ Network +2 of 2 +2s", text), "the bar has a line of its own"
    assert re.search(r"● Load balancer +0 of 1 +41s", text)
    assert re.search(r"aws_lb\.node +creating +41s", text)
    assert re.search(r"○ Forwarder +0 of 1", text)
    assert max(map(len, text.splitlines())) <= 80


def test_in_a_terminal_the_picture_is_drawn_and_gone_when_it_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = catch(monkeypatch, terminal=True)
    monkeypatch.setenv("TERM", "xterm-256color")
    with Console() as console:
        console.emit(APPLY)
        console.emit(TerraformChanged(snapshot(), "aws_lb.node: creating"))
        console.emit(PhaseChanged(Phase.DEPLOY, State.DONE, APPLY.title))
        console.line("after", State.DONE)
    text = terminal.getvalue()
    assert "Load balancer" in text
    assert "aws_lb.node: creating" not in text, "the picture shows it"
    assert text.splitlines()[-1].endswith("✓ after"), "no time where somebody watches"
    assert "\x1b[?25h" in text, "the cursor is back"


def test_the_end_counts_and_says_how_long_it_took(capsys: pytest.CaptureFixture[str]) -> None:
    with Console() as console:
        console._began -= 102
        console.end("5 stages connected, 1 failed", good=False)
    assert "✗ 5 stages connected, 1 failed. Took 1m 42s." in capsys.readouterr().err


def test_lines_that_were_kept_back_are_told_once_there_is_something_to_tell(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Console(held=True) as console:
        console.line("reading")
        assert capsys.readouterr().err == ""
        console.release()
        console.line("2 stages changed")
    assert [line.split(" ", 1)[1] for line in capsys.readouterr().err.splitlines()] == [
        "reading",
        "2 stages changed",
    ]


def test_lines_that_were_kept_back_are_lost_where_nothing_is_to_tell(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Console(held=True) as console:
        console.line("reading")
    assert capsys.readouterr().err == ""


def test_an_error_tells_what_was_kept_back(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(held=True)
    with console:
        console.line("reading")
        console.__exit__(RuntimeError)
    assert "reading" in capsys.readouterr().err
