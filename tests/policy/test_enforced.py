"""With exactly the printed policies in force, every command does its work; with less, none starts.

The local AWS refuses by its own judgement here; see `enforcing`. One real install and one removal.
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import need_terraform
from tests.e2e.machines import run_to_end
from tests.policy.enforcing import ACCOUNT, REGION, EnforcingAws
from wizard.core.answers.model import Answers
from wizard.core.answers.parse import build_answers
from wizard.core.permissions.documents import documents, render

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("enforced")]

GO = ("--non-interactive", "--yes", "--json")
LACKING = "iam:PutRolePolicy"


class Jane:
    """A user of the product, with the rights that somebody gave her."""

    def __init__(self, aws: EnforcingAws, root: Path) -> None:
        self.aws = aws
        self.workspace = root / "workspace"
        answers = {
            "region": REGION, "stages": list(aws.stages[:2]), "node_url": "10.0.0.1:5050",
            "node_scheme": "http", "proof": "skip", "node_tag": "0.25.5",
        }  # fmt: skip
        self.answers: Answers = build_answers(dict(answers))
        self.file = root / "answers.json"
        self.file.write_text(json.dumps(answers), encoding="utf-8")
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "WALLARM_"))},
            **aws.keys,
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "HOME": str(root),
            "XDG_DATA_HOME": str(root / "data"),
            "WALLARM_APIGW_WORKSPACE": str(self.workspace),
            "NO_COLOR": "1",
            "NO_PROXY": "127.0.0.1",
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_to_end(None, [sys.executable, "-m", "wizard.cli", *arguments], env=self.env)

    def install(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("install", "--answers", str(self.file), *GO, *arguments)

    def made(self) -> list[str]:
        """What exists of the connector."""
        functions = self.aws.root("lambda").list_functions()["Functions"]
        groups = self.aws.root("logs").describe_log_groups()["logGroups"]
        return [f["FunctionName"] for f in functions] + [g["logGroupName"] for g in groups]


@pytest.fixture(scope="module")
def jane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jane]:
    need_terraform()
    root = tmp_path_factory.mktemp("enforced")
    with EnforcingAws(root / "aws") as aws:
        yield Jane(aws, root)


def without(policies: tuple[dict[str, Any], ...], action: str) -> list[dict[str, Any]]:
    out = copy.deepcopy(list(policies))
    for policy in out:
        for statement in policy["Statement"]:
            statement["Action"] = [a for a in statement["Action"] if a != action]
        policy["Statement"] = [s for s in policy["Statement"] if s["Action"]]
    return out


def error(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = next(
        d for line in done.stdout.splitlines() if "error" in (d := json.loads(line))
    )
    return found


@pytest.mark.parametrize("purpose", ["discover", "deploy", "boundary"])
def test_the_template_that_is_printed_makes_these_policies(jane: Jane, purpose: str) -> None:
    made = jane.aws.root("cloudformation")
    made.create_stack(
        StackName=purpose,
        TemplateBody=render(jane.answers, purpose, "cloudformation"),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    made.get_waiter("stack_create_complete").wait(StackName=purpose, WaiterConfig={"Delay": 1})
    iam = jane.aws.root("iam")
    found = []
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        if policy["PolicyName"].startswith(f"wallarm-apigw-{purpose}-"):
            version = iam.get_policy_version(
                PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"]
            )
            found.append(version["PolicyVersion"]["Document"])
    wanted = list(documents(jane.answers, purpose, ACCOUNT))
    assert sorted(found, key=str) == sorted(wanted, key=str)
    made.delete_stack(StackName=purpose)


def test_whoever_may_do_nothing_is_told_what_is_missing(jane: Jane) -> None:
    jane.aws.let()
    done = jane.run("stages", "list", "--json")
    assert "not authorized to perform: apigateway:GET" in done.stderr
    assert '"stage"' not in done.stdout


def test_the_policy_for_looking_around_is_enough_for_that_and_changes_nothing(jane: Jane) -> None:
    jane.aws.let_printed(jane.answers, "discover")
    jane.aws.refused()
    done = jane.run("stages", "list", "--json")
    assert done.returncode == 0, done.stderr
    assert {json.loads(line)["stage"] for line in done.stdout.splitlines()} == set(jane.aws.stages)
    assert jane.aws.refused() == set()
    assert jane.install().returncode == 1
    assert jane.made() == []


def test_a_run_that_would_stop_halfway_does_not_start(jane: Jane) -> None:
    jane.aws.let(*without(jane.aws.let_printed(jane.answers, "deploy"), LACKING))
    done = jane.install()
    assert done.returncode == 1
    assert error(done)["error"] == "WAG-E-AWS-024"
    assert LACKING in str(error(done)["why"])
    assert "no policy of this principal allows it" in str(error(done)["why"])
    assert jane.made() == []


def test_the_policy_it_says_to_attach_is_what_was_missing(jane: Jane) -> None:
    file = jane.workspace / "missing-permissions.json"
    lacking = without(jane.aws.let_printed(jane.answers, "deploy"), LACKING)
    jane.aws.let(*lacking, json.loads(file.read_text(encoding="utf-8")))
    jane.aws.refused()
    done = jane.install()
    assert done.returncode == 0, done.stderr[-4000:]
    assert jane.aws.refused() == set()
    assert len(jane.made()) > 1
    assert not file.exists()


def kept(jane: Jane) -> list[str]:
    """Batches that wait in the bucket."""
    s3 = jane.aws.root("s3")
    (bucket,) = (b["Name"] for b in s3.list_buckets()["Buckets"] if "undelivered" in b["Name"])
    return [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_a_further_stage_is_not_half_connected(jane: Jane) -> None:
    more = jane.aws.stages[2]
    rest, (api, stage) = jane.aws.root("apigateway"), more.split("/")
    answers = jane.answers.with_(stages=jane.aws.stages)
    lacking = without(jane.aws.let_printed(answers, "deploy"), "apigateway:PATCH")
    jane.aws.let(*lacking)
    jane.aws.refused()
    done = jane.run("stages", "add", more, *GO)
    assert done.returncode == 1
    assert error(done)["error"] == "WAG-E-AWS-024"
    assert "apigateway:PATCH" in str(error(done)["why"])
    assert not rest.get_stage(restApiId=api, stageName=stage).get("accessLogSettings")
    file = jane.workspace / "missing-permissions.json"
    jane.aws.let(*lacking, json.loads(file.read_text(encoding="utf-8")))
    assert jane.run("stages", "add", more, *GO).returncode == 0
    assert rest.get_stage(restApiId=api, stageName=stage)["accessLogSettings"]
    assert jane.aws.refused() == set()
    jane.aws.let(*documents(answers, "deploy", ACCOUNT))
    assert jane.run("stages", "remove", more, *GO).returncode == 0


def test_kept_events_stay_where_they_are_while_they_may_not_be_replayed(jane: Jane) -> None:
    function = next(name for name in jane.made() if name.startswith("wallarm-cw-resend-"))
    s3 = jane.aws.root("s3")
    (bucket,) = (b["Name"] for b in s3.list_buckets()["Buckets"] if "undelivered" in b["Name"])
    key = f"aws/lambda/async/{function}/2026/08/01/2026-08-01T00.00.00-kept"
    batch = {"version": "1.0", "timestamp": "2026-08-01T00:00:00.000Z",
             "requestContext": {"condition": "RetriesExhausted"},
             "requestPayload": {"wallarm-apigw": "probe"}}  # fmt: skip
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(batch).encode())
    jane.aws.let(*without(jane.aws.let_printed(jane.answers, "deploy"), "s3:DeleteObject"))
    jane.aws.refused()
    done = jane.run("redrive", *GO)
    assert done.returncode == 1
    assert error(done)["error"] == "WAG-E-AWS-024"
    assert "s3:DeleteObject" in str(error(done)["why"])
    assert kept(jane) == [key]
    assert jane.aws.refused() == set(), "it was asked about, and not tried"
    jane.aws.let_printed(jane.answers, "deploy")
    jane.run("redrive", *GO)
    assert jane.aws.refused() == set()
    s3.delete_object(Bucket=bucket, Key=key)


def test_the_policy_for_the_checklist_reads_and_removes_nothing(jane: Jane) -> None:
    jane.aws.let_printed(jane.answers, "doctor")
    jane.aws.refused()
    done = jane.run("doctor", "--output", "json")
    assert done.returncode in (0, 1), done.stderr
    assert jane.aws.refused() <= {"iam:SimulatePrincipalPolicy"}, "asking is not part of looking"
    before = jane.made()
    assert jane.run("uninstall", "--yes", "--json").returncode == 1
    assert jane.made() == before


def test_the_policy_for_removal_takes_everything_back(jane: Jane) -> None:
    jane.aws.let_printed(jane.answers, "uninstall")
    jane.aws.refused()
    done = jane.run("uninstall", "--yes", "--json", "--delete-logs")
    assert done.returncode == 0, done.stderr[-4000:]
    assert jane.aws.refused() == set()
    assert jane.made() == []
    rest = jane.aws.root("apigateway").get_stages(restApiId=jane.aws.stages[0].split("/")[0])
    assert not rest["item"][0].get("accessLogSettings")
