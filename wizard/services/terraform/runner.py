"""Starts Terraform in one workspace, hears what it says, and stops it when asked."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from python_terraform import Terraform as CommandLines

from wizard.core.errors import WizardError
from wizard.core.secret import Secret
from wizard.core.terraform.events import ChangeSummary, Diagnostic, Event, describe
from wizard.core.text import count
from wizard.services.terraform import process
from wizard.services.terraform.errors import TerraformError, failed, unheard
from wizard.services.terraform.events import find_object, parse_line
from wizard.services.terraform.find import Binary, interpreter_of
from wizard.services.workspace.workspace import Workspace

_MAX_BYTES = 5 << 20


class RunLog:
    """Appends to one file (0600); the one before is kept as `.1`. A full disk never ends a run."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, command: str, version: str) -> None:
        """Note the start of a command."""
        try:
            if self._path.exists() and self._path.stat().st_size > _MAX_BYTES:
                self._path.replace(self._path.with_name(self._path.name + ".1"))
        except OSError:
            return
        self._append(f"--- terraform {command} (Terraform {version})")

    def write(self, event: Event) -> None:
        """Note one event."""
        if text := describe(event):
            self._append(text)

    def end(self, command: str, returncode: int, stderr: str) -> None:
        """Note how a command ended, with what it said on stderr."""
        for line in stderr.strip().splitlines()[-50:]:
            self._append(f"stderr: {line}")
        self._append(f"--- terraform {command}: exit code {returncode}")

    def _append(self, text: str) -> None:
        at = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
        line = "\n    ".join(text.splitlines())
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "ab") as file:
                file.write(f"{at} {line}\n".encode("utf-8", errors="replace"))
        except OSError:
            return  # the log is for later; the run goes on


QUICK_TIMEOUT = 300.0


@dataclass(frozen=True)
class Answer:
    """Exit code and texts of a quick command."""

    returncode: int
    stdout: str
    stderr: str


def read_json_answer(
    answer: Answer, command: str, wanted: Callable[[dict[str, Any]], bool] = lambda _: True
) -> dict[str, Any]:
    """The JSON object a command printed, whatever a wrapper printed around it.

    What it printed is never part of an error: outputs, plans and states hold secrets.

    Args:
        wanted: tells Terraform's answer from other JSON.
    Raises TerraformError where there is none.
    """
    data = find_object(answer.stdout, wanted)
    if data is not None and (answer.returncode == 0 or "diagnostics" in data):
        return data
    said = answer.stderr
    if answer.returncode == 0:
        size = len(answer.stdout)
        said = f"It ended well, but its answer ({count(size, 'character')}) is not Terraform's."
        raise unheard(command, f"{said} {answer.stderr}".strip())
    raise failed(command, (), said, answer.returncode)


def outputs(data: Mapping[str, Mapping[str, Any]]) -> dict[str, object]:
    """`terraform output -json` → values by name; a sensitive text becomes a `Secret`."""
    out: dict[str, object] = {}
    for name, item in data.items():
        value = item.get("value")
        out[name] = Secret(value) if item.get("sensitive") and isinstance(value, str) else value
    return out


EventListener = Callable[[Event], None]

_MAX_DIAGNOSTICS = 200
_HARMLESS = ("init", "plan")  # commands that change nothing: a forgotten one may be stopped
_SETTLE_SECONDS = 30.0
_DISK_FULL = 1 << 20  # bytes: then even what Terraform said may be missing


def ignore(_: Event) -> None:
    """A listener that does not."""


