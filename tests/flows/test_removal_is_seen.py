"""A removal deletes nothing further while the deployment is still there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from wizard.core.errors import WizardError
from wizard.core.events import FlowEvent, Note, State
from wizard.core.installation import Installation, Marks
from wizard.flows import uninstall
from wizard.flows.context import Context, Options
from wizard.services.aws.deployment.installation import Forwarder


def deployment(held: int) -> tuple[Any, list[FlowEvent]]:
    told: list[FlowEvent] = []
    context = Context(Options(), told.append)
    workspace = SimpleNamespace(check_state=lambda: held)
    it = SimpleNamespace(
        context=context,
        workspace=workspace,
        session=None,
        deployment_id="1-r-p",
        marks=Marks("1-r-p", ("1" * 16,)),
    )
    return it, told


def answers(monkeypatch: pytest.MonkeyPatch, arn: str | WizardError) -> None:
    theirs = Forwarder("arn:aws:lambda:r:1:function:theirs", Installation("2" * 16))

    def forwarders(*_: object) -> tuple[Forwarder, ...]:
        if isinstance(arn, WizardError):
            raise arn
        return (theirs, Forwarder(arn, Installation("1" * 16))) if arn else (theirs,)

    monkeypatch.setattr(uninstall, "read_forwarders", forwarders)


@pytest.mark.parametrize(
    ("held", "arn", "words"),
    [
        (62, "", "still holds 62 resources"),
        (1, "arn:aws:lambda:r:1:function:f", "still holds 1 resource."),
        (0, "arn:aws:lambda:r:1:function:f", "arn:aws:lambda:r:1:function:f"),
    ],
)  # fmt: skip
def test_while_state_or_account_hold_it_nothing_further_goes(
    monkeypatch: pytest.MonkeyPatch, held: int, arn: str, words: str
) -> None:
    answers(monkeypatch, arn)
    with pytest.raises(WizardError) as caught:
        uninstall.require_gone(deployment(held)[0])
    assert caught.value.code == "WAG-E-DEPLOY-004"
    assert words in caught.value.why


def test_once_both_are_empty_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, "")
    uninstall.require_gone(deployment(0)[0])


def test_an_account_that_may_not_be_asked_is_told_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers(monkeypatch, WizardError("WAG-E-AWS-007", "tag:GetResources is not allowed"))
    it, told = deployment(0)
    uninstall.require_gone(it)
    assert [e.state for e in told if isinstance(e, Note)] == [State.UNCHECKED]
