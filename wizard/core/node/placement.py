"""Where the node runs: the first question about it, what each place costs, and what it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wizard.core.answers.model import ECS, EDGE, OWN, Answers
from wizard.core.cost import estimate

QUESTION = "Where does the Wallarm Node run?"
TITLES = {EDGE: "Security Edge", OWN: "of your own", ECS: "on Amazon ECS"}
EDGE_COUNTERS = "a node of Security Edge shows no counters outside of Wallarm"
_HERE = ("r53_domain_name", "node_dns_name", "certificate_arn", "vpc_id")
_NETWORK = ("private_subnet_ids", "public_subnet_ids")


@dataclass(frozen=True)
class Placement:
    """One place. `asks`: the answers that are needed then; `sets`: those that follow by themselves;
    `counters`: whether its counters can be read."""

    key: str
    title: str
    text: str
    cost: str
    counters: str
    asks: tuple[str, ...]
    sets: Mapping[str, Any] = field(default_factory=dict)


def placements(answers: Answers) -> tuple[Placement, ...]:
    """The places, with the monthly cost that these answers give."""
    deployed = estimate(answers.with_(node_url="")).total
    none_here: dict[str, Any] = dict.fromkeys(_HERE, "") | dict.fromkeys(_NETWORK, ())
    return (
        Placement(
            EDGE,
            "Security Edge, hosted by Wallarm",
            "A host name and https; no VPC and no ECS in your account. Part of the Wallarm "
            "subscription. Enter the API's host names as allowed hosts there: others get 415.",
            "$0/month in AWS before traffic; in your Wallarm plan",
            "Its counters cannot be read from your account: the proof ends at its answer.",
            ("node_url",),
            {**none_here, "node_place": EDGE, "node_scheme": "https", "node_metrics": ""},
        ),
        Placement(
            OWN,
            "A Native Node of your own",
            "One that runs already, in this account or elsewhere. Give private subnets where only "
            "a VPC reaches it.",
            "$0/month more in AWS before traffic",
            "Give host:port of its metrics (9000 unless configured otherwise), and open it to the "
            "forwarder.",
            ("node_url", "node_scheme", "node_metrics"),
            {"node_place": OWN},
        ),
        Placement(
            ECS,
            "A new one on Amazon ECS, in your account",
            "Deployed here: VPC, load balancer, EC2 instances, Cloud Map. t3.medium to try, "
            "t3.large for production: the node's parts ask for about 3.3 GiB.",
            f"about ${deployed:,.0f}/month before traffic",
            "The forwarder reads the counters of every replica.",
            ("node_tag", "node_instance_type", "node_count"),
            {"node_place": ECS, "node_url": "", "node_metrics": ""},
        ),
    )


def placed(answers: Answers, key: str) -> Answers:
    """These answers with the node in that place; what belongs to the other places is cleared."""
    place = next(one for one in placements(answers) if one.key == key)
    return answers.with_(**place.sets)
