"""Starts the wizard in real terminals and looks: `python -m tests.terminals [--page]`.

Each row of docs/terminals.md is one try in tmux (GNU screen inside it where that is installed): the
guided screens on scripted services, driven by keys and read back from the terminal, colours
included. `--page` writes what was seen into the page. Takes about three minutes.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "terminals.md"
BEGIN, END = "<!-- table: written by `python -m tests.terminals --page` -->", "<!-- table: end -->"
DEMO = f"{shlex.quote(sys.executable)} -m tests.ui.demo --fast"
COMMAND = f"{shlex.quote(sys.executable)} -m wizard.cli"
PATIENCE = 60.0
TOKEN = "A1b2" * 16
ODD = re.compile("\ufffd|\x1b|\\[\\?\\d|\\[\\d+;\\d+H|\\\\u[0-9a-f]{4}|&#x")
STEPS = (
    "Which AWS account",
    "Which stages",
    "Where should the access logs go",
    "Which Wallarm Cloud",
    "Where does the Wallarm Node run",
    "How should things be named",
    "Is this what you want",
)


class Terminal:
    """One tmux server with one window, and what stands in it. A context manager."""

    def __init__(self, size: str, command: str, **env: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="terminal-")  # of its socket
        width, height = size.split("x")
        settings = " ".join(f"{k}={shlex.quote(v)}" for k, v in env.items())
        program = f"cd {shlex.quote(str(ROOT))}; env {settings} {command}; echo exit=$?; sleep 600"
        self._tmux("new-session", "-d", "-x", width, "-y", height, program)

    def _tmux(self, *arguments: str) -> str:
        outer = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        done = subprocess.run(
            ["tmux", "-S", f"{self._folder.name}/tmux", *arguments],
            env=outer,
            capture_output=True,
            check=False,
        )
        return done.stdout.decode("utf-8", errors="replace")

    @property
    def text(self) -> str:
        """What stands on it."""
        return self._tmux("capture-pane", "-p")

    @property
    def colours(self) -> str:
        """Which kind of colours are on it: `24 bit`, `256`, `16` or `none`."""
        codes = re.findall(r"\x1b\[([\d;:]*)m", self._tmux("capture-pane", "-p", "-e"))
        joined = [re.sub(":", ";", code) for code in codes]
        for kind, pattern in (("24 bit", r"[34]8;2;"), ("256", r"[34]8;5;")):
            if any(re.search(pattern, code) for code in joined):
                return kind
        plain = {int(n) for code in joined for n in code.split(";") if n}
        return "16" if plain & {*range(30, 38), *range(40, 48), *range(90, 108)} else "none"

    def press(self, *keys: str) -> None:
        """Press keys, as tmux names them."""
        self._tmux("send-keys", *keys)

    def resize(self, size: str) -> None:
        """Give the window another size."""
        width, height = size.split("x")
        self._tmux("resize-window", "-x", width, "-y", height)

    def until(self, words: str) -> str:
        """Wait until the words stand there; the text then. Raises AssertionError."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            text = self.text
            if words in text:
                return text
            time.sleep(0.1)
        raise AssertionError(f"{words!r} never came:\n{self.text}")

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self._tmux("kill-server")
        self._folder.cleanup()


def clean(text: str) -> None:
    """Nothing on it that was meant for the terminal, or that it could not show."""
    odd = ODD.search(text)
    assert odd is None, f"{odd[0]!r} in:\n{text}"


def first_screens(terminal: Terminal, back: tuple[str, ...] = ("Escape",)) -> None:
    """Welcome, AWS, the table of stages with its filter, and back, by keys alone."""
    clean(terminal.until("Connect your APIs"))
    terminal.press("a")
    clean(terminal.until("Which AWS account"))
    terminal.press("C-n")
    clean(terminal.until("Which stages"))
    terminal.press("/")
    terminal.press("-l", "paym")
    clean(terminal.until("payments"))
    terminal.press("Enter")
    terminal.until("a All")
    terminal.press(*back)
    terminal.until("Which AWS account")


def whole(terminal: Terminal) -> str:
    """From the first screen to the proof, by keys alone."""
    terminal.until("Connect your APIs")
    for question in STEPS:
        terminal.press("a" if question == STEPS[0] else "C-n")  # every question
        clean(terminal.until(question))
        if "stages" in question:
            terminal.press("/")
            terminal.press("-l", "orders-e")
            terminal.until("2 of 81 shown")
            terminal.press("Enter")
            terminal.until("a All")  # the table has the keys
            terminal.press("Space")
            terminal.until("shown, 1 selected")
        if "Cloud" in question:
            terminal.until("f1 Help")  # a field has the keys
            terminal.press("-l", TOKEN)
            terminal.until("•••")
    terminal.press("C-n")
    clean(terminal.until("A request travels"))
    return "every step by keys alone, from the first screen to the proof"


def screens(terminal: Terminal) -> str:
    """The first screens, and the colours they have."""
    first_screens(terminal)
    return f"screens, filter and Back by keys; colours: {terminal.colours}"


def greys(terminal: Terminal) -> str:
    """The same where there are 256 colours: nothing but greys stands behind texts."""
    said = screens(terminal)
    shown = terminal._tmux("capture-pane", "-p", "-e", "-N")
    behind = {int(number) for number in re.findall(r"48[;:]5[;:](\d+)", shown)}
    odd = {number for number in behind if number not in range(232, 256)} - {75}  # the accent
    assert behind
    assert not odd, odd
    return f"{said}; surfaces and states are greys"


