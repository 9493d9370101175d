"""The real backend of the questions: what a person can pick from, and the checks of an answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wizard.core.answers.model import Answers
from wizard.core.answers.parse import build
from wizard.core.facts import (
    Api,
    Certificate,
    HostedZone,
    Identity,
    Inventory,
    LogGroup,
    Network,
    Stage,
)
from wizard.flows.account import Lookup
from wizard.flows.preflight import Check
from wizard.flows.sign_in import Profile
from wizard.ui.backend import ShowLogin
from wizard.ui.live_home import LiveHome
from wizard.ui.views import Existing

if TYPE_CHECKING:
    from wizard.core.secret import Secret
    from wizard.flows.context import Options


class LiveLook(LiveHome):
    """Looking around. Changes nothing."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._lookup = Lookup(options, self._ask_code)
        self._looked = Answers()  # with whose profile and Region deployments elsewhere were found

    def preflight(
        self, answers: Answers, on_check: Callable[[Check], None], only: str = ""
    ) -> None:
        """The checks of the first screen."""
        self._lookup.preflight(answers, on_check, only)

    def existing(self) -> tuple[Existing, ...]:
        """Deployments on this machine that hold something, or were begun and not finished."""
        from wizard.flows.deployment.find import found_deployments

        return tuple(
            found
            for found in found_deployments(self.options)
            if found.resources != 0 or found.unfinished is not None
        )

    def elsewhere(self, answers: Answers) -> tuple[Existing, ...]:
        """Deployments of this account and Region that are not on this machine."""
        from wizard.flows.deployment.find import find_in_account

        self._looked = answers
        session = self._lookup.session(answers)
        identity = session.identity()
        place = (identity.account_id, identity.region)
        known = [e.name_prefix for e in self.existing() if (e.account_id, e.region) == place]
        return find_in_account(session, identity, known, answers.state_bucket).found

    def saved(self, existing: Existing) -> Answers | None:
        """The answers that deployment was made with."""
        from wizard.flows.deployment import remote
        from wizard.flows.deployment.answers import answers_of, read_shared_answers

        if existing.remote:
            session = self._lookup.session(self._looked)
            asked = self._looked.with_(name_prefix=existing.name_prefix, region=existing.region)
            seen = remote.read_remote(session, session.identity(), asked)
            return seen.answers if seen is not None else None
        if existing.root:
            data = answers_of(existing.root)
        else:
            data = read_shared_answers(self._lookup.session(self._looked), existing)
            data = {**data, "profile": self._looked.profile} if data else {}
        return build(data, check=False) if data else None

    def profiles(self) -> tuple[Profile, ...]:
        """Profiles of the AWS configuration."""
        return self._lookup.profiles()

    def regions(self, answers: Answers) -> tuple[str, ...]:
        """Regions with API Gateway."""
        return self._lookup.regions(answers)

    def identity(self, answers: Answers) -> Identity:
        """Who the credentials belong to."""
        return self._lookup.identity(answers)

    def sso_login(self, answers: Answers, show: ShowLogin, cancel: threading.Event) -> None:
        """Log in with IAM Identity Center."""
        self._lookup.sso_login(answers, show, cancel)

    def discover(
        self,
        answers: Answers,
        on_batch: Callable[[tuple[Stage, ...]], None],
        on_count: Callable[[int, int], None],
        cancel: threading.Event,
        *,
        priority: Callable[[Api], Any] | None = None,
        on_cached: Callable[[tuple[Stage, ...], float], None] | None = None,
    ) -> Inventory:
        """Every API and stage."""
        self._inventory = self._lookup.discover(
            answers, on_batch, on_count, cancel, priority=priority, on_cached=on_cached
        )
        return self._inventory

    def log_groups(self, answers: Answers) -> tuple[LogGroup, ...]:
        """Log groups of the Region."""
        return self._lookup.log_groups(answers)

    def networks(self, answers: Answers) -> tuple[Network, ...]:
        """VPCs."""
        return self._lookup.networks(answers)

    def zones(self, answers: Answers) -> tuple[HostedZone, ...]:
        """Hosted zones."""
        return self._lookup.zones(answers)

    def certificates(self, answers: Answers) -> tuple[Certificate, ...]:
        """Certificates."""
        return self._lookup.certificates(answers)

    def check_token(self, answers: Answers, token: Secret) -> Check:
        """Ask the Wallarm Cloud."""
        return self._lookup.check_token(answers, token)

    def check_node(self, answers: Answers) -> Check:
        """Ask an existing node."""
        return self._lookup.check_node(answers)
