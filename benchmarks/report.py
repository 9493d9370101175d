"""Figures as Markdown: all of them for docs/performance.md, eight of them for the README."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure

ROOT = Path(__file__).parents[1]
SAVED = ROOT / "benchmarks" / "figures.json"
BEGIN = "<!-- figures: written by `make figures` -->"
END = "<!-- figures: end -->"
HEAD = ("figure", "median", "spread", "× floor or peer", "target")
TITLES = {
    "start": "Start of the command, against `python -c pass`",
    "first_paint": "First screen in a terminal, against a bare Textual app",
    "table": "The table of stages",
    "discovery": "Discovery, against what API Gateway's quota allows",
    "fleet": "Fleets: many targets, stages, accounts and Regions",
    "reducer": "Progress from Terraform's events, against decoding their JSON",
    "log_view": "The screen of a deployment, under very many of Terraform's events",
    "deployer": "An apply, against plain Terraform",
    "checklist": "What a person waits for, on the sandbox",
    "forwarder": "The forwarder, against decoding and parsing alone",
    "data_path": "The whole data path on the sandbox",
    "scale": "Model of larger traffic (calculated, not measured)",
}

# What a reader of the README asks: does it start at once, stay quick, add time, lose anything?
HEADLINES = (
    "first screen, whole, taking keys",
    "10,000 stages: longest stall of the loop meanwhile",
    "10,000 stages: filter keystroke, median",
    "600 APIs × 3 stages: first rows, against one page's round trip",
    "60 resources: through the wizard",
    "`wallarm-apigw doctor`, start to end, against the checks",
    "1,000 events, 5 ms, HTTP: forwarder",
    "missing of 10,000 events",
)


def number(value: float) -> str:
    """Two decimals, more where two would say nothing."""
    return f"{value:,.2f}" if abs(value) >= 0.1 or not value else f"{value:.5f}"


def judged(item: Figure) -> str:
    """The target, and whether it was missed: of the ratio where it is one, else of the median."""
    target = str(item.get("target") or "")
    limit = re.match(r"≤? ?([\d.,]+)(×?)", target)
    if limit is None:
        return target or "–"
    seen = item.get("ratio") if limit[2] else item["value"]
    most = float(limit[1].replace(",", ""))
    return target if seen is not None and seen <= most else f"{target}: **missed**"


def table(figures: list[Figure], before: Mapping[str, Figure] | None = None) -> Iterator[str]:
    """The lines of one table."""
    head = [*HEAD, "before"] if before else [*HEAD]
    yield f"| {' | '.join(head)} |"
    yield "|" + " --- |" * len(head)
    for item in figures:
        ratio = f"{item['ratio']:.2f}" if item.get("ratio") else "–"
        value = f"{number(item['value'])} {item['unit']}".rstrip()
        spread = "–" if item.get("spread") is None else number(item["spread"])
        cells = [item["name"], value, spread, ratio, judged(item)]
        if before:
            known = before.get(item["name"])
            cells.append(number(known["value"]) if known else "–")
        yield f"| {' | '.join(cells)} |"


def page(run: Mapping[str, Any]) -> str:
    """docs/performance.md."""
    lines = [
        "# Performance",
        "",
        "Written by `make figures`. Medians of interleaved rounds; machines differ, ratios less.",
        "Spread: the longest round less the shortest, in the same unit.",
        f"Taken on {run['date']} with {run['machine']}.",
        "",
    ]
    for name, figures in run["figures"].items():
        lines += [f"## {TITLES.get(name, name)}", ""]
        lines += [note, ""] if (note := run.get("notes", {}).get(name)) else []
        lines += [*table(figures), ""]
        if name == "forwarder":
            lines += [*beside_peers(figures), ""]
    return "\n".join(lines)


# Measured once with the forwarders as they are published, one core, CPython 3.13, 1,000 events of
# 550 bytes and a server without latency; the floor took 8.5 ms there.
PEERS_FLOOR = 8.5
PEERS = (
    ("1,000 events, 0 ms: forwarder, two messages", "1,000 events, ms", 38.0, 36.0),
    ("start to 100 events delivered", "start to 100 events delivered, ms", 282.0, 931.0),
)


def beside_peers(figures: list[Figure]) -> Iterator[str]:
    """The forwarder beside two that people use today for the same logs."""
    ours = {item["name"]: item for item in figures}
    yield "### Beside the forwarders that people use today"
    yield ""
    yield "| | this one | New Relic's | Datadog's |"
    yield "| --- | ---: | ---: | ---: |"
    for name, label, relic, dog in PEERS:
        if name not in ours:
            continue
        item = ours[name]
        yield f"| {label} | {item['value']:.0f} | {relic:.0f} | {dog:.0f} |"
        if item.get("ratio"):
            against = (item["ratio"], relic / PEERS_FLOOR, dog / PEERS_FLOOR)
            cells = " | ".join(f"{one:.1f}" for one in against)
            yield f"| the same, × decoding and parsing alone | {cells} |"
    yield "| messages to the node or server | two an event | one a batch | one a batch |"
    yield "| reads the fields of each line | yes | no | no |"
    gone = "reports success, the events are gone"
    yield f"| the answer is 400, 429, 500 or 503 | tried again, then kept | {gone} | {gone} |"
    yield ""
    yield (
        "Theirs were measured on another machine, one core with CPython 3.13, where the floor took"
    )
    yield f"{PEERS_FLOOR} ms: compare the multiples of the floor."


def summary(run: Mapping[str, Any]) -> str:
    """The README's section, without its heading: the headlines among the figures."""
    taken = {item["name"]: item for figures in run["figures"].values() for item in figures}
    wanted = [taken[name] for name in HEADLINES if name in taken]
    return "\n".join(
        [
            BEGIN,
            f"Taken on {run['date']} with {run['machine']}; `make bench` takes them on yours.",
            "[All figures](docs/performance.md).",
            "",
            *table(wanted),
            END,
        ]
    )


def write(run: Mapping[str, Any]) -> None:
    """Both pages."""
    (ROOT / "docs" / "performance.md").write_text(page(run), encoding="utf-8")
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    readme.write_text(before + summary(run) + after, encoding="utf-8")
