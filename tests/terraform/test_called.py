"""The module in somebody else's configuration: twice in one Region, once in another, then gone."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.terraform.local_aws import LocalAws
from tests.terraform.stack import Stack, existing
from tests.terraform.tool import MODULE, initialise, need_terraform, terraform

CALLER = """
provider "aws" {
  region = "us-east-1"
}

provider "aws" {
  alias  = "frankfurt"
  region = "eu-central-1"

  default_tags {
    tags = { owner = "platform" }
  }
}

module "here" {
  source   = "../terraform/modules/connector"
  for_each = { payments = "node-1.example.com:443", orders = "node-2.example.com:443" }

  name_prefix     = "wallarm-${each.key}"
  node_url        = each.value
  installation_id = "0198f3c2"
  tags            = { api = each.key }
}

module "there" {
  source    = "../terraform/modules/connector"
  count     = 1
  providers = { aws = aws.frankfurt }

  name_prefix = "wallarm-there"
  node_url    = "node.example.com"
}

output "arns" {
  value = concat(values(module.here)[*].lambda_function_arn, module.there[*].lambda_function_arn)
}
"""


class Called(Stack):
    """A configuration that calls the module, beside a copy of it."""

    def __init__(self, aws: LocalAws, folder: Path) -> None:
        super().__init__(aws, folder)
        self.folder = folder / "caller"
        self.folder.mkdir()
        (self.folder / "main.tf").write_text(CALLER, "utf-8")
        initialise(self.folder)

    def make(self) -> int:
        """Apply as it is written; returns how many resources were added."""
        return self._carry_out("apply")["add"]


@pytest.mark.e2e
@pytest.mark.long
def test_it_is_called_for_each_and_by_another_provider_and_leaves_nothing(tmp_path: Path) -> None:
    need_terraform()
    with LocalAws(tmp_path / "aws") as aws:
        before = existing(aws)
        called = Called(aws, tmp_path)
        assert called.make() == 3 * 13
        assert called.changes() == []
        arns = called.outputs()["arns"]
        assert sorted(arn.split(":")[3] for arn in arns) == [
            "eu-central-1", "us-east-1", "us-east-1",
        ]  # fmt: skip
        tags = [
            set(functions(aws, arn.split(":")[3]).list_tags(Resource=arn)["Tags"].items())
            for arn in arns
        ]
        assert all(("wallarm:component", "api-gateway-connector") in one for one in tags)
        assert {("wallarm-apigw:installation", "0198f3c2"), ("api", "orders")} <= tags[0]
        assert ("api", "payments") in tags[1]
        assert ("owner", "platform") in tags[2]
        called.destroy()
        assert existing(aws) == before
        assert functions(aws, "eu-central-1").list_functions()["Functions"] == []


@pytest.mark.e2e
def test_it_is_taken_from_git_whole(tmp_path: Path) -> None:
    """Terraform clones the repository; the files of the module are links within it."""
    need_terraform()
    if shutil.which("git") is None:
        pytest.skip("there is no git here, which Terraform asks for such a source")
    repository, caller = tmp_path / "wallarm-apigw.git", tmp_path / "caller"
    unwanted = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars")
    shutil.copytree(MODULE, repository / "terraform", symlinks=True, ignore=unwanted)
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"], ["tag", "v1"]):
        me = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
        subprocess.run(["git", *me, *words], cwd=repository, check=True)
    caller.mkdir()
    source = f"git::file://{repository}//terraform/modules/connector?ref=v1"
    (caller / "main.tf").write_text(
        f'module "wallarm" {{\n  source = "{source}"\n  for_each = toset(["a", "b"])\n'
        '  name_prefix = "wallarm-${each.key}"\n  node_url = "node.example.com"\n}\n'
    )
    initialise(caller)
    cloned = next((caller / ".terraform" / "modules").glob("*/terraform/modules/connector"))
    assert {path.name for path in cloned.glob("*.tf")} == {
        path.name for path in (MODULE / "modules" / "connector").glob("*.tf")
    }
    assert (cloned / "cw-resend-lambda.zip").read_bytes() == (
        MODULE / "cw-resend-lambda.zip"
    ).read_bytes()
    told = json.loads(terraform(["validate", "-json"], caller).stdout)
    assert told["valid"], told


def functions(aws: LocalAws, region: str) -> Any:
    """Lambda in a Region."""
    return boto3.client(
        "lambda",
        endpoint_url=aws.endpoint_url,
        region_name=region,
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",
    )
