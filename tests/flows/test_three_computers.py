"""Three homes, one account, states in buckets: who joins whom, and what each of them is told.

What the account and the buckets hold is compared after every step.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.flows.account import World
from tests.flows.homes import FUNCTION, Home, Two
from wizard.core.errors import WizardError
from wizard.core.installation import Installation, Standing
from wizard.core.journal import record
from wizard.core.journal.record import Entry
from wizard.core.secret import Secret
from wizard.core.state_place import StatePlace
from wizard.flows import token
from wizard.flows.account import Lookup
from wizard.flows.context import Context
from wizard.flows.deployment.answers import current_answers, save_answers
from wizard.flows.deployment.deployments import Deployments
from wizard.flows.deployment.move_state import plan_move
from wizard.flows.deployment.ownership import claim_name, require_installable
from wizard.flows.doctor.bundle import collect
from wizard.flows.doctor.examine import open_examination
from wizard.flows.export import export_configuration
from wizard.flows.install import Install
from wizard.flows.node import open_search
from wizard.flows.proof import prove_deployment
from wizard.flows.redrive import Redrive
from wizard.flows.stages.connect import Stages
from wizard.flows.stages.reconcile import Reconcile
from wizard.flows.status import read_status
from wizard.flows.uninstall import Uninstall
from wizard.services.lock import Owner
from wizard.services.workspace import s3_state
from wizard.services.workspace.journal import Journal
from wizard.services.workspace.s3_state import StateStore
from wizard.ui import run as wizard_run

FIRST, SECOND = "team-three-first", "team-three-second"


@dataclass
class Three(Two):
    """Carl came later; his home is empty."""

    carl: Home

    def store(self, bucket: str) -> StateStore:
        world = self.anna.world
        place = StatePlace(bucket, world.box.account_id, world.box.region, "api-gw-discovery")
        return StateStore(world.session, place)

    def objects(self, bucket: str) -> dict[str, bytes]:
        store = self.store(bucket)
        return {name: store.read_object(name) or b"" for name in store.names(store.place.folder)}

    def everything(self) -> tuple[Any, ...]:
        return (self.account(), self.objects(FIRST), self.objects(SECOND))

    def shared(self, home: Home, bucket: str) -> Installation:
        """An install with its state in a bucket, as far as Terraform has no part in it."""
        made = self.install(home)
        store = self.store(bucket)
        with home.opened() as deployment:
            journal = deployment.journal
            journal.share_with(store.save_journal, everything=True)
            journal.flush()
            store.write_object(store.place.state, deployment.workspace.state.path.read_bytes())
            deployment.workspace.set_backend("s3", store.place.backend)
            deployment.workspace.state.put_away()
            deployment.store = deployment.workspace.shared = store
            save_answers(deployment)
        return made

    def moved(self, home: Home, source: str, target: str) -> None:
        """Its state goes from one bucket to another, or to that home (empty)."""
        old = self.store(source)
        objects = self.objects(source)
        with home.opened() as deployment:
            if target:
                new = self.store(target)
                for name, body in objects.items():
                    new.write_object(name, body)
                new.mark_arrived()
                deployment.workspace.set_backend("s3", new.place.backend)
            else:
                path = deployment.workspace.state.path
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(objects[old.place.state])
                deployment.workspace.set_backend("", {})
            old.leave_for(target)
            deployment.store = None


@pytest.fixture
def three(world: World, tmp_path: Path) -> Iterator[Three]:
    homes = []
    for name in ("anna", "ben", "carl"):
        (tmp_path / name).mkdir(mode=0o700)
        homes.append(Home(world, tmp_path / name))
    found = Three(*homes)
    for bucket in (FIRST, SECOND):
        s3_state.make_bucket(world.session, world.identity, bucket)
    yield found
    functions, ssm, s3 = found.client("lambda"), found.client("ssm"), found.client("s3")
    with contextlib.suppress(functions.exceptions.ResourceNotFoundException):
        functions.delete_function(FunctionName=FUNCTION)
    with contextlib.suppress(ssm.exceptions.ParameterNotFound):
        ssm.delete_parameter(Name=found.name)
    for bucket in (FIRST, SECOND):
        with contextlib.suppress(s3.exceptions.NoSuchBucket, WizardError):
            for name in found.objects(bucket):
                s3.delete_object(Bucket=bucket, Key=name)
            for one in s3.list_object_versions(Bucket=bucket).get("Versions", ()):
                s3.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
            for one in s3.list_object_versions(Bucket=bucket).get("DeleteMarkers", ()):
                s3.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
            s3.delete_bucket(Bucket=bucket)


def where(home: Home) -> str:
    found = home.seen()
    return found.store.place.bucket if found.store is not None else ""


def test_who_removed_here_once_joins_what_is_live_in_a_bucket(three: Three) -> None:
    three.install(three.anna)
    with three.anna.opened() as deployment:
        save_answers(deployment)
    three.uninstall(three.anna)
    theirs = three.shared(three.ben, FIRST)
    before = three.everything()
    answers = current_answers(three.anna.context().options, {}, "api-gw-discovery")
    assert answers["state_bucket"] == FIRST, "not the answers of the one that was removed"
    seen = three.anna.seen()
    assert where(three.anna) == FIRST
    assert three.anna.standing is Standing.OURS
    assert seen.journal.record.installation == theirs
    kept = sorted(path.name for path in three.anna.root.glob("*.other-*"))
    assert [name.partition(".other-")[0] for name in kept] == ["answers.json", "journal.jsonl"]
    with three.anna.opened("stages"):
        pass
    after = three.everything()
    assert after == before, "what was done here once is no part of their record"
    assert three.ben.standing is Standing.OURS


def test_who_lost_the_race_joins_without_bringing_an_id_along(three: Three) -> None:
    with three.carl.opened() as deployment:
        require_installable(deployment)  # a review, at the same moment as Ben's
    theirs = three.shared(three.ben, FIRST)
    path = three.carl.root / "journal.jsonl"
    journal = Journal(path)
    journal.write(record.INSTALLATION_MAKE, "cafecafecafecafe", "done", after={"by": "carl"})
    before = three.everything()
    assert where(three.carl) == FIRST
    with three.carl.opened("stages") as deployment:
        assert deployment.journal.record.installation == theirs
    assert three.everything() == before
    assert (three.ben.standing, three.carl.standing) == (Standing.OURS, Standing.OURS)


def test_the_record_of_a_removed_one_in_another_bucket_is_not_joined(three: Three) -> None:
    three.shared(three.anna, FIRST)
    with three.anna.opened("uninstall") as deployment:
        deployment.journal.write(record.TERRAFORM_DESTROY, "it", "done")
    three.store(FIRST).write_object(
        three.store(FIRST).place.state, b'{"version": 4, "resources": [], "serial": 9}'
    )
    three.client("lambda").delete_function(FunctionName=FUNCTION)
    three.client("ssm").delete_parameter(Name=three.name)
    three.client("s3").delete_bucket_tagging(Bucket=FIRST)  # Ben does not find it, and begins anew
    three.shared(three.ben, SECOND)
    s3_state.tag_bucket(three.anna.world.session, three.anna.world.identity, FIRST)
    before = three.everything()
    assert where(three.carl) == SECOND, "the claim says whose it is, not the order of the buckets"
    assert where(three.anna) == SECOND, "she had joined the first, in which nothing is left"
    assert three.everything() == before


@pytest.mark.parametrize("tagged", [True, False])
def test_who_had_joined_is_led_on_to_another_bucket_and_by_the_bucket_given(
    three: Three, tagged: bool
) -> None:
    three.shared(three.anna, FIRST)
    assert where(three.ben) == FIRST
    three.moved(three.anna, FIRST, SECOND)
    if not tagged:
        three.client("s3").delete_bucket_tagging(Bucket=SECOND)
    assert where(three.ben) == SECOND
    carl = three.carl
    with carl.opened(state_bucket=FIRST) as deployment:
        assert deployment.store is not None
        assert deployment.store.place.bucket == SECOND
        assert plan_move(deployment) is None, "the bucket given means where it led"


def test_who_had_joined_is_led_on_from_a_file_to_the_next_bucket(three: Three) -> None:
    made = three.shared(three.anna, FIRST)
    assert where(three.ben) == FIRST
    three.moved(three.anna, FIRST, "")
    with pytest.raises(WizardError, match="WAG-E-STATE-006") as caught:
        three.ben.seen()
    assert " moved it to that computer, " in caught.value.why
    with three.anna.opened() as deployment:  # and on to a bucket
        store = three.store(SECOND)
        deployment.journal.share_with(store.save_journal, everything=True)
        deployment.journal.flush()
        store.write_object(store.place.state, deployment.workspace.state.path.read_bytes())
        deployment.workspace.set_backend("s3", store.place.backend)
        deployment.store = deployment.workspace.shared = store
        save_answers(deployment)
    assert where(three.ben) == SECOND
    assert three.ben.seen().journal.record.installation == made
    assert not list(three.ben.root.glob("journal.jsonl.other-*")), "it is the same deployment"


def test_who_had_joined_is_led_on_when_the_bucket_is_gone(three: Three) -> None:
    three.shared(three.anna, FIRST)
    assert where(three.ben) == FIRST
    three.moved(three.anna, FIRST, SECOND)
    s3 = three.client("s3")
    for kind in ("Versions", "DeleteMarkers"):
        for one in s3.list_object_versions(Bucket=FIRST).get(kind, ()):
            s3.delete_object(Bucket=FIRST, Key=one["Key"], VersionId=one["VersionId"])
    s3.delete_bucket(Bucket=FIRST)
    three.ben.events.clear()
    assert where(three.ben) == SECOND
    assert f"s3://{FIRST} does not exist any more" in str(three.ben.events)


def test_a_take_over_is_told_in_the_others_bucket(three: Three) -> None:
    three.anna.deployed()  # an older state of her own, so that she does not simply join
    theirs = three.shared(three.ben, FIRST)
    with three.anna.opened(take_over=theirs.id) as deployment:
        require_installable(deployment)
        claim_name(deployment)
        mine = deployment.journal.record.installation
    lost = three.ben.seen().journal.record.lost
    assert mine is not None
    assert lost == mine
    assert three.store(FIRST).holder() is None
    three.client("ssm").delete_parameter(Name=three.name)  # and Anna has removed it since
    three.client("lambda").delete_function(FunctionName=FUNCTION)
    status = read_status(three.ben.context(), three.ben.answers)
    assert status.standing.startswith("gone: ")
    assert f"it was taken over by {mine.id}, made by {mine.by}" in status.standing


def test_nothing_is_taken_over_while_they_are_at_work(three: Three) -> None:
    three.anna.deployed()
    theirs = three.shared(three.ben, FIRST)
    store = three.store(FIRST)
    store.lock("install", "/home/ben/w")
    before = three.everything()
    with three.anna.opened(take_over=theirs.id) as deployment:
        require_installable(deployment)
        with pytest.raises(WizardError, match="WAG-E-STATE-010"):
            claim_name(deployment)
    assert three.everything() == before
    store.unlock()


def test_who_only_looked_at_a_take_over_may_change_nothing(three: Three) -> None:
    theirs = three.install(three.ben)
    with three.anna.opened(take_over=theirs.id) as deployment:
        require_installable(deployment)  # as --dry-run does
    before = three.account()
    assert three.anna.standing is Standing.THEIRS
    with (
        pytest.raises(WizardError, match="WAG-E-STATE-009"),
        Uninstall(three.anna.context(), three.anna.answers) as removal,
    ):
        removal.review()
    assert three.account() == before


def test_a_removal_that_was_reviewed_before_a_take_over_removes_nothing(three: Three) -> None:
    theirs = three.install(three.ben)
    with Uninstall(three.ben.context(), three.ben.answers) as removal:
        removal.deployment.workspace.state.path.write_text(
            '{"version": 4, "serial": 4, "lineage": "a", "outputs": {}, "resources": []}'
        )
        found = removal.review()
        with three.anna.opened(take_over=theirs.id) as deployment:
            require_installable(deployment)
            claim_name(deployment)
        before = three.account()
        with pytest.raises(WizardError, match=r"WAG-E-(OWNER-001|STATE-009)"):
            removal.run(found)
    assert three.account() == before


def test_a_bucket_that_holds_anothers_record_is_not_written_over(three: Three) -> None:
    """Of one that was removed, or that a colleague is just making: no state, but a record."""
    strange = Entry(1, "2026-01-01T00:00:00+00:00", "r", "install", "run", "install", "done")
    store = three.store(SECOND)
    store.save_journal(0, json.dumps(asdict(strange)).encode() + b"\n")
    three.install(three.anna)
    before = three.objects(SECOND)
    with three.anna.opened(state_bucket=SECOND) as deployment:
        with pytest.raises(WizardError, match="WAG-E-STATE-004") as caught:
            plan_move(deployment)
        assert "the record of another deployment" in caught.value.what
        # Nor does undoing a half-made move clear it away.
        place = {"before": {"bucket": ""}, "after": {"bucket": SECOND}}
        deployment.journal.write(record.STATE_MOVE, "it", "begin", **place)
    with three.anna.opened():
        pass
    assert three.objects(SECOND) == before


def test_a_claim_without_anything_else_is_told_as_theirs(three: Three) -> None:
    with three.ben.opened() as deployment:
        require_installable(deployment)
        claim_name(deployment)
        made = deployment.journal.record.installation
    assert made is not None
    with pytest.raises(WizardError, match="WAG-E-DEPLOY-002") as caught:
        read_status(three.carl.context(), three.carl.answers)
    assert f"it is {made.id}, made by {made.by}" in caught.value.why


# What every command says -----------------------------------------------------------------------


def _status(home: Home) -> str:
    found = read_status(home.context(), home.answers)
    return f"{found.standing} {' '.join(found.unfinished)}"


def _doctor(home: Home) -> str:
    exam = open_examination(home.context(), home.answers)
    return " ".join(exam.facts.values())


def _holding(flow: Any, act: Callable[[Any, Home], object]) -> Callable[[Home], str]:
    """What a flow that holds the deployment says when this is done with it."""

    def told_by(home: Home) -> str:
        with flow(home.context(), home.answers) as job:
            act(job, home)
        return ""

    return told_by


def _rotate(home: Home) -> str:
    answers = home.answers.with_(node_url="", r53_domain_name="acme.test")
    token.rotate(home.context(), answers, Secret("x" * 20))
    return ""


def _prove(home: Home) -> str:
    prove_deployment(home.context(), home.answers)
    return ""


def _export(home: Home) -> str:
    names = export_configuration(home.context(), home.answers, home.root / "exported")
    shutil.rmtree(home.root / "exported")
    return " ".join(names)


def _bundle(home: Home) -> str:
    return " ".join(collect(home.context(), home.answers).values())


def _dialect(home: Home) -> str:
    with open_search(home.context(), home.answers) as search:
        search.look()
    return ""


LOOKS = {
    "status": _status,
    "doctor": _doctor,
    "prove": _prove,
    "export": _export,
    "support-bundle": _bundle,
}
CHANGES: dict[str, Callable[[Home], str]] = {
    "stages add": _holding(Stages, lambda job, home: job.review_add(home.answers.stages)),
    "stages remove": _holding(Stages, lambda job, home: job.review_remove(home.answers.stages)),
    "uninstall": _holding(Uninstall, lambda job, _: job.review()),
    "reconcile": _holding(Reconcile, lambda job, _: job.review()),
    "redrive": _holding(Redrive, lambda job, _: job.list()),
    "rotate-token": _rotate,
    "node-dialect": _dialect,
    "install": _holding(Install, lambda job, _: job.review()),
}
EVERY = {**LOOKS, **CHANGES}


def told(home: Home, command: str) -> str:
    """What it says, as a result or as an error."""
    home.events.clear()
    try:
        said = EVERY[command](home)
    except WizardError as error:
        return str(error)
    return f"{said} {home.events}"


DAMAGE = {
    "answers, newer": ("answers.json", b'{"schema_version": 99}', "newer version"),
    "answers, cut short": ("answers.json", b'{"schema_ver', "saved answers"),
    "journal, newer": ("journal/000000.jsonl", b'{"seq": 1, "later": 2}\n', "record of changes"),
    "journal, cut short": ("journal/000000.jsonl", b'{"seq": 1, "at', "record of changes"),
    "state, newer": ("terraform.tfstate", b'{"version": 5, "resources": []}', "newer Terraform"),
    "state, cut short": ("terraform.tfstate", b'{"version": 4, "res', "state of this deployment"),
    "state, of no format": ("terraform.tfstate", b'{"version": "4", "resources": []}', "damaged"),
    "word on where it went": ("moved.json", b'{"target"', "went cannot be read"),
}


@pytest.mark.parametrize("what", sorted(DAMAGE))
def test_what_is_newer_or_damaged_in_the_bucket_stops_every_command_with_the_reason(
    three: Three, what: str
) -> None:
    three.shared(three.anna, FIRST)
    assert where(three.ben) == FIRST
    name, body, words = DAMAGE[what]
    store = three.store(FIRST)
    store.write_object(store.place.folder + name, body)
    before = three.everything()
    for home, commands in ((three.ben, EVERY), (three.anna, LOOKS)):
        for command in commands:
            said = told(home, command)
            assert words in said, (command, said)
        assert three.everything() == before, commands
    with pytest.raises(WizardError):
        three.carl.seen()  # nor does a new computer take it for a free name
    assert three.everything() == before


def test_what_was_taken_over_is_told_alike_by_every_command(three: Three) -> None:
    three.anna.deployed()
    theirs = three.shared(three.ben, FIRST)
    with three.anna.opened(take_over=theirs.id) as deployment:
        require_installable(deployment)
        claim_name(deployment)
        mine = deployment.journal.record.installation
    assert mine is not None
    before = three.everything()
    for command in EVERY:
        said = told(three.ben, command)
        assert mine.id in said, (command, said)
        assert three.everything() == before, command


def test_while_a_colleague_works_every_command_says_who_and_since_when(three: Three) -> None:
    three.shared(three.anna, FIRST)
    assert where(three.ben) == FIRST
    store = three.store(FIRST)
    owner = Owner(7, "desk", "anna", three.anna.seen().clock() - 240, "install")
    body = {**asdict(owner), "id": "beefbeefbeef", "folder": "/home/anna/w"}
    store.write_object(store.place.lock, json.dumps(body).encode())
    for command in EVERY:
        if command in ("prove", "export"):
            continue  # they change nothing
        said = told(three.ben, command)
        assert "anna on desk, process 7 (install), for 4m" in said, (command, said)
    context = three.ben.context()
    flow = Deployments(context, Lookup(context.options, None))
    assert flow.unfinished(three.ben.answers) is None, "it is at work, not unfinished"


def test_the_lock_of_a_run_that_died_here_is_nobody_at_work(three: Three) -> None:
    three.shared(three.anna, FIRST)
    with three.anna.opened("install") as deployment:
        held = deployment.store
        assert held is not None
        deployment.journal.write(record.RUN, "install", "begin", after={"steps": []})
        held._held = ""  # as after kill -9: nobody gives it back
    assert three.store(FIRST).holder() is not None
    said = told(three.anna, "status")
    assert "at work" not in said
    assert "The install of " in said
    assert "locked_by" not in open_examination(three.anna.context(), three.anna.answers).facts
    assert "at work: " in told(three.ben, "status"), "from elsewhere nobody can tell"


def test_a_lock_that_quit_could_not_give_back_in_time_opens_with_one_consent(
    three: Three, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bucket that answers late: the program ends all the same, and its lock stays."""
    three.shared(three.anna, FIRST)
    assert where(three.ben) == FIRST
    monkeypatch.setattr(wizard_run, "CLOSE_SECONDS", 0.2)
    session, store = three.anna.world.session, three.store(FIRST)

    def quit_with_a_slow_bucket() -> None:
        held, answered = contextlib.ExitStack(), threading.Event()
        held.enter_context(three.anna.opened("install"))

        def late(operation: str, _: Any) -> None:
            if operation == "DeleteObject":
                answered.wait(20)
                raise EndpointConnectionError(endpoint_url="https://s3")

        session.before = late
        wizard_run._let_go(held.close)
        (closing,) = [one for one in threading.enumerate() if one.name == "let go"]
        answered.set()  # here the process would have ended: its own lock goes with it
        closing.join(20)
        session.begin()
        assert "lock of this deployment could not be given back in time" in capsys.readouterr().err

    quit_with_a_slow_bucket()
    held = store.holder()
    assert held is not None
    whose = f"{held.owner.user} on {held.owner.host}, process {held.owner.pid} (install), for "
    assert f"at work: {whose}" in told(three.ben, "status")
    assert whose in told(three.ben, "doctor")
    before = three.everything()
    refused = told(three.ben, "uninstall")
    assert whose in refused
    assert f"--unlock {held.id}" in refused
    assert three.everything() == before
    asked: list[str] = []

    def agree(question: str) -> bool:
        asked.append(question)
        return True

    context = Context(three.ben.context().options, three.ben.events.append, ask_person=agree)
    with Stages(context, three.ben.answers) as stages:
        stages.review_remove(())
    assert len(asked) == 1
    assert whose in asked[0]
    assert store.holder() is None

    quit_with_a_slow_bucket()
    three.anna.events.clear()
    with three.anna.opened("stages"):  # nobody is there to ask
        pass
    assert "the lock of an interrupted run of this computer is removed" in str(three.anna.events)
    assert store.holder() is None


