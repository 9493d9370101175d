"""The AWS CLI, this program and Terraform's provider: one account, one Region, one endpoint.

The CLI is asked where it is installed, and as itself: its own files, variables and `--profile`. The
provider is the real one, in a plan without resources, in the environment that it is given.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import need_terraform
from tests.services.aws.aws_machines import MACHINES, NOT_PLAIN, furnished, metadata_service
from tests.services.aws.test_aws_assumed import role_of
from wizard.services.aws.session import Session
from wizard.services.terraform.environment import terraform_environment
from wizard.services.terraform.find import find_binary, find_source

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("three_views")]

MODULE = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {
  skip_requesting_account_id = true
}
data "aws_caller_identity" "it" {}
data "aws_region" "it" {}
output "account" { value = data.aws_caller_identity.it.account_id }
output "region" { value = data.aws_region.it.name }
"""


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A module that asks who the provider is; its provider is fetched once."""
    need_terraform()
    folder = tmp_path_factory.mktemp("module")
    (folder / "main.tf").write_text(MODULE)
    binary = find_binary()
    source = find_source(platform=binary.platform, host=binary.registry_host)
    mirror = [f"-plugin-dir={source.plugin_dir}"] if source.plugin_dir else []
    subprocess.run(
        [*binary.command, "init", "-input=false", *mirror],
        cwd=folder, check=True, capture_output=True, timeout=600,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def metadata() -> Iterator[str]:
    with metadata_service() as it:
        yield it


def ask_provider(module: Path, env: dict[str, str], state: Path) -> tuple[str, str]:
    """(account, Region): an apply of a module that makes nothing."""
    done = subprocess.run(
        [*find_binary().command, "apply", "-auto-approve", "-json", f"-state={state}"],
        cwd=module, env=env, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    heard = [json.loads(line) for line in done.stdout.splitlines()]
    told = [one["outputs"] for one in heard if one.get("type") == "outputs"][-1]
    return told["account"]["value"], told["region"]["value"]


def ask_cli(env: dict[str, str], profile: str, folder: Path) -> tuple[str, str, str]:
    """(account, Region, endpoint) as `aws sts get-caller-identity --debug` tells them."""
    tool = shutil.which("aws")
    if tool is None:
        pytest.skip("the AWS CLI is not installed here: the other views agree")
    named = ["--profile", profile] if profile else []
    done = subprocess.run(
        [tool, "sts", "get-caller-identity", "--output", "json", "--debug", *named],
        env=env, cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    # The last one: a role of a profile is assumed before it.
    requests = re.findall(
        r"Making request for OperationModel.name=GetCallerIdentity.*", done.stderr
    )
    url = re.search(r"'url': '([^']+)'", requests[-1])
    region = re.search(r"'client_region': '([^']+)'", requests[-1])
    assert url, requests
    assert region, requests
    return str(json.loads(done.stdout)["Account"]), region[1], url[1].rstrip("/")


@pytest.mark.parametrize("name", MACHINES)
def test_cli_program_and_provider_are_one(
    name: str,
    module: Path,
    metadata: str,
    aws_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = MACHINES[name]
    role_of("444444444444", aws_url, "r")
    role_of("777777777777", aws_url, "pod")
    env = furnished(machine, tmp_path, aws_url, metadata)
    for variable in [v for v in os.environ if v.startswith("AWS_")]:
        monkeypatch.delenv(variable)
    for variable, value in env.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.chdir(tmp_path)

    session = Session(machine.profile, env=env)
    account, region = session.identity().account_id, session.region
    endpoint = str(session.client("sts").meta.endpoint_url).rstrip("/")
    assert account == machine.account
    child = terraform_environment(
        env, session.environment(tmp_path / "handed on"), data_dir=module / ".terraform"
    )
    assert ask_provider(module, child, tmp_path / "state") == (account, region)
    if name not in NOT_PLAIN:
        assert ask_cli(env, machine.profile, tmp_path) == (account, region, endpoint)


def test_at_least_fifteen_configurations_are_compared_with_the_cli() -> None:
    assert len([name for name in MACHINES if name not in NOT_PLAIN]) >= 15
