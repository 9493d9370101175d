"""A stage that somebody edits between review and change is left alone, and shown before a retry."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest

from tests.flows.account import GROUP, World
from wizard.core.events import FlowEvent, Note, State
from wizard.core.facts import Stage
from wizard.core.tfvars import Outputs
from wizard.flows.context import Context, Options
from wizard.flows.deployment.model import Deployment
from wizard.flows.deployment.open import open_deployment
from wizard.flows.stages import switch as switching
from wizard.services.aws.stages import read_settings


class Run:
    """A run whose questions are answered, and remembered."""

    def __init__(self, world: World, stage: Stage, *, agrees: bool) -> None:
        self.world, self.stage = world, stage
        self.questions: list[str] = []
        self.events: list[FlowEvent] = []

        def ask(question: str) -> bool:
            self.questions.append(question)
            return agrees

        options = Options(workspace=world.root, env=world.env)
        self.context = Context(options, self.events.append, ask_person=ask)
        self.outputs = Outputs(GROUP, world.arn, "forwarder", "/aws/lambda/forwarder", "node:5050")
        self.answers = world.look_at(world.session).answers
        self.changes, _ = switching.plan_changes(world.session, (stage,), self.answers, world.arn)

    def opened(self) -> AbstractContextManager[Deployment]:
        world = self.world
        return open_deployment(self.context, self.answers, world.session, world.identity, "install")

    def first_try(self) -> str:
        """The message of the reviewed change."""
        with self.opened() as deployment:
            (report,) = switching.apply_changes(deployment, self.changes, self.outputs)
        assert report.state is State.FAILED
        return report.message

    def further_try(self) -> tuple[State, str]:
        inventory = replace(self.world.inventory, stages=(self.stage,))
        with self.opened() as deployment:
            changes = switching.plan_again(deployment, self.changes, inventory, self.outputs)
            (report,) = switching.apply_changes(deployment, changes, self.outputs)
        return report.state, report.message


def log_to(world: World, stage: Stage, group: str, log_format: str) -> None:
    """Somebody switches the stage's access log on."""
    client: Any = world.session.client("apigateway")
    client.update_stage(
        restApiId=stage.api.api_id,
        stageName=stage.name,
        patchOperations=[
            {"op": "replace", "path": "/accessLogSettings/destinationArn",
             "value": world.arn.replace(GROUP, group)},
            {"op": "replace", "path": "/accessLogSettings/format", "value": log_format},
        ],
    )  # fmt: skip


def set_level(world: World, stage: Stage, level: str) -> None:
    client: Any = world.session.client("apigateway")
    client.update_stage(
        restApiId=stage.api.api_id,
        stageName=stage.name,
        patchOperations=[{"op": "replace", "path": "/*/*/logging/loglevel", "value": level}],
    )


@pytest.fixture
def stage(world: World) -> Any:
    """A stage that logs nowhere, whatever ran before; it is so again afterwards."""
    it = world.stage("orders", "staging")
    log_nowhere(world, it)
    yield it
    log_nowhere(world, it)


def log_nowhere(world: World, it: Stage) -> None:
    client: Any = world.session.begin().client("apigateway")
    live = read_settings(world.session, it.ref, it.api.api_type)
    gone = [{"op": "remove", "path": "/accessLogSettings"}] if live.access_log.enabled else []
    gone += [{"op": "remove", "path": "/*/*"}] if live.logging_level else []
    if gone:
        client.update_stage(restApiId=it.api.api_id, stageName=it.name, patchOperations=gone)


def test_with_a_yes_the_new_difference_is_made_and_theirs_is_what_comes_back(
    world: World, stage: Stage
) -> None:
    run = Run(world, stage, agrees=True)
    set_level(world, stage, "ERROR")
    theirs = world.dump(stage)
    said = run.first_try()
    assert "WAG-E-STAGES-011" in said
    assert "Next: Try again: the new difference is shown before anything is changed." in said
    assert world.dump(stage) == theirs
    assert run.questions == []
    state, _ = run.further_try()
    assert state is State.DONE
    (question,) = run.questions
    assert "was changed by somebody else since it was shown" in question
    assert "level: errors only → errors and info" in question
    assert f"access log: off → {GROUP}" in question
    world.take_back(world.session.begin())
    assert world.dump(stage) == theirs, "not what it had before they changed it"


def test_without_a_yes_it_stays_as_they_left_it_however_often_it_is_tried(
    world: World, stage: Stage
) -> None:
    run = Run(world, stage, agrees=False)
    set_level(world, stage, "ERROR")
    theirs = world.dump(stage)
    run.first_try()
    for tries in (1, 2):
        state, said = run.further_try()
        assert state is State.FAILED
        assert "WAG-E-STAGES-011" in said
        assert len(run.questions) == tries
    assert world.dump(stage) == theirs
    assert world.record().stages == {}
    assert world.record().unfinished == ()


def test_what_is_as_it_was_shown_is_tried_again_without_a_question(
    world: World, stage: Stage
) -> None:
    run = Run(world, stage, agrees=False)
    state, _ = run.further_try()
    assert state is State.DONE
    assert run.questions == []
    world.take_back(world.session.begin())


def test_a_log_of_its_own_that_nobody_subscribed_to_is_a_matter_for_review(
    world: World, stage: Stage
) -> None:
    run = Run(world, stage, agrees=True)
    log_to(world, stage, "/company/api/shared-access-logs", '{"id":"$context.requestId"}')
    run.first_try()
    state, said = run.further_try()
    assert state is State.FAILED
    assert "WAG-E-STAGES-011" in said
    assert run.questions == []
    notes = [e for e in run.events if isinstance(e, Note) and str(stage.ref) in e.subject]
    assert "go through Review once more" in notes[0].text