def test_what_a_colleague_finished_is_not_told_as_unfinished_here(three: Three) -> None:
    three.shared(three.anna, FIRST)
    assert where(three.ben) == FIRST
    with three.ben.opened("install") as deployment:
        deployment.journal.write(record.RUN, "install", "begin", after={"steps": []})
    with three.anna.opened("install") as deployment:
        deployment.journal.write(record.RUN, "install", "begin", after={"steps": []})
        deployment.journal.write(record.RUN, "install", "done")
    context = three.ben.context()
    assert Journal(three.ben.root / "journal.jsonl").unfinished is not None, (
        "this record knows less"
    )
    flow = Deployments(context, Lookup(context.options, None))
    assert flow.unfinished(three.ben.answers) is None


def test_the_answers_shown_for_a_joined_one_are_those_in_the_bucket(three: Three) -> None:
    three.shared(three.anna, FIRST)
    with three.ben.opened() as deployment:
        save_answers(deployment)
    store = three.store(FIRST)
    store.save_answers(three.anna.answers.with_(log_retention_days=90).to_json())
    context = three.ben.context()
    flow = Deployments(context, Lookup(context.options, None))
    flow.in_account(three.ben.answers)
    (known,) = flow.here()
    found = flow.answers_of(known)
    assert found is not None
    assert found.log_retention_days == 90


def test_of_two_that_take_over_at_once_one_stops(three: Three) -> None:
    theirs = three.install(three.ben)
    session = three.anna.world.session
    with (
        three.anna.opened(take_over=theirs.id) as anna,
        three.carl.opened(take_over=theirs.id) as carl,
    ):
        require_installable(anna)
        require_installable(carl)
        session.begin()

        def between(operation: str, _: Any) -> None:
            if operation == "PutParameter":
                session.begin()
                claim_name(carl)

        session.before = between
        with pytest.raises(WizardError, match="WAG-E-OWNER-003"):
            claim_name(anna)
        session.begin()
        with pytest.raises(WizardError, match=r"WAG-E-(OWNER-003|STATE-008)"):
            claim_name(carl)  # its claim was written over: it does not go on as if it were its own
