"""Log groups that stages have already: looked at before anything is changed.

What Terraform or AWS would refuse in the middle of a run (a group that is gone, or of a class that
cannot be subscribed to) is said in the review instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.events import State
from wizard.core.facts import LogGroup, Stage, SubscriptionFilter
from wizard.core.stages.change import FORWARDERS_GROUPS, Mode, StageChange, plan_change
from wizard.core.stages.log_format import LoggingState, compare, log_group_name
from wizard.core.terraform.events import ApplyProgress, Event
from wizard.core.text import clean, count
from wizard.flows.context import Context
from wizard.services.aws import log_groups
from wizard.services.aws.session import Session
from wizard.services.threads import ReadingPool

WORKERS = 8
OUR_FUNCTION = ":function:wallarm-cw-resend-"
# The fewest that AWS ever allowed a log group: with as many, Service Quotas is asked.
FEWEST_FILTERS = 2
_FILTER = re.compile(r'aws_cloudwatch_log_subscription_filter\.forwarder\["(.+)"\]')


@dataclass(frozen=True)
class OwnLogs:
    """The log groups by name, None for one that does not exist; and which could not be read.

    `most`: subscription filters that AWS allows each; None where it was not asked, or does not
    say. Then a further one is tried, and AWS decides.
    """

    groups: dict[str, LogGroup | None] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    most: int | None = None

    def plan(
        self, stage: Stage, destination_arn: str, existing: str, execution: str = "info"
    ) -> StageChange:
        """The change to a stage, knowing its log group."""
        name = log_group_name(stage.settings.access_log.destination_arn)
        change = plan_change(stage, destination_arn, existing, self.groups.get(name), execution)
        if change.mode is not Mode.KEEP:
            return change
        if name in self.groups and self.groups[name] is None:
            return _skipped(
                change,
                f"Its log group {name} does not exist any more, so it logs nothing. Switch it to "
                "the connector's log group instead.",
            )
        if self.is_full(name):
            return _skipped(
                change,
                f"Its log group {name} has {self._told_filters(name)}, and AWS allows "
                f"{self.most} (Service Quotas). Switch it to the connector's log group instead, or "
                "remove a filter nobody needs.",
            )
        return replace(change, warnings=(*change.warnings, *self.warnings(name)))

    def warnings(self, name: str) -> tuple[str, ...]:
        """What to know before subscribing to a group."""
        if name in self.unread:
            return (f"Its log group {name} could not be looked at: {self.unread[name]}.",)
        others = self._others(name)
        if not others:
            return ()
        verb = "stays" if len(others) == 1 else "stay"
        allowed = (
            f"AWS allows {self.most} for each log group"
            if self.most is not None
            else "AWS allows only a few for each log group; whether one more fits is seen when it "
            "is made"
        )
        return (f"{name} has {self._told_filters(name)}, which {verb}. {allowed}.",)

    def is_full(self, name: str) -> bool:
        """Whether a group has as many filters of others as AWS says that it allows."""
        if self.most is None:
            return False
        group = self.groups.get(name)
        held = (group.filters if group is not None else None) or ()
        return len(held) >= self.most and len(self._others(name)) == len(held)

    def _others(self, name: str) -> list[SubscriptionFilter]:
        group = self.groups.get(name)
        held = (group.filters if group is not None else None) or ()
        return [f for f in held if OUR_FUNCTION not in f.destination_arn]

    def _told_filters(self, name: str) -> str:
        others = self._others(name)
        names = ", ".join(clean(f.name, 60) for f in others)
        return f"{count(len(others), 'subscription filter')} already ({names})"


def _skipped(change: StageChange, reason: str) -> StageChange:
    return replace(change, mode=Mode.SKIP, after=change.before, warnings=(), reason=reason)


def check_given_group(session: Session, name: str) -> tuple[str, ...]:
    """What to know of the log group that the answers name; empty where they name none.

    Raises WizardError WAG-E-LOGS-001 when it does not exist, 002 when nothing can subscribe, 004
    when it has no room for another filter, 006 when a forwarder itself writes there.
    """
    if not name:
        return ()
    if name.startswith(FORWARDERS_GROUPS):
        raise WizardError(
            "WAG-E-LOGS-006",
            f"The log group {name} is a forwarder's own",
            why="What the forwarder says about each batch would be sent to it again, without end.",
            next_step="Choose another log group, or none: the connector then makes one.",
        )
    log_groups.check_destination(session, name)
    found = read_log_groups(session, (name,))
    if found.is_full(name):
        raise log_groups.filter_limit(session, name, f"Service Quotas allows {found.most}.")
    return found.warnings(name)


def read_log_groups(session: Session, names: Iterable[str]) -> OwnLogs:
    """Look at these log groups, several at a time. What may not be read is no error."""

    def one(name: str) -> tuple[str, LogGroup | None, str]:
        try:
            group = log_groups.find_log_group(session, name)
            return name, log_groups.with_filters(session, group) if group else None, ""
        except WizardError as error:
            return name, None, error.what

    wanted = sorted(set(names))
    if not wanted:
        return OwnLogs()
    session.client("logs")  # making one is slow and takes the session's lock
    with ReadingPool(WORKERS, thread_name_prefix="log-groups") as pool:
        found = list(pool.map(one, wanted))
    seen = OwnLogs(
        {name: group for name, group, problem in found if not problem},
        {name: problem for name, _, problem in found if problem},
    )
    if any(len(seen._others(name)) >= FEWEST_FILTERS for name in wanted):
        return replace(seen, most=log_groups.filter_quota(session))
    return seen


def of_stages(session: Session, stages: Iterable[Stage], destination_arn: str) -> OwnLogs:
    """Look at the log groups to which these stages log in place of the connector's."""
    names = []
    for stage in stages:
        log = stage.settings.access_log
        if compare(log, destination_arn, stage.api.api_type) is LoggingState.OTHER:
            names.append(log_group_name(log.destination_arn))
    return read_log_groups(session, filter(None, names))


