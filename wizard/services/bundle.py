"""The support bundle: what a colleague needs to help, with every secret taken out."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

from wizard.core.errors import WizardError
from wizard.core.redact import redact

MAX_BYTES = 256 * 1024  # of one file; the end of a log is what matters


def tail(path: Path, limit: int = MAX_BYTES) -> str:
    """The last part of a text file, from a line's start; empty when there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - limit))
            data = file.read()
    except FileNotFoundError:
        return ""
    text = data.decode("utf-8", "replace")
    return text if size <= limit else text.split("\n", 1)[-1]


def cleaned(files: Mapping[str, str]) -> dict[str, str]:
    """The files with tokens, keys and credentials replaced; empty ones are left out."""
    return {name: redact(text) for name, text in files.items() if text.strip()}


def write_zip(target: Path, files: Mapping[str, str]) -> None:
    """Write the bundle, 0600. Never overwrites: raises WizardError when the file exists."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(buffer.getvalue())
    except OSError as error:
        raise WizardError(
            "WAG-E-BUNDLE-001",
            f"The bundle {target} cannot be written",
            why=error.strerror or str(error),
            next_step="Name another file with --file.",
        ) from error
