"""Changing stages on a local AWS and putting them back, also when something goes wrong."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

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
from wizard.core.facts import AccessLog, Identity, StageRef, StageSettings
from wizard.core.stages.change import plan_change
from wizard.services.aws import stages
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
    outcome = stages.apply(session, change)
    assert outcome.result is Result.CHANGED
    assert outcome.settings == change.after
    connected = dump(world, stage)
    assert connected != first
    again = plan_change(found(session, identity, stage.api.api_id), arn, existing)
    assert stages.apply(session, again).result is Result.UNCHANGED
    assert dump(world, stage) == connected
    back = stages.restore(session, change.ref, change.api_type, change.before, change.after)
    assert back.result is Result.RESTORED
    assert dump(world, stage) == first
    once_more = stages.restore(session, change.ref, change.api_type, change.before, change.after)
    assert once_more.result is Result.UNCHANGED
    assert dump(world, stage) == first


def test_bodies_are_never_logged_and_limits_never_lost(
    session: Session, identity: Identity, world: Any, arn: str
) -> None:
    api = rest_with_settings(world)
    stages.apply(session, plan_change(found(session, identity, api), arn))
    setting = world.rest.get_stage(restApiId=api, stageName="prod")["methodSettings"]
    assert setting["*/*"]["dataTraceEnabled"] is True
    assert setting["*/*"]["throttlingRateLimit"] == 50
    assert setting["*/*"]["loggingLevel"] == "INFO"
    assert setting["/orders/GET"]["loggingLevel"] == "OFF"
    other = rest_off(world)
    stages.apply(session, plan_change(found(session, identity, other), arn))
    setting = world.rest.get_stage(restApiId=other, stageName="prod")["methodSettings"]
    assert setting["*/*"]["dataTraceEnabled"] is False


def test_a_limit_set_after_connecting_survives_taking_back(
    session: Session, identity: Identity, world: Any, arn: str
) -> None:
    change = plan_change(found(session, identity, rest_off(world)), arn)
    stages.apply(session, change)
    world.rest.update_stage(
        restApiId=change.ref.api_id,
        stageName="prod",
        patchOperations=[{"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "7"}],
    )
    stages.restore(session, change.ref, change.api_type, change.before, change.after)
    setting = world.rest.get_stage(restApiId=change.ref.api_id, stageName="prod")["methodSettings"]
    assert setting["*/*"]["throttlingRateLimit"] == 7
    assert setting["*/*"]["loggingLevel"] == "OFF"


def test_a_stage_changed_since_it_was_shown_is_left_alone(
    session: Session, identity: Identity, world: Any, arn: str
) -> None:
    change = plan_change(found(session, identity, rest_off(world)), arn)
    rest_level(world, change.ref.api_id, "ERROR")
    with pytest.raises(WizardError) as caught:
        stages.apply(session, change)
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
        stages.apply(session, change)
    assert caught.value.code == "WAG-E-STAGES-012"
    back = stages.restore(session, change.ref, change.api_type, change.before, change.after)
    assert back.result is Result.GONE


@pytest.mark.parametrize("kind", [rest_off, http_off])
def test_logging_somebody_else_changed_is_put_back_only_when_a_person_says_so(
    session: Session, identity: Identity, world: Any, arn: str, kind: Any
) -> None:
    change = plan_change(found(session, identity, kind(world)), arn)
    stages.apply(session, change)
    theirs = AccessLog(world.arn(world.log_group()), JSON)
    live = stages.read(session, change.ref, change.api_type)
    stages._write(
        session,
        change.ref,
        change.api_type,
        live,
        replace(live.settings, access_log=theirs),
    )
    asked = stages.restore(session, change.ref, change.api_type, change.before, change.after)
    assert asked.result is Result.ASK
    assert stages.read_settings(session, change.ref, change.api_type).access_log == theirs
    forced = stages.restore(
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
        assert stages.apply(cut, change).result is Result.CHANGED
        return
    with pytest.raises(WizardError) as caught:
        stages.apply(cut, change)
    assert caught.value.code == code
    assert caught.value.in_doubt is in_doubt
    assert caught.value.next_step
    # Whatever it was, doing it again ends well.
    assert stages.apply(session, change).settings == change.after


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
    original = stages.read
    reads: list[float] = []

    def stale(*arguments: Any) -> Any:
        reads.append(time.monotonic())
        live = original(*arguments)
        return replace(live, settings=StageSettings()) if len(reads) == 2 else live

    monkeypatch.setattr(stages, "read", stale)
    assert stages.apply(session, change).result is Result.CHANGED
    assert len(reads) == 3