def explain_full_group(
    session: Session, answers: Answers, error: WizardError
) -> WizardError | None:
    """WAG-E-LOGS-004 where Terraform failed because a log group has no room for another filter.

    None for any other failure, and where the group cannot be read: Terraform's own words must do.
    """
    for found in getattr(error, "diagnostics", ()):
        match = _FILTER.match(found.address) if log_groups.is_filter_limit(found.text) else None
        if match is None:
            continue
        key = match.group(1)
        try:
            return log_groups.filter_limit(session, _name(key, answers), error.why)
        except WizardError:
            return None
    return None


class Watch:
    """Says what may hold a subscription up while Terraform is at it.

    The provider takes AWS's refusal of one filter too many for throttling, and tries it again for
    a quarter of an hour and longer before it says so.
    """

    SOON = 30.0  # seconds; a subscription is usually made in two

    def __init__(self, context: Context, session: Session, answers: Answers) -> None:
        self._context, self._session, self._answers = context, session, answers
        self._told: set[str] = set()

    def hear(self, event: Event) -> None:
        """Cheap but for once: then the log group is looked at."""
        if not isinstance(event, ApplyProgress) or event.elapsed < self.SOON:
            return
        match = _FILTER.match(event.address)
        if match is None or event.address in self._told:
            return
        self._told.add(event.address)
        name = _name(match.group(1), self._answers)
        try:
            held = log_groups.subscription_filters(self._session, name) if name else ()
        except WizardError:
            return
        others = [f for f in held if OUR_FUNCTION not in f.destination_arn]
        if others:
            names = ", ".join(clean(f.name, 60) for f in others)
            self._context.note(
                f"has {count(len(others), 'subscription filter')} already ({names}). If AWS allows "
                "no more, Terraform goes on trying for a quarter of an hour or longer: stop it and "
                "switch its stages to the connector's own log group, or remove a filter nobody "
                "needs.",
                State.WARNING,
                name,
            )


def _name(key: str, answers: Answers) -> str:
    """The log group of a subscription's key, as in `forwarder.tf`; empty for the one made there."""
    return {"main": answers.api_gateway_log_group_name, "named main": "main"}.get(key, key)
