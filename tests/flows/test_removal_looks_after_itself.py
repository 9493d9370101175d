"""A removal counts what waits, names what it puts back, and says what is really left."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.flows.account import GROUP, World
from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.facts import AccessLog, StageSettings
from wizard.core.installation import Marks
from wizard.core.journal.record import Record, StageRecord
from wizard.core.tfvars import DEPLOYMENT_TAG, INSTALLATION_TAG, Outputs
from wizard.flows import uninstall
from wizard.flows.context import Context, Options
from wizard.flows.redrive import KeptBatch
from wizard.flows.uninstall import (
    VALIDATION,
    LogData,
    Removal,
    SharedRecord,
    Uninstall,
    find_shared_record,
)
from wizard.services.aws.deployment.existence import is_there, really_there
from wizard.services.aws.deployment.tagged import marked_resources

OUTPUTS = Outputs(GROUP, "arn", "forwarder", "/aws/lambda/forwarder", "node:5050",
                  undelivered_bucket="x-undelivered-1a2b3c4d")  # fmt: skip


class Waiting:
    """Batches that wait; a replay delivers those that the node takes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int, refused: int = 0) -> None:
        self.left = [KeptBatch(f"batch-{n}", 0.0, 1) for n in range(number)]
        self.refused = {b.key for b in self.left[:refused]}
        self.replayed: list[str] = []
        monkeypatch.setattr(uninstall, "kept_batches", lambda *_: tuple(self.left))
        monkeypatch.setattr(uninstall, "replay_recorded", self.replay)

    def replay(self, _deployment: object, _outputs: object, batch: KeptBatch) -> bool:
        self.replayed.append(batch.key)
        if batch.key in self.refused:
            return False
        self.left.remove(batch)
        return True


def removal(*answers: bool, undelivered: str = "") -> tuple[Uninstall, list[str]]:
    asked: list[str] = []
    left = list(answers)

    def ask(question: str) -> bool:
        asked.append(question)
        return left.pop(0) if left else False

    job: Uninstall = object.__new__(Uninstall)
    options = Options(env={}, undelivered=undelivered)
    job.context = Context(options, lambda _: None, lambda _: True, ask)
    job.deployment = SimpleNamespace(outputs=lambda: OUTPUTS)  # type: ignore[assignment]
    return job, asked


