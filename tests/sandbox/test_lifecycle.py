"""Nothing of a sandbox is left behind, however it ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.conftest import client_for, make_function
from wizard.core.errors import UsageError, WizardError
from wizard.sandbox import Sandbox, leftovers, local_aws
from wizard.sandbox.local_aws import LocalAws

HANGING = "import time\ndef handler(event, context):\n    time.sleep(600)\n"
GONE_SECONDS = 15.0

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")


def processes_of(root: Path) -> list[int]:
    """Every process that was started with the sandbox's folder in its environment or folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "environ").read_bytes() + os.fsencode((entry / "cwd").readlink())
            except OSError:
                continue
            if os.fsencode(root) in text:
                found.append(int(entry.name))
    return found


def command_line(pid: int) -> bytes:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes()
    except OSError:
        return b""


def servers_of(root: Path) -> list[int]:
    """Those of its processes that serve something: all but the Terraform of its workspace."""
    return [pid for pid in processes_of(root) if b"sleep 600" not in command_line(pid)
            and not command_line(pid).startswith(b"sleep")]  # fmt: skip


def open_ports(ports: dict[str, int]) -> list[str]:
    names = []
    for name, port in ports.items():
        if not name.endswith("_pid"):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    names.append(name)
    return names


def held_ports(root: Path, ports: dict[str, int]) -> list[str]:
    """Open ports, but for those that another sandbox beside this test was given meanwhile."""
    mine = {0, *processes_of(root)}
    return [name for name in open_ports(ports) if _listener(ports[name]) in mine]


