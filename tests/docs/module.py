"""The tables of terraform/README.md: inputs, outputs, costs, and the commands for a stage."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

from benchmarks import report, scale
from wizard.core import cost
from wizard.core.answers.model import Answers
from wizard.core.facts import ApiType
from wizard.core.stages.log_format import render_format

MODULE = Path(__file__).resolve().parents[2] / "terraform"
README = MODULE / "README.md"
RATES = (100, 1_000, 10_000)
_BLOCK = r'^{kind} "([^"]+)" \{{\n(.*?)^\}}'
_GIVEN_VPC = {"vpc_id": "vpc-0a", "private_subnet_ids": ("a",), "public_subnet_ids": ("a", "b")}


def block(kind: str, file: str) -> dict[str, dict[str, str]]:
    """Arguments of every top-level block of a kind, by the block's name, as they are written."""
    text = (MODULE / file).read_text(encoding="utf-8")
    found = re.findall(_BLOCK.format(kind=kind), text, re.M | re.S)
    return {name: dict(re.findall(r"^  (\w+)\s+= (.+)$", body, re.M)) for name, body in found}


def variables() -> dict[str, dict[str, str]]:
    """Every variable of the root module: that of the provider, then those of variables.tf."""
    return block("variable", "provider.tf") | block("variable", "variables.tf")


def inputs() -> str:
    """Every variable, in the order of `variables`."""
    lines = ["| Name | Description | Type | Default | Required |", "|---|---|---|---|:---:|"]
    for name, written in variables().items():
        default = written.get("default")
        shown = "n/a" if default is None else f"`{default}`"
        lines.append(
            f"| `{name}` | {_text(written)} | `{written['type']}` | {shown} "
            f"| {'yes' if default is None else 'no'} |"
        )
    return "\n".join(lines)


def outputs() -> str:
    """Every output, in the order of outputs.tf."""
    lines = ["| Name | Description |", "|---|---|"]
    lines += [
        f"| `{n}` | {_text(written)} |" for n, written in block("output", "outputs.tf").items()
    ]
    return "\n".join(lines)


def logging() -> str:
    """Commands that let a stage log to the module's group, with the product's own format."""
    rest, http = render_format(ApiType.REST), render_format(ApiType.HTTP)
    assert rest == http, "the two kinds of API need a block each"
    return f"""```sh
ARN=$(terraform output -raw api_gateway_log_group_arn)
FORMAT='{rest}'

# An HTTP API:
aws apigatewayv2 update-stage --api-id a1b2c3d4e5 --stage-name prod --access-log-settings \\
  "$(jq -n --arg a "$ARN" --arg f "$FORMAT" '{{DestinationArn: $a, Format: $f}}')"

# A REST API:
aws apigateway update-stage --rest-api-id a1b2c3d4e5 --stage-name prod --patch-operations \\
  "$(jq -n --arg a "$ARN" --arg f "$FORMAT" '[
    {{op: "replace", path: "/accessLogSettings/destinationArn", value: $a}},
    {{op: "replace", path: "/accessLogSettings/format", value: $f}},
    {{op: "replace", path: "/*/*/logging/loglevel", value: "INFO"}}]')"
```"""


def costs() -> str:
    """A month without traffic, by mode."""
    modes = {
        "As it comes": Answers(),
        "2 nodes, NAT in each zone": Answers(node_count=2, nat_gateway_per_az=True),
        "Your VPC": Answers(**_GIVEN_VPC),
        "Your node": Answers(node_url="node.example.com"),
    }
    found = {title: cost.estimate(answers) for title, answers in modes.items()}
    names = [line.name for line in cost.estimate(Answers()).lines]
    lines = [
        f"Dollars; list prices of {cost.REGION}, dated {cost.DATED}; {cost.HOURS} hours a month.",
        "",
        f"| A month, before traffic | {' | '.join(found)} |",
        "|---|" + "---:|" * len(found),
    ]
    for name in names:
        cells = [
            next((f"{line.per_month:,.2f}" for line in item.lines if line.name == name), "–")
            for item in found.values()
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    totals = [f"**{item.total:,.2f}**" for item in found.values()]
    return "\n".join([*lines, f"| **Sum** | {' | '.join(totals)} |"])


def scales() -> str:
    """What three rates need and cost, from the product's two models."""
    run = json.loads(report.SAVED.read_text(encoding="utf-8"))
    measured = next(f for f in run["figures"]["scale"] if f["unit"] == "ms")["value"] / 1000
    needs = [scale.need(rate, measured) for rate in RATES]
    month = [
        cost.estimate(Answers(node_count=need.replicas), requests_per_second=need.rate)
        for need in needs
    ]

    def priced(name: str) -> list[str]:
        found = [next(line for line in item.lines if line.name == name) for item in month]
        return [f"${line.per_month:,.2f}: {line.assumption}" for line in found]

    small = [math.ceil(r / cost.EVENTS_PER_BATCH * cost.SECONDS_PER_BATCH) for r in RATES]
    rows = {
        "Log ingestion a month": priced("Log ingestion"),
        "Forwarder a month": [cell.split(":")[0] for cell in priced("Forwarder")],
        f"Forwarders at once, {scale.BATCH:,} events a batch": [str(n.concurrency) for n in needs],
        f"Forwarders at once, {cost.EVENTS_PER_BATCH} events a batch": [str(n) for n in small],
        "Load balancer units a month": priced("Load balancer units"),
        "`node_count`": [str(need.replicas) for need in needs],
        "Node instances a month": priced("Node instances"),
        "Caught up after 10 min of outage": [f"{n.drain[10] / 60:.0f} min" for n in needs],
        "**Everything, a month**": [f"**${item.total:,.0f}**" for item in month],
    }
    return "\n".join(
        [
            f"| | {' | '.join(f'{rate:,} requests/s' for rate in RATES)} |",
            "|---|" + "---|" * len(RATES),
            *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items()),
        ]
    )


PARTS: dict[str, Callable[[], str]] = {
    "logging": logging,
    "cost": costs,
    "scale": scales,
    "inputs": inputs,
    "outputs": outputs,
}


def filled(text: str) -> str:
    """The page with every generated part as it should be. Raises ValueError if one has no place."""
    for name, make in PARTS.items():
        begin = f"<!-- {name}: written by `python -m tests.docs.generate` -->"
        end = f"<!-- {name}: end -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"{README}: the place of {name!r} is not marked once")
        head, _, rest = text.partition(begin)
        tail = rest.partition(end)[2]
        text = f"{head}{begin}\n{make()}\n{end}{tail}"
    return text


def _text(written: dict[str, str]) -> str:
    return str(json.loads(written["description"])).replace("|", "\\|")
