"""One run that changes the account, and the review before it: what outlives the screens of it.

The flow that was reviewed is the one that runs; it holds the deployment's lock from the review to
the end. Events come from its thread, are collected, and are told ten times a second.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from textual.signal import Signal
from textual.worker import get_current_worker

from wizard.core.errors import ExitCode, WizardError
from wizard.core.events import (
    FlowEvent,
    Hop,
    HopChanged,
    Note,
    Phase,
    PhaseChanged,
    StageReport,
    State,
    TerraformChanged,
)
from wizard.core.proof import Proof, initial
from wizard.core.text import clean
from wizard.ui.session import Loaded

if TYPE_CHECKING:
    from textual.app import App

    from wizard.core.answers.model import Answers
    from wizard.core.journal.record import StageRecord
    from wizard.core.terraform.plans import Attribute
    from wizard.core.terraform.progress import Progress
    from wizard.core.tfvars import Outputs
    from wizard.flows.install import Install, Review
    from wizard.flows.stages.connect import Addition, Stages, Withdrawal
    from wizard.flows.uninstall import Removal, Removed, Uninstall
    from wizard.ui.account import Account
    from wizard.ui.product import Product
    from wizard.ui.screens.home_text import Link
    from wizard.ui.session import Session
    from wizard.ui.workers import Workers

    Reviewed = Review | Addition

T = TypeVar("T")
LOG_LINES = 5_000
EVENTS_AT_ONCE = 2_000  # as many events are folded in before the keyboard has its turn


def snapshot_of(event: FlowEvent) -> Progress | None:
    """The picture of Terraform's work that an event brings."""
    if not isinstance(event, TerraformChanged):
        return None
    from wizard.core.terraform.progress import Progress  # not before the first screen

    return event.snapshot if isinstance(event.snapshot, Progress) else None


@dataclass
class RunState:
    """One run of deploy, stages and proof, as told by its events."""

    phases: dict[Phase, PhaseChanged] = field(default_factory=dict)
    progress: Progress | None = None
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LOG_LINES))
    told: int = 0  # lines ever added, so that a screen can append only what is new
    notes: list[Note] = field(default_factory=list)
    reports: dict[str, StageReport] = field(default_factory=dict)
    hops: dict[str, Hop] = field(default_factory=lambda: {h.key: h for h in initial()})
    error: WizardError | None = None
    error_phase: str = ""
    started: float = 0.0
    ended: float = 0.0
    cancelling: bool = False
    busy: bool = False
    done: set[str] = field(default_factory=set)  # step ids that ended well
    part_ends: dict[str, float] = field(default_factory=dict)  # when each of them did
    proof: Proof | None = None
    links: tuple[Link, ...] = ()
    removed: Removed | None = None
    leaving: tuple[str, ...] = ()  # stages that this run puts back
    put_back: set[str] = field(default_factory=set)  # of its own stages, one by one

    def hear(self, event: FlowEvent) -> None:
        """Fold one event in."""
        if isinstance(event, PhaseChanged):
            self.phases[event.phase] = event
            self.say(f"{event.title}: {event.state.value}")
        elif isinstance(event, Note):
            self.notes.append(event)
            self.say(f"{event.subject}: {event.text}" if event.subject else event.text)
        elif isinstance(event, StageReport):
            self.reports[str(event.ref)] = event
            self.say(f"{event.label}: {event.state.value}: {event.message}")
        elif isinstance(event, HopChanged):
            self.hops[event.hop.key] = event.hop
        elif isinstance(event, TerraformChanged):
            self.progress = snapshot_of(event) or self.progress
            if event.line:
                self.say(event.line)

    def say(self, text: str) -> None:
        """A line for the log."""
        self.lines.append(text)
        self.told += 1

    @property
    def exit_code(self) -> ExitCode:
        """What the command exits with, from how far the run came."""
        if self.error is not None:
            return self.error.exit_code
        if self.done.isdisjoint(("logging", "remove", "uninstall")):
            return ExitCode.INTERRUPTED
        incomplete = self.proof is not None and not self.proof.complete
        return ExitCode.FAILED if self.failed_stages or incomplete else ExitCode.DONE

    @property
    def failed_stages(self) -> tuple[str, ...]:
        """Stages whose logging could not be switched."""
        return tuple(ref for ref, r in self.reports.items() if r.state is State.FAILED)

    @property
    def problems(self) -> int:
        """How many things went wrong or are worth a warning."""
        terraform = len(self.progress.diagnostics) if self.progress else 0
        notes = sum(n.state in (State.FAILED, State.WARNING) for n in self.notes)
        return terraform + notes + len(self.failed_stages)


