"""An install and a removal with something on PATH that only stands for Terraform.

Every command through each wrapper, on a small module: tests/services/terraform/test_tf_wrappers.py.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.conftest import need_terraform
from tests.e2e.machines import Machine
from tests.lived_in.wrappers import write_wrapper
from wizard.sandbox import Sandbox

pytestmark = [pytest.mark.e2e, pytest.mark.long]


@pytest.mark.parametrize(
    ("installer", "remover"),
    [("a CI action", "shell that pipes through tee"), ("python", "shell without exec")],
)
def test_what_was_installed_through_one_wrapper_is_gone_after_a_removal_through_another(
    box: Sandbox, tmp_path: Path, installer: str, remover: str
) -> None:
    need_terraform()
    name = "wrapped-" + installer.replace(" ", "-").lower()[:12].rstrip("-")
    machine = Machine.new(
        box, tmp_path, stages=[box.sample_stages[0]], proof="skip", name_prefix=name
    )
    real = str(shutil.which("terraform") or shutil.which("tofu"))

    def wrapped(kind: str) -> dict[str, str]:
        program = write_wrapper(kind, tmp_path / kind.replace(" ", "-") / "terraform", real)
        return {"PATH": f"{program.parent}:{machine.env['PATH']}"}

    installed = machine.cli("install", "--non-interactive", "--yes", **wrapped(installer))
    assert installed.returncode == 0, installed.stderr[-3000:]
    assert name in str(functions(machine))
    removed = machine.cli(
        "uninstall", "--yes", "--delete-logs", "--non-interactive", "--name-prefix", name,
        **wrapped(remover),
    )  # fmt: skip
    assert removed.returncode == 0, removed.stderr[-3000:]
    assert "resources removed" in removed.stderr + removed.stdout
    assert functions(machine) == []


def functions(machine: Machine) -> list[str]:
    """The forwarders in the account, with their tags."""
    client = machine.client("lambda")
    found = client.list_functions()["Functions"]
    tags = {f["FunctionName"]: client.list_tags(Resource=f["FunctionArn"])["Tags"] for f in found}
    return [f"{name} {tag}" for name, tag in tags.items() if "wallarm" in str(tag)]
