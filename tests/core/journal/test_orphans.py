"""What a killed apply left is told from what belongs to the deployment."""

from __future__ import annotations

import pytest

from wizard.core.journal.recovery import known_names, orphans

HERE = "eu-central-1:123456789012"


def held(name: str, arn: str = "") -> dict[str, object]:
    return {"mode": "managed", "values": {"id": name, **({"arn": arn} if arn else {})}}


STATE = {
    "values": {
        "root_module": {
            "resources": [
                held("vpc-1", f"arn:aws:ec2:{HERE}:vpc/vpc-1"),
                held("nat-1"),  # Terraform keeps no ARN of it
                held("sgr-1"),
                held("x", f"arn:aws:logs:{HERE}:log-group:/x"),
                held("node", f"arn:aws:ecs:{HERE}:task-definition/node:7"),
                {"mode": "data", "values": {"id": "vpc-2"}},
            ],
            "child_modules": [{"resources": [held("subnet-9")]}],
        }
    }
}


@pytest.mark.parametrize(
    ("arn", "orphan"),
    [
        (f"arn:aws:ec2:{HERE}:vpc/vpc-1", False),
        (f"arn:aws:ec2:{HERE}:vpc/vpc-2", True),  # only read, not made
        (f"arn:aws:ec2:{HERE}:natgateway/nat-1", False),
        (f"arn:aws:ec2:{HERE}:natgateway/nat-2", True),
        (f"arn:aws:ec2:{HERE}:subnet/subnet-9", False),
        (f"arn:aws:ec2:{HERE}:security-group-rule/sgr-1", False),
        (f"arn:aws:logs:{HERE}:log-group:/x:*", False),
        (f"arn:aws:ecs:{HERE}:task-definition/node:6", False),  # an older revision
        (f"arn:aws:ecs:{HERE}:task-definition/other:1", True),
        (f"arn:aws:ec2:{HERE}:instance/i-1", False),  # of the Auto Scaling group
        (f"arn:aws:ec2:{HERE}:volume/vol-1", False),
        (f"arn:aws:ecs:{HERE}:task/cluster/abc", False),
        (f"arn:aws:lambda:{HERE}:function:forwarder", True),
        ("arn:aws:s3:::undelivered", True),
    ],
)
def test_only_what_the_state_does_not_account_for_is_an_orphan(arn: str, orphan: bool) -> None:
    assert bool(orphans([arn], known_names(STATE))) is orphan


def test_an_empty_state_accounts_for_nothing() -> None:
    assert known_names({}) == frozenset()
    assert orphans(["arn:aws:s3:::a"], frozenset()) == ("arn:aws:s3:::a",)
