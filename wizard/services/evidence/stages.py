"""Evidence from API Gateway: stages, their access logs, and what lets them write."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from wizard.core.access_log import merge
from wizard.core.checks import Finding, failed, passed, warned
from wizard.core.facts import ApiType, StageRef
from wizard.core.record import StageRecord
from wizard.core.text import count
from wizard.services.evidence.scene import Scene, absent, words

_MOST_SHOWN = 5


def stages_exist(scene: Scene) -> Finding:
    """WAG-LOG-007."""
    if not scene.record.stages:
        return warned("no stage is connected yet")
    lost = [str(ref) for ref in scene.record.stages if _live(scene, ref) is None]
    if lost:
        return failed(f"API Gateway does not know {', '.join(lost[:_MOST_SHOWN])}", lost[0])
    return passed(count(len(scene.record.stages), "stage"))


def stage_destination(scene: Scene) -> Finding:
    """WAG-LOG-008."""
    wrong = []
    for held in scene.record.stages.values():
        live = _live(scene, held.ref) or {}
        wanted = held.after.access_log.destination_arn.removesuffix(":*")
        found = live.get("destinationArn", "").removesuffix(":*")
        if found != wanted:
            wrong.append((held.ref, found or "nowhere"))
    if wrong:
        ref, found = wrong[0]
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        return failed(f"{ref} logs to {found}{more}", str(ref))
    return passed(count(len(scene.record.stages), "stage"))


def stage_format(scene: Scene) -> Finding:
    """WAG-LOG-009."""
    for held in scene.record.stages.values():
        live = _live(scene, held.ref) or {}
        merged = merge(live.get("format", ""), ApiType(held.api_type))
        if merged.problem:
            return failed(f"{held.ref}: {merged.problem}", str(held.ref))
        if merged.added:
            return failed(f"{held.ref} logs without {', '.join(merged.added)}", str(held.ref))
    return passed("every field is logged")


def account_role(scene: Scene) -> Finding:
    """WAG-LOG-010."""
    if not _needs_role(scene):
        return passed("only HTTP APIs are connected; they need none")
    arn = _account_role(scene)
    if not arn:
        return failed("apigateway.GetAccount: cloudwatchRoleArn is not set", "role")
    return passed(arn)


def account_role_usable(scene: Scene) -> Finding:
    """WAG-LOG-011."""
    arn = _account_role(scene)
    if not arn or not _needs_role(scene):
        return passed("not needed")
    name = arn.rsplit("/", 1)[-1]
    try:
        role = scene.aws("iam").get_role(RoleName=name)["Role"]
    except ClientError as error:
        if absent(error):
            return failed(f"{arn} does not exist: {words(error)}")
        raise
    if "apigateway.amazonaws.com" not in json.dumps(role.get("AssumeRolePolicyDocument", "")):
        return failed(f"{name} does not trust apigateway.amazonaws.com")
    return passed(name)


def _live(scene: Scene, ref: StageRef) -> dict[str, Any] | None:
    """The stage's access log settings as they are now; None when the stage is gone."""
    held = scene.record.stages[ref]

    def ask() -> dict[str, Any] | None:
        try:
            return _read(scene, held)
        except ClientError as error:
            if absent(error):
                return None
            raise

    return scene.once(f"stage:{ref}", ask)  # type: ignore[no-any-return]


def _read(scene: Scene, held: StageRecord) -> dict[str, Any]:
    if held.api_type == ApiType.REST.value:
        client = scene.aws("apigateway")
        stage = client.get_stage(restApiId=held.ref.api_id, stageName=held.ref.stage)
        return dict(stage.get("accessLogSettings") or {})
    stage = scene.aws("apigatewayv2").get_stage(ApiId=held.ref.api_id, StageName=held.ref.stage)
    found = stage.get("AccessLogSettings") or {}
    return {
        "destinationArn": found.get("DestinationArn", ""),
        "format": found.get("Format", ""),
    }


def _needs_role(scene: Scene) -> bool:
    return any(s.api_type != ApiType.HTTP.value for s in scene.record.stages.values())


def _account_role(scene: Scene) -> str:
    answer = scene.once("account", lambda: scene.aws("apigateway").get_account())
    return str(answer.get("cloudwatchRoleArn") or "")
