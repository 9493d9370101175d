"""Rules that choose thousands of stages: nothing is connected before somebody agrees."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError
from wizard.core.facts import Api, ApiType, Identity, Inventory, Stage
from wizard.core.stages.rules import ASK_BEYOND, chosen_stages
from wizard.flows import install as flow
from wizard.flows.context import Context, Options
from wizard.flows.stages.switch import agree_to_many

WHO = Identity("123456789012", "arn:aws:iam::123456789012:user/jane", "eu-central-1")
STAGES = tuple(Stage(Api(f"a{n}", "orders", ApiType.HTTP), "prod") for n in range(ASK_BEYOND + 1))


def context(person: bool | None = None, **options: Any) -> Context:
    ask = None if person is None else lambda _: person
    return Context(Options(env={}, **options), lambda _: None, None, ask)


@pytest.mark.parametrize(
    ("number", "asked", "agreed"),
    [
        (ASK_BEYOND, context(), True),
        (ASK_BEYOND + 1, context(), False),
        (5000, context(person=True), True),
        (5000, context(person=False), False),
        (5000, context(dry_run=True), True),
        (5000, context(at_most=5000), True),
        (5001, context(at_most=5000), False),
        (5001, context(person=True, at_most=5000), False),
        (ASK_BEYOND, context(at_most=1), True),
    ],
)
def test_so_many_stages_are_connected_only_where_somebody_agrees(
    number: int, asked: Context, agreed: bool
) -> None:
    if agreed:
        agree_to_many(asked, number)
        return
    with pytest.raises(UsageError) as caught:
        agree_to_many(asked, number)
    assert caught.value.code == "WAG-E-RULES-003"
    assert f"--at-most {number}" in caught.value.next_step


@pytest.mark.parametrize(
    ("connected", "named", "refused"),
    [((), (), True), ((STAGES[0].ref,), (), False), ((), (str(STAGES[0].ref),), False)],
)
def test_an_install_asks_about_stages_that_rules_choose_and_that_are_new(
    connected: tuple[Any, ...],
    named: tuple[str, ...],
    refused: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before AWS is asked anything further: what comes next here fails by itself."""
    record = SimpleNamespace(stages=dict.fromkeys(connected))
    deployment = SimpleNamespace(journal=SimpleNamespace(record=record))
    monkeypatch.setattr(flow, "require_installable", lambda _: None)
    monkeypatch.setattr(flow.Install, "_open", lambda _: deployment)
    job = flow.Install(context(), Answers(stage_rules=("all",), stages=named))
    job.identity, job.inventory = WHO, Inventory(WHO, stages=STAGES)
    monkeypatch.setattr(flow.switch, "future_log_group", lambda _: 1 / 0)
    with pytest.raises(UsageError if refused else ZeroDivisionError):
        job.review()


def test_rules_that_choose_nothing_are_named_with_what_was_looked_at() -> None:
    inventory = Inventory(WHO, stages=STAGES)
    with pytest.raises(UsageError) as caught:
        chosen_stages(inventory, Answers(stage_rules=("api:ordres", "stage:live")))
    assert caught.value.code == "WAG-E-RULES-002"
    assert f"{len(STAGES)} stages looked at; api:ordres; stage:live" in caught.value.why
    assert len(chosen_stages(inventory, Answers(stage_rules=("api:orders",)))) == len(STAGES)
