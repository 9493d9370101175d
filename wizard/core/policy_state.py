"""Permissions for a state in S3: only for answers that keep it there."""

from __future__ import annotations

from wizard.core.answers.model import Answers
from wizard.core.permissions.grants import CHANGING, DEPLOY, PURPOSES, Grant, Scope, of
from wizard.core.state_place import LOCAL, StatePlace


def shared(answers: Answers) -> bool:
    """The state is kept in S3."""
    return answers.state_bucket not in ("", LOCAL)


def _bucket(scope: Scope) -> tuple[str, ...]:
    return ("arn:{p}:s3:::" + scope.answers.state_bucket,)


def _objects(scope: Scope) -> tuple[str, ...]:
    place = StatePlace(scope.answers.state_bucket, "{a}", "{r}", "{n}")
    return ("arn:{p}:s3:::" + scope.answers.state_bucket + "/" + place.folder + "*",)


_CHOSEN = "It is the bucket that the answers name."

STATE: tuple[Grant, ...] = (
    Grant("FindState", ("tag:GetResources",), ("*",),
          "Find out whether a colleague keeps this deployment's state in a bucket.", PURPOSES,
          wide="AWS supports no resource for this; it reads names and tags only.",
          sometimes=True),
    Grant("LookAtStateBucket", of("s3", "GetBucketTagging GetBucketVersioning ListBucket"),
          _bucket, "See whether the bucket exists, how it is set, and what is in it.", PURPOSES,
          shared, wide=_CHOSEN),
    Grant("ReadState", ("s3:GetObject",), _objects,
          "Read state, answers and journal of this deployment.", PURPOSES, shared, wide=_CHOSEN),
    Grant("WriteState", of("s3", "DeleteObject PutObject"), _objects,
          "Keep state, answers and journal; lock and unlock them.", CHANGING, shared,
          wide=_CHOSEN),
    Grant("MakeStateBucket",
          of("s3", "CreateBucket PutBucketPolicy PutBucketPublicAccessBlock PutBucketTagging "
             "PutBucketVersioning PutEncryptionConfiguration"),
          _bucket, "Make the bucket if it does not exist: private, encrypted, versioned, TLS only.",
          (DEPLOY,), shared, wide=_CHOSEN,
          sometimes=True),
)  # fmt: skip
