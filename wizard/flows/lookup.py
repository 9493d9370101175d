"""What an interface asks before or beside a run: the token's source, the least policy."""

from __future__ import annotations

from collections.abc import Mapping

from wizard.core.answers.model import Answers
from wizard.services.tokens import read_token

PURPOSES = ("discover", "deploy", "uninstall", "doctor")


def iam_policy(
    answers: Answers,
    purpose: str,
    fmt: str,
    env: Mapping[str, str],
    account_id: str = "",
) -> str:
    """The least policy for these answers as text: `json`, `terraform` or `cloudformation`.

    Works without credentials; without an account id the policy says where to put it.
    """
    from wizard.core.permissions import documents as policy

    return policy.render(
        answers, purpose, fmt, account_id or env.get("WALLARM_APIGW_ACCOUNT_ID", "")
    )


__all__ = ["PURPOSES", "iam_policy", "read_token"]
