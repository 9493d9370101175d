"""The shape of a line that could not be read: its keys of ours, and no value of it."""

import re

from layout import ALIAS, END, KEYS, MARKER

MOST_READ = 8192
MOST_KEYS = 40
# A key is what stands in quotes before a colon. A client may have written it: only ours are shown.
_KEY = re.compile(rf'"(?:((?:{ALIAS})?(?:{"|".join(KEYS)})|{MARKER}|{END})|[^"\\]{{0,128}})"\s*:')


def shape(message):
    """As `{"requestId":…,"?":…} (612 characters)`; `?` is a key that is none of ours."""
    if not isinstance(message, str):
        return f"no text ({type(message).__name__})"
    size = f" ({len(message)} characters)"
    head = message[:MOST_READ].strip()
    if head[:1] != "{":
        return f"no JSON object{size}"
    names, more = [], ""
    for found in _KEY.finditer(head):
        if len(names) == MOST_KEYS:
            more = ",…"
            break
        names.append(found[1] or "?")
    closing = "}" if message.rstrip()[-1:] == "}" else ""
    return "{" + ",".join(f'"{name}":…' for name in names) + more + closing + size
