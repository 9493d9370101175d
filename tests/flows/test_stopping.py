"""Ctrl-C on the command line: graceful and counted; at once only after a typed word."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from wizard.cli.console import Console
from wizard.cli.interrupt import GracefulStop
from wizard.core.events import TerraformChanged
from wizard.core.terraform.events import ApplyComplete, ApplyStart
from wizard.core.terraform.progress import ProgressReducer


class Working:
    """A Terraform as far as stopping it goes."""

    def __init__(self) -> None:
        self.stopping = False
        self.killed = False

    def interrupt(self) -> None:
        self.stopping = True

    def kill(self) -> None:
        self.killed = True


@pytest.fixture
def console() -> Console:
    it = Console()
    reducer = ProgressReducer()
    for name in ("aws_lb.node", "aws_nat_gateway.this[0]", "aws_vpc.this[0]"):
        reducer.apply(ApplyStart(name, name.split(".")[0], "create"), 0.0)
    reducer.apply(ApplyComplete("aws_vpc.this[0]", "aws_vpc", "create", 1.0), 1.0)
    it.emit(TerraformChanged(reducer.snapshot(1.0)))
    return it


def ctrl_c(number: signal.Signals = signal.SIGINT) -> None:
    signal.raise_signal(number)
    time.sleep(0)


def answering(*answers: str) -> tuple[list[str], Callable[[str], str]]:
    asked: list[str] = []
    left = list(answers)

    def ask(question: str) -> str:
        asked.append(question)
        return left.pop(0)

    return asked, ask


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_request_is_graceful_and_counts_what_still_settles(
    console: Console, capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    terraform = Working()
    with GracefulStop(console, lambda: terraform, None):  # type: ignore[arg-type,return-value]
        ctrl_c(number)
        assert terraform.stopping
        ctrl_c(number)
    assert not terraform.killed
    said = capsys.readouterr().err
    assert "Stopping. 2 resources still settling." in said
    assert "Stopping already. 2 resources still settling." in said


def test_only_the_typed_word_stops_it_at_once(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    terraform = Working()
    asked, ask = answering("yes\n", "", "KILL\n")
    with GracefulStop(console, lambda: terraform, ask):  # type: ignore[arg-type,return-value]
        ctrl_c()
        ctrl_c()
        ctrl_c()
        assert not terraform.killed
        assert "Still waiting. 2 resources still settling." in capsys.readouterr().err
        ctrl_c()
        assert terraform.killed
    assert len(asked) == 3
    assert "may exist in AWS without being in its state" in asked[0]


def test_where_terraform_does_not_work_it_ends_the_program_as_everywhere(console: Console) -> None:
    with GracefulStop(console, lambda: None), pytest.raises(KeyboardInterrupt):
        ctrl_c()


def test_afterwards_the_signals_are_as_they_were(console: Console) -> None:
    before = signal.getsignal(signal.SIGINT)
    with GracefulStop(console, lambda: None):
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before
