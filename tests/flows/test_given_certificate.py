"""A certificate of the user's is looked at in the review, before anything is changed."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from wizard.core.answers.model import Answers
from wizard.core.certificates import DAY
from wizard.core.errors import UsageError
from wizard.flows.install import Given, check_certificate
from wizard.services.aws.session import Session

ARN = "arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
ANSWERS = Answers(r53_domain_name="example.com", node_dns_name="node", certificate_arn=ARN)


class Acm:
    """Answers as ACM does, and counts how often it is asked."""

    profile = login_profile = ""

    def __init__(self, refusal: str = "", days: float = 90.5, **changes: Any) -> None:
        self.refusal, self.asked = refusal, 0
        expires = _moment(time.time() + days * DAY)
        self.held = {"CertificateArn": ARN, "DomainName": "*.example.com", "Status": "ISSUED",
                     "Type": "AMAZON_ISSUED", "KeyAlgorithm": "RSA_2048",
                     "NotAfter": expires, **changes}  # fmt: skip

    def client(self, service: str) -> Acm:
        assert service == "acm"
        return self

    def describe_certificate(self, **asked: str) -> dict[str, Any]:
        self.asked += 1
        assert asked == {"CertificateArn": ARN}
        if self.refusal:
            said = {"Error": {"Code": self.refusal, "Message": "no"}}
            raise ClientError(cast("Any", said), "DescribeCertificate")
        return {"Certificate": self.held}


def _moment(seconds: float) -> Any:
    from datetime import datetime, timezone

    return datetime.fromtimestamp(seconds, timezone.utc)


def seen(acm: Acm, answers: Answers = ANSWERS) -> Given:
    return check_certificate(cast("Session", acm), answers)


def test_a_good_one_is_named_in_the_review_with_what_becomes_of_it() -> None:
    found = seen(Acm())
    [(name, words)] = found.used
    assert name == "Certificate *.example.com"
    assert words.startswith("yours, expires 20")
    assert words.endswith("it stays")
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"DomainName": "*.example.org"}, "is for *.example.org, not for node.example.com"),
        ({"Status": "PENDING_VALIDATION"}, "PENDING_VALIDATION"),
        ({"days": -1}, "expired on"),
        ({"KeyAlgorithm": "RSA_1024"}, "RSA_1024"),
        ({"Type": "PRIVATE"}, "private CA"),
        ({"refusal": "ResourceNotFoundException"}, "does not exist"),
    ],
)
def test_one_that_cannot_serve_the_node_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as told:
        seen(Acm(**changes))
    assert told.value.code == "WAG-E-CERT-001"
    assert told.value.keys == ("certificate_arn",)
    assert words in told.value.why
    assert "Nothing was changed" in told.value.next_step


@pytest.mark.parametrize("refusal", ["AccessDeniedException", "ThrottlingException"])
def test_not_being_able_to_look_is_a_warning(refusal: str) -> None:
    found = seen(Acm(refusal=refusal))
    assert found.used == (("Certificate", f"yours, not checked: {ARN}"),)
    [text] = found.warnings
    assert "could not be checked" in text
    assert "node.example.com" in text


@pytest.mark.parametrize(
    ("kind", "words"), [("AMAZON_ISSUED", "AWS renews it"), ("IMPORTED", "Import it again")]
)
def test_one_that_expires_soon_is_told_with_who_renews_it(kind: str, words: str) -> None:
    found = seen(Acm(days=5, Type=kind))
    assert found.used
    [text] = found.warnings
    assert words in text


@pytest.mark.parametrize(
    "answers", [ANSWERS.with_(certificate_arn=""), ANSWERS.with_(node_url="node:443")]
)
def test_where_none_is_used_none_is_asked_about(answers: Answers) -> None:
    acm = Acm()
    assert seen(acm, answers) == Given()
    assert acm.asked == 0
