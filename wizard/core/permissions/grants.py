"""The permissions as data: which actions, on what, for which purpose, in which mode, and why.

This module holds what a grant is and its vocabulary; the grants themselves are in `connector`
(looking, stages, forwarder) and `node` (node, network, operations).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wizard.core.answers.model import Answers
from wizard.core.tfvars import (
    COMPONENT_TAG,
    DEPLOYMENT_TAG,
    INSTALLATION_TAG,
    MADE_AT_TAG,
    MADE_BY_TAG,
    log_group_start,
    token_parameter_name,
)

DISCOVER, DEPLOY, UNINSTALL, DOCTOR = "discover", "deploy", "uninstall", "doctor"
FLEET = "fleet"  # finding the targets, and becoming the role that deploys each
ONE_DEPLOYMENT = (DISCOVER, DEPLOY, UNINSTALL, DOCTOR)
PURPOSES = (*ONE_DEPLOYMENT, FLEET)
CHANGING = (DEPLOY, UNINSTALL)
LOOKING = (DEPLOY, UNINSTALL, DOCTOR)
FLEET_ROLE = "wallarm-deployer"  # unless `role_arn` names another one
MOST_STAGES = 40  # beyond it a policy names APIs, and beyond that many APIs it names all

Conditions = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Scope:
    """What a policy is written for.

    Args:
        account_id: "*" (or CloudFormation's pseudo parameter) where it is not known.
        log_groups: existing log groups of stages that keep theirs; None when not known yet.
    """

    answers: Answers
    account_id: str = "*"
    partition: str = "aws"
    log_groups: tuple[str, ...] | None = None

    @property
    def deployment(self) -> str:
        """The value of the tag by which everything of this deployment can be told."""
        return f"{self.account_id}-{self.answers.region}-{self.answers.name_prefix}"

    @property
    def fleet_role(self) -> str:
        """The name of the role that is assumed in each account of a fleet, with its path."""
        return self.answers.role_arn.partition(":role/")[2] or FLEET_ROLE

    def fill(self, text: str) -> str:
        """Replace {p} partition, {a} account, {r} Region, {n} name prefix, {s} the part of it
        that fits into a load balancer's name, {token} the token's parameter, {key} the key that
        encrypts it, {vpc} the given VPC, {certificate} the given certificate, {role} the role of a
        fleet's accounts."""
        return (
            text.replace("{p}", self.partition)
            .replace("{a}", self.account_id)
            .replace("{r}", self.answers.region)
            .replace("{n}", self.answers.name_prefix)
            .replace("{s}", self.answers.name_prefix[:22])
            .replace("{token}", token_parameter_name(self.answers))
            .replace("{vpc}", self.answers.vpc_id)
            .replace("{certificate}", self.answers.certificate_arn)
            .replace("{role}", self.fleet_role)
            .replace("{key}", self.answers.wallarm_api_token_kms_key_arn)
        )


Mode = Callable[[Answers], bool]
Resources = Callable[[Scope], tuple[str, ...]]


@dataclass(frozen=True)
class Grant:
    """Some actions on some resources.

    Args:
        sid: the statement's name in the policy.
        resources: ARN patterns with the placeholders of `Scope.fill`, or a function of the scope.
        why: what for, in the reader's words.
        purposes: which of the printed policies hold it.
        mode: for which answers.
        conditions: a function of the scope.
        unseen: why the recording of a whole life on the local AWS does not show these actions.
        sometimes: a run may well do without it: only a circumstance of the account makes it needed.
        wide: where a resource has to be "*" or a pattern that others' resources match too: why.
    """

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] | Resources
    why: str
    purposes: tuple[str, ...]
    mode: Mode = field(default=lambda _: True)
    conditions: Callable[[Scope], Conditions] = field(default=lambda _: {})
    unseen: str = ""
    wide: str = ""
    sometimes: bool = False

    def arns(self, scope: Scope) -> tuple[str, ...]:
        """The resources for one scope."""
        found = self.resources(scope) if callable(self.resources) else self.resources
        return tuple(dict.fromkeys(scope.fill(text) for text in found))


def of(service: str, names: str) -> tuple[str, ...]:
    """`of("iam", "GetRole TagRole")` → `("iam:GetRole", "iam:TagRole")`."""
    return tuple(f"{service}:{name}" for name in names.split())


# --- modes --------------------------------------------------------------------------------------


