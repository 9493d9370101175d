"""Decides as IAM would whether the printed policies allow a call: actions, resources, passed roles.

Of the conditions iam:PassedToService is evaluated, and aws:RequestTag as far as the request has to
carry tags; others are taken as met, because the local AWS does not say which tags a resource has.
Only Allow statements are printed, so none can deny.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Any

from tests.policy.identify import Call
from tests.policy.mapping import needed
from wizard.core.answers.model import Answers
from wizard.core.permissions.documents import documents


class PolicyJudge:
    """A judge for the recorder: says why a call is refused."""

    def __init__(self, account: str, region: str) -> None:
        self.account = account
        self.region = region
        self.answers: Answers | None = None
        self.statements: list[dict[str, Any]] = []

    def allow(
        self,
        answers: Answers,
        purpose: str,
        before: Answers | None = None,
        log_groups: tuple[str, ...] | None = None,
    ) -> None:
        """From now on exactly this purpose's policies hold.

        Args:
            before: what is deployed by now, where other answers are going to change it.
            log_groups: as `iam-policy` knows them.
        """
        self.answers = answers
        found = documents(answers, purpose, self.account, log_groups=log_groups, before=before)
        self.statements = [s for d in found for s in d["Statement"]]

    def __call__(self, call: Call) -> str:
        for action, arn, passed_to in needed(call, self.account, self.region, self.answers):
            if not allowed(self.statements, action, arn, passed_to, tagged=carries_tags(call)):
                return f"not authorized to perform: {action} on resource: {arn}"
        return ""


def carries_tags(call: Call) -> bool:
    """Whether a request puts tags on something: on what it makes, or it is about nothing else."""
    return call.tagged or "Tag" in call.operation


def allowed(
    statements: Iterable[dict[str, Any]],
    action: str,
    arn: str,
    passed_to: str = "",
    *,
    tagged: bool = True,
) -> bool:
    """Whether some statement allows the action on the resource.

    A resource of "*" means that the call does not say what it is about; then any will do.

    Args:
        tagged: whether the request carries tags; what is allowed only with one needs that.
    """
    for statement in statements:
        if not any(matches(pattern, action) for pattern in _list(statement["Action"])):
            continue
        if arn != "*" and not any(matches(p, arn) for p in _list(statement["Resource"])):
            continue
        services = statement.get("Condition", {}).get("StringEquals", {}).get("iam:PassedToService")
        if action == "iam:PassRole" and services and passed_to not in _list(services):
            continue
        if not tagged and "aws:RequestTag/" in str(statement.get("Condition", "")):
            continue
        return True
    return False


@functools.cache
def matches(pattern: str, text: str) -> bool:
    """IAM's wildcards: `*` is any text, `?` any one character; action names ignore case."""
    if ":" in pattern and not pattern.startswith("arn:"):
        pattern, text = pattern.lower(), text.lower()
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text) is not None


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
