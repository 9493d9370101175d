"""Rules choose stages by what they are, and say what is wrong with them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError
from wizard.core.facts import Api, ApiType, Identity, Inventory, Problem, Stage, StageSettings
from wizard.core.journal.record import Record, StageRecord
from wizard.core.stages.rules import (
    ASK_BEYOND,
    choose,
    chosen_by,
    chosen_stages,
    effect_of,
    left_by_rules,
    parse_rule,
    parse_rules,
    question,
    still_connected,
    without_effect,
)

IDENTITY = Identity("123456789012", "arn:aws:iam::123456789012:user/jane", "eu-central-1")
ORDERS = Api("a1b2c3", "Orders-API", ApiType.REST, tags={"team": "payments"})
EVENTS = Api("d4e5f6", "orders-events", ApiType.WEBSOCKET)
SHOP = Api("g7h8i9", "shop [eu]", ApiType.HTTP, tags={"team": "Shop"})
OURS = Api("j0k1l2", "made by AWS", ApiType.HTTP, managed=True)
STAGES = (
    Stage(ORDERS, "prod"),
    Stage(ORDERS, "dev", tags={"team": "sandbox"}),
    Stage(EVENTS, "prod"),
    Stage(SHOP, "$default"),
    Stage(OURS, "$default"),
)


def chosen(*rules: str) -> list[str]:
    return [str(stage.ref) for stage in choose(parse_rules(rules), STAGES)]


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        (("all",), ["a1b2c3/prod", "a1b2c3/dev", "d4e5f6/prod", "g7h8i9/$default"]),
        (("ALL",), ["a1b2c3/prod", "a1b2c3/dev", "d4e5f6/prod", "g7h8i9/$default"]),
        (("api:orders-*",), ["a1b2c3/prod", "a1b2c3/dev", "d4e5f6/prod"]),
        (("api:orders-* stage:PROD",), ["a1b2c3/prod", "d4e5f6/prod"]),
        (("api:a1b2c3",), ["a1b2c3/prod", "a1b2c3/dev"]),
        (("api:a1b2",), []),
        (("api:orders-api stage:prod", "type:http"), ["a1b2c3/prod", "g7h8i9/$default"]),
        (("type:websocket",), ["d4e5f6/prod"]),
        (("tag:team",), ["a1b2c3/prod", "a1b2c3/dev", "g7h8i9/$default"]),
        (("tag:team=payments",), ["a1b2c3/prod"]),
        (("tag:team=shop",), []),
        (("tag:team=S*",), ["g7h8i9/$default"]),
        (("tag:owner",), []),
        (("all", "not stage:dev"), ["a1b2c3/prod", "d4e5f6/prod", "g7h8i9/$default"]),
        (("not type:rest", "all"), ["d4e5f6/prod", "g7h8i9/$default"]),
        (("not all", "all"), []),
        (("not stage:prod",), []),
        (("'api:shop [[]eu]'",), ["g7h8i9/$default"]),
        (("api:shop*",), ["g7h8i9/$default"]),
        ((), []),
    ],
    ids=lambda value: " + ".join(value) if isinstance(value, tuple) else "",
)
def test_a_rule_chooses_what_meets_all_its_words(rules: tuple[str, ...], found: list[str]) -> None:
    assert chosen(*rules) == found


def test_what_aws_manages_is_matched_but_never_chosen() -> None:
    rules = parse_rules(["api:made*"])
    assert choose(rules, STAGES) == ()
    assert without_effect(rules, STAGES) == ()


QUICK = Stage(Api("k1l2m3", "made by quick create", ApiType.HTTP), "$default", managed=True)


@pytest.mark.parametrize(
    ("rules", "named", "told"),
    [
        (("all",), (), True),
        (("api:made*",), (), True),
        (("all",), ("k1l2m3/$default",), False),
        (("all", "not api:made*"), (), False),
        (("stage:prod",), (), False),
        ((), (), False),
    ],
)
def test_a_stage_that_aws_manages_is_refused_to_rules_with_the_way_to_try_it(
    rules: tuple[str, ...], named: tuple[str, ...], told: bool
) -> None:
    inventory = Inventory(IDENTITY, stages=(*STAGES, QUICK))
    assert QUICK not in choose(parse_rules(rules), inventory.stages)
    found = left_by_rules(inventory, Answers(stage_rules=rules, stages=named))
    assert bool(found) is told
    for text in found:
        assert text.startswith("made by quick create / $default (k1l2m3/$default) meets a rule")
        assert text.endswith("Name it in `stages` to have it tried")


def test_it_is_known_which_rule_chose_a_stage() -> None:
    first, second = parse_rules(["api:orders-api", "stage:prod"])
    assert chosen_by((first, second), STAGES[0]) is first
    assert chosen_by((first, second), STAGES[2]) is second
    assert chosen_by((first, second), STAGES[3]) is None


def test_a_rule_that_meets_no_stage_is_named() -> None:
    rules = parse_rules(["api:order-*", "type:rest", "not tag:nobody"])
    assert [rule.text for rule in without_effect(rules, STAGES)] == [
        "api:order-*",
        "not tag:nobody",
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "nothing about any stage"),
        ("  ", "nothing about any stage"),
        ("not", "nothing about any stage"),
        ("orders", "none of api:, stage:"),
        ("stages:prod", "Did you mean stage?"),
        ("stage:", "nothing behind its colon"),
        ("type:graphql", "no type of API: rest, http, websocket"),
        ("all stage:prod", "`all` is none of"),
        ("api:'open", "No closing quotation"),
    ],
)
def test_a_rule_that_cannot_be_read_says_what_is_wrong_and_how_it_is_written(
    text: str, why: str
) -> None:
    with pytest.raises(UsageError) as caught:
        parse_rule(text)
    assert caught.value.code == "WAG-E-RULES-001"
    assert why in caught.value.why
    assert "api:orders-*" in caught.value.next_step


def test_the_same_rule_twice_is_one() -> None:
    assert len(parse_rules(["all", "type:rest", "all"])) == 2


@given(st.text())
def test_any_text_is_a_rule_or_a_usage_error(text: str) -> None:
    try:
        rule = parse_rule(text)
    except UsageError:
        return
    assert rule.text == text
    assert isinstance(rule.matches(STAGES[0]), bool)


def test_very_many_stages_are_asked_about() -> None:
    assert question(ASK_BEYOND) == ""
    assert f"{ASK_BEYOND + 1} stages" in question(ASK_BEYOND + 1)


@pytest.mark.parametrize(
    ("text", "others", "met", "moved", "managed", "total"),
    [
        ("stage:prod", (), 2, ["a1b2c3/prod", "d4e5f6/prod"], 0, 2),
        ("stage:prod", ("type:rest",), 2, ["d4e5f6/prod"], 0, 3),
        ("stage:prod", ("all",), 2, [], 0, 4),
        ("stage:$default", (), 2, ["g7h8i9/$default"], 1, 1),
        ("api:made*", (), 1, [], 1, 0),
        ("api:none", ("all",), 0, [], 0, 4),
        ("not stage:prod", ("all",), 2, ["a1b2c3/prod", "d4e5f6/prod"], 0, 2),
        ("not stage:prod", ("type:http",), 2, [], 0, 1),
        ("not all", (), 5, [], 1, 0),
    ],
)
def test_what_one_more_rule_would_do_is_told_before_it_is_kept(
    text: str, others: tuple[str, ...], met: int, moved: list[str], managed: int, total: int
) -> None:
    found = effect_of(text, others, STAGES)
    assert (found.met, found.managed, found.chosen) == (met, managed, total)
    assert [str(stage.ref) for stage in found.moved] == moved
    assert found.rule.takes_away == text.startswith("not")


def test_a_rule_that_cannot_be_read_has_no_effect() -> None:
    with pytest.raises(UsageError):
        effect_of("stage", (), STAGES)


def test_named_stages_come_first_and_none_comes_twice() -> None:
    inventory = Inventory(IDENTITY, stages=STAGES)
    wanted = Answers(stages=("d4e5f6/prod",), stage_rules=("stage:prod",))
    found = [str(stage.ref) for stage in chosen_stages(inventory, wanted)]
    assert found == ["d4e5f6/prod", "a1b2c3/prod"]


@pytest.mark.parametrize(
    ("there", "answers", "code", "words"),
    [
        ((), Answers(stages=("a1b2c3/prod",)), "WAG-E-STAGES-002", "No API stage was found"),
        (STAGES, Answers(), "WAG-E-STAGES-001", "No stage was chosen"),
        (STAGES, Answers(stage_rules=("stage:live",)), "WAG-E-RULES-002", "choose no stage"),
        (STAGES, Answers(stages=("a1b2c3/prdo",)), "WAG-E-STAGES-003",
         "1 stage not found in eu-central-1: a1b2c3/prdo (closest: a1b2c3/prod"),
        (STAGES, Answers(stages=("z/zzzz", "a1b2c3/prod")), "WAG-E-STAGES-003",
         "1 stage not found in eu-central-1: z/zzzz"),
    ],
)  # fmt: skip
def test_what_names_no_stage_is_refused(
    there: tuple[Stage, ...], answers: Answers, code: str, words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        chosen_stages(Inventory(IDENTITY, stages=there), answers)
    assert caught.value.code == code
    assert words in caught.value.what
    assert ("closest" in caught.value.what) == ("closest" in words)


@pytest.mark.parametrize(
    ("there", "answers"),
    [
        ((), Answers(stages=("a1b2c3/prod",))),
        (STAGES, Answers(stage_rules=("stage:live",))),
        (STAGES, Answers(stages=("z/zzzz",))),
    ],
)
def test_what_was_not_found_may_be_in_what_could_not_be_read(
    there: tuple[Stage, ...], answers: Answers
) -> None:
    problems = (Problem("REST APIs", "Too Many Requests"),)
    with pytest.raises(UsageError) as caught:
        chosen_stages(Inventory(IDENTITY, stages=there, problems=problems), answers)
    assert "REST APIs: Too Many Requests" in caught.value.why


def test_a_stage_that_is_chosen_no_more_stays_connected_until_it_is_removed() -> None:
    settings = StageSettings()
    connected = {s.ref: StageRecord(s.ref, "REST", settings, settings) for s in STAGES[:2]}
    told = still_connected(Record(stages=connected), Answers(stages=("a1b2c3/prod",)))
    (text,) = told
    assert text.startswith("a1b2c3/dev stays connected; `wallarm-apigw stages remove a1b2c3/dev`")
