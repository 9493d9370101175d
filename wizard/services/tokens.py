"""Where the Wallarm token comes from: the environment or a file, never the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from wizard.core.errors import UsageError
from wizard.core.rules import token_problem
from wizard.core.secret import Secret

VARIABLE = "WALLARM_API_TOKEN"


def read_token(path: Path | None, env: Mapping[str, str]) -> Secret | None:
    """The token, stripped and of the right shape; None when none was given.

    Raises UsageError for a file that cannot be read, is open to others, or holds something else.
    """
    if path is not None:
        text, source = _read(path), str(path)
    elif env.get(VARIABLE):
        text, source = env[VARIABLE], VARIABLE
    else:
        return None
    text = text.strip()
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
    try:
        if path.stat().st_mode & 0o077:
            raise UsageError(
                "WAG-E-TOKEN-004",
                f"The token file {path} can be read by others on this machine",
                next_step=f"chmod 600 {path}",
                keys=("token_file",),
            )
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(
            "WAG-E-TOKEN-005",
            f"The token file {path} cannot be read",
            why=str(reason),
            keys=("token_file",),
        ) from None
