"""What a step still needs, in words; and which of its questions are asked at all. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.core.answers import steps
from wizard.core.answers.model import CLOUDS, ECS, EDGE, OWN
from wizard.core.answers.rules import token_problem

if TYPE_CHECKING:
    from wizard.ui.account import Account
    from wizard.ui.session import Session

# The names of the fields, in the order in which they stand on the screens.
LABELS = {
    "log_retention_days": "Keep logs (days)",
    "subscription_filter_pattern": "Filter pattern",
    "wallarm_api_host": "API host",
    "token": "Wallarm token",
    "node_group": "Node group",
    "x_wallarm_application_id": "Application ID",
    "api_token": "Inventory token",
    "node_url": "Node address",
    "node_metrics": "Node's metrics",
    "node_instance_type": "Instance type",
    "node_count": "Tasks",
    "node_tag": "Image tag",
    "node_dns_name": "DNS record",
    "name_prefix": "Name prefix",
    "tags": "Tags",
    "state_bucket": "State bucket",
    "undelivered_replay_hours": "Replay (hours)",
    "permissions_boundary": "Role boundary",
    "wallarm_api_token_kms_key_arn": "Token's key",
    "lambda_package": "Forwarder's zip",
}


def logs(session: Session) -> str:
    """Which log group: `new`, `vended` or `existing`."""
    if session.answers.api_gateway_log_group_name:
        return "existing"
    return session.choices.logs or ("vended" if session.answers.vended_log_group else "new")


def cloud(session: Session) -> str:
    """Which Wallarm Cloud: `eu`, `us`, `me` or `custom`."""
    if session.choices.cloud == "custom":
        return "custom"
    host = session.answers.wallarm_api_host
    return next((key for key, _, known in CLOUDS if known == host), "custom")


def node(session: Session) -> str:
    """Which node: `deploy`, `existing`, or `edge`, which is one that Wallarm hosts."""
    words = {ECS: "deploy", OWN: "existing", EDGE: "edge"}
    return session.choices.node or words[session.answers.place]


def network(session: Session) -> str:
    """Which VPC: `new` or `existing`."""
    return session.choices.network or ("existing" if session.answers.vpc_id else "new")


def secure(session: Session) -> str:
    """How the forwarder talks to the node that is deployed: `http` or `https`."""
    return session.choices.secure or ("https" if session.answers.r53_domain_name else "http")


def unasked(session: Session) -> frozenset[str]:
    """The keys that the present choices ask nothing about: what was typed there waits."""
    out: set[str] = set()
    if cloud(session) != "custom":
        out.add("wallarm_api_host")
    if node(session) == "deploy":
        out |= {"node_url", "node_metrics"}
    else:
        out |= {"node_instance_type", "node_count", "node_tag", "node_dns_name"}
    if node(session) == "edge":
        out.add("node_metrics")
    if secure(session) == "http":
        out.add("node_dns_name")
    return frozenset(out)


def problem(session: Session, account: Account, step_id: str) -> str:
    """Why the step is not finished yet, short enough for the bar; empty when it is."""
    keys = set(steps.step(step_id).keys) - unasked(session)
    draft = next((k for k in LABELS if k in session.drafts and k in keys), None)
    if draft is not None:
        return f"{LABELS[draft]}: see the field"
    special = _SPECIAL.get(step_id)
    found = special(session, account) if special else ""
    return found or next((v.message for v in steps.broken(step_id, session.answers)), "")


def _aws(_: Session, account: Account) -> str:
    if account.identity.value is not None:
        return ""
    return "waiting for the AWS account" if account.identity.busy else "log in to AWS first"


def _stages(session: Session, _: Account) -> str:
    answers = session.answers
    return "" if answers.stages or answers.stage_rules else "select at least one stage"


def _logs(session: Session, _: Account) -> str:
    if logs(session) == "existing" and not session.answers.api_gateway_log_group_name:
        return "choose a log group"
    return ""


def _wallarm(session: Session, _: Account) -> str:
    if not session.token and not session.choices.token_kept:
        return "enter the Wallarm token"
    if session.token and token_problem(session.token.reveal()):
        return "the token is not complete"
    if session.api_token and token_problem(session.api_token.reveal()):
        return "Inventory token: see the field"
    return ""


def _node(session: Session, account: Account) -> str:
    answers = session.answers
    if node(session) != "deploy":
        return "" if answers.node_url else "enter the node's address"
    if network(session) == "existing":
        if not answers.vpc_id:
            return "pick a VPC"
        if not answers.private_subnet_ids:
            return "pick a private subnet"
        if len(answers.public_subnet_ids) < 2:
            return "pick two public subnets"
    if secure(session) == "https":
        if not answers.r53_domain_name:
            return "pick a hosted zone"
        if not answers.node_dns_name:
            return "enter the DNS record"
        from wizard.ui.screens import node_certificates  # not before the first screen

        return node_certificates.problem(answers, account.certificates)
    return ""


_SPECIAL = {
    "aws": _aws,
    "stages": _stages,
    "logs": _logs,
    "wallarm": _wallarm,
    "node": _node,
}
