"""The deployments that somebody may want to go on with: here, in S3, or seen by their tags alone.

Changes nothing but the file of unfinished answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.core.answers.model import Answers
from wizard.core.answers.parse import build_answers
from wizard.core.errors import UsageError

if TYPE_CHECKING:
    from wizard.core.facts import StageRef
    from wizard.core.journal.unfinished import Unfinished
    from wizard.core.known_deployment import KnownDeployment
    from wizard.core.secret import Secret
    from wizard.core.stages.lines import LastEvent
    from wizard.flows.account import Lookup
    from wizard.flows.context import Context
    from wizard.flows.status import Status


class Deployments:
    """Finds deployments and the answers they were made with. Every method blocks."""

    def __init__(self, context: Context, account: Lookup) -> None:
        self._context = context
        self._account = account
        self._asked = Answers()  # with whose profile and Region they were looked for in AWS

    def here(self) -> tuple[KnownDeployment, ...]:
        """Those on this machine that hold something, or were begun and not finished."""
        from wizard.flows.deployment.find import found_deployments

        return tuple(
            one
            for one in found_deployments(self._context.options)
            if one.resources != 0 or one.unfinished is not None
        )

    def in_account(self, answers: Answers) -> tuple[KnownDeployment, ...]:
        """Those of this account and Region that are not on this machine."""
        from wizard.flows.deployment.find import find_in_account

        self._asked = answers
        session = self._account.session(answers)
        identity = session.identity()
        place = (identity.account_id, identity.region)
        known = [one.name_prefix for one in self.here() if (one.account_id, one.region) == place]
        return find_in_account(session, identity, known, answers.state_bucket).found

    def answers_of(self, known: KnownDeployment) -> Answers | None:
        """The answers that deployment was made with; None where there are none."""
        from wizard.flows.deployment.answers import (
            answers_of,
            read_shared_answers,
            shared_answers,
        )
        from wizard.flows.deployment.remote import read_remote

        asked = self._asked
        if known.remote:
            session = self._account.session(asked)
            wanted = asked.with_(name_prefix=known.name_prefix, region=known.region)
            seen = read_remote(session, session.identity(), wanted)
            return seen.answers if seen is not None else None
        if known.root is not None and not known.bucket:
            data = answers_of(known.root)
        elif known.root is not None:
            # Colleagues may have changed them since: what lies here is not to take their place.
            own = build_answers(answers_of(known.root), check=False)
            session = self._account.session(asked.with_(region=known.region, profile=own.profile))
            options, prefix = self._context.options, known.name_prefix
            data = shared_answers(options, session, session.identity(), prefix)
            data = {**data, "profile": own.profile} if data else {}
        else:
            data = read_shared_answers(self._account.session(asked), known)
            data = {**data, "profile": asked.profile} if data else {}
        return build_answers(data, check=False) if data else None

    def unfinished(self, answers: Answers) -> Unfinished | None:
        """The run that waits to be gone on with, as the shared record and the account tell it; None
        where there is none, where somebody is at work, or where it is somebody else's by now."""
        from wizard.core.installation import Standing
        from wizard.flows.deployment.locks import who_works
        from wizard.flows.deployment.open import identify, read_deployment
        from wizard.flows.deployment.ownership import read_ownership

        session = self._account.session(answers)
        identity = identify(session, answers)
        deployment = read_deployment(self._context, answers, session, identity, "status")
        found = deployment.journal.unfinished
        if found is None or who_works(deployment):
            return None
        strange = (Standing.THEIRS, Standing.NOBODYS)
        return None if read_ownership(deployment).standing in strange else found

    def status(self, answers: Answers) -> Status:
        """How a deployment does, its connected stages among it."""
        from wizard.flows.status import read_status

        return read_status(self._context, answers)

    def last_events(self, answers: Answers) -> dict[StageRef, LastEvent]:
        """When each connected stage wrote its last log line; may take longer than `status`."""
        from wizard.flows.status import read_last_events

        return read_last_events(self._context, answers)

    def rotate_token(self, answers: Answers, token: Secret) -> None:
        """Store the new token and restart the node with it. Raises WizardError."""
        from wizard.flows.token import rotate

        rotate(self._context, answers, token)

    def draft(self) -> Answers | None:
        """Unfinished answers of an earlier start, if they can still be read."""
        from wizard.flows.deployment.answers import load_draft

        try:
            data = load_draft(self._context.options)
            return build_answers(data, check=False) if data else None
        except UsageError:
            return None

    def draft_file(self) -> str:
        """Where unfinished answers are kept."""
        from wizard.flows.deployment.answers import draft_file

        return str(draft_file(self._context.options))

    def save_draft(self, answers: Answers) -> str:
        """Keep answers for the next start; returns the file. It holds no secret."""
        from wizard.flows.deployment.answers import save_draft

        return str(save_draft(self._context.options, answers))

    def drop_draft(self) -> None:
        """They are deployed: the deployment's own folder holds them from now on."""
        from wizard.flows.deployment.answers import drop_draft

        drop_draft(self._context.options)
