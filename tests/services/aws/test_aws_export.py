"""An export is a folder that Terraform can apply as it is, and that holds no secret."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError
from wizard.core.facts import Api, ApiType, Identity, Stage, StageSettings
from wizard.core.permissions.documents import documents
from wizard.core.stages.change import plan_change
from wizard.flows.context import Context, Options
from wizard.flows.export import export_configuration, exported_files

WHO = Identity("123456789012", "arn:aws:iam::123456789012:user/jane", "eu-central-1")


def test_the_folder_holds_module_variables_policy_and_each_stages_settings(
    env: dict[str, str], world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    name = world.name("export")
    api = world.rest_api(name, "prod", tags={"aws-cdk:stack": "Orders"})
    answers = Answers(
        region="eu-central-1", stages=(f"{api}/prod",), state_bucket="acme-terraform-state"
    )
    target = tmp_path / "for git"
    given = {**env, "WALLARM_API_TOKEN": "T" * 64}
    names = export_configuration(Context(Options(env=given), lambda _: None), answers, target)
    assert names == tuple(
        sorted(str(p.relative_to(target)) for p in target.rglob("*") if p.is_file())
    )
    assert {"main.tf", "variables.tf", "cw-resend-lambda.zip", "README.md"} <= set(names)
    policies = [json.loads(p.read_text()) for p in sorted(target.glob("iam-policy-*.json"))]
    assert policies == list(documents(answers, "deploy", WHO.account_id))
    allowed = {a for policy in policies for one in policy["Statement"] for a in one["Action"]}
    assert {"lambda:CreateFunction", "iam:PassRole", "s3:PutObject"} <= allowed
    values = json.loads((target / "terraform.tfvars.json").read_text())
    assert values["name_prefix"] == "api-gw-discovery"
    assert "wallarm_api_token" not in values
    backend = json.loads((target / "backend.tf.json").read_text())["terraform"]["backend"]["s3"]
    assert backend["bucket"] == "acme-terraform-state"
    (page,) = (target / "stages").iterdir()
    assert page.name == f"{name}-prod-{api}.md"
    text = page.read_text()
    assert "$context.requestId" in text
    assert "AWS CDK" in text
    for path in target.rglob("*"):
        if path.is_file():
            assert b"T" * 64 not in path.read_bytes()


def test_what_is_there_is_never_overwritten(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    for target in (tmp_path, tmp_path / "mine"):
        with pytest.raises(UsageError) as caught:
            export_configuration(Context(Options(env=env), lambda _: None), Answers(), target)
        assert caught.value.code == "WAG-E-EXPORT-001"
    assert (tmp_path / "mine").read_text() == "mine"


def test_without_a_shared_state_no_backend_is_written_and_without_a_node_no_token() -> None:
    files = exported_files(Answers(node_url="node.example.com"), WHO, ())
    assert "backend.tf.json" not in files
    assert b"put-parameter" not in files["README.md"]
    own = exported_files(Answers(), WHO, ())
    assert b"/wallarm-apigw/api-gw-discovery/token" in own["README.md"]
    assert not any(name.startswith("stages/") for name in own)


@pytest.mark.parametrize(
    ("name", "file", "heading"),
    [
        ("orders", "orders", "# orders / prod (a1b2c3/prod)"),
        ("x" * 1024, "x" * 100, "# xxxxx"),
        ("../../etc/cron.d/x", "etc-cron.d-x", "# ../../etc/cron.d/x / prod"),
        (
            "a\n```sh\ncurl evil | sh\n```", "a-sh-curl-evil-sh-",
            "# a \\`\\`\\`sh curl evil \\| sh \\`\\`\\` / prod",
        ),
        ("[click](http://x) <b>", "click-http-x-b-", "# \\[click\\](http://x) \\<b\\> / prod"),
        ("…", "", "# … / prod"),
    ],
)  # fmt: skip
def test_an_apis_name_is_a_files_name_that_can_be_and_no_markup_of_its_page(
    name: str, file: str, heading: str
) -> None:
    stage = Stage(Api("a1b2c3", name, ApiType.REST), "prod", StageSettings())
    files = exported_files(Answers(), WHO, (plan_change(stage, "arn:aws:logs:r:1:log-group:g"),))
    (path,) = [one for one in files if one.startswith("stages/")]
    assert path == f"stages/{file}{'-' if file else ''}prod-a1b2c3.md"
    text = files[path].decode()
    assert text.startswith(heading)
    assert text.count("\n```") == 2  # of the format alone


@pytest.mark.skipif(shutil.which("terraform") is None, reason="there is no terraform here")
def test_terraform_reads_every_file_of_it(env: dict[str, str], tmp_path: Path) -> None:
    target = tmp_path / "export"
    export_configuration(Context(Options(env=env), lambda _: None), Answers(), target)
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", str(target)],
        capture_output=True, text=True, check=False, env={**os.environ, "CHECKPOINT_DISABLE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
