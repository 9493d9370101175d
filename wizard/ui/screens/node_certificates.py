"""The certificates that the Node step offers for the name that is chosen there. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.core.certificates import covers, fitting, same_record, titled, unfit, validity
from wizard.ui.widgets.fields import Choice
from wizard.ui.widgets.picklist import Item

if TYPE_CHECKING:
    from wizard.core.answers.model import Answers
    from wizard.core.facts import Certificate
    from wizard.ui.session import Loaded

    Mine = Loaded[tuple[Certificate, ...]]

TITLE = "Certificate"
MADE = Item("", "make one for me", "renewed by AWS")
KEYS = ("r53_domain_name", "node_dns_name", "certificate_arn", "certificate_validation_record")
RECORD = "DNS record that proves it to ACM"
MAKE, THERE = "make", "there"


def items(answers: Answers, mine: Mine) -> tuple[Item, ...]:
    """What can be picked: a new one, and those for the node's name.

    One that was picked and does not serve (any more) stays, with the reason: no answer is dropped
    without a word.
    """
    host, chosen = answers.node_host, answers.certificate_arn
    good = fitting(mine.value or (), host)
    rows = [MADE, *(Item(c.arn, titled(c), _detail(c)) for c in good)]
    if chosen and all(row.value != chosen for row in rows):
        found = _chosen(answers, mine)
        title = titled(found) if found else chosen.rpartition("/")[2]
        rows.append(Item(chosen, title, chosen, _reason(answers, mine)))
    return tuple(rows)


def title(answers: Answers, mine: Mine) -> str:
    """The list's title: what it is filled with, or why it holds nothing of the user's."""
    host = answers.node_host
    if not host:
        return f"{TITLE}   yours are listed once zone and record are known"
    if mine.value is None:
        return TITLE if mine.error else f"{TITLE}   reading yours"
    if not fitting(mine.value, host):
        return f"{TITLE}   none of yours is for {host}"
    return f"{TITLE} for {host}"


def asks_for_record(answers: Answers) -> bool:
    """Whether it matters who makes the record: only a certificate that is made here needs one."""
    return bool(answers.node_host) and not answers.certificate_arn


def record(answers: Answers) -> str:
    """Which of the two is chosen."""
    return MAKE if answers.certificate_validation_record else THERE


def record_choices(answers: Answers, mine: Mine) -> tuple[Choice, ...]:
    """The record is made, or was made for another certificate; what is known of that one."""
    others = [
        titled(c)
        for c in mine.value or ()
        if c.kind == "AMAZON_ISSUED" and same_record(c.names, answers.node_host)
    ]
    known = f"{others[0]} of yours has it" if others else "another certificate of this name has it"
    return (
        Choice(MAKE, "make it", "it goes when the node does, unless another certificate needs it"),
        Choice(THERE, "it is there", f"{known}, here or in another Region; it stays"),
    )


def problem(answers: Answers, mine: Mine) -> str:
    """Why the picked one cannot be gone on with, in a few words; empty when it can."""
    return "pick another certificate" if _reason(answers, mine) else ""


def _reason(answers: Answers, mine: Mine) -> str:
    """Why the picked one does not serve; empty while that is not known."""
    chosen = answers.certificate_arn
    if not chosen or mine.value is None:
        return ""
    found = _chosen(answers, mine)
    if found is None:
        return "not among your valid certificates here"
    host = answers.node_host
    if not covers(found.names, host):
        return f"not for {host}"  # its own names stand beside it
    return unfit(found, host)


def _chosen(answers: Answers, mine: Mine) -> Certificate | None:
    arn = answers.certificate_arn
    return next((c for c in mine.value or () if c.arn == arn), None)


def _detail(certificate: Certificate) -> str:
    return f"{validity(certificate)}  {certificate.arn.rpartition('/')[2][:8]}"
