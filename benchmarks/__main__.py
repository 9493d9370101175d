"""Every figure in one run: `python -m benchmarks [NAME …] [--save FILE] [--compare FILE]`.

Each figure stands beside its floor or peer of the same run; machines differ, ratios less so.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks.figure import Figure

NAMES = (
    "start", "first_paint", "table", "discovery", "reducer", "deployer", "forwarder", "data_path",
    "scale",
)  # fmt: skip


def main() -> int:
    """Run, print Markdown tables, save or compare."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--save", type=Path, help="write the figures to a JSON file")
    parser.add_argument("--compare", type=Path, help="show the change against a saved file")
    options = parser.parse_args()
    before = json.loads(options.compare.read_text()) if options.compare else {}
    print(machine() + "\n")
    found: dict[str, list[Figure]] = {}
    for name in options.names or NAMES:
        if importlib.util.find_spec(f"benchmarks.{name}") is None:
            continue
        began = time.monotonic()
        found[name] = importlib.import_module(f"benchmarks.{name}").run()
        show(name, found[name], before.get(name, []), time.monotonic() - began)
    if options.save:
        options.save.write_text(json.dumps(found, indent=1))
    return 0


def machine() -> str:
    """What the figures were taken on."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("textual", "boto3", "requests"))
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, "
        f"Python {platform.python_version()}, {packages}"
    )


def show(name: str, figures: list[Figure], before: list[Figure], seconds: float) -> None:
    """One table."""
    old = {item["name"]: item for item in before}
    head = ["figure", "median", "× floor or peer", "target"] + (["before"] if old else [])
    print(f"### {name} ({seconds:.0f} s)\n\n| {' | '.join(head)} |")
    print("|" + " --- |" * len(head))
    for item in figures:
        ratio = f"{item['ratio']:.2f}" if item.get("ratio") else "–"
        cells = [item["name"], f"{item['value']:,.2f} {item['unit']}".rstrip(), ratio,
                 item.get("target") or "–"]  # fmt: skip
        if old:
            known = old.get(item["name"])
            cells.append(f"{known['value']:,.2f}" if known else "–")
        print(f"| {' | '.join(cells)} |")
    print(flush=True)


if __name__ == "__main__":
    sys.exit(main())
