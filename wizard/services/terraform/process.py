"""Runs one Terraform command so that it neither hangs, fights the terminal, nor dies with us.

What Terraform prints goes to files in the workspace, which this process follows. A pipe would kill
Terraform at its next line when the wizard is killed (SIGPIPE), in the middle of creating something;
with a file it finishes what was approved, stores its state, and the next start finds out
(`running`). It has its own session, so neither Ctrl-C nor a closed terminal reaches it: only
`interrupt`, which asks it to stop properly, and `kill`.

What was started may be a wrapper. An interrupt goes to Terraform itself (`family`), and to it once;
a run ends when Terraform has ended, not when its wrapper has.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

from wizard.core.errors import WizardError
from wizard.services.files import write_private
from wizard.services.terraform import family

_CHUNK = 1 << 16
MAX_LINE = 32 << 20  # a longer line is cut: something is wrong, and memory is bounded

LineListener = Callable[[bytes], None]


class Follower:
    """Reads a growing file line by line, in constant memory per line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self._parts: list[bytes] = []
        self._held = 0

    def read(self, on_line: LineListener) -> bool:
        """Hand on every line that is complete; says whether there was anything."""
        moved = False
        while chunk := self._file.read(_CHUNK):
            moved = True
            *lines, rest = chunk.split(b"\n")
            for line in lines:
                self._hold(line)
                self._flush(on_line)
            self._hold(rest)
        return moved

    def close(self, on_line: LineListener) -> None:
        """Hand on what came without a newline, and close."""
        if self._held:
            self._flush(on_line)
        self._file.close()

    def _hold(self, part: bytes) -> None:
        if part and self._held < MAX_LINE:
            self._parts.append(part)
            self._held += len(part)

    def _flush(self, on_line: LineListener) -> None:
        line = b"".join(self._parts)
        self._parts.clear()
        self._held = 0
        on_line(line)


_POLL = 0.05
_KEEP_RUNS = 5
_SIGNALLED = 128  # a shell adds this to the number of the signal that ended a program


_SEARCH_EVERY = 0.25  # seconds between two looks for Terraform among the processes
_PATIENCE = 2.0  # seconds for a wrapper to start Terraform before its innermost process is asked
_HEARD = b"Interrupt received"  # how Terraform begins its answer


@dataclass(frozen=True)
class Completed:
    """How a command ended. `returncode` is negative after a signal, as in `subprocess`.

    `outlived`: the exit code is a wrapper's that ended before Terraform did; it says nothing.
    """

    returncode: int
    stderr: str
    seconds: float
    interrupted: bool
    timed_out: bool = False
    outlived: bool = False


