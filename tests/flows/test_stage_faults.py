"""Whatever goes wrong with one stage: a known state, recorded, with the next step; others go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from tests.flows.account import GROUP, World, ended_well
from tests.flows.mortal import Meddler, Mortal
from wizard.core.errors import WizardError
from wizard.core.events import Note, State
from wizard.core.facts import Stage
from wizard.core.terraform.events import ApplyProgress, Diagnostic
from wizard.flows.deployment.apply import apply_plan, follow_terraform
from wizard.services.aws import account_role
from wizard.services.aws import stages as live_stages
from wizard.services.terraform.errors import failed

URL = "http://127.0.0.1"


def answer(code: str, words: str, operation: str = "UpdateStage") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": words}}, operation)


def at(stage: Stage, operation: str, error: Exception) -> Meddler:
    """Raises at one operation on one stage, every time."""

    def meddle(called: str, arguments: Any) -> None:
        mine = arguments.get("restApiId") == stage.api.api_id and (
            arguments.get("stageName") == stage.name
        )
        if called == operation and mine:
            raise error

    return meddle


def refused(code: str, words: str) -> Callable[[Mortal, Stage], None]:
    def set_up(session: Mortal, victim: Stage) -> None:
        session.before = at(victim, "UpdateStage", answer(code, words))

    return set_up


def cut_before(session: Mortal, victim: Stage) -> None:
    session.before = at(victim, "UpdateStage", ReadTimeoutError(endpoint_url=URL))


def cut_for_good(session: Mortal, victim: Stage) -> None:
    """The change is made, its answer is lost, and AWS cannot be reached any more."""

    def behind(operation: str, arguments: Any) -> None:
        if operation == "UpdateStage" and arguments.get("stageName") == victim.name:
            session.before = at(victim, "GetStage", EndpointConnectionError(endpoint_url=URL))
            raise ReadTimeoutError(endpoint_url=URL)

    session.behind = behind


def edited_meanwhile(session: Mortal, victim: Stage) -> None:
    """Somebody else changes the level right after us."""

    def behind(operation: str, arguments: Any) -> None:
        if operation == "UpdateStage" and arguments.get("stageName") == victim.name:
            session.behind = lambda operation, arguments: None
            session.client("apigateway").update_stage(
                restApiId=victim.api.api_id,
                stageName=victim.name,
                patchOperations=[
                    {"op": "replace", "path": "/*/*/logging/loglevel", "value": "ERROR"}
                ],
            )

    session.behind = behind


FAULTS = [
    (refused("TooManyRequestsException", "Too Many Requests"), "WAG-E-AWS-008", False),
    (refused("AccessDeniedException", "not authorized to perform: apigateway:PATCH"),
     "WAG-E-AWS-007", False),
    (refused("BadRequestException", "The log group does not exist"), "WAG-E-STAGES-017", False),
    (refused("ConflictException", "Unable to complete operation"), "WAG-E-STAGES-018", False),
    (cut_before, "WAG-E-STAGES-015", False),
    (cut_for_good, "WAG-E-STAGES-016", True),
    (edited_meanwhile, "WAG-E-STAGES-014", True),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "code", "in_doubt"), FAULTS)
def test_a_fault_of_one_stage_is_known_recorded_and_mended_by_the_next_run(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[Mortal, Stage], None],
    code: str,
    in_doubt: bool,
) -> None:
    monkeypatch.setattr(live_stages, "READ_BACK_SECONDS", 0.0)
    victim, neighbour = world.stage("orders", "staging"), world.stage("storefront", "live")
    first = world.dump(victim)
    world.connect(world.session.begin(), neighbour)  # the account's role is set from here on
    world.take_back(world.session.begin())
    fault(world.session.begin(), victim)
    reports, _ = world.switch(world.session, (victim, neighbour))
    found = {r.ref: r for r in reports}
    assert found[neighbour.ref].state is State.DONE
    assert found[victim.ref].state is State.FAILED
    assert code in found[victim.ref].message
    assert "Next: " in found[victim.ref].message
    held = world.record()
    assert neighbour.ref in held.stages
    assert (victim.ref in held.stages) is in_doubt
    assert [e.subject for e in held.unfinished] == [str(victim.ref)] * in_doubt
    assert ended_well(world.connect(world.session.begin(), victim))
    assert world.record().unfinished == ()
    world.take_back(world.session.begin())
    back = world.dump(victim)
    if fault is edited_meanwhile:  # their level is theirs, and stays
        back["methodSettings"].pop("*/*")
        back = {k: v for k, v in back.items() if v != {}}
    assert back == first


def test_a_stage_deleted_between_choice_and_change_is_named_and_the_others_go_on(
    world: World,
) -> None:
    rest: Any = world.session.client("apigateway")
    known = world.stage("orders", "dev")
    made = rest.get_stage(restApiId=known.api.api_id, stageName="dev")["deploymentId"]
    rest.create_stage(restApiId=known.api.api_id, stageName="short", deploymentId=made)
    victim, neighbour = replace(known, name="short"), world.stage("storefront", "live")

    def before(operation: str, arguments: Any) -> None:
        if operation == "UpdateStage" and arguments.get("stageName") == "short":
            world.session.before = lambda operation, arguments: None
            rest.delete_stage(restApiId=known.api.api_id, stageName="short")

    world.session.begin().before = before
    reports, _ = world.switch(world.session, (victim, neighbour))
    assert [r.state for r in reports] == [State.FAILED, State.DONE]
    assert "WAG-E-STAGES-012" in reports[0].message
    assert victim.ref not in world.record().stages
    world.take_back(world.session.begin())


def test_a_connected_stage_that_was_deleted_is_nothing_to_put_back(world: World) -> None:
    rest: Any = world.session.client("apigateway")
    known = world.stage("orders", "dev")
    made = rest.get_stage(restApiId=known.api.api_id, stageName="dev")["deploymentId"]
    rest.create_stage(restApiId=known.api.api_id, stageName="brief", deploymentId=made)
    assert ended_well(world.connect(world.session.begin(), replace(known, name="brief")))
    rest.delete_stage(restApiId=known.api.api_id, stageName="brief")
    (report,) = world.take_back(world.session.begin())
    assert report.state is State.DONE
    assert "nothing to put back" in report.message.lower()
    assert world.record().stages == {}


def test_a_log_group_that_may_not_be_written_to_stops_only_its_own_stages(world: World) -> None:
    ours, theirs = world.stage("payments", "$default"), world.stage("catalogue", "v2")
    rest = world.stage("orders", "prod")
    first = world.dump(theirs)

    def before(operation: str, arguments: Any) -> None:
        if operation == "PutResourcePolicy" and GROUP in str(arguments):
            raise answer("ThrottlingException", "Rate exceeded", operation)

    world.session.begin().before = before
    reports, _ = world.switch(world.session, (ours, theirs, rest))
    assert [r.state for r in reports] == [State.FAILED, State.DONE, State.DONE]
    assert "WAG-E-AWS-008" in reports[0].message
    assert set(world.record().policies) == {"/company/api/catalogue-v2"}
    world.take_back(world.session.begin())
    assert world.dump(theirs) == first


def test_a_policy_whose_write_got_no_answer_is_looked_for_by_the_next_run(world: World) -> None:
    stage = world.stage("payments", "$default")
    first = world.dump(stage)

    def behind(operation: str, arguments: Any) -> None:
        if operation == "PutResourcePolicy":
            raise ReadTimeoutError(endpoint_url=URL)

    world.session.begin().behind = behind
    (report,) = world.connect(world.session, stage)
    assert "WAG-E-LOGS-005" in report.message
    assert [e.subject for e in world.record().unfinished] == [GROUP]
    assert ended_well(world.connect(world.session.begin(), stage))
    assert world.record().unfinished == ()
    world.take_back(world.session.begin())
    assert world.dump(stage) == first


def test_a_role_api_gateway_refuses_to_the_end_is_deleted_again_and_http_apis_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_role, "PROPAGATION_SECONDS", 0.0)
    world.unset_role()
    rest, http = world.stage("orders", "prod"), world.stage("payments", "$default")

    def before(operation: str, arguments: Any) -> None:
        if operation == "UpdateAccount":
            raise answer("BadRequestException", "The role ARN is not assumable", operation)

    world.session.begin().before = before
    reports, _ = world.switch(world.session, (rest, http))
    assert [r.state for r in reports] == [State.FAILED, State.DONE]
    assert "WAG-E-ROLE-002" in reports[0].message
    assert account_role.read_role_arn(world.session) == ""
    assert world.session.writes[:4] == [
        "CreateRole", "AttachRolePolicy", "DetachRolePolicy", "DeleteRole",
    ]  # fmt: skip
    held = world.record()
    assert (held.role_created, held.role_set, held.unfinished) == ("", "", ())
    assert ended_well(world.connect(world.session.begin(), rest))
    assert world.record().role_set == account_role.read_role_arn(world.session)
    world.take_back(world.session.begin())


def test_a_role_whose_setting_got_no_answer_is_asked_about(world: World) -> None:
    world.unset_role()
    stage = world.stage("orders", "prod")

    def behind(operation: str, arguments: Any) -> None:
        if operation == "UpdateAccount":
            raise ReadTimeoutError(endpoint_url=URL)

    world.session.begin().behind = behind
    assert ended_well(world.connect(world.session, stage)), "it was set, and that was seen"
    assert world.record().role_set == account_role.read_role_arn(world.session) != ""
    world.take_back(world.session.begin())


def test_a_log_group_that_is_gone_or_of_the_wrong_class_is_said_before_anything_is_changed(
    world: World,
) -> None:
    logs: Any = world.session.client("logs")
    stage = world.stage("catalogue", "v1")
    format_ = '{"id":"$context.requestId"}'
    logs.create_log_group(logGroupName="/rare", logGroupClass="INFREQUENT_ACCESS")
    for name, reason in (("/gone", "does not exist any more"), ("/rare", "INFREQUENT_ACCESS")):
        world.session.client("apigatewayv2").update_stage(
            ApiId=stage.api.api_id,
            StageName=stage.name,
            AccessLogSettings={
                "DestinationArn": world.arn.replace(GROUP, name),
                "Format": format_,
            },
        )
        reports, skipped = world.switch(world.session.begin(), (stage,))
        assert reports == ()
        assert reason in skipped[stage.ref]
        assert "Switch it to the connector's log group" in skipped[stage.ref]
        assert world.session.writes == []
    world.session.client("apigatewayv2").delete_access_log_settings(
        ApiId=stage.api.api_id, StageName=stage.name
    )


def test_nothing_asked_of_a_stage_is_lost_in_the_events(world: World) -> None:
    """Every report reaches whoever listens, as does what was done to the account."""
    world.unset_role()
    stage = world.stage("orders", "prod")
    reports = world.connect(world.session.begin(), stage)
    notes = [e for e in world.events if isinstance(e, Note) and e.subject == "CloudWatch role"]
    assert "it stays when this product is removed" in notes[0].text
    assert set(reports) <= set(world.events)
    world.take_back(world.session.begin())


class Full:
    """Terraform as it ends when AWS allows no further subscription filter."""

    def __init__(self, key: str) -> None:
        words = "operation error CloudWatch Logs: PutSubscriptionFilter, LimitExceededException: "
        address = f'aws_cloudwatch_log_subscription_filter.forwarder["{key}"]'
        self._error = failed(
            "apply",
            [Diagnostic("error", f"putting Subscription Filter: {words}x", "", address)],
            "",
            1,
        )

    def apply(self, plan: Any, listen: Any) -> Any:
        raise self._error


@pytest.mark.parametrize("key", ["/company/api/catalogue-v2", "named main", "main"])
def test_a_log_group_without_room_is_named_with_what_is_in_it_and_the_ways_out(
    world: World, key: str
) -> None:
    logs: Any = world.session.client("logs")
    answers = {"main": "/given", "named main": "main"}
    group = answers.get(key, key)
    if key in answers:
        logs.create_log_group(logGroupName=group)
    target = f"arn:aws:lambda:{world.box.region}:{world.box.account_id}:function:siem"
    logs.put_subscription_filter(
        logGroupName=group, filterName="siem", filterPattern="", destinationArn=target
    )
    deployment = world.look_at(world.session)
    deployment.answers = deployment.answers.with_(api_gateway_log_group_name="/given")
    deployment._terraform = cast("Any", Full(key))
    with pytest.raises(WizardError) as caught:
        apply_plan(deployment, cast("Any", None))
    logs.delete_subscription_filter(logGroupName=group, filterName="siem")
    assert caught.value.code == "WAG-E-LOGS-004"
    assert caught.value.what.startswith(f"The log group {group} has 1 subscription filter")
    assert f"siem → {target}" in caught.value.why
    assert "Switch the stage to the connector's own log group" in caught.value.next_step


def test_a_subscription_that_takes_long_says_what_may_hold_it_up_once(world: World) -> None:
    """The provider tries a refused one again for a quarter of an hour and longer without a word."""
    logs: Any = world.session.begin().client("logs")
    group = "/company/api/catalogue-v2"
    target = f"arn:aws:lambda:{world.box.region}:{world.box.account_id}:function:siem"
    logs.put_subscription_filter(
        logGroupName=group, filterName="siem", filterPattern="", destinationArn=target
    )
    deployment = world.look_at(world.session)
    hear = follow_terraform(deployment)
    address = 'aws_cloudwatch_log_subscription_filter.forwarder["{}"]'

    def goes_on(key: str, seconds: float) -> None:
        kind = "aws_cloudwatch_log_subscription_filter"
        hear(ApplyProgress(address.format(key), kind, "create", seconds))

    goes_on(group, 10.0)
    assert not [e for e in world.events if isinstance(e, Note)], "that is nothing unusual"
    for seconds in (30.0, 40.0, 50.0):
        goes_on(group, seconds)
    goes_on("main", 60.0)  # made by Terraform: nobody else can have subscribed to it
    goes_on("/company/api/crm-clf", 60.0)  # nobody has: something else holds it up
    hear(ApplyProgress("aws_lb.node[0]", "aws_lb", "create", 60.0))
    logs.delete_subscription_filter(logGroupName=group, filterName="siem")
    (note,) = (e for e in world.events if isinstance(e, Note))
    assert (note.subject, note.state) == (group, State.WARNING)
    assert "has 1 subscription filter already (siem)" in note.text
    assert "switch its stages to the connector's own log group" in note.text
