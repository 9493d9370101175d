"""Who holds up the removal of a VPC is named, with what mends it; time cures not everything."""

from __future__ import annotations

import pytest

from wizard.core.leftovers import Interface, name_holders

LAMBDA = Interface("eni-1", "AWS Lambda VPC ENI-wallarm-cw-resend-1", "lambda")
GUARD = Interface("eni-2", "VPC Endpoint Interface vpce-9", "vpc_endpoint")
OTHER = Interface("eni-3", "EFS mount target for fs-1", "efs")
ENDPOINT = {"vpce-9": "com.amazonaws.us-east-1.guardduty-data"}


@pytest.mark.parametrize(
    ("interfaces", "endpoints", "who", "mends"),
    [
        ([], {}, [], []),
        ([LAMBDA], {}, ["AWS Lambda"], [True]),
        ([Interface("eni-1", "AWS Lambda VPC ENI-x")], {}, ["AWS Lambda"], [True]),
        ([GUARD], ENDPOINT, ["Amazon GuardDuty"], [False]),
        ([LAMBDA, GUARD], ENDPOINT, ["Amazon GuardDuty", "AWS Lambda"], [False, True]),
        ([], ENDPOINT, ["Amazon GuardDuty"], [False]),
        ([OTHER], {}, ["somebody else"], [False]),
        ([GUARD], {"vpce-9": "com.amazonaws.us-east-1.s3"}, ["somebody else"], [False]),
        ([LAMBDA, OTHER], {}, ["AWS Lambda", "somebody else"], [True, False]),
    ],
)
def test_who_is_still_there(
    interfaces: list[Interface], endpoints: dict[str, str], who: list[str], mends: list[bool]
) -> None:
    found = name_holders(interfaces, endpoints)
    assert [one.who for one in found] == who
    assert [one.taken_back_by_aws for one in found] == mends


def test_guarddutys_endpoint_is_named_with_the_commands_and_no_waiting() -> None:
    (found,) = name_holders([GUARD], ENDPOINT)
    assert "vpce-9" in found.next_step
    assert "Waiting does not fix it" in found.next_step
    assert "GuardDutyManagedSecurityGroup" in found.next_step


def test_a_strangers_interface_is_named_by_what_it_says_of_itself() -> None:
    (found,) = name_holders([OTHER], {})
    assert "eni-3" in found.what
    assert "EFS mount target" in found.what


def test_what_others_wrote_into_a_description_drives_no_terminal() -> None:
    (found,) = name_holders([Interface("eni-4", "\x1b]0;x\x07")], {})
    assert "\x1b" not in found.what