class Runner:
    """One workspace's Terraform processes, one at a time.

    Args:
        workspace: its module must be installed (`Workspace.install_module`).
        binary: the Terraform to start.
        env: the whole environment it gets, see `environment`.
    """

    def __init__(self, workspace: Workspace, binary: Binary, env: Mapping[str, str]) -> None:
        self.workspace = workspace
        self.binary = binary
        self.env = dict(env)
        self._run: process.Run | None = None
        self._stop = threading.Event()
        self._log = RunLog(workspace.log_file)

    @property
    def working(self) -> bool:
        """Whether a command is being followed right now."""
        return self._run is not None

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    def interrupt(self) -> None:
        """Ask the running command to finish what is in flight, store its state and stop.

        Nothing further is started by this object; a new run is a new object.
        """
        self.stop()
        if self._run is not None:
            self._run.interrupt()

    def stop(self) -> None:
        """Begin nothing further; what runs is left to end by itself."""
        self._stop.set()

    def kill(self) -> None:
        """Stop the running command at once: what is in flight will be missing from the state."""
        self._stop.set()
        if self._run is not None:
            self._run.kill()

    def left_running(self) -> process.RunningTerraform | None:
        """The Terraform that an earlier wizard left running here, if it still runs."""
        return process.running(self.workspace.runs)

    def end_left_providers(self) -> int:
        """End the providers that a killed Terraform left here; returns how many."""
        return process.end_left_providers(self.workspace.runs)

    def follow(self, found: process.RunningTerraform, on_event: EventListener = ignore) -> bool:
        """Follow it to its end. Returns whether it said that an apply was completed.

        Plan again afterwards: an empty plan is the proof.
        """
        complete = False

        def listen(line: bytes) -> None:
            nonlocal complete
            event = parse_line(line)
            if isinstance(event, ChangeSummary) and event.operation != "plan":
                complete = True
            if event is not None:
                on_event(event)

        process.follow(found, listen)
        return complete

    def command_line(self, command: str, *args: str, **options: object) -> list[str]:
        """The argument list of a command; an option of None is left out."""
        lines = _CommandLines(terraform_bin_path=self.binary.command[0])
        argv: list[str] = lines.generate_cmd_string(command, *args, **options)
        return [*self.binary.command, *argv[1:]]

    @property
    def _module(self) -> Path:
        module = self.workspace.module
        if module is None:
            raise WizardError(
                "WAG-E-WS-007",
                "This workspace holds no Terraform module yet",
                why=f"{self.workspace.root} was never deployed from.",
                next_step="Run the install first.",
            )
        return module

    def _settled(self) -> process.RunningTerraform | None:
        """A Terraform still at work here; one that changes nothing is asked to end first."""
        left = self.left_running()
        if left is not None and left.command in _HARMLESS:
            process.interrupt_running(left)
            deadline = time.monotonic() + _SETTLE_SECONDS
            while left is not None and time.monotonic() < deadline:
                time.sleep(0.05)
                left = self.left_running()
        return left

    def stream(
        self,
        name: str,
        argv: Sequence[str],
        on_event: EventListener,
        timeout: float | None,
        good: tuple[int, ...] = (0,),
        on_tick: Callable[[], None] | None = None,
        grace: float = 10.0,
        without: Collection[str] = (),
    ) -> tuple[process.Completed, tuple[Diagnostic, ...]]:
        """Run a command and hand on its events as they come.

        Args:
            name: the command, for words and for the run's files.
            timeout: seconds; None for no limit.
            good: exit codes that are no failure.
            on_tick: called many times a second while it runs.
            grace: seconds it has to stop after the timeout before it is killed; what changes
                something never is.
            without: variables that this command does not get.
        Returns how it ended, and its diagnostics. Raises TerraformError.
        """
        left = self._settled()
        if left is not None:
            raise TerraformError(
                "WAG-E-TF-020",
                "Terraform is still working on this deployment",
                why=f"An earlier run was ended while its `{left.command}` went on (process "
                f"{left.pid}).",
                next_step="Start the wizard again: it shows what that Terraform does and waits.",
            )
        if self._stop.is_set():
            raise failed(name, (), "", 0, interrupted=True)
        diagnostics: dict[Diagnostic, None] = {}

        def listen(line: bytes) -> None:
            event = parse_line(line)
            if event is None:
                return
            if isinstance(event, Diagnostic) and len(diagnostics) < _MAX_DIAGNOSTICS:
                diagnostics.setdefault(event)
            self._log.write(event)
            on_event(event)

        self._log.begin(name, self.binary.version)
        self._run = run = process.Run(
            argv,
            cwd=self._module,
            env={name: value for name, value in self.env.items() if name not in without},
            folder=self.workspace.runs,
            name=name,
            mark=True,
        )
        if self._stop.is_set():
            run.interrupt()  # asked for in the moment between the check and the start
        try:
            # What changes something is waited for, however long it takes to stop.
            done = run.wait(listen, timeout, on_tick, grace if name in _HARMLESS else None)
        except BaseException:
            run.interrupt()  # a listener that fails must not leave Terraform without a reader
            run.wait(lambda _: None)
            raise
        finally:
            self._run = None
        found = tuple(diagnostics)
        self._log.end(name, done.returncode, done.stderr)
        stopped = self._stop.is_set() and not done.timed_out
        well = (done.returncode in good or done.outlived) and not any(d.is_error for d in found)
        if not well or done.timed_out or stopped:
            said = done.stderr
            if shutil.disk_usage(self.workspace.root).free < _DISK_FULL:
                said = f"{said}\nno space left on device: {self.workspace.root}".strip()
            raise failed(
                name,
                found,
                said,
                done.returncode,
                interrupted=stopped,
                complete=stopped and well,
                timeout=timeout if done.timed_out else None,
                errored=self.workspace.unsaved.files,
                script=self.binary.name if interpreter_of(Path(self.binary.command[0])) else "",
            )
        return done, found

    def ask(self, command: str, *args: str, **options: object) -> Answer:
        """A quick command whose whole answer is wanted, held in memory only."""
        argv = self.command_line(command, *args, **options)
        try:
            done = subprocess.run(
                argv,
                cwd=self._module,
                env=self.env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                start_new_session=True,
                timeout=QUICK_TIMEOUT,
                check=False,
                umask=0o077,
            )
        except subprocess.TimeoutExpired as error:
            raise failed(command, (), "", -1, timeout=QUICK_TIMEOUT) from error
        except OSError as error:
            raise failed(command, (), f"{argv[0]}: {error.strerror or error}", -1) from error
        return Answer(
            done.returncode,
            done.stdout.decode("utf-8", errors="replace"),
            done.stderr.decode("utf-8", errors="replace"),
        )


class _CommandLines(CommandLines):  # type: ignore[misc]  # the package ships no types
    """python-terraform's command-line builder, without its habit of reading the state file."""

    def read_state_file(self, file_path: str | None = None) -> None:
        del file_path
