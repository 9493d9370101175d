"""Certificates in ACM: those that there are, and one of them as it is now."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from wizard.core.certificates import KEYS
from wizard.core.facts import Certificate
from wizard.services.aws.errors import explained, is_denied, is_not_found

if TYPE_CHECKING:
    from wizard.services.aws.session import Session


def certificates(session: Session) -> tuple[Certificate, ...]:
    """Every issued certificate of the Region that is valid and has a key a load balancer takes.

    What the list leaves out (names beyond the first hundred) is asked for one by one; where that
    is not allowed, the names in the list have to do.
    """
    client = session.client("acm")
    with explained("Reading the certificates", session.profile):
        asked: Any = {"CertificateStatuses": ["ISSUED"], "Includes": {"keyTypes": list(KEYS)}}
        pages = client.get_paginator("list_certificates").paginate(**asked)
        items = [dict(item) for page in pages for item in page.get("CertificateSummaryList", [])]
        found = tuple(_whole(client, item) for item in items)
    now = time.time()
    return tuple(c for c in found if c.key in KEYS and not 0 < c.expires <= now)


def describe(session: Session, arn: str) -> Certificate:
    """This certificate. Raises WizardError when it does not exist or cannot be read."""
    with explained(f"Reading the certificate {arn}", session.profile):
        return read(session.client("acm"), arn)


def read(client: Any, arn: str) -> Certificate:
    """The same with a client of ACM; botocore's errors pass."""
    return _certificate(client.describe_certificate(CertificateArn=arn)["Certificate"])


def _whole(client: Any, item: dict[str, Any]) -> Certificate:
    complete = item.get("SubjectAlternativeNameSummaries") and item.get("NotAfter")
    if complete and not item.get("HasAdditionalSubjectAlternativeNames"):
        return _certificate(item)
    try:
        return read(client, item["CertificateArn"])
    except ClientError as error:
        if is_denied(error) or is_not_found(error):
            return _certificate(item)
        raise


def _certificate(item: dict[str, Any]) -> Certificate:
    """From ACM's summary or description; they differ in where the further names are."""
    more = item.get("SubjectAlternativeNames") or item.get("SubjectAlternativeNameSummaries") or []
    first = item.get("DomainName", "")
    expires = item.get("NotAfter")
    return Certificate(
        arn=item.get("CertificateArn", ""),
        names=tuple(dict.fromkeys(name for name in (first, *more) if name)),
        status=item.get("Status", "ISSUED"),
        kind=item.get("Type", "AMAZON_ISSUED"),
        key=str(item.get("KeyAlgorithm", KEYS[0])).replace("-", "_"),
        expires=expires.timestamp() if isinstance(expires, datetime) else 0.0,
    )
