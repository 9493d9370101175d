"""The bucket for shared states: looked at, made private if it has to be made, found by its tag."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from wizard.core.errors import UsageError, WizardError
from wizard.core.facts import Identity
from wizard.core.state_place import STATE_TAG, STATE_TAG_VALUE
from wizard.core.tfvars import COMPONENT_TAG
from wizard.services.aws.client_types import Clients
from wizard.services.aws.errors import code_of, explain, explained, is_denied


@dataclass(frozen=True)
class Bucket:
    """A bucket as it is. `tagged`: it can be found by its tag; None when that may not be read."""

    name: str
    exists: bool
    versioned: bool | None = None
    tagged: bool | None = None


def look(clients: Clients, identity: Identity, name: str) -> Bucket:
    """What the bucket is like. Changes nothing.

    Raises UsageError WAG-E-STATE-002 when it belongs to another account or may not be used, 003
    when it is in another Region.
    """
    s3: Any = clients.client("s3")
    owner = {"ExpectedBucketOwner": identity.account_id}
    try:
        head = s3.head_bucket(Bucket=name, **owner)
    except ClientError as error:
        status = str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
        if code_of(error) in ("404", "NoSuchBucket"):
            return Bucket(name, exists=False)
        if status in ("301", "400"):
            raise _elsewhere(name, "another Region", identity) from error
        if status != "403":
            raise explain(error, f"Looking at the bucket {name}") from error
        raise UsageError(
            "WAG-E-STATE-002",
            f"The bucket {name} cannot be used for the state",
            why="It belongs to another account, or these credentials may not list it (403).",
            next_step="Choose another name for state_bucket, or add the permissions that "
            "`wallarm-apigw iam-policy` prints. Nothing was changed.",
            keys=("state_bucket",),
        ) from error
    region = str(head.get("BucketRegion") or identity.region)
    if region != identity.region:
        raise _elsewhere(name, region, identity)
    versioning = _may(lambda: s3.get_bucket_versioning(Bucket=name, **owner).get("Status", ""))
    tags = _may(lambda: _tags(s3, name, identity))
    return Bucket(
        name,
        exists=True,
        versioned=None if versioning is None else versioning == "Enabled",
        tagged=None if tags is None else STATE_TAG in tags,
    )


def make(clients: Clients, identity: Identity, name: str) -> None:
    """Make the bucket: private, encrypted, versioned, TLS only, tagged. Safe to repeat.

    Raises WizardError; UsageError WAG-E-STATE-002 when the name belongs to somebody else.
    """
    s3: Any = clients.client("s3")
    place: dict[str, Any] = {}
    if identity.region != "us-east-1":
        place["CreateBucketConfiguration"] = {"LocationConstraint": identity.region}
    try:
        s3.create_bucket(Bucket=name, ObjectOwnership="BucketOwnerEnforced", **place)
    except ClientError as error:
        if code_of(error) == "BucketAlreadyExists":
            raise UsageError(
                "WAG-E-STATE-002",
                f"The name {name} is taken by another account",
                why=str(error),
                next_step="Choose another name for state_bucket; bucket names are global.",
                keys=("state_bucket",),
            ) from error
        if code_of(error) != "BucketAlreadyOwnedByYou":
            raise explain(error, f"Making the bucket {name}") from error
    owner = {"ExpectedBucketOwner": identity.account_id}
    with explained(f"Closing the bucket {name}"):
        s3.put_public_access_block(
            Bucket=name,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
            **owner,
        )
        s3.put_bucket_encryption(
            Bucket=name,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
            **owner,
        )
        s3.put_bucket_versioning(
            Bucket=name, VersioningConfiguration={"Status": "Enabled"}, **owner
        )
        policy = json.dumps(_tls_only(identity.partition, name))
        s3.put_bucket_policy(Bucket=name, Policy=policy, **owner)
    tag(clients, identity, name)


def tag(clients: Clients, identity: Identity, name: str) -> None:
    """Add the tag by which colleagues find the bucket; its other tags stay."""
    s3: Any = clients.client("s3")
    with explained(f"Tagging the bucket {name}"):
        tags = _tags(s3, name, identity)
        if tags.get(STATE_TAG):
            return
        tags = {COMPONENT_TAG: "api-gateway-connector", **tags, STATE_TAG: STATE_TAG_VALUE}
        s3.put_bucket_tagging(
            Bucket=name,
            Tagging={"TagSet": [{"Key": k, "Value": v} for k, v in tags.items()]},
            ExpectedBucketOwner=identity.account_id,
        )


def find(clients: Clients) -> tuple[str, ...]:
    """Names of this Region's buckets with the tag. Raises WizardError."""
    tagging = clients.client("resourcegroupstaggingapi")
    with explained("Looking for shared states"):
        pages = tagging.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": STATE_TAG}], ResourceTypeFilters=["s3"]
        )
        arns = [m["ResourceARN"] for page in pages for m in page["ResourceTagMappingList"]]
    return tuple(sorted(arn.rpartition(":")[2] for arn in arns))


def _tags(s3: Any, name: str, identity: Identity) -> dict[str, str]:
    try:
        found = s3.get_bucket_tagging(Bucket=name, ExpectedBucketOwner=identity.account_id)
    except ClientError as error:
        if code_of(error) == "NoSuchTagSet":
            return {}
        raise
    return {item["Key"]: item["Value"] for item in found["TagSet"]}


def _may(read: Any) -> Any:
    """The answer; None where reading it is not allowed."""
    try:
        return read()
    except ClientError as error:
        if is_denied(error):
            return None
        raise explain(error, "Looking at the bucket") from error


def _tls_only(partition: str, name: str) -> dict[str, Any]:
    arn = f"arn:{partition}:s3:::{name}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


def _elsewhere(name: str, region: str, identity: Identity) -> WizardError:
    return UsageError(
        "WAG-E-STATE-003",
        f"The bucket {name} is in {region}, not in {identity.region}",
        why="A deployment's state is kept in its own Region, where colleagues find it by its tag.",
        next_step=f"Choose a bucket of {identity.region}, or a name that does not exist yet.",
        keys=("state_bucket",),
    )
