"""The append-only record of every side effect, written before and after each one.

One JSON object per line in `journal.jsonl` of the workspace, 0600, flushed to disk before the side
effect begins. A line that a crash cut short is ignored on reading and kept in the file.

Of a shared deployment the journal also lies in S3, in pieces of bounded size, so that a colleague
can take away what somebody else set up. There, too, nothing begins before its entry is stored.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

from wizard.core.errors import WizardError
from wizard.core.journal import record
from wizard.core.journal.record import Entry, Record, fold
from wizard.core.journal.unfinished import Step, Unfinished, intention, unfinished_run
from wizard.services.files import write_private

PIECE = 100  # entries

Share = Callable[[int, bytes], None]


class SharedRecord(Protocol):
    """A journal that lies where colleagues find it."""

    def journal(self) -> Iterator[bytes]:
        """Its pieces, the oldest first."""

    def save_journal(self, number: int, lines: bytes) -> None:
        """Replace one piece."""


class Effect:
    """One side effect in progress; whoever performs it says what it became."""

    def __init__(self) -> None:
        self.after: dict[str, Any] = {}
        self.detail = ""


class Journal:
    """The journal of one workspace.

    Args:
        path: the file; its folder must exist.
        flow: the use case that writes (`install`, `stages`, `uninstall`, `doctor`).
        share: stores a piece (its number, its lines) where colleagues find it.
    """

    def __init__(self, path: Path, flow: str = "install", share: Share | None = None) -> None:
        self._path = path
        self._share = share
        self._unshared: set[int] = set()
        self._flow = flow
        self._run = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"
        self._entries = list(_read(path))
        self._seq = self._entries[-1].seq if self._entries else 0

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every entry, oldest first."""
        return tuple(self._entries)

    @property
    def record(self) -> Record:
        """What the entries mean."""
        return fold(self._entries)

    @property
    def unfinished(self) -> Unfinished | None:
        """The last run that did not come to its end, if there is one."""
        return unfinished_run(self._entries)

    @property
    def applied(self) -> bool:
        """Whether an apply came to its end and nothing was removed since: there must be a state."""
        ends = [
            e.action
            for e in self._entries
            if e.step == "done" and e.action in (record.TERRAFORM_APPLY, record.TERRAFORM_DESTROY)
        ]
        return bool(ends) and ends[-1] == record.TERRAFORM_APPLY

    def write(
        self,
        action: str,
        subject: str,
        step: str,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        detail: str = "",
    ) -> Entry:
        """Append one entry and return it only when it is on disk."""
        entry = Entry(
            seq=self._seq + 1,
            at=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            run=self._run,
            flow=self._flow,
            action=action,
            subject=subject,
            step=step,
            before=before or {},
            after=after or {},
            detail=detail,
        )
        self._append(_line(entry))
        self._seq = entry.seq
        self._entries.append(entry)
        self._unshared.add(entry.seq // PIECE)
        if step == "begin":
            self.flush()
        else:
            # What is done is done: if it cannot be shared now, the next entry tries again.
            with suppress(WizardError):
                self.flush()
        return entry

    def share_with(self, share: Share | None, *, everything: bool = False) -> None:
        """From now on store pieces there as well; `everything`: also what was written before."""
        self._share = share
        self._unshared = {e.seq // PIECE for e in self._entries} if everything else set()

    def flush(self) -> None:
        """Store what is not stored yet where colleagues find it. Raises WizardError."""
        if self._share is None:
            self._unshared.clear()
            return
        for number in sorted(self._unshared):
            lines = [_line(e) for e in self._entries if e.seq // PIECE == number]
            self._share(number, ("\n".join(lines) + "\n").encode())
            self._unshared.discard(number)

    @contextmanager
    def effect(
        self,
        action: str,
        subject: str,
        *,
        before: dict[str, Any] | None = None,
        intended: dict[str, Any] | None = None,
    ) -> Iterator[Effect]:
        """Bracket a side effect: `begin` first, then `done`, or `failed` with the error's words.

        Args:
            before: the image that undoing puts back.
            intended: what is about to be written.
        An interrupt leaves the entry open on purpose: nobody knows whether the effect happened.
        """
        self.write(action, subject, "begin", before=before, after=intended)
        effect = Effect()
        effect.after = dict(intended or {})
        try:
            yield effect
        except Exception as error:
            if getattr(error, "in_doubt", False):
                raise
            self.write(
                action, subject, "failed", before=before, after=effect.after, detail=str(error)
            )
            raise
        self.write(action, subject, "done", before=before, after=effect.after, detail=effect.detail)

    @contextmanager
    def running(
        self, steps: Iterable[Step] = (), api_names: Mapping[str, str] | None = None
    ) -> Iterator[None]:
        """Bracket a whole run; `steps` (action, subject) are what it is going to do, and
        `api_names` those of its stages' APIs, by the stages' references."""
        with self.effect(record.RUN, self._flow, intended=intention(steps, api_names)):
            yield

    def _append(self, line: str) -> None:
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "ab") as file:
                if file.tell() and not _ends_with_newline(self._path):
                    file.write(b"\n")  # close a line that a crash cut short
                file.write(line.encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise WizardError(
                "WAG-E-JOURNAL-001",
                "The record of changes cannot be written, so nothing further is changed",
                why=f"{self._path}: {error.strerror or error}",
                next_step="Free space or repair the permissions, then run the same command again.",
            ) from error


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def merge_journals(path: Path, pieces: Iterable[bytes]) -> bool:
    """Bring the journal on this machine and the shared one together, in the file at `path`.

    Entries that only one of them has are kept, in the order of their times. Returns whether the
    shared one lacks something.

    Raises WizardError WAG-E-JOURNAL-002 where a piece of the shared one is damaged, or of a newer
    version: what it says was done could not be undone.
    """
    there = [entry for piece in pieces for entry in _parse_whole(piece)]
    here = list(_read(path))
    if [*map(_identity, here)] == [*map(_identity, there)]:
        return False
    known = {_identity(e) for e in there}
    only_here = [e for e in here if _identity(e) not in known]
    joined = sorted([*there, *only_here], key=lambda e: e.at) if only_here else there
    lines = [_line(replace(entry, seq=number)) for number, entry in enumerate(joined, 1)]
    write_private(path, "".join(f"{line}\n" for line in lines))
    return bool(only_here)


def append_shared(
    store: SharedRecord, action: str, subject: str, after: dict[str, Any], flow: str = "install"
) -> None:
    """Write one finished entry into a record that is somebody else's, at its end.

    The lock there must be held. Raises WizardError WAG-E-JOURNAL-002 where it is damaged.
    """
    entries = [entry for piece in store.journal() for entry in _parse_whole(piece)]
    now = datetime.now(timezone.utc)
    entry = Entry(
        seq=max((e.seq for e in entries), default=0) + 1,
        at=now.isoformat(timespec="milliseconds"),
        run=f"{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}",
        flow=flow,
        action=action,
        subject=subject,
        step="done",
        after=after,
    )
    number = entry.seq // PIECE
    lines = [_line(e) for e in (*entries, entry) if e.seq // PIECE == number]
    store.save_journal(number, ("\n".join(lines) + "\n").encode())


def lacks(entries: Iterable[Entry], pieces: Iterable[bytes]) -> bool:
    """Whether a shared journal says something that these entries do not.

    Raises WizardError WAG-E-JOURNAL-002 where it is damaged, or of a newer version.
    """
    known = {_identity(entry) for entry in entries}
    return any(_identity(e) not in known for piece in pieces for e in _parse_whole(piece))


def _identity(entry: Entry) -> str:
    return _line(replace(entry, seq=0))


def _line(entry: Entry) -> str:
    return json.dumps(asdict(entry), ensure_ascii=False)


def _read(path: Path) -> Iterator[Entry]:
    if path.exists():
        yield from _parse(path.read_text(encoding="utf-8", errors="replace"))


def _parse_whole(piece: bytes) -> Iterator[Entry]:
    """The entries of a shared piece, which is written whole or not at all."""
    names = set(Entry.__dataclass_fields__)
    for number, line in enumerate(piece.splitlines(), 1):
        try:
            data = json.loads(line)
            strange = sorted(set(data) - names)
            if strange:
                raise ValueError(f"a newer version wrote {', '.join(strange)[:100]}")
            yield Entry(**data)
        except (ValueError, TypeError) as error:
            raise WizardError(
                "WAG-E-JOURNAL-002",
                "The shared record of changes cannot be read, so nothing is changed",
                why=f"line {number} of a piece of it: {error}",
                next_step="Update wallarm-apigw, or restore an earlier version of the piece "
                "(`aws s3api list-object-versions`), then run the same command again.",
            ) from error


def _parse(text: str) -> Iterator[Entry]:
    names = set(Entry.__dataclass_fields__)
    for line in text.splitlines():
        try:
            data = json.loads(line)
            yield Entry(**{key: value for key, value in data.items() if key in names})
        except (json.JSONDecodeError, TypeError, AttributeError):
            continue  # cut short by a crash; the effect it was to announce never began
