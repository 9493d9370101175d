"""Which questions a person is asked: a table of what makes a default good or bad."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from wizard.core.answers.model import Answers
from wizard.core.answers.steps import (
    STEPS,
    VPC_QUOTA,
    Found,
    assumed,
    is_default,
    needs_person,
    next_question,
    step,
)
from wizard.core.events import State
from wizard.core.facts import AccessLog, Api, ApiType, Stage, StageSettings
from wizard.core.stages.log_format import render_format

ARN = "arn:aws:logs:us-east-1:123456789012:log-group:/own"
CLF = '$context.identity.sourceIp [$context.requestTime] "$context.httpMethod" $context.requestId'
JSON = '{"id":"$context.requestId"}'


OFF = AccessLog()
FIREHOSE = AccessLog("arn:aws:firehose:us-east-1:1:deliverystream/x", JSON)


def stage(ref: str, log: AccessLog = OFF, *, managed: bool = False) -> Stage:
    api_id, name = ref.split("/")
    api = Api(api_id, f"{api_id}-api", ApiType.REST, managed=managed)
    return Stage(api, name, StageSettings(log))


HELD: Mapping[str, Stage] = {
    "quiet/prod": stage("quiet/prod"),
    "json/prod": stage("json/prod", AccessLog(ARN, JSON)),
    "clf/prod": stage("clf/prod", AccessLog(ARN, CLF)),
    "fire/prod": stage("fire/prod", FIREHOSE),
    "ours/prod": stage("ours/prod", AccessLog(ARN, render_format(ApiType.REST))),
    "aws/prod": stage("aws/prod", AccessLog(ARN, CLF), managed=True),
}  # fmt: skip
CHOSEN = Answers(stages=("quiet/prod",))
UNFINISHED = {"stages": "select at least one stage", "wallarm": "enter the Wallarm token"}
FRESH = Found(unfinished=UNFINISHED)
READY = Found(stages=HELD, vpcs=1, token=True, verdict=State.DONE)


@pytest.mark.parametrize(
    ("step_id", "answers", "found", "why"),
    [
        # Nothing is known yet: no default is bad.
        ("aws", Answers(), Found(), ""),
        ("stages", CHOSEN, Found(), ""),
        ("logs", CHOSEN, Found(), ""),
        ("node", CHOSEN, Found(), ""),
        ("options", CHOSEN, Found(), ""),
        # What is missing.
        ("stages", Answers(), FRESH, "select at least one stage"),
        ("wallarm", Answers(), FRESH, "enter the Wallarm token"),
        ("aws", Answers(), Found(unfinished={"aws": "log in to AWS first"}), "log in to AWS first"),
        # The account.
        ("aws", Answers(), Found(failed={"identity": "expired"}), "expired"),
        ("aws", Answers(), Found(failed={"region": "unknown"}), "unknown"),
        ("aws", Answers(), Found(failed={"terraform": "not found"}), ""),
        ("aws", Answers(region="eu-west-3"), Found(stages={}), "eu-west-3 has no API stages"),
        ("aws", Answers(), READY, ""),
        # Stages that were chosen for another Region.
        ("stages", CHOSEN, READY, ""),
        ("stages", Answers(stages=("gone/x",)), READY, "1 chosen stage is not in us-east-1"),
        ("stages", Answers(stages=("gone/x", "quiet/prod", "gone/y")), READY,
         "2 chosen stages are not in us-east-1"),
        # Logs that cannot be kept as they are.
        ("logs", Answers(stages=("quiet/prod", "json/prod", "ours/prod")), READY, ""),
        ("logs", Answers(stages=("aws/prod",)), READY, ""),
        ("logs", Answers(stages=("gone/x",)), READY, ""),
        ("logs", Answers(stages=("quiet/prod", "clf/prod")), READY,
         "clf-api / prod would be left out: The stage logs CLF"),
        ("logs", Answers(stages=("fire/prod",)), READY, "fire-api / prod would be left out"),
        ("logs", Answers(stages=("clf/prod",), existing_logging="switch"), READY, ""),
        ("logs", Answers(stages=("clf/prod",), existing_logging="skip"), READY, ""),
        # The token.
        ("wallarm", CHOSEN, READY, ""),
        ("wallarm", CHOSEN, Found(), ""),
        ("wallarm", CHOSEN, Found(token=True), "the token was not checked"),
        ("wallarm", CHOSEN, Found(token=True, verdict=State.UNCHECKED), "was not checked"),
        ("wallarm", CHOSEN, Found(token=True, verdict=State.FAILED), "is it the right Cloud?"),
        # The node's network.
        ("node", CHOSEN, Found(vpcs=VPC_QUOTA - 1), ""),
        ("node", CHOSEN, Found(vpcs=VPC_QUOTA), "us-east-1 has 5 VPCs"),
        ("node", CHOSEN.with_(vpc_id="vpc-12345678"), Found(vpcs=VPC_QUOTA), ""),
        ("node", CHOSEN.with_(node_url="node:8080"), Found(vpcs=VPC_QUOTA), ""),
        # Names that are in use.
        ("options", CHOSEN, Found(taken=[("api-gw-discovery", "eu-west-1")]), ""),
        ("options", CHOSEN, Found(taken=[("other", "us-east-1")]), ""),
        ("options", CHOSEN, Found(taken=[("api-gw-discovery", "us-east-1")]),
         "api-gw-discovery is deployed in us-east-1 already"),
        # Steps that ask nothing.
        ("welcome", CHOSEN, Found(failed={"identity": "expired"}), ""),
        ("review", CHOSEN, READY, ""),
    ],
)  # fmt: skip
def test_a_person_is_needed_where_a_default_is_missing_or_bad(
    step_id: str, answers: Answers, found: Found, why: str
) -> None:
    said = needs_person(step_id, answers, found)
    assert said.startswith(why) if why.startswith(("clf", "fire", "us-", "api")) else why in said
    assert bool(said) == bool(why)


def test_what_somebody_looked_at_is_asked_again_only_while_it_is_unfinished() -> None:
    crowded = Found(vpcs=VPC_QUOTA)
    assert needs_person("node", CHOSEN, crowded)
    assert needs_person("node", CHOSEN, crowded, seen=True) == ""
    assert needs_person("stages", Answers(), FRESH, seen=True)


@pytest.mark.parametrize(
    ("at", "answers", "found", "seen", "to"),
    [
        ("welcome", Answers(), FRESH, (), "stages"),
        ("stages", CHOSEN, Found(unfinished={"wallarm": "x"}), (), "wallarm"),
        ("wallarm", CHOSEN, READY, (), "review"),
        ("welcome", CHOSEN, READY, (), "review"),
        ("welcome", CHOSEN, Found(failed={"identity": "x"}), (), "aws"),
        ("aws", CHOSEN, Found(failed={"identity": "x"}), ("aws",), "review"),
        ("stages", CHOSEN, Found(vpcs=9), (), "node"),
        ("stages", CHOSEN, Found(vpcs=9), ("node",), "review"),
        ("node", CHOSEN, Found(unfinished={"stages": "x"}), (), "review"),
        ("review", CHOSEN, READY, (), "deploy"),
        ("proof", CHOSEN, READY, (), ""),
    ],
)
def test_next_leads_to_the_next_question_that_needs_a_person(
    at: str, answers: Answers, found: Found, seen: tuple[str, ...], to: str
) -> None:
    following = next_question(STEPS, at, answers, found, seen)
    assert (following.id if following else "") == to


def test_what_nobody_saw_is_assumed_unless_it_needs_a_person() -> None:
    def names(*arguments: Any) -> list[str]:
        return [one.id for one in assumed(STEPS, *arguments)]

    assert names(Answers(), FRESH, ("welcome",)) == ["aws", "logs", "node", "options"]
    assert names(CHOSEN, READY, ("stages", "node")) == ["aws", "logs", "wallarm", "options"]
    assert names(CHOSEN, Found(vpcs=9), ("stages",)) == ["aws", "logs", "wallarm", "options"]


def test_an_assumption_is_told_as_default_or_as_given_and_in_words() -> None:
    given = Answers(
        profile="prod", region="eu-west-1", role_arn="arn:aws:iam::123456789012:role/x",
        api_gateway_log_group_name="/own", subscription_filter_pattern="ERROR",
        existing_logging="switch", wallarm_api_host="us1.api.wallarm.com", node_count=2,
        vpc_id="vpc-1", r53_domain_name="example.com", node_dns_name="node",
        alarms=True, dashboard=True, state_bucket="team", proof="skip", stages=("a/b",),
        stage_rules=("all",),
    )  # fmt: skip
    asked = [one for one in STEPS if one.keys]
    assert all(is_default(one, Answers()) for one in asked)
    assert not any(is_default(one, given) for one in asked)
    told = [one.assumed(Answers()) for one in asked if one.id != "stages"]
    assert told == [
        "default credentials, Region us-east-1",
        "new log group, kept 14 days; a log group that a stage has stays",
        "EU Cloud, node group api-gateway-api-discovery",
        "1 × t3.medium, image latest, in a new VPC, HTTP inside it",
        "api-gw-discovery, no alarms, state on this computer, one proof request",
    ]
    assert [one.assumed(given) for one in asked] == [
        "profile prod, role arn:aws:iam::123456789012:role/x, Region eu-west-1",
        "1 stage, 1 rule as saved",
        "/own, filtered; stages that log elsewhere are switched",
        "US Cloud, node group api-gateway-api-discovery",
        "2 × t3.medium, image latest, in vpc-1, HTTPS as node.example.com",
        "api-gw-discovery, alarms and dashboard, state in team, no proof",
    ]
    own = Answers(node_url="node:8080", node_scheme="http")
    assert step("node").assumed(own) == "your own node, http://node:8080"
    assert step("node").assumed(own.with_(node_place="edge")) == "Security Edge, http://node:8080"
