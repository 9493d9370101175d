"""A removal settles what waits, and names whom it concerns and what it puts back."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tests.flows.account import GROUP, World
from wizard.core.errors import WizardError
from wizard.core.facts import AccessLog, StageSettings
from wizard.core.journal.record import Record, StageRecord
from wizard.core.tfvars import Outputs
from wizard.flows import uninstall
from wizard.flows.context import Context, Options
from wizard.flows.redrive import KeptBatch
from wizard.flows.uninstall import (
    Removal,
    Uninstall,
)

OUTPUTS = Outputs(GROUP, "arn", "forwarder", "/aws/lambda/forwarder", "node:5050",
                  undelivered_bucket="x-undelivered-1a2b3c4d")  # fmt: skip


class Waiting:
    """Batches that wait; a replay delivers those that the node takes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int, refused: int = 0) -> None:
        self.left = [KeptBatch(f"batch-{n}", 0.0, 1) for n in range(number)]
        self.refused = {b.key for b in self.left[:refused]}
        self.replayed: list[str] = []
        monkeypatch.setattr(uninstall, "kept_batches", lambda *_: tuple(self.left))
        monkeypatch.setattr(uninstall, "replay_recorded", self.replay)

    def replay(self, _deployment: object, _outputs: object, batch: KeptBatch) -> bool:
        self.replayed.append(batch.key)
        if batch.key in self.refused:
            return False
        self.left.remove(batch)
        return True


def removal(*answers: bool, undelivered: str = "") -> tuple[Uninstall, list[str]]:
    asked: list[str] = []
    left = list(answers)

    def ask(question: str) -> bool:
        asked.append(question)
        return left.pop(0) if left else False

    job: Uninstall = object.__new__(Uninstall)
    options = Options(env={}, undelivered=undelivered)
    job.context = Context(options, lambda _: None, lambda _: True, ask)
    job.deployment = SimpleNamespace(outputs=lambda: OUTPUTS)  # type: ignore[assignment]
    return job, asked


def test_yes_to_everything_is_no_yes_to_losing_events(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Waiting(monkeypatch, 3)
    job, asked = removal()  # nobody is there: `--yes` does not answer for a person
    with pytest.raises(WizardError, match="WAG-E-REMOVE-001") as caught:
        job._settle_undelivered()
    assert "3 batches of events" in caught.value.what
    assert OUTPUTS.undelivered_bucket in caught.value.what
    for way in ("wallarm-apigw redrive", "--undelivered replay", "--undelivered discard"):
        assert way in caught.value.next_step
    assert len(asked) == 2
    assert len(waiting.left) == 3
    assert waiting.replayed == []


@pytest.mark.parametrize("wish", ["", "replay"])
def test_they_are_replayed_first_where_somebody_says_so(
    monkeypatch: pytest.MonkeyPatch, wish: str
) -> None:
    waiting = Waiting(monkeypatch, 2)
    job, asked = removal(True, undelivered=wish)
    job._settle_undelivered()
    assert waiting.left == []
    assert len(asked) == (0 if wish else 1)


def test_what_cannot_be_delivered_is_asked_about_again(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Waiting(monkeypatch, 3, refused=1)
    job, asked = removal(True, True)
    job._settle_undelivered()
    assert [b.key for b in waiting.left] == ["batch-0"]
    assert "1 batch of events could not be delivered" in asked[1]


def test_without_anybody_to_ask_what_cannot_be_delivered_stops_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Waiting(monkeypatch, 3, refused=2)
    job, asked = removal(undelivered="replay")
    with pytest.raises(WizardError, match="2 batches of events could not be delivered"):
        job._settle_undelivered()
    assert asked == []


@pytest.mark.parametrize(("wish", "answers"), [("discard", ()), ("", (False, True))])
def test_they_go_with_the_bucket_where_somebody_says_that(
    monkeypatch: pytest.MonkeyPatch, wish: str, answers: tuple[bool, ...]
) -> None:
    waiting = Waiting(monkeypatch, 1)
    job, _ = removal(*answers, undelivered=wish)
    job._settle_undelivered()
    assert waiting.replayed == []


def test_stages_that_others_connected_and_that_nobody_would_forward_are_named(
    world: World,
) -> None:
    first, second, third = world.inventory.stages[:3]
    ours = StageSettings(AccessLog(world.arn, "$context.requestId"))
    stages = (replace(first, settings=ours), replace(second, settings=ours), third)
    inventory = replace(world.inventory, stages=stages)
    held = StageRecord(first.ref, "REST", StageSettings(), ours, connected=True)
    told = uninstall._others(inventory, Record(stages={first.ref: held}), OUTPUTS)
    (text,) = told
    assert text.startswith(f"{second.api.name} / {second.name} ({second.ref}) logs to {GROUP}")
    assert "nobody forwards" in text
    assert uninstall._others(None, Record(), OUTPUTS) == ()
    assert uninstall._others(inventory, Record(), None) == ()


def test_a_stage_that_is_put_back_is_told_with_its_apis_name(world: World) -> None:
    stage = next(s for s in world.inventory.stages if not s.settings.access_log.enabled)
    world.connect(world.session.begin(), stage)
    with world.open(world.session.begin(), "uninstall") as deployment:
        job: Any = object.__new__(Uninstall)
        job.context, job.deployment, job._ask = deployment.context, deployment, None
        held = tuple(deployment.journal.record.stages.values())
        found = Removal(held, None, "", (), api_names={stage.ref: stage.api.name})
        (report,) = job._stages(found)
    assert report.api_name == stage.api.name
