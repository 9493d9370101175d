"""Evidence from API Gateway: stages, their access logs, and what lets them write."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from wizard.core.account_state import GATEWAY, trusts
from wizard.core.checks.model import Finding, failed, passed, unchecked, warned
from wizard.core.facts import ApiType, StageRef
from wizard.core.journal.record import StageRecord
from wizard.core.stages.log_format import is_read, log_group_name, merge
from wizard.core.text import count
from wizard.services.aws import log_delivery as log_policy
from wizard.services.aws.log_delivery import group_arn
from wizard.services.checks.examination import Examination, absent, check, error_words

_MOST_SHOWN = 5
_PUSH_POLICY = "AmazonAPIGatewayPushToCloudWatchLogs"
_WRITING = ("logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams")


@check("WAG-LOG-007")
def stages_exist(exam: Examination) -> Finding:
    """WAG-LOG-007."""
    if not exam.record.stages:
        return warned("no stage is connected yet")
    lost = [str(ref) for ref in exam.record.stages if _live(exam, ref) is None]
    if lost:
        return failed(f"API Gateway does not know {', '.join(lost[:_MOST_SHOWN])}", lost[0])
    return passed(count(len(exam.record.stages), "stage"))


@check("WAG-LOG-008")
def stage_destination(exam: Examination) -> Finding:
    """WAG-LOG-008."""
    wrong = []
    for held in exam.record.stages.values():
        live = _live(exam, held.ref) or {}
        wanted = held.after.access_log.destination_arn.removesuffix(":*")
        found = live.get("destinationArn", "").removesuffix(":*")
        if found != wanted:
            wrong.append((held, found or "nowhere"))
    if wrong:
        held, found = wrong[0]
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        return failed(f"{held.label} logs to {found}{more}", str(held.ref))
    return passed(count(len(exam.record.stages), "stage"))


@check("WAG-LOG-009")
def stage_format(exam: Examination) -> Finding:
    """WAG-LOG-009."""
    older = ""
    for held in exam.record.stages.values():
        api_type = ApiType(held.api_type)
        text = (_live(exam, held.ref) or {}).get("format", "")
        merged = merge(text, api_type)
        if merged.problem:
            return failed(f"{held.label}: {merged.problem}", str(held.ref))
        if merged.moved and not is_read(text, api_type):
            return failed(
                f"{held.label} logs in an older format, in which a client could forge what AWS "
                "writes: its lines are given up",
                str(held.ref),
            )
        if merged.moved:
            older = older or held.label
        elif merged.added:
            return failed(f"{held.label} logs without {', '.join(merged.added)}", str(held.ref))
    if older:
        return warned(
            f"{older} logs in the older format: a line of it in which a client wrote anything that "
            "looks like a key is given up; `wallarm-apigw install` moves it to the format of today"
        )
    return passed("every field is logged")


@check("WAG-LOG-016")
def canaries(exam: Examination) -> Finding:
    """WAG-LOG-016."""
    for held in exam.record.stages.values():
        live = _live(exam, held.ref) or {}
        percent = live.get("canaryPercent", 0.0)
        if not percent:
            continue
        group = log_group_name(live.get("destinationArn", "")) + "/Canary"
        try:
            filters = exam.aws("logs").describe_subscription_filters(logGroupName=group)
        except ClientError as error:
            if not absent(error):
                raise
            filters = {}
        wanted = exam.outputs.lambda_function_arn
        if not any(
            f["destinationArn"].startswith(wanted) for f in filters.get("subscriptionFilters", [])
        ):
            return warned(
                f"{percent:g} % of the requests to {held.label} are logged to {group}, "
                "which the forwarder is not subscribed to"
            )
    return passed("no canary logs elsewhere")


@check("WAG-LOG-015")
def log_delivery(exam: Examination) -> Finding:
    """WAG-LOG-015."""
    account = exam.identity.account_id
    for group in http_log_groups(exam):
        arn = group_arn(exam.identity, group)
        if not any(log_policy.allows(text, arn, account) for text in _log_policies(exam, arn)):
            return failed(
                f"logs.DescribeResourcePolicies: none lets {log_policy.PRINCIPAL} write to {group}",
                group,
            )
    return passed(", ".join(http_log_groups(exam)) or "no HTTP API is connected")


def http_log_groups(exam: Examination) -> tuple[str, ...]:
    """The log groups that connected HTTP APIs write to."""
    return tuple(
        dict.fromkeys(
            log_group_name(held.after.access_log.destination_arn)
            for held in exam.record.stages.values()
            if held.api_type == ApiType.HTTP.value
        )
    )


def _log_policies(exam: Examination, arn: str) -> list[str]:
    """The policies of the group itself and those of the whole account."""
    client = exam.aws("logs")
    documents: list[str] = []
    for request in ({"resourceArn": arn, "policyScope": "RESOURCE"}, {}):
        token = ""
        while True:
            more = {"nextToken": token} if token else {}
            answer = client.describe_resource_policies(**request, **more)
            documents += [p.get("policyDocument", "") for p in answer.get("resourcePolicies", [])]
            token = answer.get("nextToken", "")
            if not token:
                break
    return documents


@check("WAG-LOG-010")
def account_role(exam: Examination) -> Finding:
    """WAG-LOG-010."""
    if not _needs_role(exam):
        return passed("only HTTP APIs are connected; they need none")
    arn = _account_role(exam)
    if not arn:
        return failed("apigateway.GetAccount: cloudwatchRoleArn is not set", "role")
    return passed(arn)


@check("WAG-LOG-011")
def account_role_usable(exam: Examination) -> Finding:
    """WAG-LOG-011."""
    arn = _account_role(exam)
    if not arn or not _needs_role(exam):
        return passed("not needed")
    name = arn.rsplit("/", 1)[-1]
    try:
        role = exam.aws("iam").get_role(RoleName=name)["Role"]
    except ClientError as error:
        if absent(error):
            return failed(f"{arn} does not exist: {error_words(error)}")
        raise
    if not trusts(role.get("AssumeRolePolicyDocument") or {}, GATEWAY):
        return failed(f"{name} does not trust {GATEWAY}")
    attached = exam.aws("iam").list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    names = [str(policy["PolicyName"]) for policy in attached]
    if _PUSH_POLICY in names:
        return passed(f"{name} with {_PUSH_POLICY}")
    names += exam.aws("iam").list_role_policies(RoleName=name)["PolicyNames"]
    if not names:
        return failed(f"{name} has no policy, so it may not write logs")
    return _may_write(exam, arn, name, names)


def _may_write(exam: Examination, arn: str, name: str, policies: list[str]) -> Finding:
    """Whether other policies than AWS's own let the role write."""
    listed = ", ".join(policies)
    try:
        answer = exam.aws("iam").simulate_principal_policy(
            PolicySourceArn=arn, ActionNames=list(_WRITING)
        )
    except (ClientError, BotoCoreError) as error:
        return unchecked(
            f"whether {listed} let {name} write logs is not known: {error_words(error)}"
        )
    denied = [
        str(one["EvalActionName"])
        for one in answer["EvaluationResults"]
        if one["EvalDecision"] != "allowed"
    ]
    if denied:
        return failed(f"iam.SimulatePrincipalPolicy: {name} ({listed}) may not {', '.join(denied)}")
    return passed(f"{name} with {listed}")


