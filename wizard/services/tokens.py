"""Where the Wallarm token comes from: the environment or a file, never the command line."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from wizard.core.answers.rules import bare_token, token_problem
from wizard.core.environment import TOKEN, is_token, settled
from wizard.core.errors import UsageError
from wizard.core.secret import Secret
from wizard.services.files import whole_path

VARIABLE = TOKEN
LONGEST_FILE = 4096  # bytes; a token has 64


def take_environment(env: MutableMapping[str, str] | None = None) -> dict[str, str]:
    """A copy of this process's environment; the token is then only in the copy.

    In both, what is empty is unset and every path is whole: what is loaded into this process looks
    into its environment, too. What other code starts without asking us (a `credential_process` of
    the AWS configuration, for one) inherits this process's environment, and has no business with
    the token.
    """
    own = os.environ if env is None else env
    out = settled(own, whole_path)
    for name, text in list(own.items()):
        if name not in out or is_token(name):
            del own[name]
        elif out[name] != text:
            own[name] = out[name]
    return out


def for_child(env: Mapping[str, str]) -> dict[str, str]:
    """The environment for a program that we start: without any Wallarm token."""
    return {name: value for name, value in env.items() if not is_token(name)}


def read_token(path: Path | None, env: Mapping[str, str]) -> Secret | None:
    """The token alone and of the right shape; None when none was given.

    Raises UsageError for a file that cannot be read, is open to others, or holds something else.
    """
    if path is not None:
        text, source = _read(path), str(path)
    elif env.get(VARIABLE, "").strip():
        text, source = env[VARIABLE], VARIABLE
    else:
        return None
    text = bare_token(text)
    problem = token_problem(text)
    if problem:
        raise UsageError(
            "WAG-E-TOKEN-002",
            f"The Wallarm token in {source} {problem}",
            next_step="Copy it again from Wallarm Console, Settings, API tokens.",
            keys=(VARIABLE,),
        )
    return Secret(text)


def _read(path: Path) -> str:
    """Read once what was looked at: between a look at a name and its opening it could be another.

    A FIFO is as good as a file, so that `--token-file <(pass show wallarm)` works.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISFIFO(found.st_mode):
                _refuse_open(path, found)
            data = file.read(LONGEST_FILE + 1)
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from None
    if len(data) > LONGEST_FILE:
        raise _unreadable(path, "it is far too long for a token")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise _unreadable(path, "it is not text") from None


def _refuse_open(path: Path, found: os.stat_result) -> None:
    if found.st_mode & 0o077:
        raise UsageError(
            "WAG-E-TOKEN-004",
            f"The token file {path} can be read by others on this machine",
            next_step=f"Keep it to yourself: `chmod 600 {path}`.",
            keys=("token_file",),
        )
    if found.st_uid not in (0, os.geteuid()):
        raise UsageError(
            "WAG-E-TOKEN-004",
            f"The token file {path} belongs to another user",
            why="Whoever owns it reads it, and could put another token into it.",
            next_step="Copy it into a file of your own, with mode 600.",
            keys=("token_file",),
        )


def _unreadable(path: Path, why: str) -> UsageError:
    return UsageError(
        "WAG-E-TOKEN-005",
        f"The token file {path} cannot be read",
        why=why,
        next_step="Check the path, or set WALLARM_API_TOKEN instead.",
        keys=("token_file",),
    )
