"""The steps of the guided install, in one ordered tuple.

The sidebar, Back and Next, the review and the documentation derive from it. Every answer belongs to
exactly one step. Next passes over the steps whose answers are good as they are: `needs_person` says
which are not, given the answers and what was found in the account.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wizard.core.answers.model import CLOUDS, EDGE, Answers
from wizard.core.answers.rules import Violation, problems
from wizard.core.cost import estimate
from wizard.core.events import State
from wizard.core.terraform.durations import FIRST_WITH_NODE
from wizard.core.text import count

if TYPE_CHECKING:
    from wizard.core.facts import Stage

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
    ("What is asked", "The stages and the token; Review lists what was assumed."),
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
        assumed: the same in a sentence, for the review of somebody who has not seen the step.
        changes: from here on the account is changed; Back does not undo it.
    """

    id: str
    title: str
    question: str
    keys: tuple[str, ...] = ()
    skip: Callable[[Answers], bool] = _never
    chosen: Callable[[Answers], str] = _nothing
    assumed: Callable[[Answers], str] = _nothing
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


def _assumed_aws(answers: Answers) -> str:
    who = f"profile {answers.profile}" if answers.profile else "default credentials"
    role = f", role {answers.role_arn}" if answers.role_arn else ""
    return f"{who}{role}, Region {answers.region}"


def _assumed_stages(answers: Answers) -> str:
    return f"{_stages(answers)} as saved"


_EXISTING = {
    "keep": "a log group that a stage has stays",
    "switch": "stages that log elsewhere are switched",
    "skip": "stages that log elsewhere are left out",
}


def _assumed_logs(answers: Answers) -> str:
    days = count(answers.log_retention_days, "day")
    where = answers.api_gateway_log_group_name or f"new log group, kept {days}"
    what = ", filtered" if answers.subscription_filter_pattern else ""
    return f"{where}{what}; {_EXISTING[answers.existing_logging]}"


def _assumed_wallarm(answers: Answers) -> str:
    return f"{_cloud(answers)}, node group {answers.node_group}"


def _assumed_node(answers: Answers) -> str:
    if not answers.deploys_node:
        whose = "Security Edge" if answers.place == EDGE else "your own node"
        return f"{whose}, {answers.node_scheme}://{answers.node_url}"
    where = answers.vpc_id or "a new VPC"
    how = f"HTTPS as {answers.node_host}" if answers.node_host else "HTTP inside it"
    return f"{_node(answers)}, image {answers.node_tag}, in {where}, {how}"


_PROOFS = {"send": "one proof request", "wait": "proof by real traffic", "skip": "no proof"}


def _assumed_options(answers: Answers) -> str:
    watched = [w for w, on in (("alarms", answers.alarms), ("dashboard", answers.dashboard)) if on]
    bucket = answers.state_bucket
    place = f"state in {bucket}" if bucket not in ("", "local") else "state on this computer"
    hours = answers.undelivered_replay_hours
    parts = (
        answers.name_prefix,
        " and ".join(watched) or "no alarms",
        *((f"replays every {count(hours, 'hour')}",) if hours else ()),
        place,
        _PROOFS[answers.proof],
    )
    return ", ".join(parts)