def _live(exam: Examination, ref: StageRef) -> dict[str, Any] | None:
    """The stage's access log settings as they are now; None when the stage is gone."""
    held = exam.record.stages[ref]

    def ask() -> dict[str, Any] | None:
        try:
            return _read(exam, held)
        except ClientError as error:
            if absent(error):
                return None
            raise

    return exam.once(f"stage:{ref}", ask)  # type: ignore[no-any-return]


def _read(exam: Examination, held: StageRecord) -> dict[str, Any]:
    if held.api_type == ApiType.REST.value:
        client = exam.aws("apigateway")
        stage = client.get_stage(restApiId=held.ref.api_id, stageName=held.ref.stage)
        canary = stage.get("canarySettings") or {}
        return dict(stage.get("accessLogSettings") or {}) | {
            "canaryPercent": canary.get("percentTraffic", 0.0)
        }
    stage = exam.aws("apigatewayv2").get_stage(ApiId=held.ref.api_id, StageName=held.ref.stage)
    found = stage.get("AccessLogSettings") or {}
    return {
        "destinationArn": found.get("DestinationArn", ""),
        "format": found.get("Format", ""),
    }


def _needs_role(exam: Examination) -> bool:
    return any(s.api_type != ApiType.HTTP.value for s in exam.record.stages.values())


def _account_role(exam: Examination) -> str:
    answer = exam.once("account", lambda: exam.aws("apigateway").get_account())
    return str(answer.get("cloudwatchRoleArn") or "")
