"""Runs the sandbox's local AWS with SimulatePrincipalPolicy answered for every resource named.

ministack 1.5.33 looks at the first of them only, and leaves out what is told of the request
(`ContextEntries`), so that whatever is allowed under a condition seems to be denied. The judgement
itself is ministack's own.
"""

import runpy
import sys
from pathlib import Path
from typing import Any

LAUNCHER = Path(__file__).resolve().parents[2] / "wizard" / "sandbox" / "child" / "launcher.py"


def listed(params: Any, name: str) -> list[str]:
    """The values of a list in the query protocol."""
    from ministack.services.iam import _p

    out = []
    while value := _p(params, f"{name}.member.{len(out) + 1}"):
        out.append(str(value))
    return out


def context(params: Any) -> dict[str, Any]:
    """What is told of the request, by condition key."""
    from ministack.services.iam import _p

    out: dict[str, Any] = {}
    number = 1
    while key := _p(params, f"ContextEntries.member.{number}.ContextKeyName"):
        values = listed(params, f"ContextEntries.member.{number}.ContextKeyValues")
        out[str(key).lower()] = values if len(values) > 1 else values[0]
        number += 1
    return out


def simulate(params: Any) -> Any:
    """Every action on every resource."""
    from ministack.core import iam_evaluator as judge
    from ministack.core.responses import get_account_id, get_region
    from ministack.services.iam import _p, _xml

    principal, account = str(_p(params, "PolicySourceArn")), get_account_id()
    policies = judge._gather_user_policies(principal.partition("user/")[2], account)
    words = {"Allow": "allowed", "Deny": "explicitDeny"}
    members = ""
    for action in listed(params, "ActionNames"):
        for resource in listed(params, "ResourceArns") or ["*"]:
            case = judge.EvalContext(
                principal_arn=principal, principal_type="User", principal_account=account,
                action=action, resource_arn=resource, region=get_region(),
                service_context=context(params),
            )  # fmt: skip
            decision = words.get(judge.evaluate(case, policies).decision, "implicitDeny")
            members += (
                f"<member><EvalActionName>{action}</EvalActionName>"
                f"<EvalResourceName>{resource}</EvalResourceName>"
                f"<EvalDecision>{decision}</EvalDecision></member>"
            )
    return _xml(
        200,
        "SimulatePrincipalPolicyResponse",
        f"<SimulatePrincipalPolicyResult><EvaluationResults>{members}</EvaluationResults>"
        "<IsTruncated>false</IsTruncated></SimulatePrincipalPolicyResult>",
        ns="iam",
    )


if __name__ == "__main__":
    here = str(Path(__file__).resolve().parent)
    sys.path[:] = [p for p in sys.path if p != here]
    from ministack.services import iam

    next(
        table for table in vars(iam).values()
        if isinstance(table, dict) and "SimulatePrincipalPolicy" in table
    )["SimulatePrincipalPolicy"] = simulate  # fmt: skip
    runpy.run_path(str(LAUNCHER), run_name="__main__")
