"""The checklist as data: what is asked, in which order, and what hangs on what.

A check is asked only when everything it depends on has passed; otherwise it is skipped *because of*
the first cause, so that the root cause stands on top. Documentation, screen and command line are
made from the same tuple.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from wizard.core.errors import UsageError


class Verdict(str, Enum):
    """What a check found. `unchecked` means nobody could look; it is never a pass or a failure."""

    PASS = "pass"  # noqa: S105 - a verdict
    WARN = "warning"
    FAIL = "failed"
    SKIPPED = "skipped"
    UNCHECKED = "not checked"


@dataclass(frozen=True)
class Section:
    """A chapter of the checklist: the user's complaint, in the user's words."""

    key: str
    title: str


LOCAL = Section("local", "This machine and these credentials")
LOGS = Section("logs", "Logs do not reach the forwarder")
NODE = Section("node", "The node cannot be reached")
DISCOVERY = Section("discovery", "API Discovery shows nothing")
SECTIONS = (LOCAL, LOGS, NODE, DISCOVERY)


@dataclass(frozen=True)
class Check:
    """One question.

    Args:
        check_id: stable identifier, `WAG-<AREA>-<NNN>`.
        depends_on: checks that must have passed for this one to make sense.
        hint: what to do when it fails.
        fix: name of the safe repair that `--fix` offers, or empty.
        node_only: asked only where this deployment runs a node of its own.
    """

    check_id: str
    section: Section
    question: str
    hint: str
    depends_on: tuple[str, ...] = ()
    fix: str = ""
    node_only: bool = False


@dataclass(frozen=True)
class Finding:
    """What was seen. `evidence` names the call and the value; it never holds a secret."""

    verdict: Verdict
    evidence: str = ""
    fix_subject: str = ""


@dataclass(frozen=True)
class Result:
    """A check with its finding. `because` names the failed cause of a skipped check."""

    check: Check
    finding: Finding
    because: str = ""
    seconds: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """The finding's verdict."""
        return self.finding.verdict


@dataclass(frozen=True)
class Report:
    """Every result in the order of the checklist."""

    results: tuple[Result, ...]

    @property
    def root_cause(self) -> Result | None:
        """The first failed check; skipped ones hang on it."""
        return next((r for r in self.results if r.verdict is Verdict.FAIL), None)

    def count(self, verdict: Verdict) -> int:
        """How many checks ended so."""
        return sum(r.verdict is verdict for r in self.results)


def passed(evidence: str = "") -> Finding:
    """The check found what it hoped for."""
    return Finding(Verdict.PASS, evidence)


def warned(evidence: str) -> Finding:
    """It works, but look at this."""
    return Finding(Verdict.WARN, evidence)


def failed(evidence: str, fix_subject: str = "") -> Finding:
    """The link is broken here."""
    return Finding(Verdict.FAIL, evidence, fix_subject)


def unchecked(evidence: str) -> Finding:
    """Nobody could look: denied, offline, or not readable from here."""
    return Finding(Verdict.UNCHECKED, evidence)


def selected(
    checks: Iterable[Check], only: tuple[str, ...], skip: tuple[str, ...], *, with_node: bool
) -> tuple[Check, ...]:
    """The checks to run. `only` and `skip` hold ids or section keys; causes come with `only`.

    Raises UsageError for a name that is neither.
    """
    known = {check.check_id: check for check in checks}
    for name in (*only, *skip):
        if name.upper() not in known and name.lower() not in {s.key for s in SECTIONS}:
            raise UsageError(
                "WAG-E-CLI-006",
                f"{name} is neither a check nor a section",
                next_step="Sections are "
                + ", ".join(s.key for s in SECTIONS)
                + "; `wallarm-apigw doctor --list` shows every check.",
            )

    def named(check: Check, names: tuple[str, ...]) -> bool:
        return any(n.lower() in (check.check_id.lower(), check.section.key) for n in names)

    wanted = {c.check_id for c in known.values() if not only or named(c, only)}
    queue = list(wanted)
    while queue:
        for cause in known[queue.pop()].depends_on:
            if cause not in wanted:
                wanted.add(cause)
                queue.append(cause)
    return tuple(
        c
        for c in known.values()
        if c.check_id in wanted and not named(c, skip) and (with_node or not c.node_only)
    )


def blocker(check: Check, results: Mapping[str, Result]) -> str:
    """The id of the check that makes asking this one pointless, or an empty string.

    A cause that could not be checked does not block: it may well be fine.
    """
    for cause in check.depends_on:
        result = results.get(cause)
        if result is None:
            continue
        if result.verdict is Verdict.FAIL:
            return cause
        if result.verdict is Verdict.SKIPPED:
            return result.because or cause
    return ""