class Run:
    """One command in progress. `wait` in one thread; `interrupt` and `kill` from any."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        folder: Path,
        name: str,
        mark: bool,
    ) -> None:
        self._began = time.monotonic()
        self._lock = threading.RLock()  # a signal handler may ask in the middle of anything
        self._asked = 0.0  # when it was asked to stop; 0 while it was not
        self._heard = False
        self._asked_pids: set[int] = set()
        self._searched = self._sent = 0.0
        self._killed = False
        self._argv = tuple(argv)
        stem = (
            f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}-{time.monotonic_ns()}"
        )
        self._mark = stem
        prune(folder)
        self.stdout = folder / f"{stem}-{name}.out"
        self._stderr = folder / f"{stem}-{name}.err"
        self._marker = folder / MARKER if mark else None
        # Before it runs: killed right after the start, a wizard leaves one that its mark tells.
        self._note_running(name, 0)
        try:
            with _private(self.stdout) as out, _private(self._stderr) as err:
                self._process = subprocess.Popen(
                    list(argv),
                    cwd=cwd,
                    env={**env, family.MARK: stem},
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                    close_fds=True,
                    umask=0o077,
                )
        except OSError as error:
            if self._marker is not None:
                self._marker.unlink(missing_ok=True)
            raise WizardError(
                "WAG-E-TF-004",
                "Terraform could not be started",
                why=f"{argv[0]}: {error.strerror or error}",
                next_step="Check free space, memory and the path of Terraform; then try again.",
            ) from error
        self.pid = self._process.pid
        try:
            self._note_running(name, self.pid)
        except WizardError:
            self.interrupt()
            self._process.wait()
            raise

    def _note_running(self, name: str, pid: int) -> None:
        """Write the marker; a `pid` of 0 is one that is not known yet."""
        if self._marker is not None:
            born = birth(pid) if pid else ""
            marker = RunningTerraform(
                pid, born, name, time.time(), str(self.stdout), self._mark, self._argv
            )
            write_private(self._marker, json.dumps(asdict(marker)))

    def wait(
        self,
        on_line: LineListener,
        timeout: float | None = None,
        on_tick: Callable[[], None] | None = None,
        grace: float | None = 10.0,
    ) -> Completed:
        """Follow the command to its end.

        Args:
            on_line: called with each line of stdout, without its newline.
            timeout: seconds after which it is asked to stop; None for no limit.
            grace: seconds it then has before it is killed; None where it is never killed.
            on_tick: called many times a second while it runs.
        """
        timed_out = outlived = False
        deadline = None if timeout is None else self._began + timeout
        follower = Follower(self.stdout)

        def hear(line: bytes) -> None:
            self._note_answer(line)
            on_line(line)

        try:
            while True:
                if self._process.poll() is not None:
                    if self._killed or self._find_terraform() is None:
                        break
                    outlived = True
                moved = follower.read(hear)
                if on_tick is not None:
                    on_tick()
                self._deliver()
                now = time.monotonic()
                if deadline is not None and now > deadline:
                    if not timed_out:
                        timed_out = True
                        self._ask_to_stop()
                    elif grace is not None and now > deadline + grace:
                        self.kill()
                if not moved:
                    self._pause()
            follower.read(hear)
            follower.close(hear)
        finally:
            if self._process.returncode is not None:
                self._after_end()
        with self._lock:
            interrupted = (self._asked > 0 and not timed_out) or self._killed
        return Completed(
            self._process.returncode,
            _tail(self._stderr),
            time.monotonic() - self._began,
            interrupted,
            timed_out,
            outlived,
        )

    def interrupt(self) -> None:
        """Ask Terraform to finish what is in flight, store its state and stop. Once is enough."""
        self._ask_to_stop()

    def kill(self) -> None:
        """Stop at once. What is being created right now will be missing from the state."""
        with self._lock:
            self._killed = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        for one in self._family():  # a wrapper may have begun a session of its own
            _send(one.pid, signal.SIGKILL)

    def _ask_to_stop(self) -> None:
        with self._lock:
            if self._asked == 0.0:
                self._asked = time.monotonic()
        self._deliver()

    def _deliver(self) -> None:
        """Pass the interrupt on to Terraform, as soon as it is there; to no process twice."""
        with self._lock:
            now = time.monotonic()
            if not self._asked or self._heard or now < self._searched + _SEARCH_EVERY:
                return
            self._searched = now
            found = self._find_terraform()
            if found is None and not self._asked_pids and now > self._asked + _PATIENCE:
                found = family.find_last(self._family())
            # A second one to the same process would make Terraform drop everything.
            if found is None or found.pid in self._asked_pids:
                return
            if not family.ignores_interrupt(found.pid):
                self._asked_pids.add(found.pid)
                self._sent = now
                _send(found.pid, signal.SIGINT)

    def _note_answer(self, line: bytes) -> None:
        """Terraform answers an interrupt before it says anything else. One that it lost, as it does
        while it reads the plan, is known by what it says later, and sent again.
        """
        with self._lock:
            if self._asked and _HEARD in line:
                self._heard = True
            elif self._asked_pids and time.monotonic() > self._sent + _PATIENCE:
                self._asked_pids.clear()

    def _family(self) -> tuple[family.Process, ...]:
        return family.read_family(self.pid, self._mark)

    def _find_terraform(self) -> family.Process | None:
        return _terraform_of(self._family(), self._argv)

    def _pause(self) -> None:
        if self._process.returncode is not None:
            time.sleep(_SEARCH_EVERY)
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_POLL)

    def _after_end(self) -> None:
        died = self._process.returncode < 0 or self._process.returncode > _SIGNALLED
        if died or self._killed:
            # Providers that outlive a killed Terraform would keep working for nobody.
            members = self._family()
            if self._killed or _terraform_of(members, self._argv) is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, signal.SIGKILL)
                for one in members:
                    _send(one.pid, signal.SIGKILL)
        if self._marker is not None:
            self._marker.unlink(missing_ok=True)


def _terraform_of(
    members: tuple[family.Process, ...], argv: Sequence[str]
) -> family.Process | None:
    program = str(Path(argv[0]).resolve()) if argv else ""
    return family.find_terraform(members, argv[1:], program)


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def prune(folder: Path) -> None:
    """Keep the output of the last runs only."""
    for suffix in ("out", "err"):
        for path in sorted(folder.glob(f"*.{suffix}"))[: -_KEEP_RUNS * 4]:
            path.unlink(missing_ok=True)


def _private(path: Path) -> IO[bytes]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    return os.fdopen(descriptor, "wb")


def _tail(path: Path, limit: int = 64 << 10) -> str:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - limit))
        return file.read().decode("utf-8", errors="replace")


MARKER = "running.json"


@dataclass(frozen=True)
class RunningTerraform:
    """A Terraform command that was started from a workspace and still runs.

    `started` is epoch seconds; `stdout` the file with its lines so far.
    """

    pid: int
    birth: str
    command: str
    started: float
    stdout: str
    mark: str = ""
    argv: tuple[str, ...] = ()

    @property
    def members(self) -> tuple[family.Process, ...]:
        """Every process of it that still runs."""
        known = self.birth and birth(self.pid) == self.birth
        return family.read_family(self.pid if known else 0, self.mark)

    @property
    def terraform(self) -> family.Process | None:
        """Terraform itself, as long as it runs; None while only a wrapper does."""
        return _terraform_of(self.members, self.argv)

    @property
    def alive(self) -> bool:
        """Whether it still runs, or the Terraform that its wrapper left behind does."""
        if self.birth and birth(self.pid) == self.birth:
            return True
        return bool(self.mark) and self.terraform is not None


def running(folder: Path) -> RunningTerraform | None:
    """The Terraform that an earlier wizard left running in this workspace, if it still runs."""
    found = _read_marker(folder)
    if found is None or not found.alive:
        return None
    if found.birth:
        return found if found.pid > 1 else None
    real = found.terraform  # its number was not written down yet
    return replace(found, pid=real.pid) if real is not None else None


def _read_marker(folder: Path) -> RunningTerraform | None:
    try:
        data = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        return RunningTerraform(
            int(data["pid"]),
            str(data["birth"]),
            str(data["command"]),
            float(data["started"]),
            str(data["stdout"]),
            str(data.get("mark", "")),
            tuple(map(str, data.get("argv", ()))),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def end_left_providers(folder: Path) -> int:
    """End the providers of a Terraform that was killed together with its wizard; returns how many.

    Nobody hears what they say any more, and each holds some 300 MB until the machine restarts.
    """
    found = _read_marker(folder)
    if found is None or found.alive:
        return 0
    left = [one for one in found.members if one.is_plugin and one.pid > 1]
    for one in left:
        _send(one.pid, signal.SIGKILL)
    return len(left)


def kill_running(found: RunningTerraform) -> None:
    """End that Terraform at once, with its wrapper and its providers."""
    for one in found.members:
        if one.pid > 1:
            _send(one.pid, signal.SIGKILL)


def follow(
    found: RunningTerraform, on_line: LineListener, stop: threading.Event | None = None
) -> bool:
    """Follow a Terraform that somebody else started, from its first line to its end.

    Returns whether it ended (False: `stop` was set first). Its exit code belongs to the process
    that started it; only its lines tell how it went.
    """
    follower = Follower(Path(found.stdout))
    while found.alive:
        if not follower.read(on_line):
            if stop is not None and stop.is_set():
                return False
            time.sleep(_POLL)
    follower.read(on_line)
    follower.close(on_line)
    return True


def interrupt_running(found: RunningTerraform) -> None:
    """Ask that Terraform to stop properly."""
    if found.alive:
        real = found.terraform or family.find_last(found.members)
        if real is not None:
            _send(real.pid, signal.SIGINT)


def birth(pid: int) -> str:
    """When a process began: tells it from a later one with its number. Empty if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        state, *rest = fields.rpartition(")")[2].split()
        return "" if state in ("Z", "X") else rest[18]
    except (OSError, IndexError, ValueError):
        if Path("/proc/self/stat").exists():
            return ""
    done = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    return done.stdout.strip()
