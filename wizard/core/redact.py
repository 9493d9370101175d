"""Takes secrets out of any text, for logs and support bundles.

What looks like a credential is replaced by a word that says what it was; the rest stays readable.
"""

from __future__ import annotations

import re

_PATTERNS = (
    # AWS access keys, then whatever stands behind the usual names of secrets.
    (re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b"), "<aws-key-id>"),
    (
        re.compile(
            r"(?i)((?:aws_secret_access_key|aws_session_token|secretaccesskey|sessiontoken|"
            r"x-wallarmapi-token|wallarm_api_token|x-amz-security-token|password)"
            r"\"?'?\s*[:=]\s*\"?'?)([^\s\"',;}]+)"
        ),
        r"\1<redacted>",
    ),
    # Its value has spaces in it: `Bearer …`, or a signature of many parts.
    (re.compile(r"(?i)(\bauthorization\"?'?\s*[:=]\s*\"?'?)([^\n\"']+)"), r"\1<redacted>"),
    # A Wallarm token: exactly 64 characters of base64, standing alone.
    (re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{64}(?![A-Za-z0-9+/=])"), "<64-characters>"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.S),
     "<private-key>"),
)  # fmt: skip
_HASH = re.compile(r"[0-9a-f]{64}")


def redact(text: str) -> str:
    """The text without anything that looks like a credential. SHA-256 sums stay."""
    for pattern, replacement in _PATTERNS:
        if replacement == "<64-characters>":
            text = pattern.sub(lambda m: m[0] if _HASH.fullmatch(m[0]) else "<wallarm-token>", text)
        else:
            text = pattern.sub(replacement, text)
    return text
