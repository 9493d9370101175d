"""Every figure in one run: `python -m benchmarks [NAME …] [--save FILE] [--compare FILE]`.

Each figure stands beside its floor or peer of the same run; machines differ, ratios less so.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import time
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.figure import Figure


def main() -> int:
    """Run, print Markdown tables, save, compare, write the pages."""
    names = tuple(report.TITLES)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names))
    parser.add_argument("--save", type=Path, help="write the figures to a JSON file")
    parser.add_argument("--compare", type=Path, help="show the change against a saved file")
    parser.add_argument(
        "--pages", action="store_true", help="put them into README.md and docs/performance.md"
    )
    options = parser.parse_args()
    if unknown := set(options.names) - set(names):
        parser.error(f"no such figures: {', '.join(sorted(unknown))}")
    before = json.loads(options.compare.read_text())["figures"] if options.compare else {}
    today = datetime.now(timezone.utc).date().isoformat()
    run: dict[str, Any] = {"machine": machine(), "date": today, "figures": {}, "notes": {}}
    if options.pages and report.SAVED.exists():  # figures that are not taken now stay
        saved = json.loads(report.SAVED.read_text())
        run["figures"], run["notes"] = saved["figures"], saved.get("notes", {})
    print(run["machine"] + "\n")
    for name in options.names or names:
        began = time.monotonic()
        run["notes"].pop(name, None)
        if busy := beside_other_work():
            run["notes"][name] = busy
        found: list[Figure] = importlib.import_module(f"benchmarks.{name}").run()
        run["figures"][name] = found
        print(f"### {report.TITLES[name]} ({time.monotonic() - began:.0f} s)\n")
        known = {item["name"]: item for item in before.get(name, [])}
        print("\n".join(report.table(found, known)) + "\n", flush=True)
    if options.save:
        options.save.write_text(json.dumps(run, indent=1))
    if options.pages:
        run["figures"] = {name: run["figures"][name] for name in names if name in run["figures"]}
        report.SAVED.write_text(json.dumps(run, indent=1) + "\n")
        report.write(run)
    return 0


def beside_other_work() -> str:
    """What has to be said of figures that are taken now; empty on a machine that is quiet."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load <= cores:
        return ""
    return f"Taken beside other work: a load of {load:.0f} on {cores} cores."


def machine() -> str:
    """What the figures were taken on."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("textual", "boto3", "requests"))
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, "
        f"Python {platform.python_version()}, {packages}"
    )


if __name__ == "__main__":
    sys.exit(main())
