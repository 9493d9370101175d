"""Where not all of an account can be read, or not every chosen stage changed: it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.flows import made_stages
from tests.flows.account import World
from tests.flows.homes import Home, Two
from wizard import cli
from wizard.core.events import StageFollowed
from wizard.core.facts import StageRef, StageSettings
from wizard.core.journal import record
from wizard.core.journal.record import settings_to_dict
from wizard.flows.context import Context, Options
from wizard.flows.proof import prove_deployment
from wizard.services.aws import discovery


@pytest.fixture
def home(world: World, tmp_path: Path) -> Iterator[Home]:
    (tmp_path / "home").mkdir(mode=0o700)
    one = Home(world, tmp_path / "home")
    two = Two(one, one)
    two.install(one)
    yield one
    two.leave_nothing()


def refuse(_: object) -> None:
    error: Any = {"Error": {"Code": "TooManyRequestsException", "Message": "Too Many Requests"}}
    raise ClientError(error, "GetRestApis")


def reconcile(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rule: str
) -> tuple[int, Any, str]:
    """(exit code, the last document, what was said to people)."""
    answers = home.root / "answers-file.json"
    answers.write_text(home.answers.with_(stages=(), stage_rules=(rule,)).to_json())
    for name, value in {**home.world.env, "WALLARM_APIGW_WORKSPACE": str(home.root)}.items():
        monkeypatch.setenv(name, value)
    words = ("stages", "reconcile", "--yes", "--json", "--non-interactive")
    code = cli.main([*words, "--preflight", "skip", "--answers", str(answers)])
    said = capsys.readouterr()
    return code, json.loads(said.out.splitlines()[-1]), said.err


# command → exit code, type of the last document, what it says
ENDS: dict[tuple[str, ...], tuple[int, str, dict[str, Any]]] = {
    ("prove",): (3, "Proof", {"stages": []}),
    ("redrive", "--dry-run"): (0, "Replayed", {"waiting": 0, "delivered": 0}),
    ("redrive", "--unreadable"): (0, "Discarded", {"unreadable": 0, "deleted": 0}),
    ("stages", "add", "STAGE", "--dry-run"): (0, "Review", {"left_alone": [], "resources": []}),
    ("stages", "add", "FIREHOSE", "--dry-run"): (0, "Review", {"stages": []}),
    ("stages", "add", "FIREHOSE"): (0, "Changed", {"stages": {}, "failed": 0}),
    ("stages", "reconcile", "--dry-run"): (0, "Reconciled", {"changed": 0}),
}


def test_what_a_program_reads_ends_with_one_document_that_says_what_it_came_to(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state = home.seen().workspace.state.path
    held = json.loads(state.read_text())
    bucket = "api-gw-discovery-undelivered-nothing"
    held["outputs"]["undelivered_bucket"] = {"value": bucket}
    state.write_text(json.dumps(held))
    home.world.session.begin()
    s3: Any = home.world.session.client("s3")
    s3.create_bucket(Bucket=bucket)
    firehose = made_stages.make(home.world, "HTTP, Firehose")
    silent = made_stages.make(home.world, "REST, level OFF")
    answers = home.root / "answers-file.json"
    answers.write_text(home.answers.with_(stages=()).to_json())
    for name, value in {**home.world.env, "WALLARM_APIGW_WORKSPACE": str(home.root)}.items():
        monkeypatch.setenv(name, value)
    given = {"STAGE": str(silent.ref), "FIREHOSE": str(firehose.ref)}
    more = ("--yes", "--json", "--non-interactive", "--preflight", "skip")
    try:
        for words, (code, kind, holds) in ENDS.items():
            found = cli.main([*(given.get(w, w) for w in words), *more, "--answers", str(answers)])
            said = capsys.readouterr()
            last = json.loads(said.out.splitlines()[-1])
            assert (found, last.get("type")) == (code, kind), (words, said.err)
            assert last.items() >= holds.items(), (words, last)
    finally:
        for stage in (firehose, silent):
            made_stages.unmake(home.world, stage)
        s3.delete_bucket(Bucket=bucket)


def test_a_list_that_was_refused_is_told_and_no_stage_is_called_gone(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(discovery._Discovery, "_rest_pages", refuse)
    code, said, text = reconcile(home, monkeypatch, capsys, "api:nobody-has-this-name")
    assert code == 3, text
    assert [one["subject"] for one in said["unread"]] == ["REST APIs"]
    assert "Too Many Requests" in text
    assert "meets no stage, as far as it could be read" in text
    assert "gone" not in {one["step"] for one in said["stages"]}


def test_a_connected_stage_that_was_not_found_is_not_passed_over_by_a_proof(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read or not: with whole lists it is gone, with half of them nobody can say."""
    lost = StageRef("gone123456", "prod")
    image = settings_to_dict(StageSettings())
    with home.opened("stages") as deployment:
        intended = image | {"api_type": "REST", "mode": "ours", "log_group": "g", "api_name": "x"}
        with deployment.journal.effect(
            record.STAGE_SWITCH, str(lost), before=image, intended=intended
        ):
            pass
    said: list[str] = []
    context = Context(
        Options(workspace=home.root, env=home.world.env),
        lambda event: said.append(event.text) if isinstance(event, StageFollowed) else None,
    )
    assert prove_deployment(context, home.answers) is None
    assert said == ["not followed: the account has no such stage any more"]

    monkeypatch.setattr(discovery._Discovery, "_rest_pages", refuse)
    assert prove_deployment(context, home.answers, [str(lost)]) is None
    assert "REST APIs could not be read" in said[-1]


def test_a_chosen_stage_that_cannot_be_connected_is_reported_with_the_reason(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = made_stages.make(home.world, "HTTP, Firehose")
    try:
        rule = f"api:{stage.api.api_id}"
        code, said, text = reconcile(home, monkeypatch, capsys, rule)
        assert code == 1, text
        (one,) = said["stages"]
        assert (one["stage"], one["step"]) == (str(stage.ref), "refused")
        assert f"chosen by `{rule}`; It logs to Firehose" in one["why"]
        assert (said["changed"], said["reported"]) == (0, 1)
        assert "cannot be subscribed to" in text
    finally:
        made_stages.unmake(home.world, stage)
