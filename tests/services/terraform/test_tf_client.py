"""What is applied is what was reviewed, and the end is told as it was."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from wizard.core.errors import ExitCode
from wizard.core.secret import Secret
from wizard.core.terraform.events import ApplyStart, Event, LogLine
from wizard.core.terraform.progress import ProgressReducer
from wizard.services.terraform.client import Terraform, open_terraform
from wizard.services.terraform.errors import TerraformError
from wizard.services.workspace.workspace import Workspace

pytestmark = pytest.mark.e2e


def stop_at(terraform: Terraform, kind: type[Event], how: str):
    """A listener that stops Terraform, from another thread, at the first event of a kind."""
    asked = threading.Event()

    def listen(event: Event) -> None:
        if isinstance(event, kind) and not asked.is_set():
            asked.set()
            threading.Thread(target=getattr(terraform, how)).start()

    return listen


def test_a_plan_is_made_reviewed_and_applied(opened) -> None:
    terraform = opened(seconds=[0, 0])
    plan = terraform.plan()
    assert plan.has_changes
    assert plan.summary.add == 3
    assert {c.address for c in plan.changes} == {
        "terraform_data.step[0]", "terraform_data.step[1]", "terraform_data.last",
    }  # fmt: skip
    reducer = ProgressReducer()
    result = terraform.apply(plan, lambda e: reducer.apply(e, time.monotonic()))
    got = reducer.snapshot(time.monotonic())
    assert result.summary.add == 3
    assert (got.total, got.done, got.fraction, got.complete) == (3, 3, 1.0, True)
    assert terraform.output() == {"count": 2, "password": Secret("hunter2")}
    assert len(terraform.state_list()) == 3
    again = terraform.plan()
    assert not again.has_changes
    gone = terraform.apply(terraform.plan(destroy=True))
    assert gone.summary.remove == 3
    assert terraform.state_list() == ()


def test_no_saved_plan_is_left_and_nothing_is_readable_by_others(
    opened, workspace: Workspace
) -> None:
    terraform = opened()
    terraform.plan()
    plan = terraform.plan()
    assert len(list(workspace.plans.iterdir())) == 1
    terraform.apply(plan)
    assert list(workspace.plans.iterdir()) == []
    for path in workspace.root.rglob("*"):
        if not path.is_symlink():
            assert path.stat().st_mode & 0o077 == 0, path


def test_a_plan_that_was_changed_on_disk_is_not_applied(opened) -> None:
    terraform = opened()
    plan = terraform.plan()
    plan.path.write_bytes(plan.path.read_bytes() + b"x")
    with pytest.raises(TerraformError) as caught:
        terraform.apply(plan)
    assert caught.value.code == "WAG-E-TF-012"
    assert terraform.state_list() == ()
    assert not plan.path.exists()


def test_a_plan_that_the_world_overtook_is_not_applied(opened, tmp_path: Path) -> None:
    terraform = opened()
    plan = terraform.plan()
    kept = plan.path.read_bytes()
    terraform.apply(plan)
    plan.path.write_bytes(kept)
    with pytest.raises(TerraformError) as caught:
        terraform.apply(plan)
    assert caught.value.code == "WAG-E-TF-101"
    assert "Saved plan is stale" in caught.value.why


def test_a_failure_keeps_terraforms_own_words(opened) -> None:
    terraform = opened(fail=True)
    with pytest.raises(TerraformError) as caught:
        terraform.apply(terraform.plan())
    error = caught.value
    assert error.code == "WAG-E-TF-011"
    assert "exit status 3" in error.why
    assert "refused" in error.why
    assert not error.in_doubt
    assert "terraform_data.step[0]" in terraform.state_list()


def test_a_failed_apply_goes_on_where_it_was(opened, workspace: Workspace) -> None:
    terraform = opened(fail=True)
    with pytest.raises(TerraformError):
        terraform.apply(terraform.plan())
    workspace.write_variables({"fail": False})
    plan = terraform.plan()
    assert "terraform_data.step[0]" not in {c.address for c in plan.changes}
    terraform.apply(plan)
    assert len(terraform.state_list()) == 2


def test_asked_to_stop_it_stops_properly_and_stores_what_was_done(
    opened, terraform_path: str, workspace: Workspace
) -> None:
    terraform = opened(seconds=[0, 8])
    plan = terraform.plan()
    reducer = ProgressReducer()
    stop = threading.Event()

    def listen(event: Event) -> None:
        reducer.apply(event, time.monotonic())
        if reducer.snapshot(time.monotonic()).done == 1 and not stop.is_set():
            stop.set()
            terraform.interrupt()
            terraform.interrupt()  # an impatient second time is not passed on

    started = time.monotonic()
    with pytest.raises(TerraformError) as caught:
        terraform.apply(plan, listen)
    assert time.monotonic() - started < 7
    error = caught.value
    assert (error.code, error.exit_code) == ("WAG-E-TF-015", ExitCode.INTERRUPTED)
    assert error.interrupted
    assert not error.in_doubt
    assert (
        "terraform_data.step[0]" in open_terraform(workspace, terraform=terraform_path).state_list()
    )


def test_after_a_stop_nothing_further_is_started(opened) -> None:
    terraform = opened()
    plan = terraform.plan()
    terraform.interrupt()
    with pytest.raises(TerraformError) as caught:
        terraform.apply(plan)
    assert caught.value.interrupted
    assert terraform.state_list() == ()


def test_killed_it_says_that_something_is_in_doubt(opened) -> None:
    terraform = opened(seconds=[20])
    plan = terraform.plan()
    started = time.monotonic()
    with pytest.raises(TerraformError) as caught:
        terraform.apply(plan, stop_at(terraform, ApplyStart, "kill"))
    assert time.monotonic() - started < 10
    assert caught.value.code == "WAG-E-TF-016"
    assert caught.value.in_doubt
    assert terraform.left_running() is None


def test_a_listener_that_fails_does_not_leave_terraform_alone(opened) -> None:
    terraform = opened(seconds=[20])

    def listen(event: Event) -> None:
        if isinstance(event, ApplyStart):
            raise RuntimeError("the display broke")

    with pytest.raises(RuntimeError, match="the display broke"):
        terraform.apply(terraform.plan(), listen)
    assert terraform.left_running() is None


def test_an_apply_that_has_no_answer_for_a_variable_does_not_ask(opened) -> None:
    terraform = opened('variable "x" {}\nresource "terraform_data" "a" { input = var.x }')
    with pytest.raises(TerraformError) as caught:
        terraform.plan()
    assert caught.value.code == "WAG-E-TF-122"


def test_a_module_with_a_mistake_says_where_it_is(opened) -> None:
    with pytest.raises(TerraformError) as caught:
        opened('resource "terraform_data" "a" { input = nothing.there }').validate()
    assert "on main.tf line 1" in caught.value.why


def test_a_command_line_never_holds_a_variable_and_the_environment_never_the_token(
    opened, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, terraform_path: str
) -> None:
    monkeypatch.setenv("WALLARM_API_TOKEN", "s3cret-token")
    monkeypatch.setenv("TF_VAR_seconds", "[99]")
    monkeypatch.setenv("TF_CLI_ARGS_plan", "-destroy")
    module = """
    resource "terraform_data" "a" {
      provisioner "local-exec" { command = "env > env.txt; cat /proc/$PPID/cmdline > argv.txt" }
    }
    """
    opened(module, seconds=[0])
    terraform = open_terraform(workspace, terraform=terraform_path)
    result = terraform.apply(terraform.plan())
    assert result.summary.add == 1
    assert workspace.module is not None
    env = (workspace.module / "env.txt").read_text()
    assert "s3cret-token" not in env
    assert "TF_VAR_" not in env
    assert "TF_IN_AUTOMATION=1" in env
    assert "seconds" not in (workspace.module / "argv.txt").read_text()


def test_terraform_has_no_terminal_to_ask_from(opened, workspace: Workspace) -> None:
    module = """
    resource "terraform_data" "a" {
      provisioner "local-exec" {
        command = "read x < /dev/tty || readlink /proc/self/fd/0 > in.txt"
      }
    }
    """
    terraform = opened(module)
    terraform.apply(terraform.plan())
    assert workspace.module is not None
    assert (workspace.module / "in.txt").read_text().strip() == "/dev/null"


def test_the_log_tells_the_run_without_the_sensitive_output(opened, workspace: Workspace) -> None:
    terraform = opened()
    terraform.apply(terraform.plan())
    text = workspace.log_file.read_text()
    assert "terraform_data.last: created after 0s" in text
    assert "apply complete: 2 added" in text
    assert "hunter2" not in text
    assert all("hunter2" not in p.read_text() for p in workspace.runs.iterdir())


def test_a_provider_that_cannot_be_had_is_told_soon_and_plainly(
    workspace: Workspace, tmp_path: Path, terraform_path: str
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "main.tf").write_text(
        'terraform {\n required_providers {\n x = { source = "example.invalid/a/b" }\n }\n}\n'
    )
    workspace.install_module(source)
    terraform = open_terraform(workspace, terraform=terraform_path)
    with pytest.raises(TerraformError) as caught:
        terraform.init()
    assert caught.value.code == "WAG-E-TF-115"
    assert "--plugin-mirror" in caught.value.next_step
    assert "example.invalid" in caught.value.why


def test_a_network_that_swallows_everything_does_not_hang_the_start(
    workspace: Workspace,
    tmp_path: Path,
    terraform_path: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "main.tf").write_text(
        'terraform {\n required_providers {\n x = { source = "example.invalid/a/b" }\n }\n}\n'
    )
    workspace.install_module(source)
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(8)
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{hole.getsockname()[1]}")
        terraform = open_terraform(workspace, terraform=terraform_path)
        started = time.monotonic()
        with pytest.raises(TerraformError) as caught:
            terraform.init(timeout=1)
    assert time.monotonic() - started < 8
    assert caught.value.code in ("WAG-E-TF-014", "WAG-E-TF-115")
    assert "HTTPS_PROXY" in caught.value.next_step
    assert caught.value.retry


def test_what_init_says_reaches_the_listener(opened) -> None:
    terraform = opened()
    heard: list[Event] = []
    terraform.init(heard.append)
    assert any(isinstance(e, LogLine) and "initialized" in e.text for e in heard)


SUMMARY = '{"type":"change_summary","changes":{"add":1,"change":0,"remove":0,"operation":"apply"}}'


@pytest.mark.parametrize(
    ("says", "code", "error"),
    [("", 0, "WAG-E-TF-013"), (SUMMARY, 1, "WAG-E-TF-011"), (SUMMARY, 0, "")],
)
def test_done_is_only_what_ends_with_zero_and_the_final_count(
    workspace: Workspace, tmp_path: Path, says: str, code: int, error: str
) -> None:
    program = tmp_path / "terraform"
    program.write_text(
        "#!/bin/sh\ncase $1 in\n"
        '  version) echo \'{"terraform_version":"1.9.0","platform":"linux_amd64"}\' ;;\n'
        '  plan) for a; do case $a in -out=*) echo plan > "${a#-out=}" ;; esac; done; exit 2 ;;\n'
        f"  apply) echo '{says}'; exit {code} ;;\nesac\n"
    )
    program.chmod(0o755)
    source = tmp_path / "source"
    source.mkdir()
    (source / "main.tf").touch()
    workspace.install_module(source)
    terraform = open_terraform(workspace, terraform=str(program))
    plan = terraform.plan()
    if not error:
        assert terraform.apply(plan).summary.add == 1
        return
    with pytest.raises(TerraformError) as caught:
        terraform.apply(plan)
    assert caught.value.code == error
