"""The support bundle: what a colleague needs to help, with every secret taken out."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

from wizard.core.errors import WizardError
from wizard.core.redact import redact

SECRET_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "WALLARM_API_TOKEN",
)
SHORTEST_SECRET = 12  # shorter values would blank out ordinary words
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


def known_secrets(env: Mapping[str, str]) -> tuple[str, ...]:
    """The secrets of this environment, in every spelling they may have been written in."""
    found: set[str] = set()
    for name in SECRET_VARIABLES:
        value = env.get(name, "").strip()
        if len(value) >= SHORTEST_SECRET:
            found |= spellings(value)
    return tuple(sorted(found, key=len, reverse=True))


def spellings(secret: str) -> set[str]:
    """A secret as it may stand in a text: plain, escaped, percent-encoded, in hex, in base64.

    In base64 it looks different by how many bytes stand before it; the first and last characters
    are shared with what is around, and are left out.
    """
    raw, escaped = secret.encode(), json.dumps(secret)[1:-1]
    percent = quote(secret, safe="")
    lower = re.sub("%[0-9A-F]{2}", lambda m: m[0].lower(), percent)
    found = {secret, escaped, escaped.replace("/", "\\/"), percent, lower, quote_plus(secret)}
    found |= {raw.hex(), raw.hex().upper()}
    for before in range(3):
        text = base64.b64encode(b"-" * before + raw).decode()
        text = text[4 if before else 0 : -4]
        found |= {text, text.replace("+", "-").replace("/", "_")}
    return found


def cleaned(files: Mapping[str, str], secrets: Iterable[str] = ()) -> dict[str, str]:
    """The files without the known secrets and without what looks like a token, key or credential;
    empty ones are left out."""
    out: dict[str, str] = {}
    for name, text in files.items():
        if not text.strip():
            continue
        for secret in secrets:
            text = text.replace(secret, "<redacted>")
        out[name] = redact(text)
    return out


def write_zip(target: Path, files: Mapping[str, str]) -> None:
    """Write the bundle, 0600. Never overwrites: raises WizardError when the file exists."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    write_new(target, buffer.getvalue())


def write_new(target: Path, data: bytes, *, what: str = "The bundle") -> None:
    """Write a private file (0600). Never overwrites: raises WizardError when the file exists."""
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError as error:
        raise WizardError(
            "WAG-E-BUNDLE-001",
            f"{what} cannot be written to {target}",
            why=error.strerror or str(error),
            next_step="Name another file (--file on the command line).",
        ) from error
