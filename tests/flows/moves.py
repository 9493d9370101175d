"""A state on the move that is stopped at any moment, and who looks at it afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tests.flows.mortal import READS, Killed, Mortal
from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.events import FlowEvent, Note
from wizard.core.facts import Identity
from wizard.core.state_place import LOCAL, StatePlace
from wizard.flows.context import Context, Options
from wizard.flows.deployment.apply import apply_recorded
from wizard.flows.deployment.model import Deployment
from wizard.flows.deployment.move_state import move_state, plan_move
from wizard.flows.deployment.open import open_deployment, read_deployment
from wizard.flows.deployment.ownership import claim_name, require_installable
from wizard.flows.doctor.examine import open_examination
from wizard.flows.status import read_status
from wizard.sandbox import Sandbox
from wizard.services.workspace.s3_state import StateStore
from wizard.services.workspace.state import LocalState
from wizard.services.workspace.workspace import Workspace

FIRST, SECOND = "team-state-first", "team-state-second"
# Moments on this computer, beside every write to AWS.
STEPS: tuple[tuple[type, str], ...] = (
    (Workspace, "propose_backend"),
    (Workspace, "set_backend"),
    (LocalState, "put_away"),
)


class Doom:
    """Dies at one moment; from then on nothing reaches AWS any more, as after `kill -9`."""

    def __init__(self, session: Mortal, nth: int, *, after: bool) -> None:
        self._nth, self._after = nth, after
        self.moments = 0
        self.dead = False
        session.begin()
        session.before, session.behind = self.before, self.behind

    def before(self, operation: str, _: Any) -> None:
        if self.dead:
            raise Killed
        if not operation.startswith(READS) and operation != "HeadBucket":
            self.reach()

    def behind(self, operation: str, _: Any) -> None:
        self.leave()

    def reach(self) -> None:
        self.moments += 1
        if self.moments == self._nth and not self._after:
            self.die()

    def leave(self) -> None:
        if self.moments == self._nth and self._after:
            self.die()

    def die(self) -> None:
        self.dead = True
        raise Killed


@dataclass
class Computer:
    """A home and nothing else."""

    box: Sandbox
    root: Path
    session: Mortal
    identity: Identity
    prefix: str
    said: list[str] = field(default_factory=list)
    given: Answers | None = None  # other answers than the defaults

    def context(self) -> Context:
        def hear(event: FlowEvent) -> None:
            if isinstance(event, Note):
                self.said.append(f"{event.subject}: {event.text}")

        env = {k: v for k, v in os.environ.items() if k not in self.box.unset} | self.box.env
        options = Options(workspace=self.root, env=env)
        # A person says that the other computer's run is dead, and may be cleared away.
        return Context(options, hear, lambda _: True, lambda _: True)

    def answers(self, bucket: str = "") -> Answers:
        given = self.given or Answers(region=self.box.region, name_prefix=self.prefix)
        return given.with_(state_bucket=bucket)

    @contextlib.contextmanager
    def opened(self, bucket: str = "") -> Iterator[Deployment]:
        answers = self.answers(bucket)
        with open_deployment(
            self.context(), answers, self.session, self.identity, "install"
        ) as deployment:
            yield deployment

    def seen(self) -> Deployment:
        """As status and doctor read it."""
        return read_deployment(
            self.context(), self.answers(), self.session, self.identity, "status"
        )

    def deploy(self) -> None:
        with self.opened() as deployment:
            require_installable(deployment)
            claim_name(deployment)
            deployment.write_variables()
            deployment.terraform.init()
            apply_recorded(deployment, deployment.terraform.plan())

    def move(self, target: str) -> None:
        with self.opened(target) as deployment:
            deployment.terraform.init()
            wanted = plan_move(deployment)
            assert wanted is not None
            move_state(deployment, wanted, deployment.terraform.plan()).discard()

    def plans_nothing(self) -> str:
        """Where the state is; that a run finds nothing to do there."""
        with self.opened() as deployment:
            assert deployment.workspace.check_state() == 3
            assert deployment.journal.unfinished is None or not [
                e for e in deployment.journal.record.unfinished if e.action == "state.move"
            ]
            deployment.terraform.init()
            plan = deployment.terraform.plan()
            assert not plan.has_changes, plan.changes
            plan.discard()
            return deployment.store.place.bucket if deployment.store is not None else ""


@dataclass
class Scene:
    """Two computers and two buckets."""

    box: Sandbox
    session: Mortal
    folder: Path
    terraform: type  # whose `init` moves the state

    @cached_property
    def identity(self) -> Identity:
        """Who everybody here is; to ask anew for each store takes longer than all the rest."""
        return self.session.identity()

    def computer(self, name: str, prefix: str) -> Computer:
        root = self.folder / prefix / name
        root.mkdir(parents=True, mode=0o700)
        return Computer(self.box, root, self.session, self.identity, prefix)

    def store(self, bucket: str, prefix: str) -> StateStore:
        place = StatePlace(bucket, self.identity.account_id, self.identity.region, prefix)
        return StateStore(self.session, place)

    def holds(self, bucket: str, prefix: str) -> list[str]:
        """What lies in a bucket of one deployment, but the word on where it went."""
        store = self.store(bucket, prefix)
        names = store.names(store.place.folder)
        return [n.removeprefix(store.place.folder) for n in names if n != store.place.moved]


def killed(
    scene: Scene, patch: pytest.MonkeyPatch, nth: int, after: bool, act: Callable[[], None]
) -> bool:
    """Whether it died at that moment before its end."""
    doom = Doom(scene.session, nth, after=after)

    def doomed(real: Any) -> Any:
        def step(*arguments: Any, **named: Any) -> Any:
            doom.reach()
            found = real(*arguments, **named)
            doom.leave()
            return found

        return step

    with patch.context() as steps:
        for owner, name in (*STEPS, (scene.terraform, "init")):
            steps.setattr(owner, name, doomed(getattr(owner, name)))
        with contextlib.suppress(Killed):
            act()
    scene.session.begin()
    return doom.dead


WAYS = {
    "to a bucket": ("", FIRST),
    "to another bucket": (FIRST, SECOND),
    "back to a computer": (FIRST, LOCAL),
}


@dataclass
class Picture:
    """Two computers and what the buckets hold, so that what was made once serves every moment."""

    scene: Scene
    prefix: str
    people: tuple[Computer, ...]
    name: str = "kept"
    objects: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)

    @property
    def _kept(self) -> Path:
        return self.people[0].root.parent / self.name

    def listed(self) -> dict[tuple[str, str], str]:
        """Bucket and key, with the digest of what lies there."""
        client = self.scene.session.client("s3")
        return {
            (bucket, one["Key"]): one["ETag"]
            for bucket in (FIRST, SECOND)
            for one in client.list_objects_v2(
                Bucket=bucket, Prefix=self.scene.store(bucket, self.prefix).place.folder
            ).get("Contents", ())
        }

    def take(self) -> None:
        """Remember everything as it is now."""
        shutil.rmtree(self._kept, ignore_errors=True)
        for one in self.people:
            shutil.copytree(one.root, self._kept / one.root.name, symlinks=True)
        self.objects = {
            (bucket, key): (digest, self.scene.store(bucket, self.prefix).read_object(key) or b"")
            for (bucket, key), digest in self.listed().items()
        }

    def restore(self) -> None:
        """Everything as it was when it was taken."""
        for one in self.people:
            shutil.rmtree(one.root, ignore_errors=True)  # an empty one goes by itself
            shutil.copytree(self._kept / one.root.name, one.root, symlinks=True)
        now = self.listed()
        for bucket, key in now.keys() - self.objects.keys():
            self.scene.store(bucket, self.prefix).delete_object(key)
        for (bucket, key), (digest, body) in self.objects.items():
            if now.get((bucket, key)) != digest:
                self.scene.store(bucket, self.prefix).write_object(key, body)

    @property
    def unchanged(self) -> bool:
        """Whether the buckets hold what they held."""
        return self.listed() == {place: digest for place, (digest, _) in self.objects.items()}


def check_every_moment(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, way: str, after: bool, *, whole: bool = True
) -> int:
    """Kill a move at each of its moments in turn; every computer finds it whole in one place, be
    it this one or a colleague's that comes first.

    Args:
        whole: make the move after all at each moment, too.
    Returns the number of moments.
    """
    source, target = WAYS[way]
    bucket = "" if target == LOCAL else target
    prefix = f"m{sorted(WAYS).index(way)}{int(after)}"
    anna, ben = scene.computer("anna", prefix), scene.computer("ben", prefix)
    anna.deploy()
    if source:
        anna.move(source)
        assert ben.plans_nothing() == source
    carl = scene.computer("carl", prefix)  # his home is empty
    picture = Picture(scene, prefix, (anna, ben, carl))
    picture.take()
    moments = 0
    for nth in range(1, 60):
        if not killed(scene, monkeypatch, nth, after, lambda: anna.move(target)):
            break
        moments += 1
        where = f"{way}, {'after' if after else 'before'} moment {nth}"
        # Whoever only looks sees it whole, here and there.
        for one in (anna, ben, carl) if source and bucket else (anna,):
            assert one.seen().outputs().node_url == "node:5050", where
        # Whoever changes something first settles it; then both are at the same place.
        colleague = bool(source and bucket) and (nth + after) % 2 == 0
        first, second = (ben, anna) if colleague else (anna, ben)
        found = first.plans_nothing()
        assert found in (source, bucket), where
        if found:
            assert second.plans_nothing() == found, where
        for other in {FIRST, SECOND} - {found}:
            assert scene.holds(other, prefix) == [], (where, scene.holds(other, prefix), anna.said)
        if found:
            assert scene.store(found, prefix).holder() is None, where
        # And the move can be made after all.
        if whole and found != bucket:
            anna.move(target)
            assert anna.plans_nothing() == bucket, where
        picture.restore()
    return moments


def told(one: Computer) -> str:
    """What status and doctor say of it here: what is not at its end, and whose it is."""
    exam = open_examination(one.context(), one.answers())
    facts = "; ".join(f"{k}: {exam.facts.get(k, '')}" for k in ("workspace_problem", "locked_by"))
    try:
        status = read_status(one.context(), one.answers())
    except WizardError as error:
        return f"{facts}; {error.what}"
    assert status.resources == 3
    assert exam.facts["workspace"] == "3 resources in the state"
    return f"{facts}; {status.standing}; {'; '.join(status.unfinished)}"


def check_killed_copy(
    scene: Scene, way: str, prefix: str, doomed: Callable[[Callable[[], None]], None]
) -> None:
    """Terraform dies while it moves the state, with the wizard or alone: nothing is lost, every
    computer tells the same, and the next run puts it right."""
    source, target = WAYS[way]
    anna, ben = scene.computer("anna", prefix), scene.computer("ben", prefix)
    anna.deploy()
    if source:
        anna.move(source)
        assert ben.plans_nothing() == source
    doomed(lambda: anna.move(target))
    for one in (anna, ben) if source else (anna,):
        assert one.seen().outputs().node_url == "node:5050"
    here, there = told(anna), told(ben) if source else ""
    if source and "on its way to" in here:  # the wizard died, too: only its own computer knows
        assert "at work: " in there
        assert "at work: " not in here
    elif source:
        assert here == there
    # Whoever comes first puts it right, be it the colleague.
    for one in (ben, anna) if source else (anna,):
        assert one.plans_nothing() == source
    for bucket in {FIRST, SECOND} - {source}:
        assert scene.holds(bucket, prefix) == []
    if source:
        store = scene.store(source, prefix)
        assert (store.holder(), store.terraform_lock()) == (None, None)
    anna.move(target)
    assert anna.plans_nothing() == ("" if target == LOCAL else target)
