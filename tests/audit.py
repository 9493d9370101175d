"""Known vulnerabilities of everything the lock names, as PyPI's advisories tell them.

    python -m tests.audit [--must]

Exit code 1 for a known vulnerability. Where the index has no advisories (a mirror, or no network)
that is said, and is a failure only with `--must`: a machine without internet can still lint.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[1] / "requirements" / "lock.txt"
PATIENCE = 90.0  # seconds; it asks once per package


def asked() -> Mapping[str, Any] | str:
    """What pip-audit found, or why it could not find anything out."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(LOCK), "--require-hashes",
               "--disable-pip", "--format", "json", "--progress-spinner", "off",
               "--timeout", "10"]  # fmt: skip
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {PATIENCE:.0f}s"
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
    return found


def verdict(found: Mapping[str, Any] | str) -> tuple[bool | None, list[str]]:
    """Whether all is well (None: could not be checked), and what to print."""
    if isinstance(found, str):
        return None, [f"Known vulnerabilities could not be checked: {found}"]
    known = [
        f"{d['name']} {d['version']}: {v['id']}, fixed in {', '.join(v['fix_versions']) or 'none'}"
        for d in found["dependencies"]
        for v in d.get("vulns", ())
    ]
    if known:
        return False, known
    unknown = [d["name"] for d in found["dependencies"] if "skip_reason" in d]
    total = len(found["dependencies"])
    if unknown:
        part = f"{len(unknown)} of {total} packages: this index has no advisories for them"
        return None, [f"Known vulnerabilities could not be checked for {part}"]
    return True, [f"No known vulnerability in {total} packages"]


def main(arguments: list[str]) -> int:
    """Print the verdict."""
    fine, lines = verdict(asked())
    print("\n".join(lines))
    return int(fine is False or (fine is None and "--must" in arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
