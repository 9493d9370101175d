"""The buckets that hold a deployment: found by their tag or given, led on to where it was moved.

Whose deployment lies there is told by the id that its answers were saved with, and which of several
counts by the name's claim in the account: buckets keep the record of what was removed long ago.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.facts import Identity
from wizard.core.installation import NO_ID, Installation
from wizard.core.migrations import NEWER
from wizard.core.state_place import Kept, StatePlace, backend_bucket, choose_bucket
from wizard.core.text import clean
from wizard.core.tfvars import installation_parameter_name
from wizard.services.aws.deployment import installation as account
from wizard.services.aws.session import Session
from wizard.services.workspace import s3_state
from wizard.services.workspace.journal import Journal
from wizard.services.workspace.s3_state import Moved, StateStore
from wizard.services.workspace.workspace import Workspace

MOST_MOVES = 5  # a state that was moved on and on
STOPPING = (NEWER, "WAG-E-ANSWERS-005", "WAG-E-STATE-014")
_GONE = "WAG-E-AWS-014"


@dataclass(frozen=True)
class Places:
    """What is in the buckets of a Region.

    Attributes:
        kept: where a deployment of this name lies.
        holder: who moved it out of a bucket to their computer; empty where nobody did.
        unread: buckets that could not be looked into, each with the reason.
    """

    kept: tuple[Kept, ...] = ()
    holder: str = ""
    unread: tuple[str, ...] = ()

    def installation_in(self, bucket: str, otherwise: str) -> str:
        """Whose lies in that bucket; `otherwise` where it was not looked into."""
        found = (one.installation for one in self.kept if one.bucket == bucket)
        return next(found, otherwise)

    def of(self, installation: str) -> str:
        """The bucket in which this installation's lies; empty where none does."""
        return next((one.bucket for one in self.kept if one.installation == installation), "")


def find_places(
    session: Session, identity: Identity, prefix: str, given: Collection[str] = ()
) -> Places:
    """Look into every bucket with the tag. Changes nothing.

    Args:
        given: buckets to look into whatever their tags.
    Raises WizardError where the buckets cannot be listed, or one holds what is damaged or newer.
    """
    kept: dict[str, Kept] = {}
    holder, unread = "", []
    for bucket in dict.fromkeys((*given, *s3_state.find_buckets(session))):
        try:
            found, by = _follow(session, identity, prefix, bucket)
        except WizardError as error:
            if error.code in STOPPING:
                raise
            # The tagging service still names a bucket that was deleted a moment ago.
            unread.append(f"s3://{bucket}: {error.what}")
            continue
        if found is not None:
            kept.setdefault(found.bucket, found)
        holder = holder or by
    return Places(tuple(kept.values()), holder, tuple(unread))


def _follow(
    session: Session, identity: Identity, prefix: str, bucket: str
) -> tuple[Kept | None, str]:
    """Where what once lay in this bucket is now, or who moved it to their computer."""
    known, by = False, ""
    for _ in range(MOST_MOVES):
        place = StatePlace(bucket, identity.account_id, identity.region, prefix)
        store = StateStore(session, place)
        answers, saved_by = store.saved()
        if answers:
            known, by = True, saved_by
        moved = store.moved()
        if moved is None:
            return (Kept(bucket, by) if known else None), ""
        if not moved.target:
            return None, clean(moved.by, 120)
        known, bucket = True, moved.target
    return None, ""


def read_claim(session: Session, prefix: str) -> Installation | None:
    """Whose the name is, as the account says it; None where nobody's. Raises WizardError."""
    name = installation_parameter_name(Answers(name_prefix=prefix))
    return account.read_claim(session.client("ssm"), name)


