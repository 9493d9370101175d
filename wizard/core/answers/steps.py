"""The steps of the guided install, in one ordered tuple.

The sidebar, Back and Next, the review and the documentation derive from it. Every answer belongs to
exactly one step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wizard.core.answers.model import CLOUDS, Answers
from wizard.core.answers.rules import Violation, problems
from wizard.core.cost import estimate
from wizard.core.terraform.durations import FIRST_WITH_NODE
from wizard.core.text import count

QUESTION = "Connect your APIs to Wallarm API Discovery"
HINT = f"From your account to the first request at the node, in {FIRST_WITH_NODE}."
FACTS = (
    ("What happens", "Access logs of the stages you pick flow to a Wallarm Node."),
    (
        "What it costs",
        f"About ${estimate(Answers()).total:,.0f}/month before traffic. Review itemises it.",
    ),
    ("What it needs", "Wallarm's plan Advanced API Security; plain WAAP lacks it."),
    ("What it leaves", "Everything else. Nothing changes before you press Deploy."),
)
CHECKS = "Checks"


def _never(_: Answers) -> bool:
    return False


def _nothing(_: Answers) -> str:
    return ""


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        id: stable name; screens and tests refer to it.
        title: one word for the sidebar.
        question: what the reader is asked, or what is shown.
        keys: the answers that are given here.
        skip: whether the step has no purpose for these answers.
        chosen: what was chosen, in a few words, for the sidebar.
        changes: from here on the account is changed; Back does not undo it.
    """

    id: str
    title: str
    question: str
    keys: tuple[str, ...] = ()
    skip: Callable[[Answers], bool] = _never
    chosen: Callable[[Answers], str] = _nothing
    changes: bool = False


def _cloud(answers: Answers) -> str:
    host = answers.wallarm_api_host
    return next((title for _, title, known in CLOUDS if known == host), host)


def _node(answers: Answers) -> str:
    if not answers.deploys_node:
        return answers.node_url
    return f"{answers.node_count} × {answers.node_instance_type}"


def _logs(answers: Answers) -> str:
    return answers.api_gateway_log_group_name or "new log group"


def _stages(answers: Answers) -> str:
    parts = ((answers.stages, "stage"), (answers.stage_rules, "rule"))
    return ", ".join(count(len(chosen), what) for chosen, what in parts if chosen)


STEPS: tuple[Step, ...] = (
    Step("welcome", "Welcome", QUESTION),
    Step(
        "aws",
        "AWS",
        "Which AWS account and Region?",
        ("profile", "role_arn", "region", "account_id"),
        chosen=lambda a: a.region,
    ),
    Step(
        "stages",
        "Stages",
        "Which stages should Wallarm learn from?",
        ("stages", "stage_rules"),
        chosen=_stages,
    ),
    Step(
        "logs",
        "Logs",
        "Where should the access logs go?",
        (
            "existing_logging",
            "execution_logging",
            "api_gateway_log_group_name",
            "vended_log_group",
            "log_retention_days",
            "subscription_filter_pattern",
        ),
        chosen=_logs,
    ),
    Step(
        "wallarm",
        "Wallarm",
        "Which Wallarm Cloud, and with which token?",
        ("wallarm_api_host", "node_group", "x_wallarm_application_id"),
        chosen=_cloud,
    ),
    Step(
        "node",
        "Node",
        "Where does the Wallarm Node run?",
        (
            "node_place", "node_url", "node_scheme", "node_metrics", "node_image", "node_tag",
            "node_instance_type", "node_count", "node_access_log",
            "r53_domain_name", "node_dns_name", "certificate_arn", "certificate_validation_record",
            "vpc_id", "private_subnet_ids", "public_subnet_ids", "nat_gateway_per_az",
        ),
        chosen=_node,
    ),
    Step(
        "options",
        "Options",
        "How should things be named and watched?",
        (
            "name_prefix", "tags", "state_bucket", "alarms", "dashboard", "lambda_package",
            "forwarder_environment", "permissions_boundary", "wallarm_api_token_kms_key_arn",
            "proof",
        ),
        chosen=lambda a: a.name_prefix,
    ),
    Step("review", "Review", "Is this what you want?"),
    Step("deploy", "Deploy", "Deploying", changes=True),
    Step("logging", "Logging", "Access logging on your stages", changes=True),
    Step(
        "proof",
        "Proof",
        "Follow a request of each stage to the node",
        skip=lambda a: a.proof == "skip",
        changes=True,
    ),
)  # fmt: skip

_BY_ID = {step.id: step for step in STEPS}


def step(step_id: str) -> Step:
    """The step of that id. Raises KeyError for an unknown one."""
    return _BY_ID[step_id]


def shown(answers: Answers) -> tuple[Step, ...]:
    """The steps that these answers need, in order."""
    return tuple(s for s in STEPS if not s.skip(answers))


def broken(step_id: str, answers: Answers) -> tuple[Violation, ...]:
    """The broken rules that this step can mend."""
    keys = set(_BY_ID[step_id].keys)
    return tuple(v for v in problems(answers) if keys & set(v.keys))
