"""In a real terminal, by key presses alone."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.ui.tmux_run import SANDBOX, SCRIPTED, install, terminal

# Runs a program to which the signal of a new size never comes.
DEAF = (
    "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGWINCH});"
    "os.execv(sys.argv[1], sys.argv[1:])"
)
pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux here")


def test_from_the_first_screen_to_the_proof_by_key_presses_alone(tmp_path: Path) -> None:
    with terminal(SCRIPTED, tmp_path) as t:
        left = install(t, run_seconds=60)
        assert "exit status 0" in left
        assert t.told("alternate_on") == "0"
        assert t.told("cursor_flag") == "1"
        assert t.told("mouse_any_flag") == "0"


def test_a_kept_sandbox_outlives_the_screens_and_opens_them_again(tmp_path: Path) -> None:
    pytest.importorskip("ministack")
    with terminal((*SANDBOX, "--keep"), tmp_path) as t:
        said = ""
        for times in (1, 2):
            t.wait("Connect your APIs to Wallarm API Discovery")
            t.press("C-q")
            for _ in range(600):
                said = t.wait("The sandbox goes on", "Enter opens the wizard again")
                if said.count("end the sandbox.") == times:
                    break
            if times == 1:
                t.press("Enter")
        file = Path("".join(said.split()).partition("terminal:.")[2].partition("&&")[0])
        lines = file.read_text(encoding="utf-8").splitlines()
        assert file.stat().st_mode & 0o077 == 0
        assert any(line.startswith("export AWS_ENDPOINT_URL='http://127.0.0.1") for line in lines)
        assert any(line.startswith("export WALLARM_APIGW_WORKSPACE=") for line in lines)
        t.press("q", "Enter")
        t.wait("exit status 130")
        assert not file.exists(), "nothing of it is left"


def test_a_real_terminals_cursor_follows_and_resizing_loses_nothing(tmp_path: Path) -> None:
    with terminal((*SCRIPTED, "--step", "node"), tmp_path) as t:
        t.wait("Where does the Wallarm Node run?", "^n Next")
        t.press("Tab", "Tab", "BSpace", "3")
        shown = t.wait("Tasks               3")
        row = next(i for i, line in enumerate(shown.splitlines()) if "Tasks" in line)
        behind = (str(shown.splitlines()[row].index("3") + 1), str(row))
        for _ in range(200):
            if (t.told("cursor_x"), t.told("cursor_y")) == behind:
                break
        assert (t.told("cursor_x"), t.told("cursor_y")) == behind
        t.resize(60, 15)
        t.wait("This terminal is 60 x 15.")
        t.resize(160, 45)
        t.wait("Where does the Wallarm Node run?", "3 × t3.medium")
        t.press("C-q")
        t.wait("exit status")


def test_a_new_size_is_noticed_also_where_its_signal_never_comes(tmp_path: Path) -> None:
    with terminal((sys.executable, "-c", DEAF, *SCRIPTED), tmp_path) as t:
        t.wait("Connect your APIs to Wallarm API Discovery")
        t.resize(60, 15)
        t.wait("This terminal is 60 x 15.")


def test_in_a_tmux_of_256_colours_surfaces_and_states_are_greys_on_one_background(
    tmp_path: Path,
) -> None:
    greys, accent = range(232, 256), 75
    with terminal((*SCRIPTED, "--step", "welcome"), tmp_path) as t:
        t.wait("Connect your APIs to Wallarm API Discovery", "✓ Region")
        t.press("a")
        t.wait("Which AWS account and Region?", "✓ Account")
        t.press("C-n")
        t.wait("Which stages should Wallarm learn from?", "read at")
        assert {233, 235, 237, 238, accent} <= t.backgrounds  # all there: a row, fields, buttons
        assert t.backgrounds - {accent} <= {*greys}
        t.press("C-p")
        t.wait("Light or dark")
        assert t.backgrounds <= {*greys, accent, 59}
