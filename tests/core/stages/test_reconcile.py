"""What a reconciling run does: connects what is missing, puts back once, fights over nothing."""

from __future__ import annotations

import pytest

from wizard.core.facts import (
    AccessLog,
    Api,
    ApiType,
    Identity,
    Inventory,
    Problem,
    Stage,
    StageRef,
    StageSettings,
)
from wizard.core.journal.record import Entry, StageRecord
from wizard.core.stages.reconcile import Reconciliation, Step, reconcile, times_put_back
from wizard.core.stages.rules import parse_rules

WHO = Identity("123456789012", "arn:aws:iam::123456789012:user/jane", "eu-central-1")
LOG = "arn:aws:logs:eu-central-1:123456789012:log-group:ours"
OURS = StageSettings(AccessLog(LOG, '{"requestId":"$context.requestId"}'), "INFO")
THEIRS = StageSettings(AccessLog(LOG.replace(":ours", ":theirs"), "$context.requestId"))
OFF = StageSettings()
API = Api("a1b2c3", "orders", ApiType.REST)
REF = StageRef("a1b2c3", "prod")


def run(
    live: StageSettings | None,
    *,
    rules: tuple[str, ...] = (),
    picked: tuple[str, ...] = (),
    connected: bool = False,
    before: StageSettings = OFF,
    times: int = 0,
    managed: bool = False,
    problem: str = "",
    listed: bool = True,
) -> Reconciliation:
    stages = () if live is None else (Stage(API, "prod", live, managed=managed),)
    problems = (Problem(problem, "refused"),) if problem else ()
    other = Api("zzz", problem.removesuffix(" (zzz)"), ApiType.REST)
    inventory = Inventory(WHO, stages, (API, other) if listed else (), problems)
    held = {REF: StageRecord(REF, "REST", before, OURS, connected=True)} if connected else {}
    return reconcile(inventory, parse_rules(rules), picked, held, {REF: times} if times else {})