def own_node(answers: Answers) -> bool:
    """A node is deployed."""
    return answers.deploys_node


def own_vpc(answers: Answers) -> bool:
    """A VPC is made for the node."""
    return answers.deploys_node and not answers.vpc_id


def given_vpc(answers: Answers) -> bool:
    """The forwarder, and the node where one is deployed, are put into a VPC that is there."""
    return forwarder_in_vpc(answers) and bool(answers.vpc_id)


def forwarder_in_vpc(answers: Answers) -> bool:
    """The forwarder is put into a VPC: always beside a node of its own, and where subnets are
    given to reach a node elsewhere (`forwarder_in_vpc` in terraform/security_groups.tf)."""
    return answers.deploys_node or bool(answers.private_subnet_ids)


def chosen_boundary(answers: Answers) -> bool:
    """Roles get a permissions boundary."""
    return bool(answers.permissions_boundary)


def no_boundary(answers: Answers) -> bool:
    """Roles get none."""
    return not answers.permissions_boundary


def own_key(answers: Answers) -> bool:
    """The token is encrypted with a key of the user's."""
    return answers.deploys_node and bool(answers.wallarm_api_token_kms_key_arn)


def https(answers: Answers) -> bool:
    """The node gets a name and a certificate."""
    return answers.deploys_node and bool(answers.r53_domain_name)


def https_in_given_vpc(answers: Answers) -> bool:
    """The node gets a name, and is asked for by it in a VPC that is there already."""
    return https(answers) and bool(answers.vpc_id)


def makes_certificate(answers: Answers) -> bool:
    """That certificate is made for it."""
    return https(answers) and not answers.certificate_arn


def given_certificate(answers: Answers) -> bool:
    """That certificate is one of the user's."""
    return https(answers) and bool(answers.certificate_arn)


def alarms(answers: Answers) -> bool:
    """Alarms are wanted."""
    return answers.alarms


def dashboard(answers: Answers) -> bool:
    """A dashboard is wanted."""
    return answers.dashboard


def replays(answers: Answers) -> bool:
    """Undelivered events are replayed on a schedule."""
    return answers.undelivered_replay_hours > 0


# --- conditions ---------------------------------------------------------------------------------


def in_region(scope: Scope) -> Conditions:
    """Only requests to this Region; for actions that name no resource."""
    return {"StringEquals": {"aws:RequestedRegion": scope.answers.region}}


def by_tag(scope: Scope) -> Conditions:
    """Only resources that carry this deployment's tag."""
    operator = "StringLike" if "*" in scope.account_id else "StringEquals"
    return {operator: {f"aws:ResourceTag/{DEPLOYMENT_TAG}": scope.deployment}}


def in_given_vpc(scope: Scope) -> Conditions:
    """Only what is in the given VPC; in any, of this Region, while it is one to be made."""
    if not scope.answers.vpc_id:
        return in_region(scope)
    return {"ArnEquals": {"ec2:Vpc": scope.fill("arn:{p}:ec2:{r}:{a}:vpc/{vpc}")}}


def passed_to(*services: str) -> Callable[[Scope], Conditions]:
    """The role may be handed to these services only. In China EC2 has a name of its own."""

    def conditions(scope: Scope) -> Conditions:
        own = {"ec2.amazonaws.com": "ec2.amazonaws.com.cn"} if scope.partition == "aws-cn" else {}
        return {"StringEquals": {"iam:PassedToService": [own.get(one, one) for one in services]}}

    return conditions


def while_making(*operations: str) -> Callable[[Scope], Conditions]:
    """Tags only in the moment of creation, by one of these EC2 operations."""
    return lambda _scope: {"StringEquals": {"ec2:CreateAction": list(operations)}}


def with_our_tag(scope: Scope) -> Conditions:
    """Only tags of this deployment, and none but those it uses."""
    operator = "StringLike" if "*" in scope.account_id else "StringEquals"
    ours = (COMPONENT_TAG, DEPLOYMENT_TAG, INSTALLATION_TAG, MADE_AT_TAG, MADE_BY_TAG)
    keys = [*ours, *sorted(scope.answers.tags)]
    return {
        operator: {f"aws:RequestTag/{DEPLOYMENT_TAG}": scope.deployment},
        "ForAllValues:StringEquals": {"aws:TagKeys": keys},
    }


