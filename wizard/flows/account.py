"""What a person wants to pick from: reads the account, changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.core.answers.model import Answers
from wizard.flows import sign_in
from wizard.flows.preflight import Preflight
from wizard.flows.sign_in import Profile
from wizard.services.forwarder_packages import find_downloads

if TYPE_CHECKING:
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
    from wizard.flows.context import Options
    from wizard.services.aws.regions import RegionApis
    from wizard.services.aws.session import Session


class Lookup:
    """Reads for the screens. Keeps one AWS session per profile and Region, so that an MFA code is
    asked for once. Every method blocks.

    Args:
        ask_mfa: asked for a one-time code; gets the prompt's text.
        tell: gets a sentence where the user's credential helper takes its time.
        cache: folder for the last list of stages. By default the platform's; none for a local AWS,
            whose APIs are others each time.
    """

    def __init__(
        self,
        options: Options,
        ask_mfa: Callable[[str], str] | None = None,
        cache: Path | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._tell = tell
        self.options = options
        self._cache = cache
        self._ask_mfa = ask_mfa
        self._sessions: dict[tuple[str, str, str], Session] = {}
        self._lock = threading.Lock()
        self.checks = Preflight(options, self.session)

    def session(self, answers: Answers) -> Session:
        """The session that these answers mean."""
        from wizard.services.aws.session import Session

        key = (answers.profile, answers.region, answers.role_arn)
        with self._lock:
            if key not in self._sessions:
                self._sessions[key] = Session(
                    answers.profile,
                    answers.region,
                    env=self.options.env,
                    mfa=self._ask_mfa,
                    role_arn=answers.role_arn,
                    tell=self._tell,
                )
            return self._sessions[key]

    def profiles(self) -> tuple[Profile, ...]:
        """The profiles of this user's AWS configuration, with how each gets its credentials."""
        return sign_in.profiles(self.options.env, self.session(Answers()).profiles())

    def bundles(self) -> tuple[str, ...]:
        """Downloads on this machine that look like Wallarm's forwarder, newest first."""
        return tuple(str(path) for path in find_downloads(self.options.env))

    def regions(self, answers: Answers) -> tuple[str, ...]:
        """Regions that have API Gateway."""
        return self.session(answers).regions()

    def count_regions(
        self, answers: Answers, on_region: Callable[[RegionApis], None]
    ) -> tuple[RegionApis, ...]:
        """APIs and connected stages of each Region; `on_region` is told from several threads."""
        from wizard.flows.context import Context
        from wizard.flows.stages.connect import count_regions

        context = Context(self.options, lambda _: None, ask_code=self._ask_mfa)
        return count_regions(context, answers, on_region)

    def identity(self, answers: Answers) -> Identity:
        """Who the credentials belong to, asked anew."""
        session = self.session(answers)
        session.renew()
        return session.identity()

    def sso_login(
        self, answers: Answers, show: Callable[[str, str], None], cancel: threading.Event
    ) -> None:
        """Log in with the AWS CLI, which keeps the login where boto3 and Terraform find it."""
        sign_in.sso_login(self.options.env, answers.profile, show, cancel)
        self.session(answers).renew()

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
        """Every API and stage of the Region.

        Args:
            priority: which API is read next, see `discovery.reading_order`, which is the default.
            on_cached: told the list of the last time and how many seconds old it is, before
                anything is read.
        """
        from wizard.services.aws import discovery as cache
        from wizard.services.aws.discovery import discover, reading_order

        session = self.session(answers)
        identity = session.identity()
        folder = self._cache
        if folder is None and not self.options.env.get("AWS_ENDPOINT_URL"):
            folder = cache.default_folder()
        before = cache.load_inventory(identity, folder) if folder else None
        if before is not None and on_cached is not None:
            on_cached(before.inventory.stages, before.age)
        found = discover(
            session,
            identity,
            on_batch=on_batch,
            on_count=on_count,
            cancel=cancel,
            priority=priority or reading_order,
        )
        if folder and not cancel.is_set():
            cache.save_inventory(found, folder)
        return found

    def log_groups(self, answers: Answers) -> tuple[LogGroup, ...]:
        """Every log group of the Region; filters are not looked up."""
        from wizard.services.aws.log_groups import list_log_groups

        return list_log_groups(self.session(answers))

    def networks(self, answers: Answers) -> tuple[Network, ...]:
        """VPCs with their subnets."""
        from wizard.services.aws.network import networks

        return networks(self.session(answers))

    def zones(self, answers: Answers) -> tuple[HostedZone, ...]:
        """Route 53 hosted zones."""
        from wizard.services.aws.network import hosted_zones

        return hosted_zones(self.session(answers))

    def certificates(self, answers: Answers) -> tuple[Certificate, ...]:
        """Issued certificates of the Region, for whatever names."""
        from wizard.services.aws.network import certificates

        return certificates(self.session(answers))
