"""What an interrupted apply left is only taken over when it is there and carries our tag."""

from __future__ import annotations

import uuid

import pytest

from wizard.core.tfvars import DEPLOYMENT_TAG
from wizard.services.aws import adopt
from wizard.services.aws.session import Session

OURS = "123456789012-eu-central-1-api-gw-discovery"


def values(name: str) -> dict[str, object]:
    """Planned attributes as any of the types has them."""
    return {"name": name, "bucket": name, "function_name": name, "tags": {"Name": name}}


@pytest.mark.parametrize("resource_type", [*adopt._EC2, *adopt._BY_NAME])
def test_what_was_never_made_is_not_found_and_no_error(
    session: Session, resource_type: str
) -> None:
    assert adopt.find(session, resource_type, values(f"x-{uuid.uuid4().hex[:8]}"), OURS) == ""


def test_a_bucket_is_taken_over_only_with_our_tag(session: Session) -> None:
    s3 = session.client("s3")
    name = f"x-{uuid.uuid4().hex[:8]}"
    place = {"LocationConstraint": "eu-central-1"}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
    assert adopt.find(session, "aws_s3_bucket", values(name), OURS) == ""
    tags = [{"Key": DEPLOYMENT_TAG, "Value": OURS}]
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    assert adopt.find(session, "aws_s3_bucket", values(name), OURS) == name
    assert adopt.find(session, "aws_s3_bucket", values(name), "somebody-else") == ""