def _listener(port: int) -> int:
    """The process that listens there; 0 where none is found."""
    inodes = {
        line.split()[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{port:04X}")
    }
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                for link in (entry / "fd").iterdir():
                    with contextlib.suppress(OSError):
                        if str(link.readlink()).removeprefix("socket:[").rstrip("]") in inodes:
                            return int(entry.name)
    return 0


def assert_all_gone(root: Path, ports: dict[str, int]) -> None:
    end = time.monotonic() + GONE_SECONDS
    left: tuple[Any, ...] = ()
    while time.monotonic() < end:
        left = (processes_of(root), held_ports(root, ports), root.exists())
        if left == ([], [], False):
            return
        time.sleep(0.05)
    pytest.fail(f"left behind: processes {left[0]}, ports {left[1]}, folder {left[2]}")


def start_hanging_worker(sandbox: Sandbox) -> None:
    """A Lambda worker in the middle of a call: the hardest thing to end."""
    make_function(sandbox, "hanging", HANGING)
    client_for(sandbox, "lambda").invoke(
        FunctionName="hanging", InvocationType="Event", Payload=b"{}"
    )
    end = time.monotonic() + 10
    while len(processes_of(sandbox.root)) < 2 and time.monotonic() < end:
        time.sleep(0.02)
    assert len(processes_of(sandbox.root)) >= 2, "the worker never started"


def test_stopping_leaves_no_process_no_port_and_no_file() -> None:
    with Sandbox.start() as sandbox:
        start_hanging_worker(sandbox)
        assert len(open_ports(sandbox.ports)) == 7
    assert processes_of(sandbox.root) == []
    assert held_ports(sandbox.root, sandbox.ports) == []
    assert not sandbox.root.exists()
    sandbox.stop()  # twice is once


OWNER = """
    import json, sys, time
    from tests.sandbox.test_lifecycle import start_hanging_worker
    from wizard.sandbox import Sandbox
    from wizard.services.terraform.process import Run
    sandbox = Sandbox.start(seed=False)
    start_hanging_worker(sandbox)
    runs = sandbox.workspace() / "runs"
    runs.mkdir(parents=True)
    env = {"WORKSPACE": str(runs)}
    Run(["sh", "-c", "sleep 600 & wait"], cwd=runs, env=env, folder=runs, name="apply", mark=True)
    host = sandbox._process.pid
    print(json.dumps({"root": str(sandbox.root), "ports": sandbox.ports, "host": host}), flush=True)
    time.sleep(600)
"""


@pytest.fixture
def owner(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Another process that owns a sandbox with a busy Lambda worker and, in a session of its own,
    a command with a child, as Terraform and its provider are: `(process, root, ports, host pid)`.

    Its temporary folder is its own: in the one of this machine any sandbox that starts sweeps."""
    with tempfile.TemporaryDirectory(prefix="owner-") as folder:
        monkeypatch.setattr("tempfile.gettempdir", lambda: folder)
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(OWNER)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            env=os.environ | {"TMPDIR": folder},
            start_new_session=True,
        )
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield process, Path(told["root"]), told["ports"], told["host"]
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_when_its_owner_dies_the_sandbox_dies_too_with_the_terraform_of_its_workspace(
    owner: Any, number: signal.Signals
) -> None:
    process, root, ports, _ = owner
    assert len([pid for pid in processes_of(root) if b"sleep" in command_line(pid)]) == 2
    process.send_signal(number)
    assert_all_gone(root, ports)


def test_when_its_own_process_is_killed_nothing_keeps_running_and_the_next_start_sweeps(
    owner: Any,
) -> None:
    _, root, ports, host = owner
    os.kill(host, signal.SIGKILL)
    end = time.monotonic() + GONE_SECONDS
    while (servers_of(root) or held_ports(root, ports)) and time.monotonic() < end:
        time.sleep(0.05)
    assert servers_of(root) == []
    assert held_ports(root, ports) == []
    assert root.exists()
    assert root in leftovers.sweep()
    assert_all_gone(root, ports)


def test_sweeping_leaves_running_and_starting_sandboxes_alone(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sandbox.root not in leftovers.sweep()
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    starting = tmp_path / f"{leftovers.PREFIX}new"
    starting.mkdir()
    (tmp_path / f"{leftovers.PREFIX}link").symlink_to(starting)
    assert leftovers.sweep() == []
    assert starting.exists()


def test_in_the_foreground_it_prints_its_environment_and_ends_with_ctrl_c() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "wizard.sandbox"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "AWS_PROFILE": "production"},
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if line.startswith("export WALLARM_APIGW_NODE_RECORD_URL="):
            break
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=GONE_SECONDS)
    assert process.returncode == 0
    assert out == ""
    assert "unset AWS_PROFILE" in lines
    exports = dict(x.removeprefix("export ").split("=", 1) for x in lines if "export" in x)
    assert exports["AWS_ENDPOINT_URL"].startswith("'http://127.0.0.1:")
    port = int(exports["AWS_ENDPOINT_URL"].strip("'").rpartition(":")[2])
    assert open_ports({"aws": port}) == []


def test_a_port_taken_in_between_is_no_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = [taken.getsockname()[1], local_aws.free_port()]
        monkeypatch.setattr(local_aws, "free_port", lambda: ports.pop(0))
        aws = LocalAws(tmp_path, "123456789012", "us-east-1")

        async def start_and_stop() -> int:
            await aws.start()
            await aws.stop()
            return aws.port

        used = asyncio.run(start_and_stop())
    assert used > 0
    assert ports == []


def test_the_callers_credentials_never_reach_a_lambda_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-real-secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "the-real-session")
    monkeypatch.setenv("WALLARM_API_TOKEN", "the-real-token")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    source = "import os, json\ndef handler(event, context):\n    return dict(os.environ)\n"
    with Sandbox.start(seed=False) as sandbox:
        make_function(sandbox, "environment", source)
        answer = client_for(sandbox, "lambda").invoke(FunctionName="environment", Payload=b"{}")
        environment = answer["Payload"].read().decode()
    assert "AWS_LAMBDA_FUNCTION_NAME" in environment
    assert "the-real" not in environment
    assert "proxy.example" not in environment


def test_a_given_folder_keeps_only_the_logs(tmp_path: Path) -> None:
    with Sandbox.start(tmp_path / "kept", seed=False):
        pass
    assert sorted(p.name for p in (tmp_path / "kept").iterdir()) == ["local-aws.log", "sandbox.log"]


def test_without_the_extra_the_error_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError) as caught:
        Sandbox.start()
    # Not ministack alone: it wants a botocore of its own, and boto3 would keep its newer version.
    assert '`pipx install --force "WHEEL[sandbox]"`' in caught.value.next_step
    assert "sandbox" in (metadata("wallarm-apigw").get_all("Provides-Extra") or [])


def test_importing_it_needs_neither_ministack_nor_boto3() -> None:
    code = (
        "import sys; sys.modules['ministack'] = sys.modules['boto3'] = None; import wizard.sandbox"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_a_local_aws_that_does_not_start_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    (broken / "ministack").mkdir(parents=True)
    (broken / "ministack" / "__init__.py").write_text("raise SystemExit('ministack is broken')")
    monkeypatch.setattr(
        local_aws.LocalAws, "_environment", lambda self, mark: {"PYTHONPATH": str(broken)}
    )
    import asyncio

    aws = LocalAws(tmp_path, "123456789012", "us-east-1")
    with pytest.raises(local_aws.StartError, match="ministack is broken"):
        asyncio.run(aws.start())


def test_an_answer_other_than_ready_is_told_in_the_childs_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from wizard.sandbox import host_process

    spawn: Callable[..., Any] = subprocess.Popen

    def failing(folder: Path) -> Any:
        code = 'import sys; sys.stdin.readline(); print(\'{"error": "port 1 is odd"}\')'
        return spawn([sys.executable, "-c", code], stdin=-1, stdout=-1)

    monkeypatch.setattr(host_process, "spawn", failing)
    with pytest.raises(WizardError, match="did not start") as caught:
        Sandbox.start()
    assert caught.value.why == "port 1 is odd"
