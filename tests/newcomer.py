"""What a newcomer does, to the letter: the README's commands, in a fresh clone, with an empty home.

    python -m tests.newcomer [--install] [PYTHON ...]      default: the Python that runs this

For each Python: `make try` in the clone; the wheel built, and installed with pipx and with uv, each
in a home of its own; then every command of the section "Headless", of "When something does not
work" and of "Remove it", in the README's order, against a sandbox. What a reader has to fill in is
filled in: the answers, the token, the stage, and `--yes`, because nobody is there to be asked.
Takes about seven minutes a Python; `--install` plays the installing alone, in two.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
KEPT = ("PATH", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "TF_CLI_CONFIG_FILE")
SECTIONS = ("Headless", "When something does not work", "Remove it")
Say = Callable[[str], None]


def blocks(section: str) -> list[str]:
    """The commands of a section of the README, without comments."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    body = text.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    lines = "\n".join(re.findall(r"```sh\n(.*?)```", body, re.S)).splitlines()
    said = (re.split(r"(?:^|  )#", line)[0].rstrip() for line in lines)
    return [command for command in said if command]


def environment(home: Path, python: str) -> dict[str, str]:
    """An empty home, no credentials, no virtual environment; `python3` is the one given."""
    home.mkdir()
    shims = home / "bin"
    shims.mkdir()
    for name in ("python3", "python"):
        (shims / name).symlink_to(python)
    env = {k: v for k, v in os.environ.items() if k in KEPT or k.startswith(("PIP_", "UV_"))}
    return env | {
        "HOME": str(home), "PATH": f"{shims}:{env['PATH']}", "TERM": "dumb",
        "UV_PYTHON": python, "PIPX_DEFAULT_PYTHON": python,
        "PIPX_DEFAULT_BACKEND": "pip",  # also where uv is beside it
    }  # fmt: skip


def run(command: str, folder: Path, env: Mapping[str, str], say: Say) -> str:
    """One command line through a shell; its standard output."""
    began = time.monotonic()
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=dict(env), capture_output=True, text=True,
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    say(f"    {done.returncode}  {time.monotonic() - began:5.1f} s  {command}")
    if done.returncode:
        raise SystemExit(f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def installed(clone: Path, env: dict[str, str], say: Say) -> None:
    """The README's way to `wallarm-apigw` on PATH, with each tool in a home of its own."""
    bare = dict(env)
    for tool in ("pipx", "uv"):  # what uv installed is what goes on
        if shutil.which(tool, path=bare["PATH"]) is None:
            raise SystemExit(f"There is no {tool} here; `make newcomer` brings it.")
        home = Path(bare["HOME"], tool)
        home.mkdir()
        env |= bare | {"HOME": str(home), "PATH": f"{home}/.local/bin:{bare['PATH']}"}
        for command in blocks("Install"):
            if command.split()[0] not in {"pipx", "uv"} - {tool}:
                run(filled_in(command), clone, env, say)
        said = run("wallarm-apigw version", clone, env, lambda _: None)
        say("        " + ", ".join(" ".join(line.split()) for line in said.splitlines()[1:5]))


def filled_in(command: str, stage: str = "", token: str = "") -> str:
    """A reader's own values in the README's command, and consent."""
    command = command.replace("WALLARM_API_TOKEN=...", f"WALLARM_API_TOKEN={token}")
    command = command.replace("a1b2c3d4e5/prod", stage)
    if command.endswith("uninstall"):
        command += " --yes"
    if command.endswith("sandbox try"):
        command += " --dry-run"  # `make try` did the whole job
    if command.endswith("fleet fleet.json"):
        command += " status"  # its table wants a terminal
    return command


def play(python: str, say: Say = print, *, install_only: bool = False) -> None:
    """Everything with one Python."""
    from wizard.sandbox import Sandbox

    version = run(f"{python} --version", ROOT, os.environ, lambda _: None).strip()
    say(version)
    with tempfile.TemporaryDirectory(prefix="newcomer-") as name:
        folder = Path(name)
        env = environment(folder / "home", python)
        run(f"git clone --quiet {ROOT} clone", folder, env, say)
        if not install_only:
            for command in blocks("Try it without an AWS account"):
                run(command, folder / "clone", env, say)
        installed(folder / "clone", env, say)
        if install_only:
            return
        elsewhere = folder / "elsewhere"
        elsewhere.mkdir()
        with Sandbox.start(region="us-east-1") as box:
            env |= box.env
            first, *others = box.sample_stages
            for section in SECTIONS:
                for command in blocks(section):
                    run(filled_in(command, str(others[-1]), box.token), elsewhere, env, say)
                    answers = elsewhere / "answers.json"
                    if command.startswith("wallarm-apigw answers"):
                        chosen = json.loads(answers.read_text()) | {"stages": [str(first)]}
                        answers.write_text(json.dumps(chosen))
    say(f"{version}: every command did what the README says")


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if argument != "--install"]
    for interpreter in given or [sys.executable]:
        play(interpreter, install_only="--install" in sys.argv)
