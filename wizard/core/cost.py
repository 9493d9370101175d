"""What a deployment costs a month, from a dated table of list prices.

us-east-1 list prices, 730 hours a month. Each line says what it assumes; taxes, discounts and data
transfer between zones are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wizard.core.answers.model import Answers

HOURS = 730
DATED = "2026-08"
REGION = "us-east-1"

NAT_HOUR = 0.045
IPV4_HOUR = 0.005
ALB_HOUR, LCU_HOUR = 0.0225, 0.008
LOGS_GB = 0.50
STORAGE_GB_MONTH = 0.03  # what CloudWatch Logs keeps
PRIVATE_ZONE = 0.50
LAMBDA_MILLION = 0.20  # unverified, as the next
LAMBDA_GB_SECOND = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
# On-demand Linux; unverified except where the table of a price list was read.
INSTANCE_HOUR = {"t3.medium": 0.0416, "t3.large": 0.0832}
EBS_GB_MONTH, EBS_GB = 0.08, 30  # gp3; one volume for each instance (unverified)
# T3 is "unlimited": processor time above its baseline is billed by the vCPU-hour (unverified).
T3_SURPLUS_HOUR = 0.05
T3_SURPLUS_VCPUS = {"t3.medium": 1.6, "t3.large": 1.4}  # two, less the baseline of both
UPDATES, UPDATE_HOURS = 1, 1.0  # a month; a second instance runs beside the first meanwhile
LINE_KB = 0.5
# Execution logs at INFO, bodies not traced: about a dozen lines for each request (unverified).
EXECUTION_LINES, EXECUTION_LINE_KB = 12, 0.2
EVENTS_PER_BATCH = 100
SECONDS_PER_BATCH = 0.2
MEMORY_GB = 0.5
REPLAY_SECONDS, REPLAY_GB = 1.0, 0.25  # a cold start, and a list that is empty


INSTANCES, BALANCER = "aws_autoscaling_group", "aws_lb"
NAT, ADDRESS = "aws_nat_gateway", "aws_eip"
NAMES_ZONE = "aws_service_discovery_private_dns_namespace"


@dataclass(frozen=True)
class CostLine:
    """One item: dollars a month and what was assumed; `of` is the kind of resource that costs it,
    empty where the item is not there because a resource is (traffic)."""

    name: str
    per_month: float
    assumption: str
    of: str = ""


@dataclass(frozen=True)
class Estimate:
    """The items and when their prices were read."""

    lines: tuple[CostLine, ...]
    dated: str = DATED
    region: str = REGION

    @property
    def total(self) -> float:
        """Dollars a month."""
        return sum(line.per_month for line in self.lines)


def storage(stored: int) -> str:
    """What CloudWatch Logs takes for keeping so many bytes: `2.5 GB, about $0.08/month`.

    AWS counts stored bytes with some delay.
    """
    size = stored / 1e9
    price = size * STORAGE_GB_MONTH
    if price < 0.01:
        return f"{size:.1f} GB, less than $0.01/month"
    return f"{size:,.1f} GB, about ${price:,.2f}/month"


def estimate(
    answers: Answers, *, requests_per_second: float = 0.0, of_http: float = 0.0
) -> Estimate:
    """The monthly cost of a deployment.

    Args:
        requests_per_second: mean load of all connected stages; 0 leaves traffic out.
        of_http: how much of it goes to HTTP APIs, which have no execution logs.
    """
    lines: list[CostLine] = []
    if answers.deploys_node:
        lines.extend(_node(answers))
    if answers.undelivered_replay_hours:
        lines.append(_replays(answers))
    if requests_per_second > 0:
        lines.extend(_traffic(answers, requests_per_second, of_http))
    return Estimate(tuple(lines))


def place_costs(answers: Answers) -> dict[str, str]:
    """What each place of the node costs a month, by EDGE, OWN and ECS, whichever is chosen now."""
    from wizard.core.answers.model import ECS, EDGE, OWN

    deployed = estimate(answers.with_(node_url="")).total
    return {
        EDGE: "$0/month in AWS before traffic; in your Wallarm plan",
        OWN: "$0/month more in AWS before traffic",
        ECS: f"about ${deployed:,.0f}/month before traffic",
    }


def standing(answers: Answers, addresses: Iterable[str]) -> float:
    """Dollars a month, at most, for what of a deployment is there.

    Args:
        addresses: of what Terraform's state holds.
    """
    kinds = [re.sub(r"\[.*?\]", "", address).split(".")[-2] for address in addresses]
    total = sum(line.per_month for line in estimate(answers).lines if line.of in kinds)
    if NAT not in kinds:  # else it is in the gateway's price
        total += kinds.count(ADDRESS) * IPV4_HOUR * HOURS
    return total


def _node(answers: Answers) -> list[CostLine]:
    kind, number = answers.node_instance_type, answers.node_count
    hour = INSTANCE_HOUR.get(kind)
    assumed = f"{number} × {kind}" if hour else f"{number} × {kind}, priced as t3.large"
    lines = [
        CostLine(
            "Node instances",
            number * (hour or INSTANCE_HOUR["t3.large"]) * HOURS,
            assumed,
            INSTANCES,
        ),
        CostLine(
            "Volumes",
            number * EBS_GB * EBS_GB_MONTH,
            f"{number} × {EBS_GB} GB gp3, encrypted",
            INSTANCES,
        ),
        CostLine(
            "Second instance during updates",
            UPDATES * UPDATE_HOURS * number * (hour or INSTANCE_HOUR["t3.large"]),
            f"{UPDATES} update a month, {UPDATE_HOURS:g} h",
            INSTANCES,
        ),
        *_surplus(kind, number),
        CostLine("Load balancer", ALB_HOUR * HOURS, "1 internal, before capacity units", BALANCER),
        CostLine("Cloud Map zone", PRIVATE_ZONE, "1 private hosted zone", NAMES_ZONE),
    ]
    if not answers.vpc_id:
        gateways = 2 if answers.nat_gateway_per_az else 1
        each = (NAT_HOUR + IPV4_HOUR) * HOURS
        assumed = f"{gateways} with a public address"
        lines.append(CostLine("NAT gateway", gateways * each, assumed, NAT))
    return lines


def _replays(answers: Answers) -> CostLine:
    """Mostly nothing waits. The rule that starts the function is billed by its calls (unverified:
    calls by a schedule on the account's own bus are free)."""
    runs = HOURS / answers.undelivered_replay_hours
    second = LAMBDA_GB_SECOND[answers.forwarder_architecture]
    compute = runs * REPLAY_SECONDS * REPLAY_GB * second
    return CostLine(
        "Scheduled replays",
        compute + runs / 1e6 * LAMBDA_MILLION,
        f"{runs:,.0f} runs that find nothing; the longest, of 15 minutes, is below $0.01",
    )


def _surplus(kind: str, number: int) -> list[CostLine]:
    """What a burstable instance may cost more; nothing at the load it is made for."""
    vcpus = T3_SURPLUS_VCPUS.get(kind)
    if vcpus is None:
        return []
    most = number * vcpus * T3_SURPLUS_HOUR * HOURS
    return [CostLine("T3 surcharge", 0.0, f"none below the baseline; ${most:,.0f} at full load")]


def execution_price(level: str, rate: float) -> float:
    """Dollars a month for the execution logs of this load, at most.

    Args:
        level: as the answer `execution_logging`. Errors are billed by requests that fail; they are
            counted as none here.
        rate: requests a second of REST and WebSocket stages.
    """
    return _executed(rate) * LOGS_GB if level == "info" else 0.0


def _executed(rate: float) -> float:
    """Gigabytes of execution logs at INFO in a month."""
    return rate * HOURS * 3600 * EXECUTION_LINES * EXECUTION_LINE_KB / 1024 / 1024


def _traffic(answers: Answers, rate: float, of_http: float) -> list[CostLine]:
    monthly = rate * HOURS * 3600
    gigabytes = monthly * LINE_KB / 1024 / 1024
    batches = monthly / EVENTS_PER_BATCH
    second = LAMBDA_GB_SECOND[answers.forwarder_architecture]
    compute = batches * SECONDS_PER_BATCH * MEMORY_GB * second
    lines = [
        CostLine("Log ingestion", gigabytes * LOGS_GB, f"{gigabytes:,.0f} GB, {LINE_KB} KB a line"),
        CostLine(
            "Forwarder",
            batches / 1e6 * LAMBDA_MILLION + compute,
            f"{EVENTS_PER_BATCH} events a batch, {SECONDS_PER_BATCH}s each",
        ),
    ]
    others = max(0.0, rate - of_http)
    if answers.execution_logging == "info" and others:
        left = f"; {of_http / rate:.0%} of the requests go to HTTP APIs, which have none"
        lines.append(
            CostLine(
                "Execution logs",
                execution_price("info", others),
                f"{_executed(others):,.0f} GB, {EXECUTION_LINES} lines a request"
                f"{left if of_http else ''}; execution_logging=leave does without",
            )
        )
    elif answers.execution_logging == "error" and others:
        said = "requests that fail alone; none counted here"
        lines.append(CostLine("Execution logs", execution_price("error", others), said))
    if answers.deploys_node and answers.node_access_log:
        written = 2 * gigabytes  # a line for each message, two messages for each request
        lines.append(
            CostLine(
                "Node's access log", written * LOGS_GB, f"{written:,.0f} GB, {LINE_KB} KB a line"
            )
        )
    if answers.deploys_node:
        units = max(rate * 2 / 25 / 40, gigabytes / HOURS)  # kept connections: new ones are rare
        lines.append(CostLine("Load balancer units", units * LCU_HOUR * HOURS, f"{units:,.1f} LCU"))
    return lines
