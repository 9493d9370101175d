"""A setting: one machine that somebody has lived in, and what the product must say on it.

A setting is a text file in the folder of its kind. It has sections; each begins with a line
`-- name --`:

    What this machine is like, in a sentence or two.
    -- file home/.aws/config --
    [default]
    region = eu-central-1
    -- env --
    AWS_PROFILE=work
    AWS_ACCESS_KEY_ID            (a name alone is taken out of the environment)
    -- run --
    wallarm-apigw status --json
    -- expect --
    exit 0                       (one code, or several)
    says "account_id": "123456789012"
    not hunter2
    json                         (stdout is JSON, a document or one a line)

`file` is written below the machine's own folder, executable if it begins with `#!`. `run` is shell,
run in the folder `work`, with `wallarm-apigw` on PATH. `{root}`, `{home}`, `{endpoint}`, `{port}`,
`{backend}`, `{python}`, `{terraform}`, `{account}` and `{region}` are replaced everywhere. Whatever
a setting expects, nobody is ever told of something "unexpected", shown a traceback or left hanging.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOM = Path(__file__).parent
TIMEOUT = 120.0  # seconds: a command that waits for ever fails instead
_SECTION = re.compile(r"-- (run|env|expect|file (\S.*?)) --")
_NEVER = re.compile(r"unexpected happened|Traceback \(most recent call last\)|WAG-E-BUG")


@dataclass
class Setting:
    """A parsed setting. `env` values of None are taken out of the environment."""

    name: str
    about: str
    run: str = ""
    env: dict[str, str | None] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    exits: tuple[int, ...] = (0,)
    says: list[str] = field(default_factory=list)
    says_not: list[str] = field(default_factory=list)
    as_json: bool = False


@dataclass(frozen=True)
class Ended:
    """How a command ended on that machine."""

    code: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        return f"{self.stdout}\n{self.stderr}"


def settings(folder: Path = ROOM) -> list[Path]:
    """Every setting of the museum."""
    return sorted(folder.glob("*/*.txt"))


def parse(name: str, text: str) -> Setting:
    """Read a setting. Raises ValueError for one with an unknown section or line."""
    found = Setting(name, "")
    section, held = "about", list[str]()

    def close() -> None:
        body = "\n".join(held).strip("\n")
        if section == "about":
            found.about = " ".join(body.split())
        elif section == "run":
            found.run = body
        elif section == "env":
            found.env.update(_variables(body))
        elif section == "expect":
            _expect(found, body)
        else:
            found.files[section.removeprefix("file ")] = body + "\n"

    for line in text.splitlines():
        if match := _SECTION.fullmatch(line.rstrip()):
            close()
            section, held = match[1], []
        else:
            held.append(line)
    close()
    if not (found.about and found.run and (found.says or found.as_json)):
        raise ValueError(f"{name}: says nothing about itself, runs nothing or expects nothing")
    return found


def _variables(body: str) -> dict[str, str | None]:
    lines = [line for line in body.splitlines() if line.strip()]
    pairs = [line.partition("=") for line in lines]
    return {name.strip(): value if equals else None for name, equals, value in pairs}


def _expect(found: Setting, body: str) -> None:
    for line in filter(str.strip, body.splitlines()):
        word, _, rest = line.partition(" ")
        if word == "exit":
            found.exits = tuple(map(int, rest.split()))
        elif word == "says":
            found.says.append(rest)
        elif word == "not":
            found.says_not.append(rest)
        elif word == "json":
            found.as_json = True
        else:
            raise ValueError(f"{found.name}: {line}")


def furnish(found: Setting, root: Path, words: Mapping[str, str]) -> None:
    """Put the setting's files on a machine below `root`."""
    for folder in ("home", "work", "bin"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, text in found.files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(filled(text, words).encode("utf-8", "surrogateescape"))
        path.chmod(0o755 if text.startswith("#!") else 0o600)


def live(found: Setting, root: Path, env: Mapping[str, str], words: Mapping[str, str]) -> Ended:
    """Run the setting's command on that machine, as a user's shell would."""
    furnish(found, root, words)
    command = root / "bin" / "wallarm-apigw"
    command.write_text(f'#!/bin/sh\nexec "{words["python"]}" -m wizard.cli "$@"\n')
    command.chmod(0o755)
    own = {**env, "HOME": str(root / "home"), "PATH": f"{root / 'bin'}:{env['PATH']}"}
    for name, value in found.env.items():
        if value is None:
            own.pop(name, None)
        else:
            own[name] = filled(value, words)
    done = subprocess.run(
        ["/bin/sh", "-c", filled(found.run, words)],
        cwd=root / "work",
        env=own,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
    return Ended(
        done.returncode,
        done.stdout.decode("utf-8", "replace"),
        done.stderr.decode("utf-8", "replace"),
    )


def complaints(found: Setting, ended: Ended, words: Mapping[str, str]) -> list[str]:
    """What is not as the setting expects; empty where all is well."""
    out = []
    if ended.code not in found.exits:
        out.append(f"exit code {ended.code}, not {found.exits}")
    flat = " ".join(ended.text.split())
    for text in found.says:
        if " ".join(filled(text, words).split()) not in flat:
            out.append(f"does not say: {text}")
    for text in found.says_not:
        if filled(text, words) in ended.text:
            out.append(f"says: {text}")
    if match := _NEVER.search(ended.text):
        out.append(f"nobody should ever read: {match[0]}")
    if found.as_json:
        out += _not_json(ended.stdout)
    return out


def _not_json(text: str) -> list[str]:
    try:
        json.loads(text)
    except ValueError:
        try:
            if not [json.loads(line) for line in text.splitlines()]:
                return ["nothing on stdout"]
        except ValueError as error:
            return [f"stdout is not JSON: {error}"]
    return []


def filled(text: str, words: Mapping[str, str]) -> str:
    """The text with `{name}` replaced; other braces stay."""
    return re.sub(r"\{(\w+)\}", lambda m: words.get(m[1], m[0]), text)
