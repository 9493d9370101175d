"""Changing stages on a local AWS and putting them back, also when something goes wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from tests.services.aws.stage_kinds import (
    JSON,
    dump,
    found,
    http_logging_elsewhere,
    http_off,
    rest_level,
    rest_level_off,
    rest_logging_elsewhere,
    rest_off,
    rest_with_settings,
    websocket_off,
    websocket_with_settings,
)
from wizard.core.errors import WizardError
from wizard.core.facts import AccessLog, Api, ApiType, Identity, StageRef, StageSettings
from wizard.core.stages.change import StageChange, plan_change
from wizard.core.stages.log_format import render_format
from wizard.services.aws import items, log_delivery, stages
from wizard.services.aws.rate_limit import TokenBucket
from wizard.services.aws.session import Session
from wizard.services.aws.stages import Result

KINDS = [
    rest_off,
    rest_level_off,
    rest_with_settings,
    rest_logging_elsewhere,
    http_off,
    http_logging_elsewhere,
    websocket_off,
    websocket_with_settings,
]


@pytest.mark.parametrize("existing", ["keep", "switch"])
@pytest.mark.parametrize("kind", KINDS)
def test_connecting_twice_and_taking_back_leaves_a_stage_exactly_as_it_was(
    session: Session, identity: Identity, world: Any, arn: str, kind: Any, existing: str
) -> None:
    stage = found(session, identity, kind(world))
    first = dump(world, stage)
    change = plan_change(stage, arn, existing)
    outcome = stages.apply_change(session, change)
    assert outcome.result is Result.CHANGED
    assert outcome.settings == change.after
    connected = dump(world, stage)
    assert connected != first
    again = plan_change(found(session, identity, stage.api.api_id), arn, existing)
    assert stages.apply_change(session, again).result is Result.UNCHANGED
    assert dump(world, stage) == connected
    back = stages.restore_stage(session, change.ref, change.api_type, change.before, change.after)
    assert back.result is Result.RESTORED
    assert dump(world, stage) == first
    once_more = stages.restore_stage(
        session, change.ref, change.api_type, change.before, change.after
    )
    assert once_more.result is Result.UNCHANGED
    assert dump(world, stage) == first


def test_bodies_are_never_logged_and_limits_never_lost(
    session: Session, identity: Identity, world: Any, arn: str
) -> None:
    api = rest_with_settings(world)
    stages.apply_change(session, plan_change(found(session, identity, api), arn))
    setting = world.rest.get_stage(restApiId=api, stageName="prod")["methodSettings"]
    assert setting["*/*"]["dataTraceEnabled"] is True
    assert setting["*/*"]["throttlingRateLimit"] == 50
    assert setting["*/*"]["loggingLevel"] == "INFO"
    assert setting["/orders/GET"]["loggingLevel"] == "OFF"
    other = rest_off(world)
    stages.apply_change(session, plan_change(found(session, identity, other), arn))
    setting = world.rest.get_stage(restApiId=other, stageName="prod")["methodSettings"]
    assert setting["*/*"]["dataTraceEnabled"] is False


def test_a_limit_set_after_connecting_survives_taking_back(
    session: Session, identity: Identity, world: Any, arn: str
) -> None:
    change = plan_change(found(session, identity, rest_off(world)), arn)
    stages.apply_change(session, change)
    world.rest.update_stage(
        restApiId=change.ref.api_id,
        stageName="prod",
        patchOperations=[{"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "7"}],
    )
    stages.restore_stage(session, change.ref, change.api_type, change.before, change.after)
    setting = world.rest.get_stage(restApiId=change.ref.api_id, stageName="prod")["methodSettings"]
    assert setting["*/*"]["throttlingRateLimit"] == 7
    assert setting["*/*"]["loggingLevel"] == "OFF"


def test_a_stage_changed_since_it_was_shown_is_left_alone(
    session: Session, identity: Identity, world: Any, arn: str
) -> None:
    change = plan_change(found(session, identity, rest_off(world)), arn)
    rest_level(world, change.ref.api_id, "ERROR")
    with pytest.raises(WizardError) as caught:
        stages.apply_change(session, change)
    assert caught.value.code == "WAG-E-STAGES-011"
    assert "OFF expected, ERROR found" in caught.value.why
    live = stages.read_settings(session, change.ref, change.api_type)
    assert not live.access_log.enabled


def test_a_stage_deleted_since_it_was_shown_is_named(
    session: Session, identity: Identity, world: Any, arn: str
) -> None:
    change = plan_change(found(session, identity, rest_off(world)), arn)
    world.rest.delete_stage(restApiId=change.ref.api_id, stageName="prod")
    with pytest.raises(WizardError) as caught:
        stages.apply_change(session, change)
    assert caught.value.code == "WAG-E-STAGES-012"
    back = stages.restore_stage(session, change.ref, change.api_type, change.before, change.after)
    assert back.result is Result.GONE


@pytest.mark.parametrize("kind", [rest_off, http_off])
def test_logging_somebody_else_changed_is_put_back_only_when_a_person_says_so(
    session: Session, identity: Identity, world: Any, arn: str, kind: Any
) -> None:
    change = plan_change(found(session, identity, kind(world)), arn)
    stages.apply_change(session, change)
    theirs = AccessLog(world.arn(world.log_group()), JSON)
    live = stages.read_stage(session, change.ref, change.api_type)
    stages._write(
        session,
        change.ref,
        change.api_type,
        live,
        replace(live.settings, access_log=theirs),
    )
    asked = stages.restore_stage(session, change.ref, change.api_type, change.before, change.after)
    assert asked.result is Result.ASK
    assert stages.read_settings(session, change.ref, change.api_type).access_log == theirs
    forced = stages.restore_stage(
        session, change.ref, change.api_type, change.before, change.after, force=True
    )
    assert forced.result is Result.RESTORED
    assert not forced.settings.access_log.enabled


class Cut(Session):
    """A session whose connection breaks around the next change: before it, after it, for good."""

    moment = ""

    def client(self, service: str) -> Any:
        client = super().client(service)
        if service in ("apigateway", "apigatewayv2") and not hasattr(client, "_cut"):
            client._cut = True
            original = client._make_api_call

            def call(operation: str, arguments: Any) -> Any:
                changing = operation.startswith(("Update", "Delete"))
                url = "http://127.0.0.1"
                if self.moment == "never sent" and changing:
                    raise EndpointConnectionError(endpoint_url=url)
                if self.moment == "for good" and self.broken:
                    raise EndpointConnectionError(endpoint_url=url)
                if self.moment == "lost on the way" and changing:
                    raise ReadTimeoutError(endpoint_url=url)
                answer = original(operation, arguments)
                if changing and self.moment in ("answer lost", "for good"):
                    self.broken = True
                    raise ReadTimeoutError(endpoint_url=url)
                return answer

            client._make_api_call = call
        return client

    broken = False


@pytest.mark.parametrize("kind", [rest_off, http_off, websocket_off])
@pytest.mark.parametrize(
    ("moment", "code", "in_doubt"),
    [
        ("answer lost", "", False),
        ("lost on the way", "WAG-E-STAGES-015", False),
        ("never sent", "WAG-E-AWS-006", False),
        ("for good", "WAG-E-STAGES-016", True),
    ],
)
def test_a_connection_that_breaks_ends_in_a_known_state(
    env: dict[str, str],
    session: Session,
    identity: Identity,
    world: Any,
    arn: str,
    kind: Any,
    moment: str,
    code: str,
    in_doubt: bool,
) -> None:
    change = plan_change(found(session, identity, kind(world)), arn)
    cut = Cut(region=identity.region, env=env, bucket=TokenBucket(10_000, 10_000))
    cut.moment = moment
    if not code:
        assert stages.apply_change(cut, change).result is Result.CHANGED
        return
    with pytest.raises(WizardError) as caught:
        stages.apply_change(cut, change)
    assert caught.value.code == code
    assert caught.value.in_doubt is in_doubt
    assert caught.value.next_step
    # Whatever it was, doing it again ends well.
    assert stages.apply_change(session, change).settings == change.after


@pytest.mark.parametrize(
    ("words", "error_code", "code"),
    [
        (
            "CloudWatch Logs role ARN must be set in account settings to enable logging",
            "BadRequestException",
            "WAG-E-STAGES-013",
        ),
        ("The log group does not exist", "BadRequestException", "WAG-E-STAGES-017"),
        ("Invalid stage identifier specified", "NotFoundException", "WAG-E-STAGES-012"),
        ("Unable to complete operation", "ConflictException", "WAG-E-STAGES-018"),
        (
            "User: x is not authorized to perform: apigateway:PATCH on resource: y",
            "AccessDeniedException",
            "WAG-E-AWS-007",
        ),
        (
            "Insufficient permissions to enable logging: logs:CreateLogDelivery",
            "AccessDeniedException",
            "WAG-E-STAGES-019",
        ),
    ],
)
def test_what_aws_refuses_is_explained(words: str, error_code: str, code: str) -> None:
    from botocore.exceptions import ClientError

    error = ClientError({"Error": {"Code": error_code, "Message": words}}, "UpdateStage")
    explained = stages.refused(error, StageRef("a", "prod"), "Changing a/prod", "")
    assert explained.code == code
    assert words in explained.why
    assert explained.next_step


def test_reading_back_waits_a_moment_for_aws(
    session: Session, identity: Identity, world: Any, arn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = plan_change(found(session, identity, rest_off(world)), arn)
    original = stages.read_stage
    reads: list[float] = []

    def stale(*arguments: Any) -> Any:
        reads.append(time.monotonic())
        live = original(*arguments)
        return replace(live, settings=StageSettings()) if len(reads) == 2 else live

    monkeypatch.setattr(stages, "read_stage", stale)
    assert stages.apply_change(session, change).result is Result.CHANGED
    assert len(reads) == 3


# --- what the account alone can tell about a refusal ---------------------------------------------

LENGTH = "Policy document length breaking Cloudwatch Logs Constraints, either < 1 or > 5120"
INSUFFICIENT = "Insufficient permissions to enable logging"


@contextmanager
def refusing(session: Session, service: str, operation: str, words: str) -> Iterator[None]:
    """While it lasts, one operation is answered like that; all others as ever."""
    client = session.client(service)
    call = client._make_api_call

    def answered(name: str, arguments: Any) -> Any:
        if name == operation:
            raise ClientError({"Error": {"Code": "BadRequestException", "Message": words}}, name)
        return call(name, arguments)

    with mock.patch.object(client, "_make_api_call", answered):
        yield


@pytest.fixture
def full_policies(session: Session) -> Iterator[list[str]]:
    """All ten resource policies of the Region are taken."""
    logs = session.client("logs")
    names = [f"product-{number}" for number in range(9)] + ["AWSLogDeliveryWrite20150319"]
    for name in names:
        logs.put_resource_policy(
            policyName=name, policyDocument=json.dumps({"Version": "2012-10-17", "Statement": []})
        )
    yield names
    for name in names:
        logs.delete_resource_policy(policyName=name)


@pytest.mark.parametrize("words", [LENGTH, INSUFFICIENT])
@pytest.mark.parametrize("kind", ["REST", "HTTP"])
def test_a_full_log_delivery_policy_is_named_with_its_neighbours_and_the_ways_out(
    session: Session, world: Any, arn: str, full_policies: list[str], kind: str, words: str
) -> None:
    """Both messages mislead: they speak of a document, or of permissions, of the caller."""
    api_type = ApiType[kind]
    api = world.rest_api() if kind == "REST" else world.http_api("", "prod")
    ref = StageRef(api, "prod")
    before = stages.read_settings(session, ref, api_type)
    after = StageSettings(AccessLog(arn, render_format(api_type)))
    change = StageChange(ref, api_type, before, after)
    service = "apigateway" if kind == "REST" else "apigatewayv2"
    with refusing(session, service, "UpdateStage", words), pytest.raises(WizardError) as told:
        stages.apply_change(session, change)
    assert told.value.code == "WAG-E-STAGES-021"
    assert words in told.value.why
    assert "10 resource policies" in told.value.why
    assert all(name in told.value.why for name in full_policies)
    assert "bytes" in told.value.why
    assert "/aws/vendedlogs/" in told.value.next_step
    assert "does not fix it" in told.value.next_step
    assert stages.read_settings(session, ref, api_type) == before


def test_where_there_is_room_a_missing_permission_is_a_missing_permission(
    session: Session, world: Any, arn: str
) -> None:
    ref = StageRef(world.http_api("", "prod"), "prod")
    before = stages.read_settings(session, ref, ApiType.HTTP)
    after = StageSettings(AccessLog(arn, render_format(ApiType.HTTP)))
    change = StageChange(ref, ApiType.HTTP, before, after)
    refused = refusing(session, "apigatewayv2", "UpdateStage", INSUFFICIENT)
    with refused, pytest.raises(WizardError) as told:
        stages.apply_change(session, change)
    assert told.value.code == "WAG-E-STAGES-019"


@pytest.mark.parametrize(
    ("sizes", "full"),
    [
        ({}, False),
        ({f"p{n}": 100 for n in range(9)}, False),
        ({f"p{n}": 100 for n in range(10)}, True),
        ({"AWSLogDeliveryWrite20150319": 5119}, True),
        ({"AWSLogDeliveryWrite20150319": 4000}, False),
        ({"AWSLogDeliveryWrite20150319": 20_000}, False),
        ({"AWSLogDeliveryWrite20150319": 51_000}, True),
    ],
)
def test_when_policies_have_no_room(sizes: dict[str, int], full: bool) -> None:
    assert log_delivery.no_room(sizes) is full


def test_what_aws_says_of_a_stage_it_manages_is_shown_and_the_stage_left_alone(
    session: Session, world: Any, arn: str
) -> None:
    words = "This stage is managed by API Gateway and cannot be changed"
    ref = StageRef(world.http_api("", "prod"), "prod")
    before = stages.read_settings(session, ref, ApiType.HTTP)
    change = StageChange(
        ref, ApiType.HTTP, before, StageSettings(AccessLog(arn, render_format(ApiType.HTTP)))
    )
    client = session.client("apigatewayv2")
    live = client.get_stage(ApiId=ref.api_id, StageName="prod")
    managed = {**live, "ApiGatewayManaged": True}
    theirs = mock.patch.object(client, "get_stage", return_value=managed)
    refused = refusing(session, "apigatewayv2", "UpdateStage", words)
    with theirs, refused, pytest.raises(WizardError) as told:
        stages.apply_change(session, change)
    assert told.value.code == "WAG-E-STAGES-022"
    assert words in told.value.why
    assert "ApiGatewayManagedOverrides" in told.value.next_step


def test_a_websocket_default_stage_has_its_address(identity: Identity) -> None:
    made = Api("a1b2c3", "chat", ApiType.WEBSOCKET)
    plain = replace(made, api_type=ApiType.HTTP)
    host = f"a1b2c3.execute-api.{identity.region}.amazonaws.com"
    assert items.invoke_url(identity, made, "$default") == f"wss://{host}/$default"
    assert items.invoke_url(identity, plain, "$default") == f"https://{host}/"
    sovereign = replace(identity, partition="aws-eusc", region="eusc-de-east-1")
    assert items.invoke_url(sovereign, plain, "prod").endswith(".amazonaws.eu/prod")