STEPS: tuple[Step, ...] = (
    Step("welcome", "Welcome", QUESTION),
    Step(
        "aws",
        "AWS",
        "Which AWS account and Region?",
        ("profile", "role_arn", "region", "account_id"),
        chosen=lambda a: a.region,
        assumed=_assumed_aws,
    ),
    Step(
        "stages",
        "Stages",
        "Which stages should Wallarm learn from?",
        ("stages", "stage_rules"),
        chosen=_stages,
        assumed=_assumed_stages,
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
        assumed=_assumed_logs,
    ),
    Step(
        "wallarm",
        "Wallarm",
        "Which Wallarm Cloud, and with which token?",
        ("wallarm_api_host", "node_group", "x_wallarm_application_id"),
        chosen=_cloud,
        assumed=_assumed_wallarm,
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
        assumed=_assumed_node,
    ),
    Step(
        "options",
        "Options",
        "How should things be named and watched?",
        (
            "name_prefix", "tags", "state_bucket", "alarms", "dashboard",
            "undelivered_replay_hours", "lambda_package", "forwarder_architecture",
            "forwarder_environment", "permissions_boundary", "wallarm_api_token_kms_key_arn",
            "proof",
        ),
        chosen=lambda a: a.name_prefix,
        assumed=_assumed_options,
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


# Which of them need a person ------------------------------------------------------------------

VPC_QUOTA = 5  # documented default: VPCs of a Region


@dataclass(frozen=True)
class Found:
    """What is known while questions are asked. What is not known yet makes no default bad.

    Attributes:
        unfinished: why a step cannot be left as it is, by its id.
        failed: what the failed checks of the first screen say, by their key.
        taken: name prefix and Region of each deployment there is.
        stages: every stage of the Region by `<api id>/<stage>`; None while they are read.
        vpcs: how many VPCs the Region has; None where that is not known.
        token: a token is given or stored.
        verdict: what the Wallarm Cloud says of the token; None where it was not asked.
    """

    unfinished: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    taken: Collection[tuple[str, str]] = ()
    stages: Mapping[str, Stage] | None = None
    vpcs: int | None = None
    token: bool = False
    verdict: State | None = None


def needs_person(step_id: str, answers: Answers, found: Found, *, seen: bool = False) -> str:
    """Why a person must look at this step, in words; empty where its answers are good.

    Args:
        seen: they did already: what it holds was chosen, and only what is unfinished needs them.
    """
    unfinished = found.unfinished.get(step_id, "")
    if unfinished or seen:
        return unfinished
    doubt = _DOUBTS.get(step_id)
    return doubt(answers, found) if doubt else ""


def next_question(
    order: Sequence[Step], at: str, answers: Answers, found: Found, seen: Collection[str]
) -> Step | None:
    """The step Next leads to: the first behind `at` that needs a person, at last the review."""
    names = [one.id for one in order]
    for one in order[names.index(at) + 1 :]:
        if not one.keys or needs_person(one.id, answers, found, seen=one.id in seen):
            return one
    return None


def assumed(
    order: Sequence[Step], answers: Answers, found: Found, seen: Collection[str]
) -> tuple[Step, ...]:
    """The questions that are answered without anybody having looked at them."""
    return tuple(
        one
        for one in order
        if one.keys and one.id not in seen and not needs_person(one.id, answers, found)
    )


def is_default(step_: Step, answers: Answers) -> bool:
    """Whether every answer of a step is the one that nobody gave."""
    usual = Answers()
    return all(getattr(answers, key) == getattr(usual, key) for key in step_.keys)


def _doubt_aws(answers: Answers, found: Found) -> str:
    failed = found.failed.get("identity") or found.failed.get("region")
    if failed:
        return failed
    empty = found.stages is not None and not found.stages
    return f"{answers.region} has no API stages" if empty else ""


def _doubt_stages(answers: Answers, found: Found) -> str:
    if found.stages is None:
        return ""
    gone = sum(ref not in found.stages for ref in answers.stages)
    are = "is" if gone == 1 else "are"
    return f"{count(gone, 'chosen stage')} {are} not in {answers.region}" if gone else ""


def _doubt_logs(answers: Answers, found: Found) -> str:
    """Chosen stages that could not be connected the way that is assumed."""
    if answers.existing_logging != "keep":
        return ""
    from wizard.core.stages.change import Mode, plan_change  # not before the first screen

    held = found.stages or {}
    chosen = (held[ref] for ref in answers.stages if ref in held)
    kinds = {
        (stage.api.api_type, stage.settings.access_log): stage
        for stage in chosen
        if stage.changeable and stage.settings.access_log.enabled
    }
    for stage in kinds.values():
        change = plan_change(stage, "", answers.existing_logging)
        if change.mode is Mode.SKIP:
            return f"{stage.api.name} / {stage.name} would be left out: {change.reason}"
    return ""


def _doubt_wallarm(_: Answers, found: Found) -> str:
    if not found.token or found.verdict is State.DONE:
        return ""
    if found.verdict is State.FAILED:
        return "the Wallarm Cloud refuses the token: is it the right Cloud?"
    return "the token was not checked"


def _doubt_node(answers: Answers, found: Found) -> str:
    if not answers.deploys_node or answers.vpc_id or (found.vpcs or 0) < VPC_QUOTA:
        return ""
    return (
        f"{answers.region} has {found.vpcs} VPCs; unless the quota of {VPC_QUOTA} was raised a new "
        "one is refused"
    )


def _doubt_options(answers: Answers, found: Found) -> str:
    if (answers.name_prefix, answers.region) not in found.taken:
        return ""
    return f"{answers.name_prefix} is deployed in {answers.region} already: take another prefix"


_DOUBTS: Mapping[str, Callable[[Answers, Found], str]] = {
    "aws": _doubt_aws,
    "stages": _doubt_stages,
    "logs": _doubt_logs,
    "wallarm": _doubt_wallarm,
    "node": _doubt_node,
    "options": _doubt_options,
}