def test_yes_to_everything_is_no_yes_to_losing_events(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Waiting(monkeypatch, 3)
    job, asked = removal()  # nobody is there: `--yes` does not answer for a person
    with pytest.raises(WizardError, match="WAG-E-REMOVE-001") as caught:
        job._settle_undelivered()
    assert "3 batches of events" in caught.value.what
    assert OUTPUTS.undelivered_bucket in caught.value.what
    for way in ("wallarm-apigw redrive", "--undelivered replay", "--undelivered discard"):
        assert way in caught.value.next_step
    assert len(asked) == 2
    assert len(waiting.left) == 3
    assert waiting.replayed == []


@pytest.mark.parametrize("wish", ["", "replay"])
def test_they_are_replayed_first_where_somebody_says_so(
    monkeypatch: pytest.MonkeyPatch, wish: str
) -> None:
    waiting = Waiting(monkeypatch, 2)
    job, asked = removal(True, undelivered=wish)
    job._settle_undelivered()
    assert waiting.left == []
    assert len(asked) == (0 if wish else 1)


def test_what_cannot_be_delivered_is_asked_about_again(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Waiting(monkeypatch, 3, refused=1)
    job, asked = removal(True, True)
    job._settle_undelivered()
    assert [b.key for b in waiting.left] == ["batch-0"]
    assert "1 batch of events could not be delivered" in asked[1]


def test_without_anybody_to_ask_what_cannot_be_delivered_stops_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Waiting(monkeypatch, 3, refused=2)
    job, asked = removal(undelivered="replay")
    with pytest.raises(WizardError, match="2 batches of events could not be delivered"):
        job._settle_undelivered()
    assert asked == []


@pytest.mark.parametrize(("wish", "answers"), [("discard", ()), ("", (False, True))])
def test_they_go_with_the_bucket_where_somebody_says_that(
    monkeypatch: pytest.MonkeyPatch, wish: str, answers: tuple[bool, ...]
) -> None:
    waiting = Waiting(monkeypatch, 1)
    job, _ = removal(*answers, undelivered=wish)
    job._settle_undelivered()
    assert waiting.replayed == []


def test_stages_that_others_connected_and_that_nobody_would_forward_are_named(
    world: World,
) -> None:
    first, second, third = world.inventory.stages[:3]
    ours = StageSettings(AccessLog(world.arn, "$context.requestId"))
    stages = (replace(first, settings=ours), replace(second, settings=ours), third)
    inventory = replace(world.inventory, stages=stages)
    held = StageRecord(first.ref, "REST", StageSettings(), ours, connected=True)
    told = uninstall._others(inventory, Record(stages={first.ref: held}), OUTPUTS)
    (text,) = told
    assert text.startswith(f"{second.api.name} / {second.name} ({second.ref}) logs to {GROUP}")
    assert "nobody forwards" in text
    assert uninstall._others(None, Record(), OUTPUTS) == ()
    assert uninstall._others(inventory, Record(), None) == ()


def test_a_stage_that_is_put_back_is_told_with_its_apis_name(world: World) -> None:
    stage = next(s for s in world.inventory.stages if not s.settings.access_log.enabled)
    world.connect(world.session.begin(), stage)
    with world.open(world.session.begin(), "uninstall") as deployment:
        job: Any = object.__new__(Uninstall)
        job.context, job.deployment, job._ask = deployment.context, deployment, None
        held = tuple(deployment.journal.record.stages.values())
        found = Removal(held, None, "", (), api_names={stage.ref: stage.api.name})
        (report,) = job._stages(found)
    assert report.api_name == stage.api.name


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


# --- The record that proves a certificate ---------------------------------------------------------

HTTPS = Answers(r53_domain_name="example.com", node_dns_name="node")


def planned(*addresses: str) -> Any:
    changes = [SimpleNamespace(address=a, action="delete") for a in addresses]
    return SimpleNamespace(changes=changes, discard=lambda: None)


def found_record(world: World, ours: str, plan: Any, answers: Answers = HTTPS) -> SharedRecord:
    facts = SimpleNamespace(certificate=ours)
    held = SimpleNamespace(session=world.session, state_facts=lambda: facts)
    return find_shared_record(held, answers, plan)  # type: ignore[arg-type]


def test_the_record_by_which_another_certificate_renews_stays_at_a_removal(world: World) -> None:
    world.session.begin()
    acm: Any = world.session.client("acm")
    ours, other = (acm.request_certificate(DomainName="node.example.com") for _ in range(2))
    mine, plan = ours["CertificateArn"], planned("aws_vpc.this[0]", VALIDATION)
    try:
        kept = found_record(world, mine, plan)
        assert kept.address == VALIDATION
        assert kept.why.endswith(f"{other['CertificateArn']} renews by it")
        assert "node.example.com" in kept.why
        assert found_record(world, mine, planned("aws_vpc.this[0]")) == SharedRecord()
        elsewhere = Answers(node_url="node:5050")
        assert found_record(world, mine, plan, elsewhere) == SharedRecord()
        acm.delete_certificate(CertificateArn=other["CertificateArn"])
        assert found_record(world, mine, plan) == SharedRecord()
        below = acm.request_certificate(DomainName="*.node.example.com")["CertificateArn"]
        assert found_record(world, mine, plan).address == VALIDATION
        acm.delete_certificate(CertificateArn=below)
        apart = acm.request_certificate(DomainName="other.example.com")["CertificateArn"]
        assert found_record(world, mine, plan) == SharedRecord()
        acm.delete_certificate(CertificateArn=apart)
    finally:
        acm.delete_certificate(CertificateArn=mine)


def test_it_stays_as_well_where_nobody_may_see_who_else_needs_it(world: World) -> None:
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "x")

    def refuse(operation: str, _arguments: Any) -> None:
        if operation == "ListCertificates":
            raise denied

    world.session.begin().before = refuse
    kept = found_record(world, "arn", planned(VALIDATION))
    world.session.begin()
    assert kept.address == VALIDATION
    assert "whether another one renews by it was not seen" in kept.why


@pytest.mark.parametrize("delete_logs", [True, False])
def test_terraform_lets_what_stays_go_and_removes_the_rest(
    monkeypatch: pytest.MonkeyPatch, delete_logs: bool
) -> None:
    told: list[tuple[str, ...]] = []
    rest = planned("aws_vpc.this[0]")
    terraform = SimpleNamespace(forget=told.append, plan=lambda **_: rest)
    job, _ = removal()
    job._delete_logs = delete_logs
    job.deployment = SimpleNamespace(terraform=terraform)  # type: ignore[assignment]
    group = LogData("/aws/x", "aws_cloudwatch_log_group.api[0]")
    monkeypatch.setattr(uninstall, "keep_log_data", lambda _d, data: told.append(
        tuple(one.address for one in data)))  # fmt: skip
    monkeypatch.setattr(uninstall, "beyond", lambda *_: ())
    wanted = Removal((), planned("aws_vpc.this[0]", VALIDATION), "", (), (group,),
                     shared=SharedRecord(VALIDATION, "why"))  # fmt: skip
    assert job._keep_what_stays(wanted) is rest
    logs = [] if delete_logs else [(group.address,)]
    assert told == [*logs, (VALIDATION,)]
    told.clear()
    plain = Removal((), rest, "", (), ())
    assert job._keep_what_stays(plain) is rest
    assert told == []
