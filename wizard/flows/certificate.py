"""The certificate of the user's that the answers name: looked at before anything is changed.

A certificate that cannot serve the node's name would let the deployment succeed and every delivery
fail; so the review refuses it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from wizard.core.answers.model import Answers
from wizard.core.certificates import in_use, listed, soon, unfit, validity
from wizard.core.errors import UsageError, WizardError
from wizard.services.aws.network import describe
from wizard.services.aws.session import Session

NOT_FOUND = "WAG-E-AWS-014"


@dataclass(frozen=True)
class Given:
    """What to say of it: `used` are (what, words) for the review, `warnings` sentences."""

    used: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()


def look(session: Session, answers: Answers) -> Given:
    """The given certificate as it is now; nothing where none is given.

    Raises UsageError WAG-E-CERT-001 when it does not exist or cannot serve the node's name. Not
    being able to look is a warning.
    """
    arn, host = answers.certificate_arn, answers.node_host
    if not arn or not host:
        return Given()
    try:
        found = describe(session, arn)
    except WizardError as error:
        if error.code == NOT_FOUND:
            raise _refused(arn, "does not exist in this account and Region") from error
        text = f"Whether the certificate {arn} is one for {host} could not be checked: {error.what}"
        return Given((("Certificate", f"yours, not checked: {arn}"),), (text,))
    now = time.time()
    reason = unfit(found, host, now)
    if reason:
        raise _refused(arn, reason)
    renewal = "Import it again in time." if found.kind == "IMPORTED" else "AWS renews it if it can."
    warnings = (
        (f"The certificate {listed(found)} {validity(found)}. {renewal}",)
        if soon(found, now)
        else ()
    )
    return Given((in_use(found),), warnings)


def _refused(arn: str, reason: str) -> UsageError:
    return UsageError(
        "WAG-E-CERT-001",
        "The certificate cannot serve the node",
        why=f"{arn}: it {reason}.",
        next_step="Choose another one with certificate_arn, or leave it empty: then one is made. "
        "Nothing was changed.",
        keys=("certificate_arn",),
    )