def in_screen(terminal: Terminal) -> str:
    """It hands Escape on together with the next key only."""
    first_screens(terminal, ("Escape", "Escape"))
    colours = terminal.colours
    terminal.press("C-q")  # or it would live on, detached
    terminal.until("exit=")
    return f"screens and filter by keys; Esc counts with the next key; colours: {colours}"


def without_colour(terminal: Terminal) -> str:
    first_screens(terminal)
    assert terminal.colours == "none", terminal.colours
    assert "✓" in terminal.text
    return "the same without any colour; every state has a sign and a word"


def ascii_only(terminal: Terminal) -> str:
    first_screens(terminal)
    assert terminal.text.isascii(), sorted({c for c in terminal.text if not c.isascii()})
    return f"the same in ASCII: `[ok]` instead of ✓; colours: {terminal.colours}"


def too_small(terminal: Terminal) -> str:
    clean(terminal.until("80"))
    assert "Connect your APIs" not in terminal.text
    terminal.resize("80x24")
    first_screens(terminal)
    return "a note that it is too small, and what it needs; larger again, it goes on"


def wide(terminal: Terminal) -> str:
    assert re.search(r"^ *. Proof", terminal.until("Proof"), re.M), terminal.text
    return f"the sidebar beside the step; {screens(terminal)}"


def switched(terminal: Terminal) -> str:
    terminal.until("Connect your APIs")
    before = terminal._tmux("capture-pane", "-p", "-e")
    terminal.press("C-t")
    time.sleep(2)
    assert terminal._tmux("capture-pane", "-p", "-e") != before
    clean(terminal.text)
    return "Ctrl+T changes to the light theme, and back"


def headless(terminal: Terminal) -> str:
    text = terminal.until("exit=")
    assert "exit=2" in text, text
    assert "install --answers FILE --non-interactive" in " ".join(text.split()), text
    return "no screens: says how to run headless, exit code 2"


@dataclass(frozen=True)
class Try:
    """One row: where, how large, with which environment, what is looked at."""

    where: str
    size: str
    look: Callable[[Terminal], str]
    env: tuple[tuple[str, str], ...] = ()
    command: str = DEMO


def tries() -> list[Try]:
    """Every row of the page."""
    slow = f"{shlex.quote(sys.executable)} -m tests.slow_terminal 0.1 {DEMO}"
    rows = [
        Try("80×24", "80x24", whole),
        Try("120×36", "120x36", wide),
        Try("300×80", "300x80", wide),
        Try("60×15, then 80×24", "60x15", too_small),
        Try("`TERM=xterm-256color COLORTERM=truecolor`", "80x24", screens,
            (("TERM", "xterm-256color"), ("COLORTERM", "truecolor"))),
        Try("`TERM=tmux-256color` without `COLORTERM`", "80x24", greys,
            (("TERM", "tmux-256color"), ("COLORTERM", ""))),
        Try("`TERM=xterm-16color`", "80x24", screens, (("TERM", "xterm-16color"),)),
        Try("`TERM=linux`, the plain console's", "80x24", screens, (("TERM", "linux"),)),
        Try("`TERM=vt100`", "80x24", screens, (("TERM", "vt100"),)),
        Try("`NO_COLOR=1`", "80x24", without_colour, (("NO_COLOR", "1"),)),
        Try("a locale without UTF-8", "80x24", ascii_only,
            (("LC_ALL", "POSIX"), ("PYTHONUTF8", "0"), ("PYTHONCOERCECLOCALE", "0"))),
        Try("a light background", "80x24", switched),
        Try("a round trip of 200 ms, as over a distant SSH", "80x24", screens, (), slow),
        Try("`TERM=dumb`", "80x24", headless, (("TERM", "dumb"),), COMMAND),
        Try("output into a pipe", "80x24", headless, (), f"sh -c '{COMMAND} 2>&1 | cat; exit 2'"),
        Try("no terminal, as in CI", "80x24", headless, (), f"setsid -w {COMMAND} </dev/null"),
    ]  # fmt: skip
    if shutil.which("screen"):
        rows.insert(4, Try("GNU screen, 80×24", "80x24", in_screen, (), f"screen -q {DEMO}"))
    return rows


def main() -> int:
    """Try everything; exit code 1 when something was not as it should be."""
    wrong, lines = 0, ["| where | what was seen |", "| --- | --- |"]
    only = [a for a in sys.argv[1:] if not a.startswith("--")]
    for row in tries():
        if only and not any(word in row.where for word in only):
            continue
        try:
            with Terminal(row.size, row.command, **dict(row.env)) as terminal:
                seen = row.look(terminal)
        except AssertionError as error:
            wrong += 1
            seen = "**not as it should be**"
            print(error)
        lines.append(f"| {row.where} | {seen} |")
        print(lines[-1], flush=True)
    if "--page" in sys.argv and not only:
        version = subprocess.run(["tmux", "-V"], capture_output=True, text=True, check=True).stdout
        python = sys.version.split()[0]
        head = f"{datetime.now(timezone.utc):%Y-%m-%d}, {version.strip()}, Python {python}."
        before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
        table = "\n".join([BEGIN, head, "", *lines, END])
        PAGE.write_text(before + table + rest.split(END)[1], encoding="utf-8")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
