"""A log group that has no room is refused before anything is changed, with the stage named."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

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
from wizard.flows.stages.log_groups import OwnLogs, check_given_group

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


def logs(
    filters: tuple[SubscriptionFilter, ...], most: int | None = None, group: str = "theirs"
) -> OwnLogs:
    return OwnLogs({group: LogGroup(group, BASE + group, "STANDARD", filters=filters)}, most=most)


@pytest.mark.parametrize("most", [2, 5, 8])
def test_a_group_with_as_many_filters_as_aws_allows_is_left_out_and_they_are_named(
    most: int,
) -> None:
    change = logs(held(*["siem"] * most), most).plan(stage(), OURS, "keep")
    assert change.mode is Mode.SKIP
    assert change.ref == stage().ref
    names = ", ".join(f"f{n}" for n in range(most))
    assert f"{most} subscription filters already ({names})" in change.reason
    assert f"AWS allows {most} (Service Quotas)" in change.reason
    assert not change.changes_anything


@pytest.mark.parametrize(
    ("functions", "most", "said"),
    [
        (["siem"] * 4, 5, "AWS allows 5 for each log group"),
        ([*["siem"] * 4, "wallarm-cw-resend-1"], 5, "AWS allows 5 for each log group"),
        (["siem"] * 4, None, "whether one more fits is seen when it is made"),
    ],
)
def test_with_room_for_one_with_ours_among_them_or_unknown_it_is_tried_and_said(
    functions: list[str], most: int | None, said: str
) -> None:
    change = logs(held(*functions), most).plan(stage(), OURS, "keep")
    assert change.mode is Mode.KEEP
    assert any("4 subscription filters already" in text and said in text
               for text in change.warnings)  # fmt: skip


def test_no_number_of_filters_is_refused_that_aws_did_not_name() -> None:
    assert logs(held(*["siem"] * 40)).plan(stage(), OURS, "keep").mode is Mode.KEEP


def test_a_stage_that_is_switched_does_not_care() -> None:
    assert logs(held(*["siem"] * 9), 5).plan(stage(), OURS, "switch").mode is Mode.OURS


class Session:
    """One log group with so many filters, and what Service Quotas says of them (None: nothing)."""

    profile = login_profile = ""

    def __init__(self, filters: int, quota: int | None = 5) -> None:
        self.filters = filters
        self.quota = quota
        self.asked: list[str] = []
        self._of = ""

    def client(self, name: str) -> Session:
        self._of = name
        self.asked.append(name)
        return self

    def describe_log_groups(self, **request: Any) -> dict[str, Any]:
        name = request["logGroupNamePrefix"]
        return {"logGroups": [{"logGroupName": name, "arn": f"{BASE}{name}:*"}]}

    def get_paginator(self, _name: str) -> Session:
        return self

    def paginate(self, **_request: Any) -> list[dict[str, Any]]:
        if self._of == "service-quotas":
            if self.quota is None:
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "x")
            other = {"QuotaName": "Log groups", "Value": 1e6}
            named = {"QuotaName": "Subscription filters per log group", "Value": float(self.quota)}
            return [{"Quotas": [other]}, {"Quotas": [named]}]
        filters = [{"filterName": f"f{n}", "destinationArn": "x"} for n in range(self.filters)]
        return [{"subscriptionFilters": filters}]


def test_the_answers_log_group_is_looked_at_the_same_way() -> None:
    def check(name: str, filters: int, quota: int | None = 5) -> tuple[str, ...]:
        session: Any = Session(filters, quota)
        found = check_given_group(session, name)
        assert ("service-quotas" in session.asked) is (filters > 1)
        return found

    assert check("theirs", 0) == ()
    assert "1 subscription filter already" in check("theirs", 1)[0]
    assert "AWS allows 8" in check("theirs", 5, 8)[0]
    assert "is seen when it is made" in check("theirs", 5, None)[0]
    with pytest.raises(WizardError, match="has 5 subscription filters") as full:
        check("theirs", 5)
    assert full.value.code == "WAG-E-LOGS-004"
    assert "Service Quotas allows 5" in full.value.why
    with pytest.raises(WizardError, match="a forwarder's own") as own:
        check("/aws/lambda/wallarm-cw-resend-12ab", 0)
    assert own.value.code == "WAG-E-LOGS-006"
