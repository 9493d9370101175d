"""What is still there after a removal is named: seen, or not seen, or kept on purpose."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.flows.account import World
from wizard.core.answers.model import Answers
from wizard.core.installation import Marks
from wizard.core.tfvars import DEPLOYMENT_TAG, INSTALLATION_TAG
from wizard.flows import uninstall
from wizard.flows.context import Context, Options
from wizard.flows.log_data import LogData
from wizard.flows.uninstall import (
    Removal,
    Uninstall,
)
from wizard.services.aws.deployment.tagged import is_there, marked_resources, really_there


def test_what_carries_our_marks_after_the_removal_is_named_once_it_is_really_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = "1" * 16
    s3, logs = world.session.client("s3"), world.session.client("logs")
    s3.create_bucket(Bucket="ours-left")
    for group in ("/kept", "/left"):
        logs.create_log_group(logGroupName=group)
    place = f"arn:aws:logs:{world.box.region}:{world.identity.account_id}:log-group"
    listed = ("arn:aws:s3:::ours-left", "arn:aws:s3:::gone", f"{place}:/kept", f"{place}:/left",
              "arn:aws:ssm:r:1:parameter/wallarm-apigw/api-gw-discovery/installation")  # fmt: skip
    monkeypatch.setattr(uninstall, "marked_resources", lambda *_: listed)
    job: Any = object.__new__(Uninstall)
    job.context, job.answers = Context(Options(env={}), lambda _: None), Answers()
    job.deployment = SimpleNamespace(session=world.session, marks=Marks("it", (mine,)))
    job._delete_logs = False
    found = Removal((), SimpleNamespace(), "", (), (LogData("/kept", "a"),))  # type: ignore[arg-type]
    try:
        left = job._still_there(found)
    finally:
        s3.delete_bucket(Bucket="ours-left")
        for group in ("/kept", "/left"):
            logs.delete_log_group(logGroupName=group)
    assert [text.partition(": still there")[0].rpartition(":")[2] for text in left] == [
        "ours-left", "/left",
    ]  # fmt: skip
    assert job._still_there(found) == (), "they are gone now, whatever is still listed"


def test_what_cannot_be_asked_about_is_not_said_to_be_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = "arn:aws:somethingnew:us-east-1:000000000000:thing/1"
    monkeypatch.setattr(uninstall, "marked_resources", lambda *_: (arn,))
    job: Any = object.__new__(Uninstall)
    job.context, job.answers = Context(Options(env={}), lambda _: None), Answers()
    job.deployment = SimpleNamespace(session=world.session, marks=Marks("it", ("1" * 16,)))
    job._delete_logs = False
    (left,) = job._still_there(Removal((), SimpleNamespace(), "", ()))  # type: ignore[arg-type]
    assert left == f"{arn}: whether it is gone could not be seen; its tag is still listed"


def test_of_what_is_listed_by_the_name_only_what_carries_this_id_is_ours(world: World) -> None:
    s3 = world.session.client("s3")
    name = f"{world.identity.account_id}-{world.box.region}-api-gw-discovery"
    for bucket, installation in (("ours-left", "1" * 16), ("theirs-live", "2" * 16)):
        s3.create_bucket(Bucket=bucket)
        tags = {DEPLOYMENT_TAG: name, INSTALLATION_TAG: installation}
        listed = [{"Key": k, "Value": v} for k, v in tags.items()]
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": listed})
    try:
        assert marked_resources(world.session, Marks(name, ("1" * 16,))) == (
            "arn:aws:s3:::ours-left",
        )
        assert marked_resources(world.session, Marks(name, ("",))) == ()
    finally:
        for bucket in ("ours-left", "theirs-live"):
            s3.delete_bucket(Bucket=bucket)


ARN = "arn:aws:{service}:us-east-1:000000000000:{rest}"


@pytest.mark.parametrize(
    ("service", "rest"),
    [
        ("lambda", "function:nothing-here"),
        ("logs", "log-group:/nothing/here"),
        ("ssm", "parameter/nothing/here"),
        ("ecs", "cluster/nothing-here"),
        ("elasticloadbalancing", "loadbalancer/app/nothing-here/1234"),
        ("elasticloadbalancing", "targetgroup/nothing-here/1234"),
        ("ec2", "vpc/vpc-0123456789abcdef0"),
        ("ec2", "subnet/subnet-0123456789abcdef0"),
        ("ec2", "natgateway/nat-0123456789abcdef0"),
        ("ec2", "route-table/rtb-0123456789abcdef0"),
        ("ec2", "internet-gateway/igw-0123456789abcdef0"),
    ],
)
def test_what_the_service_does_not_know_is_gone(world: World, service: str, rest: str) -> None:
    arn = ARN.format(service=service, rest=rest)
    assert is_there(world.session, arn) is False
    assert is_there(world.session, "arn:aws:s3:::no-such-bucket-of-ours-here") is False


@pytest.mark.parametrize(
    ("status", "there"), [("ACTIVE", True), ("DRAINING", False), ("INACTIVE", False)]
)
def test_an_ecs_service_that_is_inactive_is_gone(status: str, there: bool) -> None:
    arn = ARN.format(service="ecs", rest="service/cluster/node")
    answer = {"services": [{"status": status}]}
    ecs = SimpleNamespace(describe_services=lambda **_: answer)
    clients: Any = SimpleNamespace(client=lambda _: ecs)
    assert is_there(clients, arn) is there


def test_what_may_not_be_read_is_neither_there_nor_gone() -> None:
    def denied(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "DescribeServices")

    ecs = SimpleNamespace(describe_services=denied)
    clients: Any = SimpleNamespace(client=lambda _: ecs)
    assert is_there(clients, ARN.format(service="ecs", rest="service/cluster/node")) is None


def test_a_kind_that_nobody_can_ask_about_is_named(world: World) -> None:
    arn = ARN.format(service="somethingnew", rest="thing/1")
    assert really_there(world.session, [arn]) == (arn,)
