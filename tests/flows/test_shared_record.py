"""The record by which another certificate renews is no part of a removal."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.flows.account import World
from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.flows import uninstall
from wizard.flows.log_data import LogData
from wizard.flows.uninstall import (
    VALIDATION,
    Removal,
    SharedRecord,
    Uninstall,
    find_shared_record,
)
from wizard.services.aws import network
from wizard.services.aws.regions import enabled_regions
from wizard.services.aws.session import Session

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


NO = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "x")


def test_a_certificate_of_another_region_keeps_it(world: World) -> None:
    """ACM asks for one record in all Regions."""
    session, plan = world.session.begin(), planned(VALIDATION)
    far: Any = session.in_region("eu-west-1").client("acm")
    assert found_record(world, "arn", plan) == SharedRecord()
    other = far.request_certificate(DomainName="node.example.com")["CertificateArn"]
    try:
        kept = found_record(world, "arn", plan)
        assert ":eu-west-1:" in other, "where it was made"
        assert kept.address == VALIDATION
        assert kept.why.endswith(f"{other} renews by it")
    finally:
        far.delete_certificate(CertificateArn=other)


@pytest.mark.parametrize("refused", ["ListCertificates", "DescribeRegions"])
def test_it_stays_as_well_where_nobody_may_see_who_else_needs_it(
    world: World, refused: str
) -> None:
    def refuse(operation: str, _arguments: Any) -> None:
        if operation == refused:
            raise NO

    world.session.begin().before = refuse
    kept = found_record(world, "arn", planned(VALIDATION))
    world.session.begin()
    assert kept.address == VALIDATION
    assert "whether another one renews by it was not seen" in kept.why


@pytest.mark.parametrize(
    ("closed", "where"),
    [
        (("eu-west-1",), "in eu-west-1 renews"),
        (("eu-west-1", "eu-west-2", "eu-west-3"), "in eu-west-1, eu-west-2, eu-west-3 renews"),
        (
            ("eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1"),
            "in eu-central-1, eu-west-1, eu-west-2 and 2 more Regions renews",
        ),
    ],
)
def test_it_stays_where_some_regions_are_closed_to_who_removes_and_says_which(
    world: World, closed: tuple[str, ...], where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, asked = world.session.begin(), []

    def certificates(one: Session, host: str) -> tuple[str, ...]:
        asked.append(one.region)
        if one.region in closed:
            raise WizardError("WAG-E-AWS-007", "acm:ListCertificates is not allowed")
        return ()

    monkeypatch.setattr(network, "certificates_for", certificates)
    kept = found_record(world, "arn", planned(VALIDATION))
    assert kept.address == VALIDATION
    assert kept.why.endswith(f"whether one {where} by it was not seen: "
                             "acm:ListCertificates is not allowed")  # fmt: skip
    assert sorted(asked) == sorted(set(enabled_regions(session)) - {session.region}), "each once"


@pytest.mark.parametrize("delete_logs", [True, False])
def test_terraform_lets_what_stays_go_and_removes_the_rest(
    monkeypatch: pytest.MonkeyPatch, delete_logs: bool
) -> None:
    told: list[tuple[str, ...]] = []
    rest = planned("aws_vpc.this[0]")
    terraform = SimpleNamespace(forget=told.append, plan=lambda **_: rest)
    job: Uninstall = object.__new__(Uninstall)
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
