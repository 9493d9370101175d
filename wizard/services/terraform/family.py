"""Which of the processes that a started command became is Terraform itself.

What is called `terraform` may be a shell script, a version manager, a program in Python or Node.
An interrupt that goes to such a wrapper ends the wrapper, or nobody; it has to reach Terraform, and
once: a second one makes it drop everything. So the process is looked for among the descendants.
"""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

MARK = "WALLARM_APIGW_RUN"
"""Variable in the environment of a run: whoever inherited it belongs to that run."""

_PLUGIN = re.compile(r"terraform-(?:provider|provisioner)-")
# Names that Terraform's program goes by where wrappers and version managers keep it.
_TERRAFORM = re.compile(
    r"\.?(?:terraform|tofu|opentofu)(?:[-_.]?(?:bin|real|orig|wrapped|core|v?\d[\w.+-]*))*(?:\.exe)?"
)
# They run other programs; a signal to one of these is not a signal to Terraform.
_INTERPRETER = re.compile(
    r"(?:ba|da|z|k|fi|a|mk)?sh(?:-?\d[\d.]*)?|python[\d.]*|pypy[\d.]*|node(?:js)?|bun|deno|ruby"
    r"[\d.]*|perl[\d.]*|busybox|env|tee|script|stdbuf|nice|timeout|sudo|direnv|mise|asdf|tenv|tfenv"
    r"|tfswitch|chtf|aws-vault|op|doppler|chamber"
)


@dataclass(frozen=True)
class Process:
    """One process. `program` is the file that runs, `words` its argument list."""

    pid: int
    parent: int
    program: str
    words: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name alone."""
        return self.program.removesuffix(" (deleted)").rpartition("/")[2]

    @property
    def is_plugin(self) -> bool:
        """A provider: Terraform's child, which ends with it."""
        return _PLUGIN.match(self.name) is not None

    @property
    def is_interpreter(self) -> bool:
        """It runs somebody else's program."""
        return _INTERPRETER.fullmatch(self.name) is not None


def find_terraform(
    family: Iterable[Process], arguments: Sequence[str], started: str = ""
) -> Process | None:
    """Terraform among the processes of a run; None while only wrappers are there.

    Args:
        arguments: what Terraform was started with, without the program.
        started: the program that was started, with every link followed: when it runs itself, and
            not as another's script, it is what the user calls Terraform.
    """
    members = {one.pid: one for one in family}
    plugins = {pid for pid, one in members.items() if one.is_plugin}
    own = [one for one in members.values() if not _below(one, plugins, members)]
    parents = [members[pid].parent for pid in plugins]
    for one in own:
        if one.pid in parents:
            return one  # only Terraform starts providers
    named = [one for one in own if _TERRAFORM.fullmatch(one.name)]
    if not named:
        tail = tuple(arguments)
        named = [
            one
            for one in own
            if one.words[-len(tail) :] == tail
            and (one.program == started or not one.is_interpreter)
        ]
    return max(named, key=lambda one: _depth(one, members), default=None)


def find_last(family: Iterable[Process]) -> Process | None:
    """The innermost process of a run that is no provider: where a wrapper hides what it runs."""
    members = {one.pid: one for one in family}
    plugins = {pid for pid, one in members.items() if one.is_plugin}
    own = [one for one in members.values() if not _below(one, plugins, members)]
    return max(own, key=lambda one: _depth(one, members), default=None)


def _below(one: Process, plugins: set[int], members: dict[int, Process]) -> bool:
    while one.pid not in plugins:
        parent = members.get(one.parent)
        if parent is None or parent is one:
            return False
        one = parent
    return True


def _depth(one: Process, members: dict[int, Process]) -> int:
    depth = 0
    while (parent := members.get(one.parent)) is not None and depth < len(members):
        one, depth = parent, depth + 1
    return depth


def ignores_interrupt(pid: int) -> bool:
    """Whether an interrupt would be lost on a process right now.

    A shell's background job begins so, and Terraform in it until it has set up its own handler.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
        ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
        return bool(ignored >> (signal.SIGINT - 1) & 1)
    return False


def read_family(root: int, mark: str) -> tuple[Process, ...]:
    """Every living process of a run: the one that was started, its descendants, and whoever
    inherited the run's mark, also after all between them ended (where /proc tells).
    """
    listed = _from_proc(mark) if Path("/proc/self/stat").exists() else _from_ps()
    inside = {pid for pid, (_, marked) in listed.items() if marked or pid == root}
    grown = True
    while grown:
        more = {pid for pid, (one, _) in listed.items() if one.parent in inside} - inside
        inside |= more
        grown = bool(more)
    return tuple(one for pid, (one, _) in listed.items() if pid in inside)


def _from_proc(mark: str) -> dict[int, tuple[Process, bool]]:
    wanted = f"{MARK}={mark}".encode() if mark else b"\0"
    found: dict[int, tuple[Process, bool]] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            text = (folder / "stat").read_text(encoding="utf-8", errors="replace")
            state, parent, *_ = text.rpartition(")")[2].split()
            if state in ("Z", "X"):
                continue
            words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
            program, marked = words[0] if words else "", False
            with contextlib.suppress(OSError):  # others' processes do not show these
                program = str((folder / "exe").readlink())
                marked = wanted in (folder / "environ").read_bytes().split(b"\0")
            pid = int(folder.name)
            found[pid] = (Process(pid, int(parent), program, tuple(words)), marked)
    return found


def _from_ps() -> dict[int, tuple[Process, bool]]:
    done = subprocess.run(
        ["ps", "-axo", "pid=,ppid=,stat=,args="],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    found: dict[int, tuple[Process, bool]] = {}
    for line in done.stdout.splitlines():
        pid, parent, state, *words = line.split()
        if words and not state.startswith("Z"):
            found[int(pid)] = (Process(int(pid), int(parent), words[0], tuple(words)), False)
    return found
