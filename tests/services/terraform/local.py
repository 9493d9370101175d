"""A workspace whose Terraform talks to the local AWS."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wizard.services.terraform.client import Terraform, open_terraform
from wizard.services.terraform.errors import TerraformError
from wizard.services.workspace.workspace import Workspace

LOG_GROUP = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {
  skip_metadata_api_check = true
  max_retries             = 2
}
resource "aws_cloudwatch_log_group" "it" {
  name              = "/test/faults"
  retention_in_days = 7
}
"""


def on_aws(workspace: Workspace, tmp_path: Path, terraform_path: str, url: str) -> Terraform:
    source = tmp_path / "source"
    source.mkdir(exist_ok=True)
    (source / "main.tf").write_text(LOG_GROUP)
    workspace.install_module(source)
    terraform = open_terraform(
        workspace,
        terraform=terraform_path,
        env={
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "eu-central-1",
            "AWS_PROFILE": None,
        },
    )
    try:
        terraform.init()
    except TerraformError:
        if os.environ.get("REQUIRE_E2E") == "1":
            raise
        pytest.skip("the AWS provider cannot be had on this machine")
    return terraform
