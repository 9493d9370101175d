"""What nobody expected: a word on the screen, the traceback in a file, no secret in either.

Nothing is sent anywhere. A traceback here has no local variables, and known secrets as well as
whatever looks like one are taken out.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

from wizard.core.errors import WizardError

LOG = "wizard.log"
NEVER_SHOWN = "the reason was not one that may be shown"


def unexpected(
    error: BaseException, workspace: Path | None, env: Mapping[str, str], *, code: str
) -> WizardError:
    """A bug as an error a person can act on; its traceback goes to the log file only.

    What AWS's library raised is told as such, wherever it was overlooked.
    """
    file = log(error, workspace, env)
    known = sys.modules.get("botocore.exceptions")
    if known is not None and isinstance(error, (known.BotoCoreError, known.ClientError)):
        from wizard.services.aws.errors import explain

        return explain(error, "Asking AWS")
    details = f" The details are in {file}." if file else ""
    if scarce := _scarce(error):
        return WizardError(
            "WAG-E-CLI-012",
            f"This machine does not give the program enough {scarce}",
            why=_without_secrets(f"{type(error).__name__}: {_words(error)}", env),
            next_step="Raise the limit (`ulimit -a` shows them; of a container, its memory and its "
            "number of processes), then run the same command again: it goes on where it stopped."
            + details,
        )
    return WizardError(
        code,
        "Something unexpected happened in the wizard itself",
        why=_without_secrets(f"{type(error).__name__}: {_words(error)}", env),
        next_step=f"Try again.{details}",
    )


def _scarce(error: BaseException) -> str:
    """What ran out, where that is a limit of the machine and no bug."""
    if isinstance(error, MemoryError):
        return "memory"
    if isinstance(error, RuntimeError) and "can't start new thread" in _words(error):
        return "threads or memory"
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.EMFILE, errno.ENFILE):
        return "open files"
    return "memory or processes" if number in (errno.ENOMEM, errno.EAGAIN) else ""


def log(error: BaseException, workspace: Path | None, env: Mapping[str, str]) -> str:
    """Append the traceback to the wizard's log file, 0600; returns the file.

    Empty where it cannot be written: the person has bigger problems then.
    """
    stamp = datetime.now(timezone.utc).isoformat(timespec="seconds")
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    try:
        from wizard.services.files import private_dir
        from wizard.services.workspace.workspace import data_dir

        path = (workspace or data_dir()) / LOG
        private_dir(path.parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        with os.fdopen(os.open(path, flags, 0o600), "a", encoding="utf-8") as file:
            file.write(f"{stamp}\n{_without_secrets(text, env)}\n")
    except Exception:  # noqa: BLE001 - the last resort: whatever it is, the error itself is told
        return ""
    return str(path)


def _words(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - a bug's own text may be a bug
        return f"{NEVER_SHOWN} ({type(broken).__name__})"


def _without_secrets(text: str, env: Mapping[str, str]) -> str:
    from wizard.core.secret import cleaned, known_secrets

    return cleaned({"text": text}, known_secrets(env)).get("text", "")
