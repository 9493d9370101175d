"""What the wizard deployed moves into a configuration that calls the module: nothing is changed."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.terraform.local_aws import LocalAws
from tests.terraform.stack import Stack, existing
from tests.terraform.tool import initialise, need_terraform, terraform
from wizard.core.answers.model import Answers
from wizard.core.facts import Identity
from wizard.core.installation import Installation
from wizard.core.journal.record import Record
from wizard.core.tfvars import variables
from wizard.flows.export import configuration

WHO = Identity("123456789012", "arn:aws:iam::123456789012:user/jane", "us-east-1")
ANSWERS = Answers(node_url="node.example.com:443", tags={"team": "platform"}, alarms=True)
MADE = Installation("0198f3c2", "jane on desk", "2026-11-27T06:40:00Z")
DEPLOYED = Record(applied=True, installation=MADE)


def write(files: Mapping[str, bytes], folder: Path) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.e2e
@pytest.mark.long
def test_an_existing_state_moves_into_the_module_by_one_plan_without_a_change(
    tmp_path: Path,
) -> None:
    need_terraform()
    with LocalAws(tmp_path / "aws") as aws:
        before = existing(aws)
        stack = Stack(aws, tmp_path)
        values = variables(
            ANSWERS, token_parameter="", deployment_id="123456789012-us-east-1-api-gw-discovery",
            installation_id=MADE.id, made_by=MADE.by, made_at=MADE.at,
        )  # fmt: skip
        stack.apply(values)
        addresses = stack.state()

        folder = write(configuration(ANSWERS, WHO, (), DEPLOYED, as_module=True), tmp_path / "git")
        shutil.copy(stack.folder / "terraform.tfstate", folder)
        initialise(folder)
        done = terraform(["plan", "-json", "-out=plan", "-no-color"], folder, aws.env).stdout
        events = [json.loads(line) for line in done.splitlines() if line.startswith("{")]
        (summary,) = [e["changes"] for e in events if e["type"] == "change_summary"]
        assert (summary["add"], summary["change"], summary["remove"]) == (0, 0, 0), done[-4000:]
        moved = {
            e["change"]["previous_resource"]["addr"]: e["change"]["resource"]["addr"]
            for e in events
            if e["type"] == "planned_change"
        }
        assert moved == {address: f"module.wallarm.{address}" for address in addresses}

        held = existing(aws)
        terraform(["apply", "-no-color", "plan"], folder, aws.env)
        assert existing(aws) == held
        stack.folder = folder
        assert {a for a in stack.state() if ".data." not in a} == set(moved.values())
        assert stack.changes() == []
        stack.destroy()
        assert existing(aws) == before


def test_a_configuration_that_calls_the_module_has_its_provider_outside() -> None:
    files = configuration(ANSWERS, WHO, (), DEPLOYED, as_module=True)
    inner = [data.decode() for name, data in files.items() if re.match(r"connector/.*\.tf$", name)]
    assert inner
    assert not any(text.startswith("provider ") or "\nprovider " in text for text in inner)
    whole = json.loads(files["main.tf.json"])
    assert whole["module"]["wallarm"]["source"] == "./connector"
    assert "region" not in whole["module"]["wallarm"]
    assert whole["provider"]["aws"]["region"] == "us-east-1"
    assert whole["provider"]["aws"]["default_tags"]["tags"]["wallarm-apigw:installation"] == MADE.id
    assert "terraform.tfvars.json" not in files
    assert b"from = aws_lambda_function.forwarder\n" in files["moved.tf"]
    assert b"0 to add" in files["README.md"]


def test_no_text_of_an_answer_is_a_template_of_the_configuration_that_calls_the_module() -> None:
    """Terraform evaluates every text of a `.tf.json`; in a file of variables it takes it as is."""
    pattern = '{ $.path = %"${path.module}"% && %{ if true }x }'
    odd = ANSWERS.with_(
        subscription_filter_pattern=pattern, forwarder_environment={"A_B": "${file(`/etc/passwd`)}"}
    )
    called = json.loads(configuration(odd, WHO, (), as_module=True)["main.tf.json"])
    given = called["module"]["wallarm"]
    escaped = pattern.replace("${", "$${").replace("%{", "%%{")
    assert given["subscription_filter_pattern"] == escaped
    assert given["forwarder_environment"] == {"A_B": "$${file(`/etc/passwd`)}"}
    plain = json.loads(configuration(odd, WHO, ())["terraform.tfvars.json"])
    assert plain["subscription_filter_pattern"] == pattern


def test_what_is_deployed_nowhere_moves_nothing() -> None:
    files = configuration(ANSWERS, WHO, (), as_module=True)
    assert "moved.tf" not in files
    assert b"moved" not in files["README.md"]


def test_an_export_of_what_is_deployed_keeps_whose_it_is() -> None:
    values: dict[str, Any] = json.loads(
        configuration(ANSWERS, WHO, (), DEPLOYED)["terraform.tfvars.json"]
    )
    assert values["installation_id"] == MADE.id
    assert values["installation_tags"]
