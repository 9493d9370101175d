"""The certificates that the Node step offers for the name that is chosen there. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.core.certificates import covers, fitting, titled, unfit, validity
from wizard.ui.widgets.picklist import Item

if TYPE_CHECKING:
    from wizard.core.facts import Certificate
    from wizard.ui.state import WizardState

TITLE = "Certificate"
MADE = Item("", "make one for me", "renewed by AWS")


def items(state: WizardState) -> tuple[Item, ...]:
    """What can be picked: a new one, and those for the node's name.

    One that was picked and does not serve (any more) stays, with the reason: no answer is dropped
    without a word.
    """
    host, chosen = state.answers.node_host, state.answers.certificate_arn
    good = fitting(state.certificates.value or (), host)
    rows = [MADE, *(Item(c.arn, titled(c), _detail(c)) for c in good)]
    if chosen and all(row.value != chosen for row in rows):
        found = _chosen(state)
        title = titled(found) if found else chosen.rpartition("/")[2]
        rows.append(Item(chosen, title, chosen, _reason(state)))
    return tuple(rows)


def title(state: WizardState) -> str:
    """The list's title: what it is filled with, or why it holds nothing of the user's."""
    host, mine = state.answers.node_host, state.certificates
    if not host:
        return f"{TITLE}   yours are listed once zone and record are known"
    if mine.value is None:
        return TITLE if mine.error else f"{TITLE}   reading yours"
    if not fitting(mine.value, host):
        return f"{TITLE}   none of yours is for {host}"
    return f"{TITLE} for {host}"


def problem(state: WizardState) -> str:
    """Why the picked one cannot be gone on with, in a few words; empty when it can."""
    return "pick another certificate" if _reason(state) else ""


def _reason(state: WizardState) -> str:
    """Why the picked one does not serve; empty while that is not known."""
    chosen, mine = state.answers.certificate_arn, state.certificates.value
    if not chosen or mine is None:
        return ""
    found = _chosen(state)
    if found is None:
        return "not among your valid certificates here"
    host = state.answers.node_host
    if not covers(found.names, host):
        return f"not for {host}"  # its own names stand beside it
    return unfit(found, host)


def _chosen(state: WizardState) -> Certificate | None:
    arn = state.answers.certificate_arn
    return next((c for c in state.certificates.value or () if c.arn == arn), None)


def _detail(certificate: Certificate) -> str:
    return f"{validity(certificate)}  {certificate.arn.rpartition('/')[2][:8]}"
