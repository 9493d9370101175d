"""Run by a scheduler: connects what is new, puts back once, reports the second time, else quiet."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.e2e.conftest import Deployed

pytestmark = pytest.mark.e2e
RULES = "api:reconciled-*"


def run(deployed: Deployed, *options: str) -> tuple[subprocess.CompletedProcess[str], Any]:
    done = deployed.cli(
        "stages", "reconcile", "--yes", "--json", *options, WALLARM_APIGW_STAGE_RULES=RULES
    )
    assert done.stdout, done.stderr
    return done, json.loads(done.stdout.splitlines()[-1])


def log_of(deployed: Deployed, api: str) -> str:
    stage = deployed.client("apigatewayv2").get_stage(ApiId=api, StageName="live")
    return str(stage.get("AccessLogSettings", {}).get("DestinationArn", ""))


def test_what_rules_choose_is_connected_and_what_is_taken_away_is_put_back_once(
    deployed: Deployed,
) -> None:
    v2 = deployed.client("apigatewayv2")
    owned = {"aws-cdk:stack": "Orders"}
    made = v2.create_api(Name="reconciled-orders", ProtocolType="HTTP", Tags=owned)
    api = made["ApiId"]
    v2.create_stage(ApiId=api, StageName="live")
    before = {k: v for k, v in deployed.stage_images().items() if not k.startswith(api)}
    try:
        done, said = run(deployed, "--dry-run")
        assert done.returncode == 0, done.stderr
        assert {"stage": f"{api}/live", "step": "connect", "why": f"chosen by `{RULES}`"} in (
            said["stages"]
        )
        assert log_of(deployed, api) == ""

        done, said = run(deployed)
        assert (done.returncode, said["changed"], said["reported"]) == (0, 1, 0), done.stderr
        assert log_of(deployed, api) == deployed.outputs.api_gateway_log_group_arn

        done, said = run(deployed)
        assert (done.returncode, said["changed"], said["reported"]) == (0, 0, 0)
        assert "changed" not in done.stderr

        # The owner's deployment takes it away: put back, with the snippet for their template.
        v2.delete_access_log_settings(ApiId=api, StageName="live")
        done, said = run(deployed)
        assert (done.returncode, said["changed"]) == (0, 1), done.stderr
        assert log_of(deployed, api) == deployed.outputs.api_gateway_log_group_arn
        _, _, snippet = done.stderr.partition("for the template of AWS CDK")
        assert deployed.outputs.api_gateway_log_group in snippet, done.stderr

        # And once more: somebody means it.
        v2.delete_access_log_settings(ApiId=api, StageName="live")
        done, said = run(deployed)
        assert (done.returncode, said["changed"], said["reported"]) == (1, 0, 1)
        assert log_of(deployed, api) == ""
        others = {k: v for k, v in deployed.stage_images().items() if not k.startswith(api)}
        assert others == before
    finally:
        deployed.cli("stages", "remove", f"{api}/live", "--yes")
        v2.delete_api(ApiId=api)
