"""Terraform outlives the wizard, and the next start finds it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from wizard.core.terraform.events import ApplyStart, Event
from wizard.services.terraform import process
from wizard.services.terraform.client import open_terraform
from wizard.services.terraform.errors import TerraformError
from wizard.services.workspace.workspace import Workspace


def start(tmp_path: Path, code: str, *, mark: bool = False) -> process.Run:
    return process.Run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=dict(os.environ),
        folder=tmp_path,
        name="test",
        mark=mark,
    )


def test_lines_of_every_kind_arrive_whole(tmp_path: Path) -> None:
    code = (
        "import sys,time; w=sys.stdout.buffer.write; "
        "w(b'a\\n\\n'); w(b'x'*3_000_000+b'\\n'); sys.stdout.flush(); time.sleep(.2); "
        "w(b'\\xff\\xfe\\n'); w(b'no newline')"
    )
    lines: list[bytes] = []
    done = start(tmp_path, code).wait(lines.append)
    assert done.returncode == 0
    assert [len(line) for line in lines] == [1, 0, 3_000_000, 2, 10]
    assert lines[-1] == b"no newline"


def test_what_is_written_to_stderr_is_kept_apart(tmp_path: Path) -> None:
    lines: list[bytes] = []
    done = start(tmp_path, "import sys; print('out'); print('err', file=sys.stderr)").wait(
        lines.append
    )
    assert lines == [b"out"]
    assert done.stderr == "err\n"


def test_a_command_that_hangs_is_stopped_in_time(tmp_path: Path) -> None:
    started = time.monotonic()
    done = start(tmp_path, "import time; time.sleep(60)").wait(lambda _: None, timeout=0.5)
    assert done.timed_out
    assert time.monotonic() - started < 5


def test_one_request_to_stop_is_one_signal(tmp_path: Path) -> None:
    code = (
        "import signal,time; n=[0]\n"
        "def got(*_): n[0]+=1; print(n[0], flush=True)\n"
        "signal.signal(signal.SIGINT, got); print('ready', flush=True)\n"
        "for _ in range(8): time.sleep(.1)\n"
    )
    run = start(tmp_path, code)
    lines: list[bytes] = []

    def listen(line: bytes) -> None:
        lines.append(line)
        if line == b"ready":
            run.interrupt()
            run.interrupt()

    done = run.wait(listen)
    assert lines == [b"ready", b"1"]
    assert done.interrupted


def test_a_program_that_is_not_there_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="WAG-E-TF-004"):
        process.Run(["/no/such"], cwd=tmp_path, env={}, folder=tmp_path, name="x", mark=False)


def test_a_marker_of_a_process_that_is_gone_means_nothing(tmp_path: Path) -> None:
    run = start(tmp_path, "pass", mark=True)
    marker = tmp_path / "running.json"
    kept = marker.read_text()
    run.wait(lambda _: None)
    assert not marker.exists()
    marker.write_text(kept)
    assert process.running(tmp_path) is None


def test_another_process_with_the_same_number_is_not_taken_for_it(tmp_path: Path) -> None:
    run = start(tmp_path, "import time; time.sleep(30)", mark=True)
    try:
        marker = tmp_path / "running.json"
        assert process.running(tmp_path) is not None
        data = json.loads(marker.read_text())
        marker.write_text(json.dumps({**data, "birth": "1", "mark": "another run"}))
        assert process.running(tmp_path) is None
    finally:
        run.kill()
        run.wait(lambda _: None)


def test_who_is_killed_right_after_the_start_leaves_one_that_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the moment between the start and the note of its number."""
    first = tmp_path / "first.json"
    whole = process.write_private

    def write(path: Path, text: str) -> None:
        whole(path, text)
        if not first.exists():
            first.write_text(text)

    monkeypatch.setattr(process, "write_private", write)
    run = start(tmp_path, "import time; time.sleep(30)", mark=True)
    try:
        (tmp_path / "running.json").write_text(first.read_text())
        while run._find_terraform() is None:  # it is on its way
            pass
        found = process.running(tmp_path)
        assert found is not None
        assert (found.pid, found.birth) == (run.pid, "")
    finally:
        run.kill()
        run.wait(lambda _: None)
    (tmp_path / "running.json").write_text(first.read_text())
    assert process.running(tmp_path) is None


