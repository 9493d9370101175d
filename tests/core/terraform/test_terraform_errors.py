"""Common failures are told in plain words, whatever their exact text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.terraform.events import Diagnostic
from wizard.core.terraform.failures import (
    TOO_EARLY,
    explain,
    explain_diagnostics,
    said_to_exist,
    state_lock,
    too_early,
)

TEXTS = {
    "WAG-E-TF-101": "Saved plan is stale\nThe given plan file can no longer be applied because the "
    "state was changed by another operation after the plan was created.",
    "WAG-E-TF-102": "Error acquiring the state lock\nError message: resource temporarily "
    "unavailable\nLock Info:\n  ID:        5a1c\n",
    "WAG-E-TF-103": "creating EC2 VPC: operation error EC2: CreateVpc, https response error "
    "StatusCode: 400, api error ExpiredToken: The security token included in the request is "
    "expired",
    "WAG-E-TF-104": "No valid credential sources found\nPlease see the documentation. Error: failed"
    " to refresh cached credentials, no EC2 IMDS role found",
    "WAG-E-TF-105": "creating EC2 VPC: api error UnauthorizedOperation: You are not authorized to "
    "perform: ec2:CreateVpc because no, with an explicit deny in a service control policy",
    "WAG-E-TF-106": "creating IAM Role (x): operation error IAM: CreateRole, https response error "
    "StatusCode: 403, api error AccessDenied: User: arn:aws:iam::123456789012:user/jane is not "
    "authorized to perform: iam:CreateRole on resource: role x because no identity-based policy "
    "allows the iam:CreateRole action",
    "WAG-E-TF-107": "creating EC2 VPC: operation error EC2: CreateVpc, api error VpcLimitExceeded: "
    "The maximum number of VPCs has been reached.",
    "WAG-E-TF-108": "creating log subscription filter: LimitExceededException: Resource limit "
    "exceeded.",
    "WAG-E-TF-109": "waiting for Auto Scaling Group: InsufficientInstanceCapacity - We currently do"
    " not have sufficient t3.medium capacity in the Availability Zone you requested",
    "WAG-E-TF-110": "operation error Lambda: CreateFunction, exceeded maximum number of attempts, "
    "25, api error ThrottlingException: Rate exceeded",
    "WAG-E-TF-111": "waiting for ACM Certificate (arn:aws:acm:…) to be issued: timeout while "
    "waiting for state to become 'ISSUED' (last state: 'PENDING_VALIDATION', timeout: 1h15m0s)",
    "WAG-E-TF-112": "creating IAM Role (api-gw): operation error IAM: CreateRole, api error "
    "EntityAlreadyExists: Role with name api-gw already exists.",
    "WAG-E-TF-113": "deleting Security Group (sg-1): operation error EC2: DeleteSecurityGroup, api "
    "error DependencyViolation: resource sg-1 has a dependent object",
    "WAG-E-TF-114": "Error writing state: write terraform.tfstate: no space left on device",
    "WAG-E-TF-115": "Failed to query available provider packages\nCould not retrieve the list of "
    "available versions for provider hashicorp/aws: could not connect to registry.terraform.io: "
    "dial tcp: lookup registry.terraform.io: no such host",
    "WAG-E-TF-116": 'Post "https://ec2.us-east-1.amazonaws.com/": tls: failed to verify '
    "certificate: x509: certificate signed by unknown authority",
    "WAG-E-TF-117": 'operation error STS: GetCallerIdentity, request send failed, Post "https://'
    'sts": dial tcp: lookup sts.us-east-1.amazonaws.com: no such host',
    "WAG-E-TF-118": "Failed to persist state to backend\nThe error shown above has prevented "
    "Terraform from writing the updated state",
    "WAG-E-TF-119": "state snapshot was created by Terraform v1.14.0, which is newer than current",
    "WAG-E-TF-120": "Error refreshing state: Unsupported state file format: The state file could "
    "not be parsed as JSON: syntax error at byte offset 40.",
    "WAG-E-TF-121": "Unsupported Terraform Core version\nThis configuration does not support 0.15",
    "WAG-E-TF-122": "Invalid value for variable\nname_prefix: at most 38 characters",
    "WAG-E-TF-123": "Plugin did not respond\nThe plugin encountered an error",
    "WAG-E-TF-124": "Failed to install provider from shared cache\nthe local package doesn't match "
    "any of the checksums recorded in the dependency lock file",
    "WAG-E-TF-130": "creating Lambda Function (wallarm-cw-resend-1): operation error Lambda: "
    "CreateFunction, https response error StatusCode: 400, api error InvalidParameterValueException"
    ": The role defined for the function cannot be assumed by Lambda.",
    "WAG-E-TF-127": "creating ECS Task Definition (x): operation error ECS: RegisterTaskDefinition,"
    " https response error StatusCode: 400, api error AccessDeniedException: User: arn:aws:iam::1:"
    "user/jane is not authorized to perform: iam:PassRole on resource: arn:aws:iam::1:role/x-exe",
    "WAG-E-TF-128": "deleting ECS Cluster (arn:aws:ecs:us-east-1:1:cluster/x): operation error "
    "ECS: DeleteCluster, ClusterContainsContainerInstancesException: The Cluster cannot be deleted "
    "while Container Instances are active or draining.",
    "WAG-E-TF-129": "adding Lambda Permission (x/logs-1): operation error Lambda: AddPermission, "
    "PolicyLengthExceededException: The final policy size (20598) is bigger than the limit "
    "(20480).",
    "WAG-E-TF-131": "creating ELBv2 application Load Balancer (x): operation error Elastic Load "
    "Balancing v2: CreateLoadBalancer, https response error StatusCode: 400, api error "
    "ValidationError: At least two subnets in two different Availability Zones must be specified",
    "WAG-E-TF-132": "creating Auto Scaling Group (x): scaling activity (f9f2d65b): Failed: "
    "Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state",
    "WAG-E-TF-125": "api error OptInRequired: You are not subscribed to this service.",
    "WAG-E-TF-126": "creating Route53 Record: operation error Route 53: ChangeResourceRecordSets, "
    "InvalidChangeBatch: [Tried to create resource record set [name='_abc.node.example.com.', "
    "type='CNAME'] but it already exists]",
}


@pytest.mark.parametrize("code", TEXTS)
def test_a_known_failure_is_recognised(code: str) -> None:
    found = explain(TEXTS[code])
    assert found is not None
    assert found.code == code
    assert found.next_step
    assert "{" not in found.what


LOST = (
    "decomposing response: read tcp 10.0.0.7:34982->10.0.0.9:443: use of closed network connection",
    "operation error EC2: CreateVpc, write tcp 10.0.0.7:34982->10.0.0.9:443: write: broken pipe",
)


@pytest.mark.parametrize("words", LOST)
def test_an_answer_that_was_lost_on_the_way_may_be_asked_for_again(words: str) -> None:
    found = explain(words)
    assert found is not None
    assert (found.code, found.retry) == ("WAG-E-TF-117", True)


def test_a_refusal_names_the_missing_action() -> None:
    found = explain(TEXTS["WAG-E-TF-106"])
    assert found is not None
    assert found.what == "These credentials may not do iam:CreateRole"


def test_a_refusal_without_an_action_names_the_operation() -> None:
    found = explain("operation error Auto Scaling: CreateAutoScalingGroup, api error AccessDenied:")
    assert found is not None
    assert found.what == "These credentials may not do Auto Scaling CreateAutoScalingGroup"


def test_an_organisations_policy_is_told_apart_from_a_missing_permission() -> None:
    found = explain(TEXTS["WAG-E-TF-105"])
    assert found is not None
    assert found.what == "A service control policy of your organisation forbids ec2:CreateVpc"


def test_a_full_quota_is_named() -> None:
    found = explain(TEXTS["WAG-E-TF-107"])
    assert found is not None
    assert found.what == "The account's quota for this is used up: Vpc"


def test_an_unknown_failure_is_left_to_its_own_words() -> None:
    assert explain("the cat sat on the keyboard") is None


def test_warnings_are_not_explained() -> None:
    assert explain_diagnostics([Diagnostic("warning", "AccessDenied")]) is None


def test_the_first_error_that_is_known_is_explained() -> None:
    found = explain_diagnostics(
        [Diagnostic("error", "strange"), Diagnostic("error", "x", TEXTS["WAG-E-TF-110"])]
    )
    assert found is not None
    assert found.code == "WAG-E-TF-110"
    assert found.retry


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("TooManyBuckets", "WAG-E-TF-108"),
        ("TooManyLoadBalancers", "WAG-E-TF-108"),
        ("TooManyEntitiesException", "WAG-E-TF-108"),
        ("TooManyRequestsException", "WAG-E-TF-110"),
    ],
)
def test_too_many_of_something_is_a_quota_and_too_many_requests_is_not(
    name: str, code: str
) -> None:
    found = explain(f"operation error X: CreateX, api error {name}: You have")
    assert found is not None
    assert found.code == code


def errors(*codes: str) -> list[Diagnostic]:
    return [Diagnostic("error", "x", TEXTS[code]) for code in codes]


def test_several_refusals_of_one_apply_each_have_their_words_and_their_next_step() -> None:
    found = explain_diagnostics(errors("WAG-E-TF-107", "WAG-E-TF-105", "WAG-E-TF-110"))
    assert found is not None
    assert (found.code, found.what) == (
        "WAG-E-TF-107",
        "The account's quota for this is used up: Vpc",
    )
    assert found.next_step.startswith("Remove one that is not needed, use an existing VPC")
    assert (
        " Also: A service control policy of your organisation forbids ec2:CreateVpc. "
        "Ask whoever owns it; no policy of your own can allow it. "
        "Also: AWS asked for a slower pace" in found.next_step
    )
    assert found.next_step.lower().count("run the same command again") == 1
    assert found.next_step.endswith("Then run the same command again: what is done stays done.")
    assert found.retry, "one of them may simply work later"
    two = explain_diagnostics(errors("WAG-E-TF-107", "WAG-E-TF-105"))
    assert two is not None
    assert not two.retry


@pytest.mark.parametrize(
    ("refused", "early"),
    [
        (("WAG-E-TF-127",), True),
        (("WAG-E-TF-130", "WAG-E-TF-127"), True),
        (("WAG-E-TF-127", "WAG-E-TF-105"), False),
        (("WAG-E-TF-105", "WAG-E-TF-127"), False),
        ((), False),
    ],
)
def test_a_moment_is_waited_for_only_where_nothing_else_was_refused(
    refused: tuple[str, ...], early: bool
) -> None:
    assert too_early(errors(*refused)) == early
    assert not too_early([*errors(*refused), Diagnostic("error", "something nobody knows")])
    assert too_early([Diagnostic("warning", "AccessDenied"), *errors(*refused)]) == early


def test_the_same_refusal_is_said_once() -> None:
    assert explain_diagnostics(errors("WAG-E-TF-107", "WAG-E-TF-107")) == explain_diagnostics(
        errors("WAG-E-TF-107")
    )
    closed = explain_diagnostics(errors("WAG-E-TF-131", "WAG-E-TF-129"))
    assert closed is not None
    assert "the same command again" not in closed.next_step, "where neither is mended by it"


def test_a_state_lock_says_who_holds_it() -> None:
    lock = state_lock(
        "Error message: operation error S3: PutObject, api error PreconditionFailed\nLock Info:\n"
        "  ID:        0b2c3d4e-1111-2222-3333-444455556666\n  Path:      bucket/key\n"
        "  Operation: OperationTypeApply\n  Who:       jane@laptop\n  Version:   1.11.4\n"
        "  Created:   2026-11-20 10:11:12.13 +0000 UTC\n  Info:      \n"
    )
    assert lock is not None
    assert (lock.lock_id, lock.who) == ("0b2c3d4e-1111-2222-3333-444455556666", "jane@laptop")
    assert lock.created.startswith("2026-11-20 10:11:12")


def test_no_lock_is_read_from_other_texts() -> None:
    assert state_lock("ID: 7") is None


@given(st.text(max_size=2000))
def test_no_text_breaks_the_table(text: str) -> None:
    explain(text)
    state_lock(text)


def test_a_huge_text_is_read_in_bounded_time() -> None:
    explain("waiting for ACM Certificate " * 20_000)
    explain("not authorized to perform operation error " * 20_000)


@pytest.mark.parametrize(
    "words",
    [
        "The role defined for the function cannot be assumed by Lambda.",
        "ECS was unable to assume the role 'arn:aws:iam::1:role/x' that was provided.",
        "ValidationError: Invalid IAM Instance Profile name x-ec2",
    ],
)
def test_a_role_seconds_old_is_too_early_and_not_forbidden(words: str) -> None:
    found = explain(words)
    assert found is not None
    assert "too early, not forbidden" in found.what
    assert found.retry
    assert found.code in TOO_EARLY


def test_a_role_that_a_company_forbids_to_be_handed_over_is_no_matter_of_time() -> None:
    found = explain(
        "AccessDeniedException: not authorized to perform: iam:PassRole on resource: x with an "
        "explicit deny in a service control policy"
    )
    assert found is not None
    assert found.code == "WAG-E-TF-105"
    assert not found.retry


@pytest.mark.parametrize("code", [c for c in TEXTS if c not in ("WAG-E-TF-101",)])
def test_a_refusal_that_only_time_mends_says_so_and_no_other_does(code: str) -> None:
    found = explain(TEXTS[code])
    assert found is not None
    assert not ("does not fix it" in found.next_step and found.retry)


def test_what_aws_said_was_there_already_is_known_by_its_address() -> None:
    there = "ResourceAlreadyExistsException: The specified log group already exists"
    found = [
        Diagnostic("error", "creating", there, "aws_cloudwatch_log_group.forwarder"),
        Diagnostic("error", "creating", "AccessDenied: not allowed", "aws_iam_role.forwarder"),
        Diagnostic("warning", "creating", there, "aws_s3_bucket.undelivered"),
        Diagnostic("error", "creating", there),
    ]
    assert said_to_exist(found) == ("aws_cloudwatch_log_group.forwarder",)
