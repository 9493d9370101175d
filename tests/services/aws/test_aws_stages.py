"""Changing stages on a local AWS and putting them back, also when something goes wrong."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from wizard.core import log_policy
from wizard.core.change import plan_change
from wizard.core.errors import WizardError
from wizard.core.facts import AccessLog, ApiType, Identity, Stage, StageRef, StageSettings
from wizard.core.secret import Secret
from wizard.services.aws import account_role, parameters, resource_policy, stage_errors, stages
from wizard.services.aws.budget import TokenBucket
from wizard.services.aws.discovery import discover
from wizard.services.aws.session import Session
from wizard.services.aws.stages import Result

JSON = '{"requestId":"$context.requestId","status":$context.status}'


@pytest.fixture
def arn(world: Any) -> str:
    return str(world.arn(world.log_group()))


def found(session: Session, identity: Identity, api: str) -> Stage:
    return next(s for s in discover(session, identity).stages if s.api.api_id == api)


def dump(world: Any, stage: Stage) -> dict[str, Any]:
    """Everything AWS tells about a stage but when it was touched."""
    if stage.api.api_type is ApiType.REST:
        answer = world.rest.get_stage(restApiId=stage.api.api_id, stageName=stage.name)
    else:
        answer = world.v2.get_stage(ApiId=stage.api.api_id, StageName=stage.name)
    ignored = ("ResponseMetadata", "lastUpdatedDate", "LastUpdatedDate")
    # AWS leaves unset things out; this local one shows some of them empty.
    return {k: v for k, v in answer.items() if k not in ignored and v != {}}


def rest_level(world: Any, api: str, level: str) -> None:
    world.rest.update_stage(
        restApiId=api,
        stageName="prod",
        patchOperations=[{"op": "replace", "path": "/*/*/logging/loglevel", "value": level}],
    )


def rest_off(world: Any) -> str:
    return str(world.rest_api())


def rest_level_off(world: Any) -> str:
    api = str(world.rest_api())
    rest_level(world, api, "OFF")
    return api


def rest_with_settings(world: Any) -> str:
    api = str(world.rest_api())
    world.rest.update_stage(
        restApiId=api,
        stageName="prod",
        patchOperations=[
            {"op": "replace", "path": "/*/*/logging/dataTrace", "value": "true"},
            {"op": "replace", "path": "/*/*/logging/loglevel", "value": "ERROR"},
            {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "50"},
            {"op": "replace", "path": "/~1orders/GET/logging/loglevel", "value": "OFF"},
        ],
    )
    return api


def rest_logging_elsewhere(world: Any) -> str:
    api = str(world.rest_api())
    other = world.arn(world.log_group())
    world.rest.update_stage(
        restApiId=api,
        stageName="prod",
        patchOperations=[
            {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": other},
            {"op": "replace", "path": "/accessLogSettings/format", "value": JSON},
        ],
    )
    return api


def http_off(world: Any) -> str:
    return str(world.http_api())


def http_logging_elsewhere(world: Any) -> str:
    api = str(world.http_api())
    other = world.arn(world.log_group())
    world.v2.update_stage(
        ApiId=api,
        StageName="$default",
        AccessLogSettings={"DestinationArn": other, "Format": JSON},
        DefaultRouteSettings={"ThrottlingRateLimit": 5.0, "ThrottlingBurstLimit": 2},
    )
    return api


def websocket_off(world: Any) -> str:
    return str(world.websocket_api())


def websocket_with_settings(world: Any) -> str:
    settings = {"LoggingLevel": "ERROR", "DataTraceEnabled": True, "ThrottlingRateLimit": 5.0}
    return str(world.websocket_api(DefaultRouteSettings=settings))


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
    explained = stage_errors.refused(error, StageRef("a", "prod"), "Changing a/prod", "")
    assert explained.code == code
    assert words in explained.why
    assert explained.next_step


def test_the_account_role_is_created_and_set_only_where_none_is(
    env: dict[str, str], session: Session, identity: Identity
) -> None:
    elsewhere = replace(identity, region="ap-southeast-2")
    other = Session(region=elsewhere.region, env=env, bucket=TokenBucket(10_000, 10_000))
    assert account_role.read(other) == ""
    role, created = account_role.create(other, elsewhere, tags={"team": "a"})
    assert created
    assert account_role.create(other, elsewhere) == (role, False)
    account_role.put(other, role)
    assert account_role.read(other) == role
    account_role.put(other, role)
    with pytest.raises(WizardError) as caught:
        account_role.put(other, role + "-mine")
    assert caught.value.code == "WAG-E-ROLE-001"
    assert account_role.read(other) == role
    assert not account_role.delete(other, elsewhere), "in use, so it stays"
    attached: Any = session.client("iam").list_attached_role_policies(
        RoleName=account_role.role_name(elsewhere.region)
    )
    assert [p["PolicyName"] for p in attached["AttachedPolicies"]] == [
        "AmazonAPIGatewayPushToCloudWatchLogs"
    ]


def test_a_role_of_that_name_that_is_not_ours_is_left_alone(
    session: Session, identity: Identity
) -> None:
    elsewhere = replace(identity, region="sa-east-1")
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}}]}
    session.client("iam").create_role(
        RoleName=account_role.role_name(elsewhere.region),
        AssumeRolePolicyDocument=json.dumps(trust),
    )
    with pytest.raises(WizardError) as caught:
        account_role.create(session, elsewhere)
    assert caught.value.code == "WAG-E-ROLE-004"


class Slow(Session):
    """A session where IAM needs a while until API Gateway may assume a new role."""

    refusals = 2
    sent = 0

    def client(self, service: str) -> Any:
        client = super().client(service)
        if service == "apigateway" and not hasattr(client, "_slow"):
            client._slow = True

            def refuse(model: Any, **_: Any) -> None:
                from botocore.exceptions import ClientError

                self.sent += 1
                if self.sent <= self.refusals:
                    words = "The role ARN does not have required permissions configured"
                    raise ClientError(
                        {"Error": {"Code": "BadRequestException", "Message": words}}, model.name
                    )

            client.meta.events.register("before-call.api-gateway.UpdateAccount", refuse)
        return client


def test_a_new_role_is_waited_for_at_the_pace_aws_allows(env: dict[str, str]) -> None:
    session = Slow(region="eu-north-1", env=env, bucket=TokenBucket(10_000, 10_000))
    now = [0.0]
    waits: list[float] = []
    account_role.put(
        session,
        "arn:aws:iam::123456789012:role/new",
        on_wait=lambda seconds, _: waits.append(seconds),
        clock=lambda: now[0],
        sleep=lambda seconds: now.__setitem__(0, now[0] + seconds),
    )
    assert waits == [20.0, 20.0]
    assert account_role.read(session).endswith("role/new")


def test_a_role_that_never_comes_right_is_given_up_and_waiting_can_be_cancelled(
    env: dict[str, str],
) -> None:
    session = Slow(region="eu-west-3", env=env, bucket=TokenBucket(10_000, 10_000))
    session.refusals = 10**6
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with pytest.raises(WizardError) as caught:
        account_role.put(session, "arn:x", clock=lambda: now[0], sleep=sleep)
    assert caught.value.code == "WAG-E-ROLE-002"
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(WizardError) as caught:
        account_role.put(session, "arn:x", cancel=cancel, clock=lambda: now[0], sleep=sleep)
    assert caught.value.code == "WAG-E-ROLE-003"
    assert account_role.read(session) == ""


def policies(world: Any) -> dict[str, str]:
    found = world.logs.describe_resource_policies()["resourcePolicies"]
    return {p["policyName"]: p["policyDocument"] for p in found}


def on_group(world: Any, arn: str) -> str:
    found = world.logs.describe_resource_policies(resourceArn=arn)["resourcePolicies"]
    return str(found[0]["policyDocument"]) if found else ""


def test_log_delivery_gets_into_a_group_through_its_own_policy_and_out_again(
    session: Session, identity: Identity, world: Any
) -> None:
    name = world.log_group()
    arn = world.arn(name)
    before = policies(world)
    outcome = resource_policy.ensure(session, identity, name)
    assert outcome.changed
    assert log_policy.allows(on_group(world, arn), arn, identity.account_id)
    assert policies(world) == before
    assert not resource_policy.ensure(session, identity, name).changed
    assert resource_policy.restore(session, identity, name, outcome.before)
    assert on_group(world, arn) == ""
    assert not resource_policy.restore(session, identity, name, outcome.before)


THEIR_POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Route53",
                "Effect": "Allow",
                "Principal": {"Service": "route53.amazonaws.com"},
                "Action": "logs:*",
                "Resource": "*",
            }
        ],
    },
    indent=1,
)


def test_a_policy_somebody_else_put_on_the_group_is_added_to_and_comes_back_in_its_spelling(
    session: Session, identity: Identity, world: Any
) -> None:
    name = world.log_group()
    arn = world.arn(name)
    world.logs.put_resource_policy(resourceArn=arn, policyDocument=THEIR_POLICY)
    outcome = resource_policy.ensure(session, identity, name)
    assert "route53.amazonaws.com" in on_group(world, arn)
    assert log_policy.allows(on_group(world, arn), arn, identity.account_id)
    resource_policy.restore(session, identity, name, outcome.before)
    assert on_group(world, arn) == THEIR_POLICY


def test_a_group_that_is_gone_is_nothing_to_restore_but_an_error_to_ensure(
    session: Session, identity: Identity, world: Any
) -> None:
    name = world.log_group()
    outcome = resource_policy.ensure(session, identity, name)
    world.logs.delete_log_group(logGroupName=name)
    assert not resource_policy.restore(session, identity, name, outcome.before)
    with pytest.raises(WizardError) as caught:
        resource_policy.ensure(session, identity, name)
    assert caught.value.code == "WAG-E-LOGS-001"


class NoGroupPolicies(Session):
    """A session in a partition that knows only account-wide policies."""

    def client(self, service: str) -> Any:
        client = super().client(service)
        if service == "logs" and not hasattr(client, "_old"):
            client._old = True
            original = client._make_api_call

            def call(operation: str, arguments: Any) -> Any:
                from botocore.exceptions import ClientError

                if "resourceArn" in arguments:
                    raise ClientError(
                        {"Error": {"Code": "InvalidParameterException", "Message": "resourceArn"}},
                        operation,
                    )
                return original(operation, arguments)

            client._make_api_call = call
        return client


def test_without_policies_on_groups_one_account_wide_policy_serves_every_group(
    env: dict[str, str], identity: Identity, world: Any
) -> None:
    session = NoGroupPolicies(region=identity.region, env=env, bucket=TokenBucket(10_000, 10_000))
    first, second = world.log_group(), world.log_group()
    before = policies(world)
    one = resource_policy.ensure(session, identity, first)
    two = resource_policy.ensure(session, identity, second)
    assert set(policies(world)) - set(before) == {resource_policy.ACCOUNT_POLICY}
    assert resource_policy.restore(session, identity, first, one.before)
    document = policies(world)[resource_policy.ACCOUNT_POLICY]
    assert log_policy.allows(document, world.arn(second), identity.account_id)
    assert not log_policy.allows(document, world.arn(first), identity.account_id)
    assert resource_policy.restore(session, identity, second, two.before)
    assert policies(world) == before


def test_with_every_account_wide_policy_taken_one_with_room_is_extended_or_it_says_so(
    env: dict[str, str], identity: Identity, world: Any
) -> None:
    region = "us-west-1"
    logs: Any = Session(region=region, env=env, bucket=TokenBucket(10_000, 10_000)).client("logs")
    session = NoGroupPolicies(region=region, env=env, bucket=TokenBucket(10_000, 10_000))
    there = replace(identity, region=region)
    logs.create_log_group(logGroupName="/g")
    for number in range(10):
        logs.put_resource_policy(policyName=f"p{number}", policyDocument=THEIR_POLICY)
    with pytest.raises(WizardError) as caught:
        resource_policy.ensure(session, there, "/g")
    assert caught.value.code == "WAG-E-LOGS-003"
    theirs = log_policy.with_statement(
        "", log_policy.statement("arn:other", identity.account_id, region, "aws")
    )
    logs.put_resource_policy(policyName="p3", policyDocument=theirs)
    outcome = resource_policy.ensure(session, there, "/g")
    assert outcome.after["name"] == "p3"
    resource_policy.restore(session, there, "/g", outcome.before)
    kept = {p["policyName"]: p for p in logs.describe_resource_policies()["resourcePolicies"]}
    assert log_policy.same_document(kept["p3"]["policyDocument"], theirs)


def test_the_token_is_stored_replaced_and_deleted_and_never_shown(
    session: Session, world: Any
) -> None:
    client = session.client("ssm")
    name = f"/wallarm-apigw/{world.name()}/token"
    assert parameters.key_of(client, name) is None
    parameters.store(client, name, Secret("first"), tags={"team": "a"})
    parameters.store(client, name, Secret("second"), tags={"team": "a"})
    assert parameters.key_of(client, name) == "alias/aws/ssm"
    stored: Any = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert (stored["Value"], stored["Type"]) == ("second", "SecureString")
    assert parameters.delete(client, name)
    assert not parameters.delete(client, name)
    with pytest.raises(WizardError) as caught:
        parameters.store(client, "/aws/refused", Secret("s3cr3t-value"))
    assert "s3cr3t-value" not in f"{caught.value!s}{caught.value.__cause__!r}"


def test_a_key_of_ones_own_encrypts_the_token_now_and_when_it_is_replaced(
    session: Session, world: Any
) -> None:
    client = session.client("ssm")
    key = session.client("kms").create_key()["KeyMetadata"]["Arn"]
    name = f"/wallarm-apigw/{world.name()}/token"
    for value in ("first", "second"):
        parameters.store(client, name, Secret(value), key=key)
        assert parameters.key_of(client, name) == key
    parameters.delete(client, name)


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
