"""How soon the command answers, against Python doing nothing."""

from __future__ import annotations

import sys

from benchmarks.figure import Figure, command, compared, interleaved

ENTRY = "import sys; from wizard.cli import main; sys.exit(main({arguments}))"


def run() -> list[Figure]:
    """`--version` and `--help` beside `python -c pass`."""
    python = sys.executable
    help_text = "import sys; sys.argv[0] = 'w'; " + ENTRY.format(arguments=["--help"])
    times = interleaved(
        {
            "python -c pass": command([python, "-c", "pass"]),
            "--version": command([python, "-c", ENTRY.format(arguments=["--version"])]),
            "--help": command([python, "-c", help_text]),
        },
        rounds=15,
    )  # fmt: skip
    return compared(times, "python -c pass", targets={"--version": "≤1.5×"})
