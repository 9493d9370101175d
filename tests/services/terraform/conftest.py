"""Real Terraform on configurations that need no provider: fast, and nothing is faked."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wizard.services.terraform import embedded
from wizard.services.terraform.client import Terraform, open_terraform
from wizard.services.terraform.find import EMBEDDED
from wizard.services.workspace.workspace import Workspace, WorkspaceId, open_workspace

IDENTITY = WorkspaceId("123456789012", "eu-central-1", "test")

MODULE = """
variable "seconds" {
  type    = list(number)
  default = [0]
}
variable "fail" {
  type    = bool
  default = false
}
resource "terraform_data" "step" {
  count = length(var.seconds)
  input = var.seconds[count.index]
  provisioner "local-exec" {
    command = "sleep ${var.seconds[count.index]}"
  }
}
resource "terraform_data" "last" {
  input      = terraform_data.step[*].id
  depends_on = [terraform_data.step]
  provisioner "local-exec" {
    command = var.fail ? "echo refused >&2; exit 3" : "true"
  }
}
output "count" {
  value = length(terraform_data.step)
}
output "password" {
  value     = "hunter2"
  sensitive = true
}
"""


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home" / "data"))
    for name in list(os.environ):
        if name.startswith(("TF_", "WALLARM")):
            monkeypatch.delenv(name)


@pytest.fixture
def terraform_path() -> str:
    path = shutil.which("terraform") or shutil.which("tofu")
    if path is None and embedded.available():
        path = EMBEDDED
    if path is None:
        if os.environ.get("REQUIRE_E2E") == "1":
            pytest.fail("Terraform is required here and was not found")
        pytest.skip("Terraform was not found")
    return path


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_workspace(IDENTITY, root=tmp_path / "workspace")


OpenTerraform = Callable[..., Terraform]


@pytest.fixture
def opened(workspace: Workspace, tmp_path: Path, terraform_path: str) -> OpenTerraform:
    def make(module: str = MODULE, **variables: object) -> Terraform:
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        (source / "main.tf").write_text(module)
        workspace.install_module(source)
        workspace.write_variables(variables)
        terraform = open_terraform(workspace, terraform=terraform_path)
        terraform.init()
        return terraform

    return make


@pytest.fixture
def local_aws() -> Iterator[str]:
    program = Path(sys.executable).parent / "ministack"
    if not program.exists():
        pytest.skip("the local AWS is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [str(program)],
        env={**os.environ, "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(url, timeout=1).close()
                break
            time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait(20)
