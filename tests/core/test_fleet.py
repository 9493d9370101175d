"""A fleet's file names its targets; whatever is wrong with it is told at once, and all of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError
from wizard.core.events import State
from wizard.core.fleet import Glance, Target, as_text, glance, labels, matrix, parse_fleet

ROLE = "arn:aws:iam::210987654321:role/ops/wallarm"
SHOP = {"name": "shop-eu", "profile": "shop", "region": "eu-central-1"}
PAY = {"name": "pay-us", "role_arn": ROLE, "region": "us-east-1", "answers": {"node_count": 2}}


def text(*targets: object, **more: object) -> str:
    return json.dumps({"schema_version": 1, "targets": list(targets), **more})


def wrong(content: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse_fleet(content, "fleet.json")
    assert caught.value.code == "WAG-E-FLEET-001"
    assert "fleet discover" in caught.value.next_step
    return caught.value.why


def test_common_answers_count_where_a_target_has_none_of_its_own() -> None:
    fleet = parse_fleet(text(SHOP, PAY, common={"node_count": 3, "alarms": True}), "fleet.json")
    shop, pay = fleet.targets
    assert (shop.answers.node_count, pay.answers.node_count) == (3, 2)
    assert shop.answers.alarms
    assert (shop.answers.profile, shop.answers.region) == ("shop", "eu-central-1")
    assert (shop.account_id, pay.account_id) == ("", "210987654321")
    assert shop.place == "shop, eu-central-1"
    assert pay.place == "210987654321, us-east-1"


def test_a_region_may_be_common_or_among_the_targets_answers() -> None:
    here = {"name": "a", "answers": {"region": "eu-west-1"}}
    assert parse_fleet(text(here), "f").targets[0].answers.region == "eu-west-1"
    there = parse_fleet(text({"name": "a"}, common={"region": "eu-west-2"}), "f")
    assert there.targets[0].answers.region == "eu-west-2"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "line 1, column 2"),
        ("[]", "one JSON object"),
        ("{}", "at least one target"),
        (text(), "at least one target"),
        (
            text(SHOP, schema_version=7),
            "schema_version 7 is not one that this version reads, 1 to 2",
        ),
        (text(SHOP, schema_version=7), "a newer wizard wrote it"),
        (text(SHOP, schema_version=0), "schema_version 0"),
        (text(SHOP, schema_version="2"), "schema_version '2'"),
        (text(SHOP, common={"schema_version": 9}), "common: common of fleet.json was written by"),
        (text({**SHOP, "answers": {"schema_version": 9}}), "shop-eu: answers of shop-eu was"),
        (text(SHOP, comon={}), "comon is not a known key; did you mean common?"),
        (text(SHOP, common=[]), "common must be an object"),
        (text("shop"), "target 1: must be an object"),
        (text({**SHOP, "regoin": "x"}), "regoin is not a known key; did you mean region?"),
        (text({**SHOP, "name": "../shop"}), "name must be"),
        (text({"region": "eu-west-1"}), "target 1: name must be"),
        (text({**SHOP, "region": 7}), "region must be a text"),
        (text({**SHOP, "answers": []}), "answers must be an object"),
        (text({"name": "a"}), "region is missing"),
        (text({**PAY, "role_arn": "wallarm"}), "the ARN of a role"),
        (text({**PAY, "account_id": "123456789012"}), "account 210987654321"),
        (text({**SHOP, "answers": {"node_cuont": 1}}), "node_cuont is not a known key"),
        (text({**SHOP, "answers": {"node_count": 99}}), "shop-eu"),
        (text(SHOP, SHOP), "two targets of this name"),
        (text(SHOP)[:-3] + ', "region": "us-east-1"}]}', "the key 'region' stands twice"),
        ("[" * 100_000, "nested too deeply"),
        (text(SHOP, {**SHOP, "name": "again"}), "again: shop-eu is the same deployment"),
        (text(PAY, {**PAY, "name": "again", "role_arn": ROLE + "2"}), "again: pay-us is the same"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(content: str, why: str) -> None:
    assert why in wrong(content)


def test_everything_that_is_wrong_is_named_at_once() -> None:
    said = wrong(text({**SHOP, "region": 7}, {**PAY, "name": ""}))
    assert "shop-eu: region" in said
    assert "target 2: name" in said


def test_a_file_of_yesterday_is_read_as_it_was_meant() -> None:
    """Version 1 of the answers told where the node runs by its address alone."""
    own = {**SHOP, "answers": {"node_url": "node.example.com:443"}}
    for file in (text(own, PAY), text(own, PAY, schema_version=1)):
        shop, pay = parse_fleet(file.replace('"schema_version": 1, ', ""), "f").targets
        assert (shop.answers.place, pay.answers.place) == ("own", "ecs")
    hosted = {"node_url": "edge.example.com:443", "node_place": "edge"}
    (edge,) = parse_fleet(text(SHOP, schema_version=2, common=hosted), "f").targets
    assert edge.answers.place == "edge"
    pasted = {**hosted, "schema_version": 2}
    (edge,) = parse_fleet(text(SHOP, schema_version=1, common=pasted), "f").targets
    assert edge.answers.place == "edge"


def test_two_prefixes_in_one_region_are_two_deployments() -> None:
    other = {**SHOP, "name": "b", "answers": {"name_prefix": "second"}}
    assert len(parse_fleet(text(SHOP, other), "f").targets) == 2


def test_some_targets_can_be_named_and_a_wrong_name_is_answered_with_the_closest() -> None:
    fleet = parse_fleet(text(SHOP, PAY), "f")
    assert [t.name for t in fleet.only(["pay-us"]).targets] == ["pay-us"]
    assert fleet.only([]) == fleet
    with pytest.raises(UsageError) as caught:
        fleet.only(["pay-uk"])
    assert "pay-us" in caught.value.next_step


def test_a_fleet_that_was_written_reads_back_as_it_was() -> None:
    common = {"alarms": True}
    fleet = parse_fleet(text(SHOP, {**PAY, "answers": {}}, common=common), "f")
    again = parse_fleet(as_text(fleet.targets, common), "f")
    assert [(t.name, t.answers.role_arn, t.answers.region) for t in again.targets] == [
        (t.name, t.answers.role_arn, t.answers.region) for t in fleet.targets
    ]


def test_a_matrix_has_a_job_per_target_and_needs_states_in_s3() -> None:
    with pytest.raises(UsageError) as caught:
        matrix(parse_fleet(text(SHOP, PAY), "f"), "fleet.json", "install")
    assert "shop-eu, pay-us" in caught.value.why
    fleet = parse_fleet(text(SHOP, PAY, common={"state_bucket": "acme-state"}), "f")
    jobs = matrix(fleet, "fleet.json", "install")["include"]
    assert [job["target"] for job in jobs] == ["shop-eu", "pay-us"]
    assert jobs[1]["command"] == "wallarm-apigw fleet fleet.json install --only pay-us"
    jobs = matrix(fleet, "our fleets/$(id).json", "plan")["include"]
    assert jobs[0]["command"] == "wallarm-apigw fleet 'our fleets/$(id).json' plan --only shop-eu"


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["shop", "pay"], ["shop", "pay"]),
        (["shop", "Shop"], ["shop-100000000000", "Shop-100000000001"]),
        (["prod (a)", "prod-a"], ["prod-a-100000000000", "prod-a-100000000001"]),
        (["", "生产", "_._"], ["100000000000", "100000000001", "100000000002"]),
        (["_staging", "-x-"], ["staging", "x"]),
        (["a" * 50, "a" * 49 + "b"], ["a" * 27 + "-100000000000", "a" * 27 + "-100000000001"]),
    ],
)
def test_the_targets_of_accounts_have_names_that_a_file_may_have(
    names: list[str], wanted: list[str]
) -> None:
    found = labels((str(10**11 + number), name) for number, name in enumerate(names))
    assert [*found.values()] == wanted
    targets = [
        Target(f"{label}-ap-southeast-1", Answers(account_id=ident, region="ap-southeast-1"))
        for ident, label in found.items()
    ]
    assert len(parse_fleet(as_text(targets, {}), "f").targets) == len(names)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
))  # fmt: skip
def test_any_json_is_a_fleet_or_one_usage_error(content: object) -> None:
    for data in (content, {"targets": [content]}, {"targets": [SHOP], "common": content}):
        try:
            parse_fleet(json.dumps(data), "f")
        except UsageError:
            continue


NOW = 1_764_547_200.0
LONG = "2025-11-01T00:00:00Z"


def stage(name: str, last: float | None = NOW - 60, same: bool | None = True) -> dict[str, Any]:
    event = {"at": last, "since": NOW - 7 * 86_400, "problem": ""}
    return {"ref": f"a1b2c3/{name}", "same": same, "since": LONG, "last_event": event}


def status(*stages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"stages": list(stages), "events_last_hour": 1200, "undelivered": 0, **more}


@pytest.mark.parametrize(
    ("result", "state", "note"),
    [
        ({}, State.UNCHECKED, ""),
        ({"type": "Result", "stages": {"a1b2c3/prod": "done"}}, State.DONE, ""),
        ({"type": "Reconciled", "stages": [{"stage": "a1b2c3/prod", "step": "keep"}]}, State.DONE,
         ""),
        ({"type": "Reconciled", "stages": []}, State.DONE, ""),
        ({"type": "Review", "stages": [], "resources": []}, State.DONE, ""),
        ({"type": "Note", "text": "nothing was changed"}, State.DONE, ""),
        ({"error": "WAG-E-AWS-007", "what": "No\x1b way"}, State.FAILED, "No  way"),
        (status(stage("a")), State.DONE, ""),
        (status(stage("a"), stage("b", None)), State.WARNING, "a1b2c3/b is silent"),
        (status(stage("a"), stage("b", None), stage("c", None)), State.WARNING,
         "2 stages are silent"),
        (status(stage("a", None), stage("b", None)), State.DONE, ""),
        (status(stage("a", same=False), stage("b", None)), State.WARNING,
         "1 stage changed by somebody else"),
        (status(stage("a"), undelivered=3), State.WARNING, "3 undelivered"),
        (status(stage("a", same=False), unfinished=["at work: jo"]), State.WARNING, "at work: jo"),
        (status(stage("a"), standing="It is Ben's", unfinished=["x"]), State.FAILED, "It is Ben's"),
        (status(stage("a"), events_last_hour=None), State.UNCHECKED, "events could not be counted"),
        (status(stage("a"), elsewhere="in s3://b"), State.DONE, "in s3://b"),
        ({"checks": [{"id": "A", "verdict": "passed", "evidence": "x"}]}, State.DONE,
         "every check that could look is well"),
        ({"checks": [{"id": "A", "verdict": "warning", "evidence": "x"},
                     {"id": "B", "verdict": "failed", "evidence": "y"},
                     {"id": "C", "verdict": "failed", "evidence": "z"}]}, State.FAILED,
         "B: y, and 1 more"),
    ],
)  # fmt: skip
def test_a_target_is_told_by_what_needs_somebody_first(
    result: dict[str, Any], state: State, note: str
) -> None:
    found = glance(result, NOW)
    assert (found.state, found.note) == (state, note)


def test_a_targets_numbers_are_those_of_its_status() -> None:
    found = glance(status(stage("a"), stage("b")), NOW)
    assert (found.stages, found.events) == ("2", "1,200")
    assert glance(status(stage("a"), events_last_hour=None), NOW).events == ""


@pytest.mark.parametrize(
    ("seen", "line"),
    [
        (Glance(State.DONE, "3", "1,204"), "3 connected, 1,204 events in the last hour"),
        (Glance(State.DONE, "3", "", "events could not be counted"),
         "3 connected, events could not be counted"),
        (Glance(State.FAILED, note="no such role"), "no such role"),
        (Glance(State.DONE), ""),
    ],
)  # fmt: skip
def test_how_a_target_does_is_a_line(seen: Glance, line: str) -> None:
    assert seen.line == line
