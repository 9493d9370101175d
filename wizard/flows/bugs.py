"""What nobody expected goes to a log file, without secrets."""

from __future__ import annotations

import os
import traceback
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from wizard.core.errors import WizardError

if TYPE_CHECKING:
    from wizard.flows.context import Options

_LOG = "wizard.log"


def log_bug(options: Options, error: BaseException) -> str:
    """Append an unexpected failure to the wizard's log file, without secrets; returns the file.

    Empty where it cannot be written: the person has bigger problems then.
    """
    from wizard.core.redact import redact
    from wizard.services.files import private_dir
    from wizard.services.workspace import data_dir

    path = (options.workspace or data_dir()) / _LOG
    text = redact("".join(traceback.format_exception(type(error), error, error.__traceback__)))
    stamp = datetime.now(timezone.utc).isoformat(timespec="seconds")
    try:
        private_dir(path.parent)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(f"{stamp}\n{text}\n")
    except (OSError, WizardError):
        return ""
    return str(path)
