"""Asks checkov about the module; it lives in an environment of its own, with older packages.

    python -m tests.terraform.checkov [FOLDER]

Exit code 1 for a finding that no comment explains, 2 where checkov could not be installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "checkov.txt"
HOME = ROOT / ".venv-checkov"
PATIENCE = 300.0  # seconds, for installing about 100 packages


class NotInstalledError(Exception):
    """checkov could not be installed; the text is what pip said."""


@dataclass(frozen=True)
class Scan:
    """Findings as `ID file: title`, what was suppressed as (ID, reason), and how much passed."""

    findings: tuple[str, ...]
    suppressed: tuple[tuple[str, str], ...]
    passed: int


def installed(home: Path = HOME) -> Path:
    """The environment's Python, with exactly the packages of requirements/checkov.txt."""
    home.mkdir(exist_ok=True)
    python = home / "bin" / "python"
    stamp = home / "installed"
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test workers, or a test beside `make checkov`
        if not stamp.is_file() or stamp.read_text("utf-8") != wanted:
            stamp.unlink(missing_ok=True)
            venv.create(home, with_pip=True, clear=False)
            _install(python)
            stamp.write_text(wanted, "utf-8")
    return python


def _install(python: Path) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--no-compile", "--require-hashes",
               "--disable-pip-version-check", "--requirement", str(LOCK)]  # fmt: skip
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NotInstalledError(f"pip was not done within {PATIENCE:.0f} s") from error
    if done.returncode:
        raise NotInstalledError(done.stderr.strip()[-1500:])


def scan(python: Path, folder: Path) -> Scan:
    """What checkov says of a folder, from its built-in checks alone; it asks nobody."""
    done = subprocess.run(
        [str(python), "-m", "checkov.main", "--directory", str(folder), "--skip-download",
         "--framework", "terraform", "secrets", "--output", "json",
         "--skip-path", "modules/"],  # links to the same files
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        raise AssertionError(f"checkov: {done.stdout[-1500:]}{done.stderr[-1500:]}") from error
    results = [r["results"] for r in (answer if isinstance(answer, list) else [answer])]
    findings = [
        f"{check['check_id']} {check['file_path']}: {check['check_name']}"
        for result in results
        for check in result["failed_checks"]
    ] + [f"not understood: {name}" for result in results for name in result["parsing_errors"]]
    suppressed = [
        (check["check_id"], check["check_result"]["suppress_comment"])
        for result in results
        for check in result["skipped_checks"]
    ]
    passed = sum(len(result["passed_checks"]) for result in results)
    return Scan(tuple(findings), tuple(suppressed), passed)


def main(arguments: list[str]) -> int:
    """Scan the folder named, or the module."""
    try:
        python = installed()
    except NotInstalledError as error:
        print(f"checkov could not be installed: {error}", file=sys.stderr)
        return 2
    found = scan(python, Path(arguments[0]) if arguments else ROOT / "terraform")
    for finding in found.findings:
        print(finding)
    for check, reason in found.suppressed:
        print(f"suppressed {check}: {reason}")
    print(f"{found.passed} passed, {len(found.suppressed)} suppressed, {len(found.findings)} found")
    return 1 if found.findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
