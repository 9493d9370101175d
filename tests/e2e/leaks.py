"""Looks for secrets: in files and zips, in command lines and environments of child processes."""

from __future__ import annotations

import base64
import contextlib
import threading
import urllib.parse
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

PAUSE = 0.06  # seconds between two looks
LONGEST_FILE = 64 * 1024 * 1024


def spellings(secret: str) -> tuple[bytes, ...]:
    """The secret as it is, in base64 at each offset, URL-encoded and JSON-escaped."""
    raw = secret.encode()
    encoded = []
    for offset in range(3):
        text = base64.b64encode(b"x" * offset + raw)
        # What comes before and after may share the first and last characters.
        encoded.append(text[4 if offset else 0 : -4])
    quoted = urllib.parse.quote(secret, safe="").encode()
    escaped = secret.replace("/", "\\/").encode()
    return tuple(dict.fromkeys((raw, *encoded, quoted, escaped)))


def found_in(data: bytes, secrets: Iterable[str]) -> list[str]:
    """Which of the secrets are in there, by their first letters only."""
    return [s[:10] + "…" for s in secrets if any(form in data for form in spellings(s))]


def found_below(folder: Path, secrets: Iterable[str]) -> list[str]:
    """`file: secret` for every file below the folder that holds one."""
    secrets = tuple(secrets)
    out = []
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LONGEST_FILE:
            continue
        if "providers" in path.parts:
            continue  # Terraform's plugins, hundreds of megabytes that nobody of us wrote
        data = path.read_bytes()
        hits = found_in(data, secrets)
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    hits += found_in(archive.read(name), secrets)
        out += [f"{path.relative_to(folder)}: {hit}" for hit in hits]
    return out


@dataclass
class ChildWatch:
    """Reads command line and environment of every descendant while the block runs.

    `seen` are names of programs; `hits` are `program: command line|environment: secret`;
    `core_limits` how many bytes of a core dump Terraform and its provider may leave.
    """

    secrets: tuple[str, ...]
    seen: set[str] = field(default_factory=set)
    hits: set[str] = field(default_factory=set)
    core_limits: set[float] = field(default_factory=set)

    @contextlib.contextmanager
    def following(self, pid: int) -> Iterator[None]:
        """Look at everything below this process until the block ends."""
        done = threading.Event()
        thread = threading.Thread(target=self._look, args=(pid, done), daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _look(self, root: int, done: threading.Event) -> None:
        while not done.wait(PAUSE):
            for pid in descendants(root):
                with contextlib.suppress(OSError):
                    self._read(pid)

    def _read(self, pid: int) -> None:
        folder = Path(f"/proc/{pid}")
        if (folder / "cmdline").read_bytes() == _parents_command(folder):
            return  # forked and not yet another program: it is its parent still
        name = (folder / "comm").read_text().strip()
        self.seen.add(name)
        if name.startswith("terraform"):
            self.core_limits.add(_core_limit((folder / "limits").read_text()))
        for place, file in (("command line", "cmdline"), ("environment", "environ")):
            for hit in found_in((folder / file).read_bytes(), self.secrets):
                self.hits.add(f"{name}: {place}: {hit}")


def _core_limit(limits: str) -> float:
    soft = next(line for line in limits.splitlines() if line.startswith("Max core"))[25:].split()[0]
    return float("inf") if soft == "unlimited" else float(soft)


def _parents_command(folder: Path) -> bytes:
    parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
    return Path(f"/proc/{parent}/cmdline").read_bytes()


def descendants(root: int) -> list[int]:
    """Process ids below `root`."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    out, todo = [], [root]
    while todo:
        for child in parents.get(todo.pop(), []):
            out.append(child)
            todo.append(child)
    return out