class DeploymentRun:
    """Reviews, runs, stops and takes back; the screens show `now`, `review` and `removal`."""

    def __init__(
        self,
        app: App[Any],
        session: Session,
        account: Account,
        product: Product,
        workers: Workers,
        clock: Callable[[], float],
    ) -> None:
        self._app, self._session, self._account = app, session, account
        self._product, self._workers, self._clock = product, workers, clock
        self.changed: Signal[DeploymentRun] = Signal(app, "the run went on")
        self.part_done: Signal[str] = Signal(app, "a part of the run ended well: its step")
        self.ended: Signal[DeploymentRun] = Signal(app, "nothing runs any more")
        self.now = RunState()
        self._before: RunState | None = None  # the run before this one
        self.review: Loaded[Reviewed] = Loaded()
        self.removal: Loaded[Removal] = Loaded()
        self.withdrawal: Loaded[Withdrawal] = Loaded()  # of some stages
        self._inbox: deque[FlowEvent | str] = deque()
        self._newest: deque[Progress] = deque(maxlen=1)
        self._stop_proof = threading.Event()
        # A review whose answers changed meanwhile comes to its end before the next one begins: both
        # would work in the same folder, and what is applied must be what was shown last.
        self._one_review = threading.Lock()
        # Of the flow that was reviewed; touched by one worker at a time.
        self._install: Install | None = None
        self._stages: Stages | None = None
        self._uninstall: Uninstall | None = None
        self._removal: Removal | None = None
        self._withdrawal: Withdrawal | None = None
        self._reviewed: Review | None = None  # what a person has seen
        self._left: Review | None = None  # of it, what the next try applies
        self._addition: Addition | None = None
        self._used = False  # the saved plan was applied, whether well or not
        self._outputs: Outputs | None = None
        session.before_screens.append(lambda *_: self.forget_review())

    # Review -----------------------------------------------------------------------------------

    def forget_review(self) -> None:
        """The answers changed: what was worked out for the old ones is void."""
        self._workers.drop("review")
        self.review.reset()

    @property
    def latest(self) -> RunState:
        """The run that did something last: what the program ends with."""
        begun = self.now.done or self.now.error is not None or self._before is None
        return self.now if begun or self._before is None else self._before

    def start_anew(self) -> None:
        """Forget the run and its review; what comes is another one."""
        if self.now.done or self.now.error is not None:
            self._before = self.now
        self.now = RunState()
        self.forget_review()

    def work_out(self) -> None:
        """Work out every change of the answers, or of adding stages. Nothing is changed by it."""
        call: Callable[[], Reviewed] = self._review_install
        if self._session.mode == "add":
            call = self._review_stages

        def take(found: Reviewed | WizardError) -> None:
            self.review.end(found)
            self.changed.publish(self)

        self.review.begin(self._clock())
        self._workers.start("review", call, take)
        self.changed.publish(self)

    def _review_install(self) -> Review:
        answers = self._session.answers
        with self._alone():
            return self._review_answers(answers)

    def _review_answers(self, answers: Answers) -> Review:
        self.close()
        self._outputs = None
        job = self._product.install(answers, self._session.token)
        job.session = self._product.account().session(answers)
        held = self._account.inventory.value
        if held is not None and held.identity.region == answers.region:
            job.inventory = held
        self._install = job.__enter__()
        self._reviewed = self._left = found = self._or_close(job.review)
        return found

    def _review_stages(self) -> Addition:
        answers = self._session.answers
        with self._alone():
            self.close()
            job = self._product.stages(answers)
            self._stages = job.__enter__()
            self._addition = found = self._or_close(lambda: job.review_add(answers.stages))
            self._outputs = found.outputs
            return found

    def attributes(self, address: str) -> tuple[Attribute, ...]:
        """What the reviewed plan does to a resource, attribute by attribute. Blocks."""
        install, found, stages = self._install, self._left, self._stages
        if install is not None and found is not None:
            return install.read_attributes(found).get(address, ())
        if stages is not None and self._addition is not None:
            return stages.read_attributes(self._addition).get(address, ())
        raise _nothing_reviewed("Plan again.")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """From a worker: when no other review is at work, and this one is still wanted."""
        with self._one_review:
            if get_current_worker().is_cancelled:
                raise _nothing_reviewed("Go back to Review.")  # nobody takes it
            yield

    def _or_close(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except BaseException:
            self.close()
            raise

    # The run ----------------------------------------------------------------------------------

    def start(self, only: tuple[str, ...] = ()) -> None:
        """Deploy, switch stages (all, or these alone), prove: whatever is not done yet."""
        if self.now.busy:
            return
        self._stop_proof = stop = threading.Event()
        wanted: list[tuple[str, Callable[[], Any]]] = [
            ("deploy", self._deploy),
            ("logging", lambda: self._switch(only)),
            ("proof", lambda: self._prove(stop)),
        ]
        if self._session.mode == "add":
            wanted[:2] = [("logging", lambda: self._add(only))]
        if self._session.answers.proof == "skip":
            wanted.pop()
        self._begin()
        self._work_off([(step, call) for step, call in wanted if step not in self.now.done])

    def retry_stages(self) -> None:
        """Try the stages again that failed, then follow a request once more."""
        run = self.now
        failed = run.failed_stages
        if run.busy or not failed:
            return
        run.done -= {"logging", "proof"}
        run.proof = None
        for ref in failed:
            del run.reports[ref]
        self.start(failed)

    def work_out_withdrawal(self, refs: tuple[str, ...]) -> None:
        """Work out what putting these stages back changes. Nothing is changed by it."""
        answers = self._session.answers

        def work() -> Withdrawal:
            with self._alone():
                self.close()
                job = self._product.stages(answers)
                self._stages = job.__enter__()
                self._withdrawal = found = self._or_close(lambda: job.review_remove(refs))
                return found

        def take(found: Withdrawal | WizardError) -> None:
            self.withdrawal.end(found)
            self.changed.publish(self)

        self.withdrawal.reset()
        self.withdrawal.begin(self._clock())
        self._workers.start("withdrawal", work, take)
        self.changed.publish(self)

    def forget_withdrawal(self) -> None:
        """Other stages, or none: what was worked out is void, and others may work again."""
        self._workers.drop("withdrawal")
        self.withdrawal.reset()

        def let_go() -> None:
            with self._one_review:
                if self._withdrawal is not None:
                    self.close()

        self._workers.start("let go", let_go, lambda _: None)

    def remove(self) -> None:
        """Put the stages back that were shown; what their logs alone needed is unsubscribed."""
        job, found = self._stages, self.withdrawal.value

        def work() -> tuple[StageReport, ...]:
            if job is None or found is None:
                raise _nothing_reviewed("Go back to Home.")
            self._used = True
            return job.remove(found, self._ask_stage)

        self.now = RunState(leaving=tuple(str(one.ref) for one in found.held) if found else ())
        self._begin()
        self._work_off([("remove", work)])

    def work_out_removal(self) -> None:
        """Work out what an uninstall takes away. Nothing is changed by it."""
        answers = self._session.answers

        def work() -> Removal:
            with self._alone():
                self.close()
                job = self._product.uninstall(answers, self._ask_stage)
                self._uninstall = job.__enter__()
                self._removal = found = self._or_close(job.review)
                return found

        def take(found: Removal | WizardError) -> None:
            self.removal.end(found)
            self.changed.publish(self)

        self.removal.reset()  # it may have been another deployment's
        self.removal.begin(self._clock())
        self._workers.start("removal", work, take)
        self.changed.publish(self)

    def uninstall(self) -> None:
        """Take everything away that was shown."""
        job, removal = self._uninstall, self.removal.value
        delete = self._session.choices.delete_logs

        def work() -> Removed:
            if job is None or removal is None:
                raise _nothing_reviewed("Go back to Home.")
            return job.run(removal, delete_logs=delete)

        self.now = RunState()
        self._begin()
        self._work_off([("uninstall", work)])

    def undo(self) -> None:
        """Take away what a failed first install has made."""
        answers = self._session.answers

        def work() -> Removed:
            self.close()
            with self._product.uninstall(answers) as removal:
                return removal.undo_failed()

        self.now.busy, self.now.error = True, None
        self._work_off([("undo", work)])

    def undo_stage(self, ref: str) -> StageReport:
        """Put one stage of the run back. Blocks."""
        job = self._install or self._stages
        if job is None:
            raise _nothing_reviewed("Go back to Review.")
        report = job.undo_stage(ref)
        if report.state is State.DONE:
            self.now.put_back.add(ref)
        return report

    def _begin(self) -> None:
        """The clock starts, or goes on after a failure."""
        run = self.now
        run.busy, run.error, run.error_phase, run.cancelling = True, None, "", False
        run.started, run.ended = run.started or self._clock(), 0.0

    def _work_off(self, parts: list[tuple[str, Callable[[], Any]]]) -> None:
        """Do these parts of the run one after another; the first failure ends it."""
        on_loop = self._app.call_later

        def work() -> None:
            for step, call in parts:
                found = self._workers.attempt(call)
                failed = isinstance(found, WizardError)
                if not failed and self.now.cancelling and step != "proof":
                    found, failed = interrupted(), True
                on_loop(self.part_ended, step, found)
                if failed:
                    break

        self._workers.start("run", work, self._run_ended, changes=True)
        self.changed.publish(self)

    def part_ended(self, step: str, found: Any) -> None:
        """A part of the run ended, well or not. What it told comes before its end."""
        run = self.now
        while self.drain():
            pass
        if isinstance(found, WizardError):
            run.error = found
            run.error_phase = step
        else:
            run.done.add(step)
            run.part_ends[step] = self._clock()
            if step == "proof":
                run.proof = found
            elif step == "uninstall":
                run.removed = found
            self._account.deployment_changed()
            self.removal.reset()
            self.withdrawal.reset()
            self.part_done.publish(step)
        self.changed.publish(self)

    def _run_ended(self, found: Any) -> None:
        run = self.now
        if isinstance(found, WizardError):
            run.error = found
        run.busy, run.ended = False, self._clock()
        if run.error is None:
            run.links = self._links()
        self.ended.publish(self)
        self.changed.publish(self)

    # Parts of the run, each in its worker ---------------------------------------------------------

    def _deploy(self) -> None:
        job, seen = self._install, self._reviewed
        if job is None or seen is None:
            raise _nothing_reviewed("Go back to Review.")
        if self._used:
            self._left, self._used = None, False
            self._left = job.retry(seen)
        if self._left is None:
            raise _nothing_reviewed("Go back to Review.")
        self._used = True
        self._outputs = job.deploy(self._left)
        self._product.deployments().drop_draft()

    def _switch(self, only: tuple[str, ...]) -> tuple[StageReport, ...]:
        job, review = self._install, self._left
        if job is None or review is None:
            raise _nothing_reviewed("Go back to Review.")
        return job.switch_stages(review, self._reached(), only)

    def _add(self, only: tuple[str, ...]) -> tuple[StageReport, ...]:
        job, found = self._stages, self._addition
        if job is None or found is None:
            raise _nothing_reviewed("Go back to Review.")
        if self._used:  # the plan is used up by a try, whether well or not
            return job.add_again(found, only)
        self._used = True
        return job.add(found)

    def _prove(self, stop: threading.Event) -> Proof | None:
        if self._install is not None and self._left is not None:
            return self._install.prove(self._left, self._reached(), stop)
        found = self._account.inventory.value
        if self._stages is None or self._addition is None or found is None:
            return None
        return self._stages.prove(self._addition, found, stop)

    def _reached(self) -> Outputs:
        if self._outputs is None:
            raise WizardError("WAG-E-UI-003", "Nothing is deployed yet", next_step="Deploy first.")
        return self._outputs

    def _ask_stage(self, held: StageRecord, said: str) -> bool:
        """Somebody else changed a stage since: put it back all the same? No is the default."""
        row = self._account.row(str(held.ref))
        name = f"{row.name} / {row.stage}" if row else clean(str(held.ref))
        return self._workers.confirm(
            f"Somebody changed {name}",
            f"{clean(said, 400)}\n\nPutting it back overwrites that change with what the "
            "stage had before it was connected.",
            keep="Leave it as it is now",
            act="Put it back",
        )

    # Events ---------------------------------------------------------------------------------------

    def hear(self, event: FlowEvent) -> None:
        """The flows' listener; called from any thread.

        Of Terraform's events the lines wait, and one picture: nobody sees the older ones.
        """
        snapshot = snapshot_of(event)
        if isinstance(event, TerraformChanged) and snapshot is not None:
            self._newest.append(snapshot)
            if event.line:
                self._inbox.append(event.line)
        else:
            self._inbox.append(event)

    def drain(self, most: int = EVENTS_AT_ONCE) -> bool:
        """Fold what was heard into the run, at most so many events; whether there was something."""
        run, heard = self.now, min(most, len(self._inbox))
        for _ in range(heard):
            item = self._inbox.popleft()
            run.say(item) if isinstance(item, str) else run.hear(item)
        newest = self._newest.pop() if self._newest else None
        if newest is not None:
            run.progress = newest
        return heard > 0 or newest is not None

    def tell_news(self) -> None:
        """Tell what came, and that time passes; the app calls it ten times a second."""
        if self.drain() or self.now.busy:
            self.changed.publish(self)

    # Ends -----------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Ask the run to stop after what it does right now."""
        self.now.cancelling = True
        self._stop_proof.set()
        self._workers.start("cancel", lambda: self._signal(at_once=False), lambda _: None)
        self.changed.publish(self)

    def interrupt(self) -> None:
        """Ask a Terraform at work to stop, at once and from this thread: the program ends."""
        self._stop_proof.set()
        if self.now.busy:
            self._signal(at_once=False)

    def stop_now(self) -> None:
        """Stop at once. What was being done is then in doubt."""
        self._workers.start("harder", lambda: self._signal(at_once=True), lambda _: None)

    def _signal(self, *, at_once: bool) -> None:
        for job in (self._install, self._stages, self._uninstall):
            if job is not None:
                job.harder() if at_once else job.cancel()

    def _links(self) -> tuple[Link, ...]:
        """Where to look from now on."""
        if self._outputs is None:
            return ()
        from wizard.ui.screens.home_text import links

        return links(self._outputs, self._session.answers, self.answers_file())

    def snippet(self, ref: str) -> str:
        """What the owner of a stage of this run puts into their template; empty without one."""
        reviewed = self._left or self._addition
        change = (
            next((c for c in reviewed.changes if str(c.ref) == ref), None) if reviewed else None
        )
        if change is None:
            return ""
        if self._outputs is not None:
            change = change.with_destination(self._outputs.api_gateway_log_group_arn)
        return change.snippet

    def answers_file(self) -> str:
        """Where the answers are kept."""
        job = self._install or self._stages
        if job is not None and job.deployment is not None:
            return str(job.deployment.workspace.answers_file)
        return self._product.deployments().draft_file()

    def stop_waiting(self) -> None:
        """The program ends: follow the request no further, and work out no plan."""
        self._stop_proof.set()
        if not self.now.busy:
            self._signal(at_once=False)

    def close(self) -> None:
        """Let go of the lock; a plan that was not used holds sensitive values, so it goes."""
        plans = [self._removal.plan] if self._removal is not None else []
        if not self._used:
            reviewed = (self._left, self._addition, self._withdrawal)
            plans += [found.plan for found in reviewed if found is not None]
        for plan in plans:
            if plan is not None:
                plan.discard()
        for job in (self._install, self._stages, self._uninstall):
            if job is not None:
                job.__exit__(None, None, None)
        self._install = self._stages = self._uninstall = None
        self._reviewed = self._left = self._addition = self._removal = self._withdrawal = None
        self._used = False


def interrupted() -> WizardError:
    """The error of a run that was stopped on purpose."""
    return WizardError(
        "WAG-E-RUN-002",
        "Stopped as you asked",
        why="What was finished until then is recorded.",
        next_step="Retry goes on where it stopped; Undo takes away what was made.",
        exit_code=ExitCode.INTERRUPTED,
    )


def _nothing_reviewed(next_step: str) -> WizardError:
    return WizardError("WAG-E-UI-002", "There is no reviewed plan", next_step=next_step)
