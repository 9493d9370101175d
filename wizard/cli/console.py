"""How a flow's events look outside the guided screens: a live display in a terminal, plain
timestamped lines elsewhere, JSON lines on stdout with `--json`. Prose and progress go to stderr.
"""

from __future__ import annotations

import codecs
import json
import sys
import threading
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from wizard.core.errors import WizardError
from wizard.core.events import (
    FlowEvent,
    HopChanged,
    Note,
    PhaseChanged,
    StageFollowed,
    StageReport,
    State,
    TerraformChanged,
    as_dict,
    glyph,
)
from wizard.core.text import clean, duration

if TYPE_CHECKING:
    from wizard.cli.console_live import LiveDeploy

HEARTBEAT_SECONDS = 10.0


def speaks_unicode(stream: Any) -> bool:
    """Whether a stream can show the glyphs."""
    return "utf" in (getattr(stream, "encoding", "") or "").lower()


def put(text: str, kind: str = "text") -> None:
    """Data on standard output, complete whatever that can show.

    Args:
        kind: `json` and `xml` stay what they are: what a terminal or pipe cannot show is escaped as
            these two do it, and where it does not speak UTF-8, all that is not ASCII.
    Raises WizardError where it cannot be written: nobody gets half of it and believes it whole.
    """
    if kind != "text":
        encoding = "utf-8" if speaks_unicode(sys.stdout) else "ascii"
        handler = "xmlcharrefreplace" if kind == "xml" else _JSON
        text = text.encode(encoding, handler).decode(encoding)
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise WizardError(
            "WAG-E-CLI-011",
            "What was to be printed could not be written to standard output",
            why=error.strerror or str(error),
            next_step="Write it to another place, then run the same command again.",
        ) from error


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """What an encoding does not have, as JSON writes it."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


_JSON = "as-json"
codecs.register_error(_JSON, _escaped)


def put_json(document: Any) -> None:
    """One JSON document on a line of standard output."""
    put(json.dumps(document, ensure_ascii=False), "json")


def print_error(error: WizardError, *, as_json: bool) -> None:
    """An expected error: what, why, next; with `--json` also as data on stdout."""
    if as_json:
        put_json(error.as_dict())
    mark = glyph(State.FAILED, unicode=speaks_unicode(sys.stderr))
    print(f"{mark} {clean(error.what)}  [{error.code}]", file=sys.stderr)
    for label, text in (("Why ", error.why), ("Next", error.next_step)):
        for number, line in enumerate(text.splitlines() if text else ()):
            print(f"  {label if number == 0 else '    '}  {clean(line)}", file=sys.stderr)


class Console:
    """Listener of a flow. Use as a context manager: it owns the live display and a heartbeat.

    Args:
        held: where nobody watches, lines are kept back until `release`, and lost where it never
            comes: a scheduler mails whatever it is told. An error releases them.
    """

    def __init__(self, *, as_json: bool = False, held: bool = False) -> None:
        self._json = as_json
        self._lock = threading.RLock()
        self._unicode = speaks_unicode(sys.stderr)
        self._live_wanted = sys.stderr.isatty() and not as_json
        self._held: list[str] | None = [] if held and not sys.stderr.isatty() else None
        self._live: LiveDeploy | None = None
        self._began = self._last_output = time.monotonic()
        self._snapshot: Any = None
        self._running = ""
        self.stopping = False  # a graceful stop was asked for
        self._hops_seen: set[tuple[str, State]] = set()
        self._stop = threading.Event()
        self._beat = threading.Thread(target=self._heartbeat, name="heartbeat", daemon=True)

    def __enter__(self) -> Console:
        self._beat.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.release()
        self._stop.set()
        self.end_live()
        self._beat.join(timeout=2)

    def emit(self, event: FlowEvent) -> None:
        """Show one event. Called from any thread."""
        with self._lock:
            if self._json and not (isinstance(event, TerraformChanged) and not event.line):
                put_json(as_dict(event))
            self._show(event)

    def line(self, text: str, state: State | None = None) -> None:
        """A text on stderr, with the time when nobody is watching; its lines stay lines."""
        with self._lock:
            mark = f"{glyph(state, unicode=self._unicode)} " if state else ""
            for number, part in enumerate(text.splitlines() or [""]):
                self._print((mark if number == 0 else " " * len(mark) + "  ") + clean(part))

    def release(self) -> None:
        """Tell what was kept back, and from now on everything at once."""
        with self._lock:
            for text in self._held or ():
                print(text, file=sys.stderr, flush=True)
            self._held = None

    def end(self, text: str, *, good: bool) -> None:
        """The last line of a command that changed something.

        Args:
            text: what was done and what failed, counted; how long it took is added.
        """
        took = duration(time.monotonic() - self._began)
        self.line(f"{text}. Took {took}.", State.DONE if good else State.FAILED)

    def data(self, document: dict[str, Any]) -> None:
        """One JSON document on stdout; nothing without `--json`."""
        if self._json:
            with self._lock:
                put_json(document)

    def _show(self, event: FlowEvent) -> None:
        if isinstance(event, PhaseChanged):
            if event.state is not State.RUNNING:
                self.end_live()
                self._snapshot = None
            self._running = event.title if event.state is State.RUNNING else ""
            usual = f" (usually {event.usual})" if event.usual else ""
            if event.state is State.RUNNING:
                self._print(f"{glyph(event.state, unicode=self._unicode)} {event.title}{usual}")
            elif event.state is State.FAILED:
                self._print(f"{glyph(event.state, unicode=self._unicode)} {event.title}: failed")
        elif isinstance(event, Note):
            subject = f"{clean(event.subject)}: " if event.subject else ""
            self.line(f"  {subject}{event.text}", event.state)
        elif isinstance(event, StageReport):
            self.line(f"  {event.label}: {event.message}", event.state)
        elif isinstance(event, HopChanged):
            self._hop(event)
        elif isinstance(event, StageFollowed):
            if event.state not in (State.TODO, State.RUNNING):
                self.line(f"  {event.label}: {event.text}", event.state)
        elif isinstance(event, TerraformChanged):
            self._terraform(event)

    def _hop(self, event: HopChanged) -> None:
        hop = event.hop
        if hop.state in (State.TODO, State.RUNNING) or (hop.key, hop.state) in self._hops_seen:
            return
        self._hops_seen.add((hop.key, hop.state))
        moment = datetime.fromtimestamp(hop.at, timezone.utc)
        at = f"{moment:%H:%M:%S.%f}"[:-3] + " UTC" if hop.at else ""
        detail = f"  {hop.detail}" if hop.detail else ""
        self.line(f"  {hop.title:<42} {at}{detail}", hop.state)

    def _terraform(self, event: TerraformChanged) -> None:
        self._snapshot = event.snapshot
        if self._live_wanted:
            from wizard.cli.console_live import LiveDeploy

            if self._live is None:
                self._live = LiveDeploy(unicode=self._unicode)
            self._live.update(event.snapshot, stopping=self.stopping)
        elif event.line and not event.tick:  # the heartbeat tells that time passes
            self._print(f"    {clean(event.line)}")

    @property
    def running_resources(self) -> int:
        """How many resources Terraform is working on."""
        return len(self._snapshot.running) if self._snapshot is not None else 0

    def end_live(self) -> None:
        """Take the live picture away; the next event brings it back."""
        if self._live is not None:
            self._live.close()
            self._live = None

    def _print(self, text: str) -> None:
        self._last_output = time.monotonic()
        if not self._live_wanted:
            text = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ} {text}"
        if self._held is not None:
            self._held.append(text)
        else:
            print(text, file=sys.stderr, flush=True)

    def _heartbeat(self) -> None:
        """A sign of life at least every ten seconds, so that a log reader never wonders."""
        while not self._stop.wait(1.0):
            with self._lock:
                quiet = time.monotonic() - self._last_output
                if self._live_wanted or quiet < HEARTBEAT_SECONDS - 1 or not self._running:
                    continue
                snapshot = self._snapshot
                what = snapshot.one_line if snapshot is not None and snapshot.total else ""
                if self.stopping:
                    what = f"stopping, {self.running_resources} still settling"
                self._print(
                    f"    … {self._running}: {what or duration(quiet) + ' quiet, still on'}"
                )