def test_an_interrupt_that_was_lost_is_sent_again_and_an_answered_one_is_not(
    tmp_path: Path,
) -> None:
    code = (
        "import signal, time\n"
        "seen = []\n"
        "def got(*_):\n"
        "    seen.append(1)\n"
        "    if len(seen) > 1: print('Interrupt received', flush=True)\n"
        "signal.signal(signal.SIGINT, got)\n"
        "for n in range(80):\n"
        "    time.sleep(.1)\n"
        "    print('line', len(seen), flush=True)\n"
    )
    run = start(tmp_path, code)
    lines: list[bytes] = []

    def listen(line: bytes) -> None:
        lines.append(line)
        run.interrupt()

    run.wait(listen)
    assert lines.count(b"Interrupt received") == 1
    assert lines[-1] == b"line 2"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}'])
def test_a_damaged_marker_is_no_marker(tmp_path: Path, text: str) -> None:
    (tmp_path / "running.json").write_text(text)
    assert process.running(tmp_path) is None


@pytest.mark.parametrize("pid", [0, 1, -1])
def test_no_marker_names_a_process_that_no_run_can_be(tmp_path: Path, pid: int) -> None:
    """To the kernel, 0 is the caller's own group and -1 is everybody."""
    for birth in ("", process.birth(1)):
        marker = {"pid": pid, "birth": birth, "command": "apply", "started": 1.0, "stdout": ""}
        (tmp_path / "running.json").write_text(json.dumps(marker))
        assert process.running(tmp_path) is None


