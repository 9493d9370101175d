"""The whole install in a real terminal, by key presses alone.

    python -m tests.ui.tmux_run             on the sandbox, with real Terraform (about 3 minutes)
    python -m tests.ui.tmux_run --scripted  on scripted services

A terminal of 80x24 in a tmux of its own; what is looked at is what tmux shows.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.ui.script import TOKEN

ROOT = Path(__file__).parents[2]
SCRIPTED = (sys.executable, "-m", "tests.ui.demo", "--fast")
SANDBOX = (sys.executable, "-m", "wizard.cli", "sandbox", "try")

NOT_PASSED_ON = ("NO_COLOR", "COLORTERM", "TMUX", "COLUMNS", "LINES")


@dataclass
class Terminal:
    """One tmux server with one window."""

    socket: Path

    def ask(self, *command: str) -> str:
        return subprocess.run(
            ["tmux", "-S", str(self.socket), "-f", "/dev/null", *command],
            check=True, capture_output=True, text=True, timeout=30,
        ).stdout  # fmt: skip

    def press(self, *keys: str) -> None:
        """Keys by tmux's names, e.g. `C-n`, `Down`."""
        for key in keys:
            self.ask("send-keys", "-t", "w", key)

    def type(self, text: str) -> None:
        self.ask("send-keys", "-t", "w", "-l", text)

    @property
    def text(self) -> str:
        return self.ask("capture-pane", "-p", "-t", "w")

    @property
    def backgrounds(self) -> set[int]:
        """What stands behind the signs, as numbers of the 256 colours."""
        shown = self.ask("capture-pane", "-p", "-e", "-N", "-t", "w")
        return {int(number) for number in re.findall(r"48;5;(\d+)", shown)}

    def told(self, name: str) -> str:
        """One of tmux's own facts, e.g. `cursor_y`."""
        return self.ask("display", "-p", "-t", "w", f"#{{{name}}}").strip()

    def wait(self, *words: str, seconds: float = 60) -> str:
        """Until all these words are on the screen."""
        end = time.monotonic() + seconds
        while True:
            text = self.text
            if all(word in text for word in words):
                return text
            if time.monotonic() > end:
                raise AssertionError(f"not seen in {seconds} s: {words}\n{text}")
            time.sleep(0.05)

    def resize(self, width: int, height: int) -> None:
        """Until the program's terminal has that size: tmux may put it off while nobody looks."""
        terminal = os.open(self.told("pane_tty"), os.O_RDONLY | os.O_NOCTTY)
        try:
            for attempt in range(20):
                rows = height - attempt % 2  # the same size again would be no change for tmux
                self.ask("resize-window", "-t", "w", "-x", str(width), "-y", str(rows))
                for _ in range(40):
                    if os.get_terminal_size(terminal) == (width, height):
                        return
                    time.sleep(0.05)
        finally:
            os.close(terminal)
        raise AssertionError(f"tmux did not make it {width} x {height}")


@contextmanager
def terminal(command: Sequence[str], home: Path) -> Iterator[Terminal]:
    """That command in a terminal of 80x24; what it exits with is printed when it ends."""
    with tempfile.TemporaryDirectory(prefix="tmux-") as folder:
        made = Terminal(Path(folder) / "s")
        line = f"{shlex.join(command)}; echo exit status $?; exec cat"
        # COLUMNS and LINES would be the size of another terminal, for ever.
        env = {k: v for k, v in os.environ.items() if k not in NOT_PASSED_ON}
        subprocess.run(
            ["tmux", "-S", str(made.socket), "-f", "/dev/null", "new-session", "-d", "-s", "w",
             "-x", "80", "-y", "24", line],
            check=True, cwd=ROOT, timeout=30,
            env=env | {"HOME": str(home), "XDG_DATA_HOME": str(home / "data"),
                       "LANG": "C.UTF-8", "TEXTUAL_ANIMATIONS": "none"},
        )  # fmt: skip
        try:
            yield made
        finally:
            made.ask("kill-server")


def install(t: Terminal, *, run_seconds: float) -> str:
    """From the first screen to the last; returns what stays in the terminal."""
    t.wait("Connect your APIs to Wallarm API Discovery", "✓ Region", "✓ Wallarm Cloud")
    t.press("a")  # every question
    t.wait("Which AWS account and Region?", "✓ Account")
    t.press("C-n")
    t.wait("Which stages should Wallarm learn from?", "read at")
    t.press("/")
    t.type("orders")
    t.press("Enter", "Space", "Down", "Space")
    t.wait("2 selected")
    t.press("C-n")
    t.wait("Where should the access logs go?")
    t.press("C-n")
    if "•••" not in t.wait("Which Wallarm Cloud, and with which token?"):
        t.type(TOKEN)
    shown = t.wait("•••", "Wallarm")
    assert TOKEN[:8] not in shown
    t.press("C-n")
    t.wait("Where does the Wallarm Node run?")
    t.press("C-n")
    t.wait("How should things be named and watched?")
    t.press("C-n")
    t.wait("Is this what you want?", "Nothing was changed", "to add", "resources", seconds=120)
    t.press("C-n")
    t.wait("A request travels from", "What now", seconds=run_seconds)
    t.press("C-q")
    return t.wait("exit status")


def main() -> int:
    scripted = "--scripted" in sys.argv
    with tempfile.TemporaryDirectory(prefix="home-") as home:
        with terminal(SCRIPTED if scripted else SANDBOX, Path(home)) as t:
            print(install(t, run_seconds=600).strip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