def made_with_our_tag(scope: Scope) -> Conditions:
    """Only where what is made gets this deployment's tag in the same request."""
    operator = "StringLike" if "*" in scope.account_id else "StringEquals"
    return {operator: {f"aws:RequestTag/{DEPLOYMENT_TAG}": scope.deployment}}


def bounded(scope: Scope) -> Conditions:
    """Only roles with the chosen permissions boundary, where one was chosen."""
    boundary = scope.answers.permissions_boundary
    return {"StringEquals": {"iam:PermissionsBoundary": boundary}} if boundary else {}


def attaching(*policies: str) -> Callable[[Scope], Conditions]:
    """Only these AWS managed policies may be attached."""

    def conditions(scope: Scope) -> Conditions:
        arns = [f"arn:{scope.partition}:iam::aws:policy/service-role/{name}" for name in policies]
        return {"ArnEquals": {"iam:PolicyARN": arns}, **bounded(scope)}

    return conditions


def merged(*parts: Mapping[str, Mapping[str, Any]]) -> Conditions:
    """Several conditions that must all hold."""
    out: Conditions = {}
    for part in parts:
        for operator, keys in part.items():
            out.setdefault(operator, {}).update(keys)
    return out


# --- resources ----------------------------------------------------------------------------------


def stages(below: str = "", kinds: tuple[str, ...] = ("restapis", "apis")) -> Resources:
    """The chosen stages, one by one; by API when they are many, all when none is chosen yet.

    Args:
        below: what of the stage, such as `/accesslogsettings`.
        kinds: an answer does not say whether an API is a REST API, so both names are listed.
    """

    def resources(scope: Scope) -> tuple[str, ...]:
        refs = scope.answers.stage_refs
        names = [f"{ref.api_id}/stages/{ref.stage}" for ref in refs]
        if len(names) > MOST_STAGES:
            names = [f"{api}/stages/*" for api in dict.fromkeys(ref.api_id for ref in refs)]
        if not names or len(names) > MOST_STAGES:
            names = ["*/stages/*"]
        start = "arn:{p}:apigateway:{r}::/"
        return tuple(f"{start}{kind}/{name}{below}" for name in names for kind in kinds)

    return resources


_LOG_GROUP = "arn:{p}:logs:{r}:{a}:log-group:"
_OTHER_LOG_GROUPS = (
    f"{_LOG_GROUP}/aws/lambda/wallarm-cw-resend-*",
    f"{_LOG_GROUP}/ecs/{{n}}-node-*",
)


def _stages_log_group(scope: Scope) -> str:
    return f"{_LOG_GROUP}{log_group_start(scope.answers)}*"


def own_log_groups(scope: Scope) -> tuple[str, ...]:
    """Those that are made: of stages, forwarder and node."""
    return _stages_log_group(scope), *_OTHER_LOG_GROUPS


def stage_log_groups(scope: Scope) -> tuple[str, ...]:
    """Our log group, the given one, and those that stages keep: any, while they are not known.

    Stages keep theirs also where further ones are switched: what was chosen for one stays.
    """
    out = [_stages_log_group(scope)]
    if scope.answers.api_gateway_log_group_name:
        out += _log_group(scope.answers.api_gateway_log_group_name)
    if scope.log_groups is None and scope.answers.existing_logging == "keep":
        return ("arn:{p}:logs:{r}:{a}:log-group:*",)
    out += [arn for name in scope.log_groups or () for arn in _log_group(name)]
    return tuple(out)


def readable_log_groups(scope: Scope) -> tuple[str, ...]:
    """The same, and those of forwarder and node."""
    every = (*stage_log_groups(scope), *_OTHER_LOG_GROUPS)
    return every[:1] if every[0].endswith(":log-group:*") else every


def _log_group(name: str) -> tuple[str, str]:
    # AWS checks some actions against the group's ARN and some against one with `:log-stream:`.
    arn = _LOG_GROUP + name
    return arn, f"{arn}:*"


@dataclass(frozen=True)
class Need:
    """Actions that must be allowed on each of these resources.

    Args:
        actions: IAM action names such as `lambda:CreateFunction`.
        resources: ARNs, or "*".
        context: what IAM is told about the request, by condition key.
        condition: under which the printed policy allows them, as IAM writes it.
        required: whether every run needs them, or only some under circumstances of their own.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    required: bool = True
    condition: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
