"""Small words of the product: foreign text made harmless, durations, money, closest names."""

from __future__ import annotations

import difflib
import json
import unicodedata
from collections.abc import Iterable
from typing import Any

# Bidirectional controls can make a name read as something else; ordinary control characters can
# drive a terminal.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def json_object(text: str) -> dict[str, Any]:
    """The JSON object that foreign text is; empty where it is none.

    A client of an API can put quotes and ten thousand brackets into its access log.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def clean(text: str, limit: int = 0) -> str:
    """Foreign text on one line without anything a terminal would obey.

    Args:
        limit: if positive, longer texts are cut there and end in `…`.
    """
    if text.isascii() and text.isprintable():  # most names, and it is twenty times quicker
        return text if not limit or len(text) <= limit else text[: limit - 1] + "…"
    out = "".join(
        " " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c
        for c in text
        if c not in _BIDI and unicodedata.category(c) not in ("Cs", "Co", "Cn")
    )
    return out if not limit or len(out) <= limit else out[: limit - 1] + "…"


def duration(seconds: float) -> str:
    """`7s`, `1m 42s`, `2h 05m`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02d}m"


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 stage`, `2 stages`; `plural` where it is more than an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def closest(word: str, names: Iterable[str], n: int = 3) -> list[str]:
    """The names that look most like a word that matched none."""
    lowered = {name.lower(): name for name in names}
    return [lowered[m] for m in difflib.get_close_matches(word.lower(), lowered, n=n, cutoff=0.5)]
