"""Tab completes commands, options and values: asked of the shells themselves, where they are."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from wizard.cli.options import SHELLS, parse

COMMAND = f"{shlex.quote(sys.executable)} -m wizard.cli"
WORDS = pytest.mark.parametrize(
    ("words", "offered"),
    [("doc", "doctor"), ("stages rem", "remove"), ("doctor --outp", "--output"),
     ("doctor --output ju", "junit")],
)  # fmt: skip
SECONDS = 20.0


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"there is no {shell} here")


def script(shell: str) -> str:
    done = subprocess.run(
        [*shlex.split(COMMAND), "completion", shell], capture_output=True, text=True, check=True
    )
    return done.stdout


BASH = """
eval "$(%s completion bash)"
COMP_WORDS=(wallarm-apigw %s); COMP_CWORD=%d; COMP_LINE="${COMP_WORDS[*]}"
_shtab_wallarm_apigw; printf '%%s\\n' "${COMPREPLY[@]}"
"""


@WORDS
def test_bash_completes_commands_options_and_values(words: str, offered: str) -> None:
    done = subprocess.run(
        ["bash", "--norc", "-c", BASH % (COMMAND, words, len(words.split()))],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [offered], done.stderr


@needs("fish")
@WORDS
def test_fish_completes_commands_options_and_values(words: str, offered: str) -> None:
    asked = (
        f"{COMMAND} completion fish | source; complete -C {shlex.quote(f'wallarm-apigw {words}')}"
    )
    done = subprocess.run(
        ["fish", "--no-config", "-c", asked], capture_output=True, text=True, check=True
    )
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [offered], done.stderr


class Typist:
    """A person at a shell's prompt: types, and reads what the line became."""

    def __init__(self, *command: str, home: Path) -> None:
        self.pid, self.fd = pty.fork()
        if not self.pid:
            env = {
                "HOME": str(home),
                "PATH": os.environ["PATH"],
                "TERM": "xterm",
                "LC_ALL": "C.UTF-8",
            }
            os.chdir(home)
            os.execvpe(command[0], command, env)

    def type(self, text: str, until: str) -> str:
        """What the terminal showed from these keys until `until` matched."""
        os.write(self.fd, text.encode())
        shown, end = "", time.monotonic() + SECONDS
        while not re.search(until, shown):
            if time.monotonic() > end:
                pytest.fail(f"no {until!r} in {shown!r}")
            if select.select([self.fd], [], [], 0.1)[0]:
                shown += os.read(self.fd, 65536).decode(errors="replace")
        return shown

    def close(self) -> None:
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


# What each shell is told before its prompt is used: nothing of the user's, and no ornaments.
PREPARED = {
    "zsh": (
        ("zsh", "-f", "-i"),
        'PROMPT=; autoload -Uz compinit; compinit -u; eval "$(<completions)"',
    ),
    "tcsh": (("tcsh", "-f", "-i"), "set prompt=''; source completions"),
}


@pytest.fixture(params=[pytest.param(name, marks=needs(name)) for name in PREPARED])
def typist(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Typist]:
    command, prepared = PREPARED[request.param]
    (tmp_path / "completions").write_text(script(request.param), encoding="utf-8")
    person = Typist(*command, home=tmp_path)
    try:
        person.type(f"{prepared}\necho REA''DY\n", "READY")
        yield person
    finally:
        person.close()


@WORDS
def test_at_a_prompt_the_tab_key_completes_the_word(
    typist: Typist, words: str, offered: str
) -> None:
    typed = words.split()[-1]
    typist.type(f"wallarm-apigw {words}", re.escape(typed))
    typist.type("\t", re.escape(offered.removeprefix(typed)))


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_the_script_is_one_that_the_shell_can_read(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    path = tmp_path / "completions"
    path.write_text(script(shell), encoding="utf-8")
    done = subprocess.run([shell, "-n", str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_is_told_every_command(shell: str) -> None:
    text = script(shell)
    assert parse(["completion", shell], "").shell == shell
    assert all(name in text for name in ("support-bundle", "--plugin-mirror", "junit"))


def test_beside_a_command_stands_what_it_does_and_no_half_sentence() -> None:
    assert "doctor:'find the first broken link, offer to fix it'" in script("zsh")
