"""What was chosen for one stage stays that stage's; what colleagues keep in the bucket counts."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.flows.account import World, ended_well
from wizard.core.answers.model import SCHEMA_VERSION, Answers
from wizard.core.errors import UsageError, WizardError
from wizard.core.journal.record import Entry
from wizard.core.state_place import StatePlace
from wizard.flows.context import Context, Options
from wizard.flows.deployment import locks
from wizard.flows.deployment.answers import current_answers, save_stages
from wizard.flows.deployment.open import open_deployment, read_deployment
from wizard.flows.status import unfinished_lines
from wizard.services.lock import Owner
from wizard.services.workspace.journal import merge_journals
from wizard.services.workspace.s3_state import StateStore
from wizard.services.workspace.s3_state import tag_bucket as tag
from wizard.services.workspace.workspace import WorkspaceId, open_workspace

BUCKET = "team-state-of-choices"


def test_how_one_stage_was_connected_is_not_how_all_are_from_then_on(world: World) -> None:
    stage = next(s for s in world.inventory.stages if not s.settings.access_log.enabled)
    answers = Answers(region=world.box.region, existing_logging="keep", log_retention_days=30)
    with world.open(world.session, "stages", "skip") as deployment:
        deployment.workspace.answers_file.write_text(answers.to_json())
    assert ended_well(world.connect(world.session, stage, "skip"))
    with world.open(world.session, "stages", "skip") as deployment:
        save_stages(deployment)
        saved = json.loads(deployment.workspace.answers_file.read_text())
    assert saved["existing_logging"] == "keep"
    assert saved["log_retention_days"] == 30
    assert saved["stages"] == [str(stage.ref)]
    world.take_back(world.session.begin())


@pytest.fixture
def store(world: World) -> Iterator[StateStore]:
    """A bucket with a colleague's deployment, which this computer has joined."""
    s3: Any = world.session.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    identity = world.identity
    place = StatePlace(BUCKET, identity.account_id, identity.region, "api-gw-discovery")
    found = StateStore(world.session, place)
    found.save_answers(Answers(region=world.box.region, log_retention_days=90).to_json())
    yield found
    for one in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        s3.delete_object(Bucket=BUCKET, Key=one["Key"])
    s3.delete_bucket(Bucket=BUCKET)


def joined(world: World, store: StateStore) -> Options:
    """This computer's folder, with answers that have become old."""
    identity = world.identity
    workspace = open_workspace(
        WorkspaceId(identity.account_id, identity.region, "api-gw-discovery"), root=world.root
    )
    workspace.answers_file.write_text(Answers(region=identity.region).to_json())
    workspace.set_backend("s3", store.place.backend)
    return Options(workspace=world.root, env=world.env)


NEWER = json.dumps({"schema_version": SCHEMA_VERSION + 1, "something": "new"})
DAMAGED = {"newer": NEWER, "cut short": '{"schema_version": 1, "reg', "a list": "[1, 2]"}


@pytest.mark.parametrize("what", sorted(DAMAGED))
def test_answers_in_the_bucket_that_cannot_be_read_stop_every_command_and_stay(
    world: World, store: StateStore, what: str
) -> None:
    options = joined(world, store)
    body = DAMAGED[what].encode()
    store.write_object(store.place.answers, body)
    with pytest.raises(WizardError) as caught:
        current_answers(options, {"region": world.box.region}, "api-gw-discovery")
    assert caught.value.code in ("WAG-E-VERSION-001", "WAG-E-ANSWERS-005")
    context = Context(options, lambda _: None)
    answers = Answers(region=world.box.region)
    with pytest.raises(WizardError) as refused:
        read_deployment(context, answers, world.session, world.identity, "status")
    assert refused.value.code == caught.value.code
    with (
        pytest.raises(WizardError),
        open_deployment(context, answers, world.session, world.identity, "install"),
    ):
        raise AssertionError("it must not open")
    assert store.read_object(store.place.answers) == body
    assert store.holder() is None, "and no lock is left"


def test_a_bucket_that_may_not_be_read_any_more_is_told_and_not_replaced_by_old_answers(
    world: World, store: StateStore
) -> None:
    options = joined(world, store)
    here = open_workspace(
        WorkspaceId(world.identity.account_id, world.identity.region, "api-gw-discovery"),
        root=world.root,
    )
    here.set_backend("s3", {**store.place.backend, "bucket": "a-bucket-that-is-gone"})
    with pytest.raises(WizardError, match="a-bucket-that-is-gone"):
        current_answers(options, {"region": world.box.region}, "api-gw-discovery")


