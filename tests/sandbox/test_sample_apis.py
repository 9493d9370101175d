"""The sample APIs are what a grown account looks like, and the same in every start."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from wizard.core.facts import StageRef
from wizard.sandbox import Sandbox, traffic
from wizard.sandbox.catalogue import APIS

Client = Callable[[str], Any]


def rest_apis(aws: Client) -> dict[str, Any]:
    return {a["id"]: a for a in aws("apigateway").get_rest_apis(limit=500)["items"]}


def test_every_api_and_stage_of_the_catalogue_exists(sandbox: Sandbox, aws: Client) -> None:
    rest = rest_apis(aws)
    v2 = {a["ApiId"]: a for a in aws("apigatewayv2").get_apis()["Items"]}
    assert len(rest) + len(v2) == len(APIS) >= 12
    for api in APIS:
        if api.kind == "REST":
            assert rest[api.api_id]["name"] == api.name
            assert rest[api.api_id]["endpointConfiguration"]["types"] == [api.endpoint]
            answer = aws("apigateway").get_stages(restApiId=api.api_id)["item"]
            stages = [s["stageName"] for s in answer]
        else:
            assert (v2[api.api_id]["Name"], v2[api.api_id]["ProtocolType"]) == (api.name, api.kind)
            answer = aws("apigatewayv2").get_stages(ApiId=api.api_id)["Items"]
            stages = [s["StageName"] for s in answer]
        assert stages == [s.name for s in api.stages]
        assert 1 <= len(stages) <= 4


def test_the_hard_cases_are_there() -> None:
    names = "\n".join(a.name for a in APIS)
    assert "[prod] [/b]" in names, "looks like markup"
    assert any(" " in a.name for a in APIS)
    assert any("\u0600" <= c <= "\u06ff" for c in names), "right to left"
    assert any(ord(c) > 0xFFFF for c in names), "an emoji"
    assert Counter((a.kind, a.endpoint) for a in APIS).keys() >= {
        ("REST", "REGIONAL"),
        ("REST", "EDGE"),
        ("REST", "PRIVATE"),
        ("HTTP", "REGIONAL"),
        ("WEBSOCKET", "REGIONAL"),
    }


def test_a_real_cloudformation_stack_owns_one_api(sandbox: Sandbox, aws: Client) -> None:
    api = rest_apis(aws)[sandbox.apis["checkout"].api_id]
    assert api["tags"]["aws:cloudformation:stack-name"] == "checkout-service"
    resources = aws("cloudformation").list_stack_resources(StackName="checkout-service")
    owned = {r["PhysicalResourceId"] for r in resources["StackResourceSummaries"]}
    assert api["id"] in owned


def test_stages_have_logs_canaries_and_levels_of_their_own(sandbox: Sandbox, aws: Client) -> None:
    def stage(key: str, name: str) -> Any:
        return aws("apigateway").get_stage(restApiId=sandbox.apis[key].api_id, stageName=name)

    billing = stage("billing", "prod")
    assert billing["accessLogSettings"]["destinationArn"].endswith(":/company/api/billing-access")
    assert billing["methodSettings"]["*/*"]["loggingLevel"] == "INFO"
    assert stage("reporting", "v1")["accessLogSettings"]["destinationArn"].endswith(
        ":deliverystream/amazon-apigateway-audit"
    )
    assert stage("search", "prod")["canarySettings"]["percentTraffic"] == 10.0
    assert not stage("orders", "prod").get("accessLogSettings")


def test_no_rest_api_shows_how_its_id_was_pinned(aws: Client) -> None:
    for api in rest_apis(aws).values():
        assert "ms-custom-id" not in api.get("tags", {})


def test_the_sample_stages_exist_and_one_has_a_log_of_its_own(sandbox: Sandbox) -> None:
    by_id = {a.api_id: a for a in APIS}
    logged = []
    for text in sandbox.sample_stages:
        ref = StageRef.parse(text)
        [stage] = [s for s in by_id[ref.api_id].stages if s.name == ref.stage]
        logged.append(bool(stage.log))
    assert sorted(logged) == [False, False, False, False, False, True]


def test_traffic_is_the_same_every_time_and_has_hard_parts() -> None:
    def everything() -> list[traffic.SampleRequest]:
        return [
            request
            for api in APIS
            if api.kind != "WEBSOCKET"
            for stage in api.stages
            for request in traffic.for_stage(api, stage, "us-east-1")
        ]

    assert everything() == everything()
    sent = everything()
    assert {r.method for r in sent} >= {"GET", "POST", "PUT", "PATCH", "DELETE"}
    assert any('"' in r.user_agent for r in sent)
    assert any("?" in r.path for r in sent)
    assert any(":" in r.source_address for r in sent), "IPv6"


def test_every_sample_request_is_really_executed(sandbox: Sandbox) -> None:
    refs = [f"{a.api_id}/{s.name}" for a in APIS for s in a.stages if a.kind != "WEBSOCKET"]
    sent = sandbox.send_sample(refs, count=8)
    assert len(sent) == 8 * len(refs)
    assert all(s.status < 500 for s in sent)
    lost = [s for s in sent if "/not-there/" in s.request.path]
    caught_by_default_route = sandbox.apis["shipping"].api_id
    assert {s.status for s in lost if s.request.api_id != caught_by_default_route} == {403, 404}
    assert sum(s.status < 300 for s in sent) > len(sent) / 2


def test_the_environment_sees_the_sandbox_and_nothing_else(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "https://sts.amazonaws.com")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    for name in sandbox.unset:
        monkeypatch.delenv(name, raising=False)
    for name, value in sandbox.env.items():
        monkeypatch.setenv(name, value)
    import boto3

    assert boto3.Session().client("sts").get_caller_identity()["Account"] == sandbox.account_id
    assert os.environ["NO_PROXY"] == "intranet.example,127.0.0.1,localhost"