CHECKS: tuple[Check, ...] = (
    Check("WAG-LOC-001", LOCAL, "Do the credentials work?",
          "Log in again (`aws sso login`), or choose another profile with --profile."),
    Check("WAG-LOC-002", LOCAL, "Is a Terraform of version 1.0 or later here?",
          "Install Terraform, or name one with --terraform PATH."),
    Check("WAG-LOC-003", LOCAL, "Is the workspace of this deployment whole?",
          "Restore the folder from a backup, or run on the machine that deployed.",
          ("WAG-LOC-001", "WAG-LOC-002")),
    Check("WAG-LOC-004", LOCAL, "Was every change of earlier runs finished?",
          "Run `wallarm-apigw install` again: it goes on where it stopped.", ("WAG-LOC-003",)),
    Check("WAG-LOC-005", LOCAL, "Is no other run at work on this deployment?",
          "Wait for it to end; what is seen meanwhile may be half done.", ("WAG-LOC-003",)),
    Check("WAG-LOC-006", LOCAL, "May these credentials do all that the checklist does?",
          "Attach the policy of `wallarm-apigw iam-policy doctor`; what is denied is not checked.",
          ("WAG-LOC-001",)),
    Check("WAG-LOG-001", LOGS, "Does the log group exist?",
          "Run `wallarm-apigw install`: Terraform creates it again.", ("WAG-LOC-003",)),
    Check("WAG-LOG-002", LOGS, "Is the log group of class Standard?",
          "Only Standard log groups can have subscription filters; choose another log group.",
          ("WAG-LOG-001",)),
    Check("WAG-LOG-003", LOGS, "Does the forwarder exist, and is it active?",
          "Run `wallarm-apigw install`: Terraform creates it again.", ("WAG-LOC-003",)),
    Check("WAG-LOG-004", LOGS, "May CloudWatch Logs invoke the forwarder?",
          "Let the wizard add the invoke permission.",
          ("WAG-LOG-003",), fix="invoke-permission"),
    Check("WAG-LOG-005", LOGS, "Does a subscription filter send the log group to the forwarder?",
          "Let the wizard put the subscription filter back.",
          ("WAG-LOG-001", "WAG-LOG-002", "WAG-LOG-003", "WAG-LOG-004"), fix="subscription-filter"),
    Check("WAG-LOG-006", LOGS, "Does the filter pattern let access-log events through?",
          "Run `wallarm-apigw install` to restore the pattern of the answers.",
          ("WAG-LOG-005",), fix="subscription-filter"),
    Check("WAG-LOG-007", LOGS, "Do the connected stages still exist?",
          "Remove the stage from the deployment with `wallarm-apigw stages remove`.",
          ("WAG-LOC-003",)),
    Check("WAG-LOG-008", LOGS, "Do the connected stages log to the connector's log group?",
          "Let the wizard switch the stage's access log back on.",
          ("WAG-LOG-001", "WAG-LOG-007"), fix="stage"),
    Check("WAG-LOG-009", LOGS, "Does the access-log format hold the fields the node needs?",
          "Let the wizard restore the format.", ("WAG-LOG-008",), fix="stage"),
    Check("WAG-LOG-016", LOGS, "Are the logs of canary releases forwarded too?",
          "API Gateway logs a canary's requests to <log group>/Canary: subscribe the forwarder to "
          "that group as well, or promote the canary.", ("WAG-LOG-008",)),
    Check("WAG-LOG-010", LOGS, "May API Gateway write logs (account CloudWatch role)?",
          "Set the account's CloudWatch role; the wizard does it if none is set.",
          ("WAG-LOG-007",), fix="account-role"),
    Check("WAG-LOG-011", LOGS, "Can API Gateway assume the account's CloudWatch role and write?",
          "Recreate the role: trusted by apigateway.amazonaws.com, with the AWS managed policy "
          "AmazonAPIGatewayPushToCloudWatchLogs.",
          ("WAG-LOG-010",)),
    Check("WAG-LOG-015", LOGS, "May log delivery write the logs of HTTP APIs?",
          "Let the wizard put the statement back into the log group's resource policy.",
          ("WAG-LOG-001", "WAG-LOG-007"), fix="log-policy"),
    Check("WAG-LOG-012", LOGS, "Did access-log events arrive in the last hour?",
          "Send a request to a connected stage, then check again.",
          ("WAG-LOG-008", "WAG-LOG-009", "WAG-LOG-010")),
    Check("WAG-LOG-013", LOGS, "Did the forwarder end without an error lately?",
          "Look at the forwarder's log; the evidence shows its last error.", ("WAG-LOG-003",)),
    Check("WAG-LOG-014", LOGS, "Was the forwarder never throttled lately?",
          "Raise lambda_reserved_concurrency, or ask AWS for a higher account limit.",
          ("WAG-LOG-003",)),
    Check("WAG-NOD-001", NODE, "Does the ECS cluster have a container instance?",
          "Look at the Auto Scaling group's activity: capacity, subnets, instance profile.",
          ("WAG-LOC-003",), node_only=True),
    Check("WAG-NOD-002", NODE, "Do as many node tasks run as wanted?",
          "Look at the service events and stopped tasks in the evidence.",
          ("WAG-NOD-001",), node_only=True),
    Check("WAG-NOD-003", NODE, "Did the node register with Wallarm?",
          "The node's own words are in the evidence; most often the token or the cloud is wrong.",
          ("WAG-LOC-003",), node_only=True),
    Check("WAG-NOD-004", NODE, "Does the load balancer exist, and is it active?",
          "Run `wallarm-apigw install`: Terraform creates it again.",
          ("WAG-LOC-003",), node_only=True),
    Check("WAG-NOD-005", NODE, "Does the load balancer listen where the forwarder sends?",
          "Run `wallarm-apigw install` to restore the listener.",
          ("WAG-NOD-004",), node_only=True),
    Check("WAG-NOD-006", NODE, "Is the certificate issued, for the right name, and not expired?",
          "Renew or validate the certificate in ACM; the DNS record must resolve.",
          ("WAG-NOD-005",), node_only=True),
    Check("WAG-NOD-011", NODE, "Does the node's name lead to the load balancer?",
          "Run `wallarm-apigw install` to restore the record.",
          ("WAG-NOD-004",), node_only=True),
    Check("WAG-NOD-007", NODE, "Is at least one target healthy?",
          "The reason is in the evidence: health check path, port 8080, security groups.",
          ("WAG-NOD-004",), node_only=True),
    Check("WAG-NOD-008", NODE, "May the forwarder reach the load balancer, and that the node?",
          "Run `wallarm-apigw install` to restore the security group rules.",
          ("WAG-NOD-004", "WAG-LOG-003"), node_only=True),
    Check("WAG-NOD-009", NODE, "Do the private subnets reach the internet through NAT?",
          "The node needs NAT for the Wallarm Cloud and its image; restore the route.",
          ("WAG-LOC-003",), node_only=True),
    Check("WAG-NOD-010", NODE, "Does the node answer the forwarder?",
          "The forwarder's own attempt is in the evidence.",
          ("WAG-LOG-003", "WAG-API-001")),
    Check("WAG-API-001", DISCOVERY, "Are the forwarder's environment variables right?",
          "Run `wallarm-apigw install` to restore them.", ("WAG-LOG-003",), fix="environment"),
    Check("WAG-API-002", DISCOVERY, "Is the Wallarm token stored?",
          "Store it again with `wallarm-apigw rotate-token`.",
          ("WAG-LOC-001",), node_only=True),
    Check("WAG-API-003", DISCOVERY, "Can the Wallarm API be reached from here?",
          "Check DNS, proxy and firewall for the API host."),
    Check("WAG-API-004", DISCOVERY, "Does the Wallarm Cloud accept the token?",
          "Create a token with usage type Node deployment in the right cloud, then "
          "`wallarm-apigw rotate-token`.", ("WAG-API-002", "WAG-API-003"), node_only=True),
    Check("WAG-API-007", DISCOVERY, "Does the Wallarm Cloud see an active node?",
          "Look at the node's tasks and its log; the node must reach the Wallarm API.",
          ("WAG-API-004",), node_only=True),
    Check("WAG-API-008", DISCOVERY, "Is API Discovery switched on in the Wallarm Cloud?",
          "Switch it on in Wallarm Console, or ask for it in the subscription.",
          ("WAG-API-004",), node_only=True),
    Check("WAG-API-005", DISCOVERY, "Is no event waiting undelivered?",
          "Mend the cause, then `wallarm-apigw redrive`.", ("WAG-LOG-003",)),
    Check("WAG-API-006", DISCOVERY, "Does the recent traffic count for API Discovery?",
          "It counts answers 2xx, no OPTIONS or HEAD; an endpoint shows after 2 or more requests, "
          "one of them 5 minutes after the first.", ("WAG-LOG-012",)),
)  # fmt: skip

BY_ID = {check.check_id: check for check in CHECKS}
