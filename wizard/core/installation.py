"""Whose deployment it is: an id made once per installation, and what it says about what is there.

A name alone proves nothing: account, Region and name prefix are the same for everybody who installs
under that prefix. The id is in the record of the computer that made it, in the tag of every
resource, and in one parameter that can be made only once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum

from wizard.core.tfvars import DEPLOYMENT_TAG, INSTALLATION_TAG

ID = re.compile(r"[0-9a-f]{16}")
NO_ID = ""
"""Stands for the mark of a deployment that an earlier version made: it has none."""


@dataclass(frozen=True)
class Installation:
    """One installation. `by` is user and computer, `at` ISO 8601 in UTC; empty where not known."""

    id: str
    by: str = ""
    at: str = ""

    def __str__(self) -> str:
        """`4f…, made by jane on desk, 2026-11-27 06:40 UTC`."""
        made = f", made by {self.by}" if self.by else ""
        when = f", {self.at[:16].replace('T', ' ')} UTC" if self.at else ""
        return f"{self.id or 'an installation without an id'}{made}{when}"

    def to_json(self) -> str:
        """As the parameter holds it."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> Installation:
        """The inverse; a text that is none is an installation whose id nobody has."""
        try:
            data = json.loads(text)
            return cls(*(str(data.get(key, ""))[:200] for key in ("id", "by", "at")))
        except (ValueError, AttributeError, RecursionError):
            return cls("unreadable")


@dataclass(frozen=True)
class Marks:
    """What something must carry to be this installation's.

    Attributes:
        deployment: value of the tag that names account, Region and prefix.
        installations: ids that count; `NO_ID` for what carries none.
    """

    deployment: str
    installations: tuple[str, ...]

    def cover(self, tags: Mapping[str, str]) -> bool:
        """Whether something with these tags is this installation's."""
        return (
            tags.get(DEPLOYMENT_TAG) == self.deployment
            and tags.get(INSTALLATION_TAG, NO_ID) in self.installations
        )


class Standing(Enum):
    """What the account holds under this name, seen from this installation."""

    FREE = "free"  # nothing
    OURS = "ours"
    UNMARKED = "unmarked"  # ours by our state; an earlier version made it, without an id
    GONE = "gone"  # our state knows it, the account does not
    THEIRS = "theirs"
    NOBODYS = "nobody's"  # it carries no id, and no state here knows it


def owned_ids(own: str, claim: Installation | None, taken_over: str | None) -> frozenset[str]:
    """The ids that are this installation's: its own, and once the name is claimed for it, that of
    the one it takes over. That somebody has only looked at a take-over gives no right to anything.

    Args:
        own: the id in this deployment's record; empty where it has none.
        claim: what the parameter of this name says; None where there is none.
        taken_over: the id of the installation that this one takes over; None where it does not.
    """
    ours = {own} - {NO_ID}
    if taken_over is not None and claim is not None and claim.id in ours:
        ours.add(taken_over)
    return frozenset(ours)


def judge_ownership(
    own: str,
    *,
    state: bool,
    claim: Installation | None,
    forwarder: str | None,
    taken_over: str | None = None,
) -> Standing:
    """Whose it is.

    Args:
        own, claim, taken_over: see `owned_ids`.
        state: whether our state, here or in a bucket that we joined, knows any resource.
        forwarder: the id that the forwarder of this name carries; empty where it carries none,
            None where there is no forwarder.
    """
    if claim is None and forwarder is None:
        return Standing.GONE if state else Standing.FREE
    ours = owned_ids(own, claim, taken_over)
    if claim is not None and claim.id not in ours:
        return Standing.THEIRS
    if forwarder is None:
        return Standing.GONE if state else Standing.OURS
    if forwarder in ours:
        return Standing.OURS
    if forwarder != NO_ID:
        return Standing.THEIRS
    # What a mere look at a take-over wrote into a state makes nothing ours.
    return Standing.UNMARKED if state and taken_over is None else Standing.NOBODYS
