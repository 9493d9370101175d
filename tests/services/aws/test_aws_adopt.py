"""What an interrupted apply left is only taken over when it is there and carries our tag."""

from __future__ import annotations

import re
import uuid

import pytest

from wizard.core.installation import Marks
from wizard.core.tfvars import DEPLOYMENT_TAG, INSTALLATION_TAG
from wizard.services.aws.deployment import import_ids
from wizard.services.aws.session import Session
from wizard.services.workspace import module as assets

NAME = "123456789012-eu-central-1-api-gw-discovery"
MINE, OTHER = "1111111111111111", "2222222222222222"
OURS = Marks(NAME, (MINE,))


def values(name: str) -> dict[str, object]:
    """Planned attributes as any of the types has them."""
    return {"name": name, "bucket": name, "function_name": name, "tags": {"Name": name}}


@pytest.mark.parametrize("resource_type", sorted(import_ids.KINDS))
def test_what_was_never_made_is_not_found_and_no_error(
    session: Session, resource_type: str
) -> None:
    assert (
        import_ids.find_import_id(session, resource_type, values(f"x-{uuid.uuid4().hex[:8]}"), OURS)
        == ""
    )


def test_a_bucket_is_taken_over_with_our_tag_or_where_none_was_written_yet(
    session: Session,
) -> None:
    s3 = session.client("s3")
    name = f"x-{uuid.uuid4().hex[:8]}"
    place = {"LocationConstraint": "eu-central-1"}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
    # S3 is told the tags in a second request; Terraform may be killed before it.
    assert import_ids.find_import_id(session, "aws_s3_bucket", values(name), OURS) == name
    tags = [{"Key": DEPLOYMENT_TAG, "Value": NAME}, {"Key": INSTALLATION_TAG, "Value": MINE}]
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    assert import_ids.find_import_id(session, "aws_s3_bucket", values(name), OURS) == name
    for others in (Marks(NAME, (OTHER,)), Marks(NAME, ("",)), Marks("somebody-else", (MINE,))):
        assert import_ids.find_import_id(session, "aws_s3_bucket", values(name), others) == ""


def made(session: Session, kind: str, name: str, tags: dict[str, str]) -> None:
    """One of each way in which AWS keeps tags."""
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    if kind == "aws_iam_role":
        session.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}", Tags=listed)
    elif kind == "aws_cloudwatch_log_group":
        session.client("logs").create_log_group(logGroupName=name, tags=tags)
    else:
        vpc = session.client("ec2").create_vpc(
            CidrBlock="10.9.0.0/16",
            TagSpecifications=[
                {"ResourceType": "vpc", "Tags": [*listed, {"Key": "Name", "Value": name}]}
            ],
        )
        assert vpc["Vpc"]["VpcId"]


@pytest.mark.parametrize("kind", ["aws_iam_role", "aws_cloudwatch_log_group", "aws_vpc"])
@pytest.mark.parametrize(
    ("installation", "marks", "found"),
    [
        (MINE, OURS, True),
        (OTHER, OURS, False),
        ("", OURS, False),  # an earlier version's, or somebody else's: nobody knows
        ("", Marks(NAME, (MINE, "")), True),  # taken over
        (OTHER, Marks(NAME, (MINE, OTHER)), True),
    ],
)
def test_of_the_same_name_only_what_carries_this_installations_id_is_taken_over(
    session: Session, kind: str, installation: str, marks: Marks, found: bool
) -> None:
    name = f"x-{uuid.uuid4().hex[:8]}"
    tags = {DEPLOYMENT_TAG: NAME} | ({INSTALLATION_TAG: installation} if installation else {})
    made(session, kind, name, tags)
    assert bool(import_ids.find_import_id(session, kind, values(name), marks)) is found


@pytest.mark.parametrize(
    ("kind", "value", "ours"),
    [
        ("CNAME", "_abc.acm-validations.aws.", True),
        ("CNAME", "_abc.ACM-validations.aws", True),
        ("CNAME", "_other.acm-validations.aws.", False),
        ("TXT", '"_abc.acm-validations.aws."', False),
    ],
)
def test_the_record_that_validates_a_certificate_is_taken_over_only_if_it_says_the_same(
    session: Session, kind: str, value: str, ours: bool
) -> None:
    route53 = session.client("route53")
    domain = f"x-{uuid.uuid4().hex[:8]}.example.com"
    zone = route53.create_hosted_zone(Name=domain, CallerReference=domain)["HostedZone"]["Id"]
    zone = zone.rpartition("/")[2]
    name = f"_proof.node.{domain}"
    record = {"Name": name, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}]}
    route53.change_resource_record_sets(
        HostedZoneId=zone,
        ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]},
    )
    planned = {
        "zone_id": zone,
        "name": f"{name}.",
        "type": "CNAME",
        "records": ["_abc.acm-validations.aws."],
        "alias": [],
    }
    expected = f"{zone}_{name}_CNAME" if ours else ""
    assert import_ids.find_import_id(session, "aws_route53_record", planned, OURS) == expected


# Written a second time they are what they were: AWS puts them, or Terraform only waits for them.
WRITTEN_ANEW = {
    "aws_acm_certificate_validation",
    "aws_cloudwatch_dashboard",
    "aws_cloudwatch_event_rule",
    "aws_cloudwatch_event_target",
    "aws_cloudwatch_log_subscription_filter",
    "aws_cloudwatch_metric_alarm",
    "aws_default_security_group",
    "aws_ecs_cluster_capacity_providers",
    "aws_ecs_task_definition",  # another revision; the one before costs nothing
    "aws_iam_role_policy",
    "aws_lambda_function_event_invoke_config",
    "aws_s3_bucket_lifecycle_configuration",
    "aws_s3_bucket_policy",
    "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_server_side_encryption_configuration",
}
# Made by those who use the module alone; the wizard stores the token itself.
NOT_OURS = {"aws_ssm_parameter"}


def test_every_kind_the_module_makes_is_taken_over_or_written_anew() -> None:
    text = "\n".join(p.read_text() for p in assets.terraform_module().glob("*.tf"))
    kinds = set(re.findall(r'^resource "(\w+)"', text, re.MULTILINE))
    assert kinds - import_ids.KINDS - WRITTEN_ANEW - NOT_OURS == set()
    assert not WRITTEN_ANEW & import_ids.KINDS
