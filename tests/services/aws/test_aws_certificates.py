"""Certificates in ACM, on a local AWS; what that lacks is answered by botocore's stubber.

The local AWS lists a certificate's ARN, first name and status only, on one page, and knows no key
but RSA 2048: so its list also shows what is done about a list that says little. Pages, further
names, other keys and refusals are AWS's answers as its API reference has them, played.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.stub import Stubber

from wizard.core.certificates import KEYS, fitting
from wizard.core.errors import WizardError
from wizard.services.aws.network import certificates, describe_certificate
from wizard.services.aws.session import Session

LATER = datetime.now(timezone.utc) + timedelta(days=200)
BASE = "arn:aws:acm:eu-central-1:123456789012:certificate/"
ASKED = {"CertificateStatuses": ["ISSUED"], "Includes": {"keyTypes": list(KEYS)}}


def made(session: Session, *names: str) -> str:
    answer = session.client("acm").request_certificate(
        DomainName=names[0], SubjectAlternativeNames=list(names), ValidationMethod="DNS"
    )
    return str(answer["CertificateArn"])


def test_an_issued_certificate_is_found_with_all_its_names_and_its_expiry(
    session: Session, world: Any
) -> None:
    domain = f"{world.name()}.example.com"
    arn = made(session, domain, f"*.{domain}")
    found = next(c for c in certificates(session) if c.arn == arn)
    assert found.names == (domain, f"*.{domain}")
    assert found.status == "ISSUED"
    assert found.key in KEYS
    assert found.expires == pytest.approx(
        (datetime.now(timezone.utc) + timedelta(days=365)).timestamp(), abs=3600
    )
    assert fitting(certificates(session), f"node.{domain}") == (found,)
    assert describe_certificate(session, arn) == found


def test_one_that_is_gone_is_said_to_be_gone(session: Session, world: Any) -> None:
    arn = made(session, f"{world.name()}.example.com")
    session.client("acm").delete_certificate(CertificateArn=arn)
    assert arn not in [c.arn for c in certificates(session)]
    with pytest.raises(WizardError, match="does not exist") as caught:
        describe_certificate(session, arn)
    assert caught.value.code == "WAG-E-AWS-014"


# --- played ---------------------------------------------------------------------------------------


@pytest.fixture
def acm(session: Session) -> Iterator[Stubber]:
    with Stubber(session.client("acm")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def summary(number: int, *names: str, **changes: Any) -> dict[str, Any]:
    item: dict[str, Any] = {
        "CertificateArn": f"{BASE}{number}",
        "DomainName": names[0],
        "SubjectAlternativeNameSummaries": list(names),
        "HasAdditionalSubjectAlternativeNames": False,
        "Status": "ISSUED",
        "Type": "AMAZON_ISSUED",
        "KeyAlgorithm": "RSA-2048",
        "NotAfter": LATER,
    }
    return {**item, **changes}


def page(*items: dict[str, Any], more: str = "") -> dict[str, Any]:
    return {"CertificateSummaryList": list(items), **({"NextToken": more} if more else {})}


def test_every_page_is_read_with_keys_that_acm_lists_only_when_asked(
    session: Session, acm: Stubber
) -> None:
    acm.add_response("list_certificates", page(summary(1, "a.example.com"), more="2"), ASKED)
    acm.add_response(
        "list_certificates",
        page(summary(2, "b.example.com", KeyAlgorithm="EC_prime256v1", Type="IMPORTED")),
        {**ASKED, "NextToken": "2"},
    )
    first, second = certificates(session)
    assert (first.names, first.key, first.kind) == (("a.example.com",), "RSA_2048", "AMAZON_ISSUED")
    assert (second.key, second.kind) == ("EC_prime256v1", "IMPORTED")
    assert second.expires == LATER.timestamp()


def test_names_beyond_those_in_the_list_are_asked_for(session: Session, acm: Stubber) -> None:
    item = summary(1, "a.example.com", HasAdditionalSubjectAlternativeNames=True)
    acm.add_response("list_certificates", page(item, summary(2, "b.example.com")), ASKED)
    whole = {
        **{k: v for k, v in item.items() if "Summaries" not in k and "HasAdd" not in k},
        "SubjectAlternativeNames": ["a.example.com", "node.example.com"],
    }
    acm.add_response(
        "describe_certificate", {"Certificate": whole}, {"CertificateArn": item["CertificateArn"]}
    )
    found = certificates(session)
    assert [c.names for c in found] == [("a.example.com", "node.example.com"), ("b.example.com",)]


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
def test_where_they_may_not_be_asked_for_the_list_has_to_do(
    session: Session, acm: Stubber, code: str
) -> None:
    item = summary(1, "a.example.com", HasAdditionalSubjectAlternativeNames=True)
    acm.add_response("list_certificates", page(item), ASKED)
    acm.add_client_error("describe_certificate", code)
    assert [c.names for c in certificates(session)] == [("a.example.com",)]


def test_what_is_expired_or_has_a_key_no_load_balancer_takes_is_left_out(
    session: Session, acm: Stubber
) -> None:
    items = (
        summary(1, "a.example.com", NotAfter=datetime.now(timezone.utc) - timedelta(seconds=5)),
        summary(2, "b.example.com", KeyAlgorithm="RSA_1024"),
        summary(3, "c.example.com"),
    )
    acm.add_response("list_certificates", page(*items), ASKED)
    assert [c.arn for c in certificates(session)] == [f"{BASE}3"]


def test_a_refusal_names_the_missing_right(session: Session, acm: Stubber) -> None:
    acm.add_client_error(
        "list_certificates",
        "AccessDeniedException",
        "User: jane is not authorized to perform: acm:ListCertificates",
    )
    with pytest.raises(WizardError, match="acm:ListCertificates is not allowed"):
        certificates(session)