@pytest.mark.parametrize("pid", [0, 1, -1])
def test_what_ends_before_its_number_is_known_costs_nobody_else_an_interrupt(
    pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was there when it was looked at, and is gone when the interrupt is sent."""
    sent: list[int] = []
    monkeypatch.setattr(process.os, "kill", lambda number, _: sent.append(number))
    monkeypatch.setattr(process.RunningTerraform, "alive", True)
    left = process.RunningTerraform(pid, "", "apply", 1.0, "", "a run that has ended")
    process.interrupt_running(left)
    assert sent == []


def test_a_provider_that_outlived_its_terraform_is_ended_by_the_next_run_and_no_sooner(
    tmp_path: Path,
) -> None:
    """Wizard and Terraform killed together: nobody else would ever end it."""
    provider = tmp_path / "terraform-provider-aws_v5.100.0_x5"
    shutil.copy(str(shutil.which("sleep")), provider)
    terraform = ["sh", "-c", f"{provider} 600 & {provider} 600 & sleep 600 & wait"]
    run = process.Run(
        terraform, cwd=tmp_path, env=dict(os.environ), folder=tmp_path, name="apply", mark=True
    )
    while len(run._family()) < 4:  # they are on their way
        pass
    bystander = next(one for one in run._family() if one.words[0] == "sleep")
    assert process.end_left_providers(tmp_path) == 0
    os.kill(run.pid, signal.SIGKILL)
    while process.running(tmp_path) is not None:
        pass
    assert process.end_left_providers(tmp_path) == 2
    while any(one.is_plugin for one in run._family()):
        pass
    assert process.end_left_providers(tmp_path) == 0
    assert process.birth(bystander.pid)
    os.kill(bystander.pid, signal.SIGKILL)
    run.wait(lambda _: None)


def test_a_run_that_nobody_follows_is_ended_whole_also_behind_a_wrapper(tmp_path: Path) -> None:
    wrapper = ["sh", "-c", "setsid sleep 600 & wait"]
    run = process.Run(
        wrapper, cwd=tmp_path, env=dict(os.environ), folder=tmp_path, name="apply", mark=True
    )
    while len(run._family()) < 2:  # it is on its way
        pass
    found = process.running(tmp_path)
    assert found is not None
    process.kill_running(found)
    while run._family():
        pass
    run.wait(lambda _: None)


def test_only_the_output_of_the_last_runs_is_kept(tmp_path: Path) -> None:
    for i in range(60):
        (tmp_path / f"2020010{i:02}-x.out").touch()
    process.prune(tmp_path)
    assert len(list(tmp_path.glob("*.out"))) == 20


WIZARD = """
import sys
from pathlib import Path
from wizard.services.terraform.client import open_terraform
from wizard.services.workspace.workspace import WorkspaceId, open_workspace
workspace = open_workspace(WorkspaceId("123456789012", "eu-central-1", "test"), root=Path({root!r}))
terraform = open_terraform(workspace, terraform={terraform!r})
plan = terraform.plan()
terraform.apply(plan, lambda e: print(type(e).__name__, flush=True))
"""


def killed_wizard(workspace: Workspace, terraform_path: str) -> None:
    """Start a wizard that applies, and kill it hard as soon as something is being created."""
    code = WIZARD.format(root=str(workspace.root), terraform=terraform_path)
    wizard = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert wizard.stdout is not None
    for line in wizard.stdout:
        if line.strip() == "ApplyStart":
            wizard.send_signal(signal.SIGKILL)
            break
    wizard.wait()
    wizard.stdout.close()


@pytest.mark.e2e
def test_when_the_wizard_is_killed_terraform_finishes_and_the_next_start_follows_it(
    opened, workspace: Workspace, terraform_path: str
) -> None:
    opened(seconds=[1.5, 0])
    killed_wizard(workspace, terraform_path)
    terraform = open_terraform(workspace, terraform=terraform_path)
    left = terraform.left_running()
    assert left is not None
    assert left.command == "apply"
    with pytest.raises(TerraformError) as caught:
        terraform.plan()
    assert caught.value.code == "WAG-E-TF-020"
    heard: list[Event] = []
    assert terraform.follow(left, heard.append)
    assert any(isinstance(e, ApplyStart) for e in heard)
    assert terraform.left_running() is None
    assert not terraform.plan().has_changes


@pytest.mark.e2e
def test_a_forgotten_plan_that_changes_nothing_is_ended_without_a_question(
    opened, workspace: Workspace
) -> None:
    terraform = opened()
    forgotten = process.Run(
        [sys.executable, "-c", "import time; time.sleep(60)"],
        cwd=workspace.root,
        env=dict(os.environ),
        folder=workspace.runs,
        name="plan",
        mark=True,
    )
    threading.Thread(target=forgotten.wait, args=(lambda _: None,)).start()
    assert terraform.plan().has_changes
    assert terraform.left_running() is None


@pytest.mark.e2e
def test_a_terraform_that_was_left_running_can_be_asked_to_stop(
    opened, workspace: Workspace, terraform_path: str
) -> None:
    opened(seconds=[0, 30])
    killed_wizard(workspace, terraform_path)
    terraform = open_terraform(workspace, terraform=terraform_path)
    left = terraform.left_running()
    assert left is not None
    threading.Timer(0.3, process.interrupt_running, [left]).start()
    started = time.monotonic()
    assert not terraform.follow(left)
    assert time.monotonic() - started < 10
    assert terraform.plan().has_changes


def alive_in_group(group: int) -> str:
    """The processes of a group that still work, as `ps` lists them (the dead may linger unread)."""
    listed = subprocess.run(
        ["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    mine = [line.split(None, 2) for line in listed]
    return "\n".join(f[2] for f in mine if f[0] == str(group) and not f[1].startswith("Z"))


@pytest.mark.e2e
def test_when_terraform_is_killed_its_helpers_go_too_and_a_new_run_mends_it(
    opened, workspace: Workspace
) -> None:
    terraform = opened(seconds=[0, 20])
    pids: list[int] = []

    def listen(event: Event) -> None:
        left = terraform.left_running()
        if isinstance(event, ApplyStart) and left is not None and not pids:
            pids.append(left.pid)
            threading.Timer(0.5, os.kill, [left.pid, signal.SIGKILL]).start()

    with pytest.raises(TerraformError) as caught:
        terraform.apply(terraform.plan(), listen)
    assert caught.value.in_doubt
    deadline = time.monotonic() + 5
    while alive_in_group(pids[0]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert alive_in_group(pids[0]) == ""
    workspace.write_variables({"seconds": [0, 0]})
    terraform.apply(terraform.plan())
    assert not terraform.plan().has_changes
