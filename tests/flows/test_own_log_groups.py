"""A log group that has no room is refused before anything is changed, with the stage named."""

from __future__ import annotations

from typing import Any

import pytest

from wizard.core.errors import WizardError
from wizard.core.facts import (
    AccessLog,
    Api,
    ApiType,
    LogGroup,
    Stage,
    StageSettings,
    SubscriptionFilter,
)
from wizard.core.stages.change import Mode
from wizard.flows.stages.log_groups import MOST_FILTERS, OwnLogs, check_given_group

BASE = "arn:aws:logs:eu-central-1:123456789012:log-group:"
OURS = f"{BASE}/aws/apigateway/wallarm-api-discovery-1"
JSON = '{"requestId":"$context.requestId"}'
FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:"


def stage(group: str = "theirs") -> Stage:
    log = AccessLog(BASE + group, JSON)
    return Stage(Api("a1b2c3", "orders", ApiType.REST), "prod", StageSettings(log))


def held(*functions: str) -> tuple[SubscriptionFilter, ...]:
    return tuple(
        SubscriptionFilter(f"f{n}", FUNCTION + name, "") for n, name in enumerate(functions)
    )


def logs(filters: tuple[SubscriptionFilter, ...], group: str = "theirs") -> OwnLogs:
    return OwnLogs({group: LogGroup(group, BASE + group, "STANDARD", filters=filters)})


def test_a_group_at_its_limit_is_left_out_and_its_filters_are_named() -> None:
    change = logs(held(*["siem"] * MOST_FILTERS)).plan(stage(), OURS, "keep")
    assert change.mode is Mode.SKIP
    assert change.ref == stage().ref
    assert "5 subscription filters already (f0, f1, f2, f3, f4)" in change.reason
    assert not change.changes_anything


@pytest.mark.parametrize(
    "functions",
    [["siem"] * (MOST_FILTERS - 1), [*["siem"] * (MOST_FILTERS - 1), "wallarm-cw-resend-1"]],
)
def test_with_room_for_one_or_with_ours_among_them_it_is_tried_and_said(
    functions: list[str],
) -> None:
    change = logs(held(*functions)).plan(stage(), OURS, "keep")
    assert change.mode is Mode.KEEP
    assert any("4 subscription filters already" in text for text in change.warnings)


def test_a_stage_that_is_switched_does_not_care() -> None:
    assert logs(held(*["siem"] * 9)).plan(stage(), OURS, "switch").mode is Mode.OURS


class Session:
    """One log group with so many filters; nothing else is asked."""

    profile = login_profile = ""

    def __init__(self, filters: int) -> None:
        self.filters = filters

    def client(self, _name: str) -> Session:
        return self

    def describe_log_groups(self, **request: Any) -> dict[str, Any]:
        name = request["logGroupNamePrefix"]
        return {"logGroups": [{"logGroupName": name, "arn": f"{BASE}{name}:*"}]}

    def get_paginator(self, _name: str) -> Session:
        return self

    def paginate(self, **_request: Any) -> list[dict[str, Any]]:
        filters = [{"filterName": f"f{n}", "destinationArn": "x"} for n in range(self.filters)]
        return [{"subscriptionFilters": filters}]


def test_the_answers_log_group_is_looked_at_the_same_way() -> None:
    def check(name: str, filters: int) -> tuple[str, ...]:
        session: Any = Session(filters)
        return check_given_group(session, name)

    assert check("theirs", 0) == ()
    assert "1 subscription filter already" in check("theirs", 1)[0]
    with pytest.raises(WizardError, match="has 5 subscription filters") as full:
        check("theirs", 5)
    assert full.value.code == "WAG-E-LOGS-004"
    with pytest.raises(WizardError, match="a forwarder's own") as own:
        check("/aws/lambda/wallarm-cw-resend-12ab", 0)
    assert own.value.code == "WAG-E-LOGS-006"