# live settings, how it is asked → step, words of why
CASES = {
    "a new stage that a rule chooses": (OFF, {"rules": ("all",)}, Step.CONNECT, "`all`"),
    "a stage chosen by name": (OFF, {"picked": ("a1b2c3/prod",)}, Step.CONNECT, "by name"),
    "chosen by name and by rule": (
        OFF, {"rules": ("all",), "picked": ("a1b2c3/prod",)}, Step.CONNECT, "by name"),
    "one that AWS manages": (
        OFF, {"rules": ("all",), "managed": True}, Step.REFUSED, "name it in `stages`"),
    "one that AWS manages, by name": (
        OFF, {"picked": ("a1b2c3/prod",), "managed": True}, Step.CONNECT, "by name"),
    "connected and as it was left": (OURS, {"connected": True, "rules": ("all",)}, Step.KEEP, ""),
    "connected, chosen by nothing any more": (OURS, {"connected": True}, Step.KEEP, ""),
    "switched off by a redeploy": (OFF, {"connected": True}, Step.PUT_BACK, "switched off"),
    "the owner's old log is back": (
        THEIRS, {"connected": True, "before": THEIRS}, Step.PUT_BACK, "old logging is back"),
    "taken away a second time": (OFF, {"connected": True, "times": 1}, Step.REPORT, "switched off"),
    "put back once and still there": (OURS, {"connected": True, "times": 1}, Step.KEEP, ""),
    "named, and not in the account": (
        None, {"picked": ("a1b2c3/prod",)}, Step.REFUSED, "by name; the account has no such stage"),
    "connected, named, and deleted": (
        None, {"connected": True, "picked": ("a1b2c3/prod",)}, Step.GONE, "any more"),
    "the stage was deleted": (None, {"connected": True}, Step.GONE, "no such stage"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_stage_has_one_step_and_its_reason(name: str) -> None:
    live, asked, step, why = CASES[name]
    (one,) = run(live, **asked).stages  # type: ignore[arg-type]
    assert one.step is step
    assert why in one.why
    assert one.ref == REF


def test_a_stage_that_nobody_chose_is_not_mentioned() -> None:
    assert run(OFF, rules=("type:http",)).stages == ()
    assert run(THEIRS).stages == ()


# what could not be read, as discovery names it, and whether the API was listed → the step
UNREAD = {
    "its stages were refused": ("orders (a1b2c3)", True, Step.UNREAD),
    "its API was never listed": ("REST APIs", False, Step.UNREAD),
    "the list was cut short after it": ("REST APIs", True, Step.UNREAD),
    "reading was cancelled": ("API Gateway", True, Step.UNREAD),
    "another API's stages were refused": ("other (zzz)", True, Step.GONE),
    "another API whose name holds this one's id": ("not a1b2c3 (zzz)", True, Step.GONE),
    "all was read": ("", False, Step.GONE),
}


@pytest.mark.parametrize("name", UNREAD)
def test_what_could_not_be_read_is_not_gone_and_not_passed_over(name: str) -> None:
    problem, listed, step = UNREAD[name]
    found = run(None, connected=True, problem=problem, listed=listed)
    assert [one.step for one in found.stages] == [step]
    assert not found.quiet
    assert [p.subject for p in found.unread] == ([problem] if problem else [])


def test_where_something_could_not_be_read_nobody_is_told_that_all_is_well() -> None:
    """A rule might choose what was not read: that is worth a word though nothing is to do."""
    found = run(OURS, connected=True, problem="HTTP and WebSocket APIs")
    assert found.of(Step.KEEP)
    assert not found.quiet


def test_a_stage_that_cannot_be_changed_is_reported_with_the_rule_and_the_reason() -> None:
    found = run(OFF, rules=("all",)).refused({REF: "It logs CSV."})
    (one,) = found.stages
    assert (one.step, one.why) == (Step.REFUSED, "chosen by `all`; It logs CSV.")
    assert found.to_do == ()
    assert not found.quiet


@pytest.mark.parametrize(
    ("found", "to_do", "quiet"),
    [
        (run(OFF, rules=("all",)), ("a1b2c3/prod",), False),
        (run(OFF, connected=True), ("a1b2c3/prod",), False),
        (run(OFF, connected=True, times=1), (), False),
        (run(None, connected=True), (), False),
        (run(OFF, rules=("all",), managed=True), (), False),
        (run(OURS, connected=True), (), True),
        (run(OFF), (), True),
    ],
)
def test_it_is_quiet_only_where_nothing_is_to_do_or_tell(
    found: Reconciliation, to_do: tuple[str, ...], quiet: bool
) -> None:
    assert found.to_do == to_do
    assert found.quiet is quiet


def entry(flow: str = "reconcile", action: str = "stage.switch", step: str = "done") -> Entry:
    return Entry(1, "2026-12-01T00:00:00Z", "r", flow, action, str(REF), step)


INSTALLED = entry("install")
AGAIN = entry()


@pytest.mark.parametrize(
    ("entries", "times"),
    [
        ([], {}),
        ([INSTALLED], {}),
        ([AGAIN], {}),  # the first connection of a stage that a rule chose
        ([AGAIN, AGAIN], {REF: 1}),
        ([INSTALLED, AGAIN], {REF: 1}),
        ([INSTALLED, AGAIN, AGAIN], {REF: 2}),
        ([INSTALLED, entry(step="begin")], {}),
        ([INSTALLED, entry(step="failed")], {}),
        ([INSTALLED, entry(action="token.store")], {}),
        ([INSTALLED, AGAIN, entry("stages")], {}),
        ([INSTALLED, AGAIN, entry("stages", "stage.restore"), AGAIN], {}),
        ([INSTALLED, AGAIN, entry("stages", "stage.restore", "failed"), AGAIN], {REF: 2}),
    ],
)
def test_how_often_a_stage_was_put_back_is_read_from_the_journal(
    entries: list[Entry], times: dict[StageRef, int]
) -> None:
    assert times_put_back(entries) == times
