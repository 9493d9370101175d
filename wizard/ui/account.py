"""What is read from the AWS account for the screens, and outlives each of them.

Who we are, what can be picked from, and every stage of the Region. Each list is read in a thread of
its own; whoever shows one subscribes to `changed`, which gives the list that changed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from textual.signal import Signal

from wizard.core.errors import WizardError
from wizard.ui.session import Loaded
from wizard.ui.stage_list import StageBook, make_row

if TYPE_CHECKING:
    from textual.app import App

    from wizard.core.answers.model import Answers
    from wizard.core.facts import (
        Certificate,
        HostedZone,
        Identity,
        Inventory,
        LogGroup,
        Network,
        Stage,
    )
    from wizard.core.journal.unfinished import Unfinished
    from wizard.core.known_deployment import KnownDeployment
    from wizard.flows.account import Profile
    from wizard.flows.status import StageStatus
    from wizard.services.aws.regions import RegionApis
    from wizard.ui.product import Product
    from wizard.ui.session import Session
    from wizard.ui.stage_list import StageRow
    from wizard.ui.workers import Workers

T = TypeVar("T")
ROWS_AT_ONCE = 250  # as many rows reach the event loop in one call


class Account:
    """The account as far as it was read."""

    def __init__(
        self,
        app: App[Any],
        session: Session,
        product: Product,
        workers: Workers,
        clock: Callable[[], float],
    ) -> None:
        self._app, self._session, self._product = app, session, product
        self._workers, self._clock = workers, clock
        self.changed: Signal[Loaded[Any]] = Signal(app, "something of the account was read")
        self.rows_changed: Signal[StageBook] = Signal(app, "stages were read")
        self.profiles: Loaded[tuple[Profile, ...]] = Loaded()
        self.regions: Loaded[tuple[str, ...]] = Loaded()
        self.region_counts: Loaded[dict[str, RegionApis]] = Loaded()  # those read so far
        self.regions_counted_at = 0.0  # on the app's clock; 0.0 while they are read
        self.regions_told = 0  # how many were read this time
        self.identity: Loaded[Identity] = Loaded()
        self.here: Loaded[tuple[KnownDeployment, ...]] = Loaded()
        self.in_account: Loaded[tuple[KnownDeployment, ...]] = Loaded()
        self.opened: Loaded[Answers] = Loaded()  # the answers of a deployment
        self.connected: Loaded[tuple[StageStatus, ...]] = Loaded()
        self.log_group_arn = ""  # of the deployment whose connected stages were read
        self.inventory: Loaded[Inventory] = Loaded()
        self.log_groups: Loaded[tuple[LogGroup, ...]] = Loaded()
        self.networks: Loaded[tuple[Network, ...]] = Loaded()
        self.zones: Loaded[tuple[HostedZone, ...]] = Loaded()
        self.certificates: Loaded[tuple[Certificate, ...]] = Loaded()
        self.book = StageBook()
        self.apis_read: tuple[int, int] = (0, 0)  # read, known
        self.cached_age: float | None = None  # seconds; the rows are those of the last time
        self._reading_regions: dict[str, RegionApis] = {}
        self._counts = False  # more APIs were read since that was told
        self._stop_reading = threading.Event()
        self._by_ref: tuple[Inventory | None, dict[str, Stage]] = (None, {})
        self._groups: dict[int, str] = {}  # what is read by which group of workers, for `drop`
        session.before_screens.append(self._answers_changed)

    def _load(
        self,
        item: Loaded[T],
        group: str,
        call: Callable[[], T],
        then: Callable[[T], None] | None = None,
    ) -> None:
        """Read something; a newer reading of the same thing wins."""

        def take(found: T | WizardError) -> None:
            item.end(found)
            if item.error is None and item.value is not None and then is not None:
                then(item.value)
            self.changed.publish(item)

        item.begin(self._clock())
        self._groups[id(item)] = group
        self._workers.start(group, call, take)
        self.changed.publish(item)

    def _once(self, item: Loaded[T], group: str, call: Callable[[], T], *, again: bool) -> None:
        if again or (item.value is None and not item.busy):
            self._load(item, group, call)

    def _drop(self, item: Loaded[Any]) -> None:
        """Forget it, and whatever is on its way."""
        if group := self._groups.pop(id(item), ""):
            self._workers.drop(group)
        item.reset()

    # Who we are -------------------------------------------------------------------------------

    def identify(self) -> None:
        """Ask AWS who we are, then read the stages; a code is asked for where one is needed."""
        answers, flow = self._session.answers, self._product.account()

        def known(_: Identity) -> None:
            self.read_stages()
            self.find_in_account()

        self._load(self.identity, "identity", lambda: flow.identity(answers), known)

    def read_profiles(self) -> None:
        """Profiles of the user's AWS configuration, once."""
        self._once(self.profiles, "profiles", self._product.account().profiles, again=False)

    def read_regions(self) -> None:
        """Regions that have API Gateway, once."""
        answers, flow = self._session.answers, self._product.account()
        self._once(self.regions, "regions", lambda: flow.regions(answers), again=False)

    def count_regions(self, *, again: bool = False) -> None:
        """APIs and connected stages of every Region, each told as it was read; once."""
        item = self.region_counts
        if item.busy or (item.value is not None and not again):
            return
        answers, flow = self._session.answers, self._product.account()
        found = dict(item.value or {})  # what is known stays until it is read anew
        self.regions_counted_at, self.regions_told = 0.0, 0

        def tell(one: RegionApis) -> None:
            self._app.call_later(counted, one)

        def counted(one: RegionApis) -> None:
            if item.busy and item.value is not None and self._reading_regions is found:
                item.value[one.region] = one
                self.regions_told += 1
                self.changed.publish(item)

        def read() -> dict[str, RegionApis]:
            return {one.region: one for one in flow.count_regions(answers, tell)}

        def over(_: dict[str, RegionApis]) -> None:
            self.regions_counted_at = self._clock()

        self._reading_regions = item.value = found
        self._load(item, "region_counts", read, over)

    # What can be picked from ------------------------------------------------------------------

    def read_log_groups(self, *, again: bool = False) -> None:
        """Log groups of the Region."""
        answers, flow = self._session.answers, self._product.account()
        self._once(self.log_groups, "log_groups", lambda: flow.log_groups(answers), again=again)

    def read_networks(self) -> None:
        """VPCs and their subnets, once."""
        answers, flow = self._session.answers, self._product.account()
        self._once(self.networks, "networks", lambda: flow.networks(answers), again=False)

    def read_zones(self) -> None:
        """Hosted zones, and the certificates of the Region, once."""
        answers, flow = self._session.answers, self._product.account()
        self._once(self.zones, "zones", lambda: flow.zones(answers), again=False)
        self._once(
            self.certificates, "certificates", lambda: flow.certificates(answers), again=False
        )

    # Deployments ------------------------------------------------------------------------------

    @property
    def deployments(self) -> tuple[KnownDeployment, ...]:
        """All that were found, those within reach first."""
        known = (*(self.here.value or ()), *(self.in_account.value or ()))
        return tuple(sorted(dict.fromkeys(known), key=lambda one: one.remote))

    @property
    def deployment(self) -> KnownDeployment | None:
        """The one that the answers are about; otherwise the first; None where there is none.

        Answers that name their account are about no other one's deployment.
        """
        answers = self._session.answers
        own = ("", answers.account_id) if answers.account_id else ()
        found = [one for one in self.deployments if not own or one.account_id in own]
        wanted = (answers.name_prefix, answers.region)
        mine = [one for one in found if (one.name_prefix, one.region) == wanted]
        return mine[0] if mine else found[0] if found else None

    def find_here(self, *, again: bool = False) -> None:
        """Look for deployments on this machine."""
        self._once(self.here, "here", self._product.deployments().here, again=again)

    def find_in_account(self) -> None:
        """Look for deployments in the account, once."""
        answers, flow = self._session.answers, self._product.deployments()
        self._once(self.in_account, "elsewhere", lambda: flow.in_account(answers), again=False)

    def open(self, known: KnownDeployment) -> None:
        """Read the answers that a deployment was made with; whoever takes them hears `changed`."""
        flow, present = self._product.deployments(), self._session.answers
        self._load(self.opened, "opened", lambda: flow.answers_of(known) or present)

    def read_unfinished(self, known: KnownDeployment, then: Callable[[Unfinished], None]) -> None:
        """Ask for the run of a deployment that did not come to its end, as the shared record and
        the account tell it by now; where they cannot be asked, this computer's record counts."""
        answers, flow = self._session.answers, self._product.deployments()

        def take(found: Unfinished | WizardError | None) -> None:
            run = known.unfinished if isinstance(found, WizardError) else found
            if run is not None:
                then(run)

        self._workers.start("unfinished", lambda: flow.unfinished(answers), take)

    def read_connected(self, *, again: bool = False) -> None:
        """The stages that the deployment has connected, once."""
        answers, flow = self._session.answers, self._product.deployments()

        def read() -> tuple[StageStatus, ...]:
            status = flow.status(answers)
            self.log_group_arn = status.outputs.api_gateway_log_group_arn
            return status.stages

        self._once(self.connected, "connected", read, again=again)

    def deployment_changed(self) -> None:
        """Something of the deployment was changed: what was read of it is void."""
        self._drop(self.connected)
        self.log_group_arn = ""

    # Stages -----------------------------------------------------------------------------------

    def read_stages(self, *, again: bool = False) -> None:
        """Read APIs and stages; rows appear as they come."""
        if self.inventory.busy or (self.inventory.value is not None and not again):
            return
        self._stop_reading.set()
        self._stop_reading = stop = threading.Event()
        self._forget_stages()
        answers, flow = self._session.answers, self._product.account()

        def on_loop(call: Callable[..., None], *values: Any) -> None:
            self._app.call_later(lambda: None if stop.is_set() else call(*values))

        def read(stages: tuple[Stage, ...]) -> None:
            for start in range(0, len(stages), ROWS_AT_ONCE):
                if stop.is_set():
                    return
                on_loop(self.book.add, tuple(map(make_row, stages[start : start + ROWS_AT_ONCE])))

        def cached(stages: tuple[Stage, ...], age: float) -> None:
            on_loop(self._cached, age)
            read(stages)

        def work() -> Inventory:
            found = flow.discover(
                answers,
                read,
                lambda read, known: on_loop(self._counted, read, known),
                stop,
                priority=self.book.priority,
                on_cached=cached,
            )
            on_loop(self.book.keep, frozenset(str(stage.ref) for stage in found.stages))
            return found

        self._load(self.inventory, "inventory", work, self._all_read)

    def _cached(self, age: float) -> None:
        self.cached_age = age
        self.changed.publish(self.inventory)

    def _counted(self, read: int, known: int) -> None:
        self.apis_read = (read, known)
        self._counts = True

    def _all_read(self, found: Inventory) -> None:
        self.cached_age = None
        self.book.add_problems(found.problems)
        self.tell_news()
        if self._session.mode == "install":
            self.read_networks()  # a Region without room for a VPC is a question

    def stages_by_ref(self) -> dict[str, Stage]:
        """Every stage that was read, by `<api id>/<stage>`."""
        found = self.inventory.value
        if found is not self._by_ref[0]:
            stages = found.stages if found is not None else ()
            self._by_ref = (found, {str(stage.ref): stage for stage in stages})
        return self._by_ref[1]

    def tell_news(self) -> None:
        """Tell of the rows that came and how far it is; the app calls it ten times a second."""
        if self._counts:
            self._counts = False
            self.changed.publish(self.inventory)
        if self.book.waits:
            self.book.apply(self._session.selected)
            self.rows_changed.publish(self.book)

    def row(self, ref: str) -> StageRow | None:
        """The row of a stage, where it was read."""
        return self.book.by_ref.get(ref)

    def _forget_stages(self) -> None:
        self.book.clear()
        self.apis_read, self.cached_age = (0, 0), None

    def _answers_changed(self, before: Answers, after: Answers) -> None:
        """Another account or Region: everything read from the old one is void."""
        if (after.profile, after.role_arn) != (before.profile, before.role_arn):
            self._drop(self.region_counts)
        if (after.profile, after.region) == (before.profile, before.region):
            return
        self._stop_reading.set()
        for item in (
            self.identity,
            self.in_account,
            self.inventory,
            self.log_groups,
            self.networks,
            self.zones,
            self.certificates,
        ):
            self._drop(item)
        self._forget_stages()

    def close(self) -> None:
        """Stop reading."""
        self._stop_reading.set()
