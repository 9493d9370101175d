"""`python -m tests.faults`: every fault on real Terraform, as one table.

    python -m tests.faults                   all of them
    python -m tests.faults --only cut,away   some
    python -m tests.faults --write FILE      the table into a page, too

Ends with 1 when a fault did not end as it must; one that this machine cannot make is said to be
"not run". Nothing but the loopback is talked to.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.faults.judge import NotHere, Reference, Row
from tests.faults.scenarios import SCENARIOS

_BEGIN, _END = "<!-- table: begin -->", "<!-- table: end -->"


def run(name: str, reference: Reference) -> list[tuple[Row, str]]:
    """One scenario's rows with their verdicts."""
    rows: list[tuple[Row, str]] = []
    began = time.monotonic()
    try:
        for row in SCENARIOS[name](reference):
            seconds = time.monotonic() - began
            rows.append((Row(row.fault, row.seen, row.end, seconds), "held"))
            began = time.monotonic()
    except NotHere as error:
        rows.append((Row(name, str(error), "", time.monotonic() - began), "not run"))
    except Exception as error:  # noqa: BLE001 - the other faults are still to be seen
        text = " ".join(str(error).split())
        rows.append((Row(name, text[-700:], "", time.monotonic() - began), "FAILED"))
    for row, verdict in rows:
        print(f"{verdict}: {row.fault}: {row.seen}", file=sys.stderr, flush=True)
    return rows


def table(rows: list[tuple[Row, str]]) -> str:
    """The rows as a Markdown table."""
    lines = ["| Fault | What was seen | End state | Verdict | Seconds |", "|---|---|---|---|---:|"]
    for row, verdict in rows:
        cells = [c.replace("|", "\\|") for c in (row.fault, row.seen, row.end, verdict)]
        lines.append(f"| {' | '.join(cells)} | {row.seconds:.0f} |")
    return "\n".join(lines)


def main() -> int:
    """Run, print, and say by the exit code whether everything held."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", default="", help=f"some of: {', '.join(SCENARIOS)}")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    parser.add_argument("--write", type=Path, help="put the table between the page's marks")
    options = parser.parse_args()
    names = [n for n in options.only.split(",") if n] or list(SCENARIOS)
    if unknown := [n for n in names if n not in SCENARIOS]:
        parser.error(f"unknown: {', '.join(unknown)}")
    # A shell that starts this in the background has it ignored, and so has every child.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    reference, began = Reference(), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        rows = [row for found in pool.map(lambda n: run(n, reference), names) for row in found]
    terraform = subprocess.run(
        ["terraform", "version"], capture_output=True, text=True, check=False
    )
    head = (
        f"{time.strftime('%Y-%m-%d', time.gmtime())}, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {terraform.stdout.partition(chr(10))[0]}; "
        f"{time.monotonic() - began:.0f} s, {options.jobs} at a time."
    )
    text = f"{head}\n\n{table(rows)}\n"
    print(text)
    if options.write:
        page = options.write.read_text(encoding="utf-8")
        before, after = page.split(_BEGIN)[0], page.split(_END)[1]
        options.write.write_text(f"{before}{_BEGIN}\n{text}{_END}{after}", encoding="utf-8")
    return int(any(verdict == "FAILED" for _, verdict in rows))


if __name__ == "__main__":
    sys.exit(main())