def test_answers_are_followed_to_the_bucket_the_state_moved_to(
    world: World, store: StateStore
) -> None:
    options = joined(world, store)
    s3: Any = world.session.client("s3")
    s3.create_bucket(Bucket=BUCKET + "-2")
    identity = world.identity
    there = StateStore(
        world.session,
        StatePlace(BUCKET + "-2", identity.account_id, identity.region, "api-gw-discovery"),
    )
    there.save_answers(Answers(region=world.box.region, log_retention_days=365).to_json())
    store.leave_for(BUCKET + "-2")
    try:
        found = current_answers(options, {"region": world.box.region}, "api-gw-discovery")
        assert (found["log_retention_days"], found["state_bucket"]) == (365, BUCKET + "-2")
    finally:
        with contextlib.suppress(WizardError):
            there.delete_object(there.place.answers)
        s3.delete_bucket(Bucket=BUCKET + "-2")


def line(**more: Any) -> bytes:
    entry = asdict(Entry(1, "2026-11-27T06:40:00+00:00", "r", "install", "run", "install", "begin"))
    return json.dumps({**entry, **more}).encode()


@pytest.mark.parametrize(
    "piece",
    [line()[:40], line(added_later="x"), b"[]", b"{}", line() + b"\n\xff\xfe", b"null"],
)
def test_a_shared_record_that_cannot_be_read_whole_stops_everything(
    tmp_path: Path, piece: bytes
) -> None:
    here = tmp_path / "journal.jsonl"
    here.write_bytes(line() + b"\n")
    with pytest.raises(WizardError, match="WAG-E-JOURNAL-002"):
        merge_journals(here, [line() + b"\n", piece])
    assert here.read_bytes() == line() + b"\n"


def test_a_whole_one_is_taken_over(tmp_path: Path) -> None:
    here = tmp_path / "journal.jsonl"
    assert merge_journals(here, [line() + b"\n"]) is False
    assert json.loads(here.read_text()) == json.loads(line())


@pytest.mark.parametrize("exists", [True, False])
def test_a_bucket_that_does_not_hold_it_is_named_with_the_one_that_does(
    world: World, store: StateStore, exists: bool
) -> None:
    s3: Any = world.session.client("s3")
    tag(world.session, world.identity, BUCKET)
    wrong = BUCKET + ("-empty" if exists else "-nowhere")
    if exists:
        s3.create_bucket(Bucket=wrong)
    context = Context(Options(workspace=world.root / "new", env=world.env), lambda _: None)
    answers = Answers(region=world.box.region, state_bucket=wrong)
    try:
        with pytest.raises(UsageError, match="WAG-E-STATE-013") as caught:
            read_deployment(context, answers, world.session, world.identity, "status")
    finally:
        if exists:
            s3.delete_bucket(Bucket=wrong)
    assert f"not in the bucket {wrong}, but in {BUCKET}" in caught.value.what
    assert ("holds nothing of it" if exists else "does not exist") in caught.value.why
    right = answers.with_(state_bucket=BUCKET)
    joined = read_deployment(context, right, world.session, world.identity, "status")
    assert joined.store is not None


def test_while_a_colleague_works_status_says_who_and_since_when(
    world: World, store: StateStore
) -> None:
    options = joined(world, store)
    store.lock("install", "/home/carl/w")
    context = Context(options, lambda _: None)
    answers = Answers(region=world.box.region)
    seen = read_deployment(context, answers, world.session, world.identity, "status")
    try:
        (line,) = unfinished_lines(seen)
    finally:
        store.unlock()
    assert line.startswith("at work: ")
    assert "(install), for " in line
    assert "in doubt" not in line


def test_one_word_opens_both_locks_of_a_dead_run(world: World, store: StateStore) -> None:
    options = joined(world, store)
    other = Owner(1, "laptop", "carl", 1.0, "install")
    held = {**asdict(other), "id": "feedfeedfeed", "folder": "/home/carl/w"}
    store.write_object(store.place.lock, json.dumps(held).encode())
    lock = {"ID": "5a-1", "Who": "carl@laptop", "Operation": "OperationTypeApply", "Created": ""}
    store.write_object(store.place.terraform_lock, json.dumps(lock).encode())
    asked: list[str] = []

    def ask(question: str) -> bool:
        asked.append(question)
        return True

    unlocked: list[str] = []
    context = Context(options, lambda _: None, ask_person=ask)
    answers = Answers(region=world.box.region)
    deployment = read_deployment(context, answers, world.session, world.identity, "install")
    stand_in = SimpleNamespace(init=lambda: None, force_unlock=unlocked.append)
    deployment._terraform = cast("Any", stand_in)
    locks.settle_run_lock(deployment, store)
    locks.settle_terraform_lock(deployment)
    assert unlocked == ["5a-1"]
    assert len(asked) == 1
    strange = {**lock, "ID": "5a-2", "Who": "dora@desk"}
    store.write_object(store.place.terraform_lock, json.dumps(strange).encode())
    locks.settle_terraform_lock(deployment)
    assert len(asked) == 2, "somebody else's Terraform is another question"
