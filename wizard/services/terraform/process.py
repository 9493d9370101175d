"""Runs one Terraform command so that it neither hangs, fights the terminal, nor dies with us.

What Terraform prints goes to files in the workspace, which this process follows. A pipe would kill
Terraform at its next line when the wizard is killed (SIGPIPE), in the middle of creating something;
with a file it finishes what was approved, stores its state, and the next start finds out
(`leftover`). It has its own session, so neither Ctrl-C nor a closed terminal reaches it: only
`interrupt`, which asks it to stop properly, and `kill`.
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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from wizard.core.errors import WizardError
from wizard.services.files import write_private

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


@dataclass(frozen=True)
class Completed:
    """How a command ended. `returncode` is negative after a signal, as in `subprocess`."""

    returncode: int
    stderr: str
    seconds: float
    interrupted: bool
    timed_out: bool = False


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
        self._interrupts = 0
        self._killed = False
        stem = (
            f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}-{time.monotonic_ns()}"
        )
        prune(folder)
        self.stdout = folder / f"{stem}-{name}.out"
        self._stderr = folder / f"{stem}-{name}.err"
        self._marker = folder / MARKER if mark else None
        try:
            with _private(self.stdout) as out, _private(self._stderr) as err:
                self._process = subprocess.Popen(
                    list(argv),
                    cwd=cwd,
                    env=dict(env),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                    close_fds=True,
                    umask=0o077,
                )
        except OSError as error:
            raise WizardError(
                "WAG-E-TF-004",
                "Terraform could not be started",
                why=f"{argv[0]}: {error.strerror or error}",
                next_step="Check free space, memory and the path of Terraform; then try again.",
            ) from error
        self.pid = self._process.pid
        if self._marker is not None:
            marker = RunningTerraform(
                self.pid, birth(self.pid), name, time.time(), str(self.stdout)
            )
            try:
                write_private(self._marker, json.dumps(asdict(marker)))
            except WizardError:
                self.interrupt()
                self._process.wait()
                raise

    def wait(
        self,
        on_line: LineListener,
        timeout: float | None = None,
        on_tick: Callable[[], None] | None = None,
        grace: float = 10.0,
    ) -> Completed:
        """Follow the command to its end.

        Args:
            on_line: called with each line of stdout, without its newline.
            timeout: seconds after which it is asked to stop, then stopped; None for no limit.
            grace: seconds it has to stop after the timeout before it is killed.
            on_tick: called many times a second while it runs.
        """
        timed_out = False
        deadline = None if timeout is None else self._began + timeout
        follower = Follower(self.stdout)
        try:
            while self._process.poll() is None:
                moved = follower.read(on_line)
                if on_tick is not None:
                    on_tick()
                now = time.monotonic()
                if deadline is not None and now > deadline:
                    if not timed_out:
                        timed_out = True
                        self._signal(signal.SIGINT)
                    elif now > deadline + grace:
                        self.kill()
                if not moved:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self._process.wait(_POLL)
            follower.read(on_line)
            follower.close(on_line)
        finally:
            if self._process.returncode is not None:
                self._after_end()
        with self._lock:
            interrupted = self._interrupts > 0 or self._killed
        return Completed(
            self._process.returncode,
            _tail(self._stderr),
            time.monotonic() - self._began,
            interrupted,
            timed_out,
        )

    def interrupt(self) -> None:
        """Ask Terraform to finish what is in flight, store its state and stop. Once is enough."""
        with self._lock:
            first = self._interrupts == 0
            self._interrupts += 1
        if first:
            self._signal(signal.SIGINT)  # a second one would make Terraform drop everything

    def kill(self) -> None:
        """Stop at once. What is being created right now will be missing from the state."""
        with self._lock:
            self._killed = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _after_end(self) -> None:
        if self._process.returncode < 0:
            # Providers that outlive a killed Terraform would keep working for nobody.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        if self._marker is not None:
            self._marker.unlink(missing_ok=True)


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


def running(folder: Path) -> RunningTerraform | None:
    """The Terraform that an earlier wizard left running in this workspace, if it still runs."""
    try:
        data = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        found = RunningTerraform(
            int(data["pid"]),
            str(data["birth"]),
            str(data["command"]),
            float(data["started"]),
            str(data["stdout"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if found.birth and birth(found.pid) == found.birth else None


def follow(
    found: RunningTerraform, on_line: LineListener, stop: threading.Event | None = None
) -> bool:
    """Follow a Terraform that somebody else started, from its first line to its end.

    Returns whether it ended (False: `stop` was set first). Its exit code belongs to the process
    that started it; only its lines tell how it went.
    """
    follower = Follower(Path(found.stdout))
    while birth(found.pid) == found.birth:
        if not follower.read(on_line):
            if stop is not None and stop.is_set():
                return False
            time.sleep(_POLL)
    follower.read(on_line)
    follower.close(on_line)
    return True


def interrupt_running(found: RunningTerraform) -> None:
    """Ask that Terraform to stop properly."""
    if birth(found.pid) == found.birth:
        with contextlib.suppress(ProcessLookupError):
            os.kill(found.pid, signal.SIGINT)


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