def find_bucket(
    session: Session,
    identity: Identity,
    prefix: str,
    *,
    own: str,
    new: bool,
    given: Collection[str] = (),
) -> tuple[str, Places]:
    """The bucket from which a computer that holds nothing of a deployment carries on, and
    everything that was found; see `choose_bucket`. Raises WizardError.

    Who may not read the claim is told nothing of it: then what lies in the buckets counts alone.
    """
    claim: Installation | None = None
    try:
        claim = read_claim(session, prefix)
    except WizardError:
        if not new:
            return "", Places()
    else:
        if (claim is None and not new) or (claim is not None and claim.id == own):
            return "", Places()
    places = find_places(session, identity, prefix, given)
    made = claim.id if claim is not None else None
    return choose_bucket(places.kept, claim=made, own=own, new=new), places


@dataclass(frozen=True)
class Folder:
    """What a computer's folder knows of where the state is.

    Attributes:
        bucket: where it says that the state is; empty for the folder itself.
        new: nothing was ever recorded in it.
        empty: its own state knows no resource.
        own: the id in its record; empty where it has none.
    """

    bucket: str = ""
    new: bool = True
    empty: bool = True
    own: str = ""


def folder_of(workspace: Workspace, journal: Journal) -> Folder:
    """What this computer's folder knows of where the state is."""
    bucket = backend_bucket(workspace.backend)
    made = journal.record.installation
    try:
        empty = not workspace.state.check()
    except WizardError:  # what is damaged is dealt with where it lies
        empty = False
    new = not bucket and workspace.state.is_new
    return Folder(bucket, new, empty, made.id if made is not None else NO_ID)


@dataclass(frozen=True)
class Located:
    """Where a deployment is.

    Attributes:
        bucket: empty for the computer's own folder.
        left: the state went from there to somebody's computer, and is in no bucket.
        told: what led on from where the folder says it is, as sentences.
        places: everything that was found, where it was looked for.
    """

    bucket: str = ""
    left: Moved | None = None
    told: tuple[str, ...] = ()
    places: Places = Places()


def locate(
    session: Session, identity: Identity, prefix: str, here: Folder, given: str = ""
) -> Located:
    """Find out where a deployment is. Changes nothing.

    A folder that holds nothing of it is led to the bucket of whoever has the name: it was removed
    from here once, its state was moved on, or its bucket is gone.

    Args:
        given: a bucket to look into whatever its tags; empty for none.
    Raises WizardError where the bucket in question is gone, damaged or may not be read.
    """
    further = (given,) if given else ()

    def search(own: str, *, new: bool = False) -> tuple[str, Places]:
        return find_bucket(session, identity, prefix, own=own, new=new, given=further)

    bucket = here.bucket
    if not bucket:
        if not (here.new or here.empty):
            return Located()
        found, places = search(here.own, new=here.new)
        return Located(found, places=places)
    told: list[str] = []
    for _ in range(MOST_MOVES):
        store = StateStore(
            session, StatePlace(bucket, identity.account_id, identity.region, prefix)
        )
        try:
            moved = store.moved()
        except WizardError as error:
            if error.code != _GONE:
                raise
            found, places = search(NO_ID)
            if not found:
                raise
            told.append(f"s3://{bucket} does not exist any more")
            return Located(found, told=tuple(told), places=places)
        if moved is None:
            facts = store.facts()
            other, places = "", Places()
            if facts is None or not facts.resources:
                other, places = search(here.own)
            return Located(other or bucket, told=tuple(told), places=places)
        by = clean(moved.by, 120)
        if not moved.target:
            found, places = search(NO_ID)
            if not found:
                return Located("", moved)
            told.append(f"{by} moved it out of s3://{bucket}")
            return Located(found, told=tuple(told), places=places)
        told.append(f"{by} moved it to s3://{moved.target}")
        bucket = moved.target
    raise WizardError(
        "WAG-E-STATE-006",
        "The state of this deployment is no longer in the bucket",
        why=f"It was moved on more than {MOST_MOVES} times; the last word is in s3://{bucket}.",
        next_step="Name the bucket where it is: use a new folder (--workspace DIR) with "
        "WALLARM_APIGW_STATE_BUCKET set.",
    )
