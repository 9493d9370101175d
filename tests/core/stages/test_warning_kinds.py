"""Warnings of many stages: one line for each kind, with a count and the stages, grave first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wizard.core.facts import AccessLog, Api, ApiType, Stage, StageSettings
from wizard.core.stages.change import plan_change
from wizard.ui.screens.review_text import KINDS, grouped, kind_of

ARN = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/apigateway/wallarm-api-discovery-1"
GROUP = "arn:aws:logs:eu-central-1:123456789012:log-group:"
STACK = {"aws:cloudformation:stack-name": "orders"}
THEIRS = StageSettings(AccessLog(GROUP + "theirs", '{"id":"$context.requestId"}'))
EXECUTION = StageSettings(
    AccessLog(GROUP + "API-Gateway-Execution-Logs_a1/prod", '{"id":"$context.requestId"}')
)


def stage(name: str, api_type: ApiType = ApiType.REST, **changes: object) -> Stage:
    return replace(Stage(Api(name, name, api_type), "prod", StageSettings()), **changes)


STAGES = (
    stage("billed"),
    stage("canary", has_canary=True),
    stage("ws", ApiType.WEBSOCKET),
    stage("stack", tags=STACK),
    stage("stack2", tags={"aws:cloudformation:stack-name": "other"}),
    stage("quick", ApiType.HTTP, managed=True),
    stage("execution", settings=EXECUTION),
)


def test_every_sentence_of_a_change_is_of_a_known_kind() -> None:
    changes = [plan_change(one, ARN, how) for one in (*STAGES, stage("theirs", settings=THEIRS))
               for how in ("keep", "switch")]  # fmt: skip
    said = {sentence for change in changes for sentence in change.warnings}
    assert len(said) > 8
    assert not [sentence for sentence in said if kind_of(sentence) not in KINDS]


def test_stages_of_one_kind_are_counted_and_named_and_the_grave_ones_come_first() -> None:
    found = grouped(plan_change(one, ARN) for one in STAGES)
    lines = [group.headline for group in found]
    assert lines[0] == "2 stages: a template's next deploy undoes it: stack / prod, stack2 / prod"
    assert lines[-1].startswith("5 stages: execution logs are billed: billed / prod, canary / prod")
    assert [g.kind.grave for g in found] == sorted((g.kind.grave for g in found), reverse=True)
    assert 'stack "other"' in found[0].said[1][1], "each stage's own sentence is kept whole"


@pytest.mark.parametrize("sentence", ["Something new.", ""])
def test_what_is_of_no_known_kind_stands_first(sentence: str) -> None:
    one = plan_change(stage("billed"), ARN)
    found = grouped([replace(one, warnings=(*one.warnings, sentence))])
    assert [group.kind.words for group in found] == [sentence, "execution logs are billed"]
    assert found[0].kind.grave


def test_without_warnings_there_is_nothing_to_group() -> None:
    assert grouped([plan_change(stage("http", ApiType.HTTP), ARN)]) == ()
