"""A move of the state that was killed, and every command of the command line on both computers.

Buckets, records, locks, the parameter, the function and the stages are the local AWS's; Terraform
is a stand-in (`tests/flows/copying.py`). The commands run whole, from their arguments to their exit
code, in this process.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tests.flows.copying import RAW, StandIn
from tests.flows.homes import FUNCTION, make_forwarder
from tests.flows.mortal import Mortal
from tests.flows.moves import FIRST, SECOND, WAYS, Computer, Picture, Scene, killed
from wizard import cli
from wizard.cli import options
from wizard.core.answers.model import Answers
from wizard.core.answers.parse import build_answers
from wizard.core.errors import WizardError
from wizard.core.state_place import LOCAL
from wizard.core.tfvars import installation_parameter_name
from wizard.flows import proof
from wizard.flows.deployment import model
from wizard.flows.deployment import open as opening
from wizard.sandbox import Sandbox
from wizard.services.aws import session as sessions
from wizard.services.workspace import s3_state

PREFIX = "api-gw-discovery"
GROUP = "/aws/apigateway/wallarm-api-discovery-1a2b3c4d"
KEPT = 90  # days; of the answers that were deployed, and nobody's default
STALE = 7  # of those that Ben's computer saved long ago
PEOPLE = ("anna", "ben")

LOOKS: dict[str, tuple[str, ...]] = {
    "status": ("status",),
    "doctor": ("doctor", "--only", "WAG-LOC-003,WAG-LOC-004,WAG-LOC-005"),
    "stages list": ("stages", "list"),
    "prove": ("prove",),
    "export": ("export", "exported"),
    "support-bundle": ("support-bundle", "--show", "--dry-run"),
}
CHANGES: dict[str, tuple[str, ...]] = {
    "install --dry-run": ("install", "--dry-run"),
    "install": ("install", "--yes"),
    "stages add": ("stages", "add", "FREE", "--yes"),
    "stages remove": ("stages", "remove", "CONNECTED", "--yes"),
    "stages reconcile": ("stages", "reconcile", "--yes"),
    "rotate-token": ("rotate-token", "--yes"),
    "redrive": ("redrive", "--yes"),
    "node-dialect": ("node-dialect", "--dry-run"),
    "uninstall --dry-run": ("uninstall", "--dry-run"),
    "uninstall": ("uninstall", "--yes", "--delete-logs"),
}
# What ends so on an undisturbed deployment like this one, too.
NO_NODE_HERE = {
    "rotate-token": "has no token here",
    "node-dialect": "counters cannot be read",
    "redrive": "has no bucket of undelivered events",
}
RAW_WORDS = re.compile(
    RAW + r"|[Bb]ackend (?:init|config)|migrate-state|-reconfigure|acquiring the state lock"
    r"|terraform init|WAG-E-CLI-009|WAG-E-TF-|Traceback"
)


@dataclass
class Said:
    """How a command ended."""

    code: int
    text: str


@dataclass
class Team:
    """Anna's computer, and Ben's, whose own saved answers are old."""

    scene: Scene
    anna: Computer
    ben: Computer
    stages: tuple[str, str]  # connected, free
    way: tuple[str, str]
    held: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def picture(self) -> Picture:
        """Of computers and buckets after a kill."""
        return Picture(self.scene, PREFIX, (self.anna, self.ben))

    def run(self, one: Computer, command: str, *more: str) -> Said:
        """One command line, whole."""
        connected, free = self.stages
        words = ({**LOOKS, **CHANGES})[command]
        words = tuple({"FREE": free, "CONNECTED": connected}.get(w, w) for w in words)
        words = tuple(str(one.root.parent / w) if w == "exported" else w for w in words)
        shutil.rmtree(one.root.parent / "exported", ignore_errors=True)
        env = {
            **one.context().env,
            "WALLARM_APIGW_WORKSPACE": str(one.root),
            "WALLARM_APIGW_NON_INTERACTIVE": "1",
            "WALLARM_APIGW_PREFLIGHT": "skip",
            "WALLARM_API_TOKEN": "A" * 64,
            "HOME": str(one.root.parent),
        }
        heard = io.StringIO()
        with (
            mock.patch.dict(os.environ, env, clear=True),
            contextlib.redirect_stdout(heard),
            contextlib.redirect_stderr(heard),
        ):
            code = cli.main([*words, *more])
        return Said(code, heard.getvalue())

    def account(self) -> dict[str, Any]:
        """What the account holds beside the buckets."""
        client = self.scene.session.client
        functions = client("lambda").list_functions()["Functions"]
        parameters = client("ssm").get_parameters_by_path(Path="/wallarm-apigw", Recursive=True)
        return {
            "functions": [f["FunctionName"] for f in functions if f["FunctionName"] == FUNCTION],
            "claim": {p["Name"]: p["Value"] for p in parameters["Parameters"]},
            "stages": {ref: self._logs_to(ref) for ref in self.stages},
        }

    def _stage(self, ref: str) -> dict[str, str]:
        api, _, stage = ref.partition("/")
        return {"restApiId": api, "stageName": stage}

    def _logs_to(self, ref: str) -> dict[str, str]:
        found = self.scene.session.client("apigateway").get_stage(**self._stage(ref))
        return {k: v for k, v in (found.get("accessLogSettings") or {}).items() if v}

    def take(self) -> None:
        """Take a picture of everything, for `restore`."""
        self.picture.take()
        self.held = self.account()

    def restore(self) -> None:
        """Everything as it was when the picture was taken."""
        self.picture.restore()
        self._restore_account(self.held)

    def _restore_account(self, wanted: dict[str, Any]) -> None:
        now, client = self.account(), self.scene.session.client
        if now == wanted:
            return  # nothing to put back
        for name, value in wanted["claim"].items():
            if now["claim"].get(name) != value:
                client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
        if not now["functions"]:
            made = self.anna.seen().journal.record.installation
            make_forwarder(client("lambda"), self.scene.identity, made)
        for ref, log in wanted["stages"].items():
            if now["stages"][ref] != log:
                replaced = [
                    {"op": "replace", "path": f"/accessLogSettings/{k}", "value": v}
                    for k, v in log.items()
                ]
                client("apigateway").update_stage(
                    **self._stage(ref),
                    patchOperations=replaced or [{"op": "remove", "path": "/accessLogSettings"}],
                )
        assert self.account() == wanted

    @property
    def unchanged(self) -> bool:
        """Whether buckets and account are as in the picture."""
        return self.picture.unchanged and self.account() == self.held


def place_of(one: Computer) -> str:
    """Where a computer says that the state is: a bucket, empty for its own folder."""
    found = one.seen()
    return found.store.place.bucket if found.store is not None else ""


def check_settled(team: Team, one: Computer, command: str, ends: tuple[str, str]) -> None:
    """Whole in one place, nothing in any other one, nobody's lock, the answers that counted."""
    place = place_of(one)
    assert place in ends
    for bucket in {FIRST, SECOND} - {place}:
        assert team.scene.holds(bucket, PREFIX) == []
    for bucket in (FIRST, SECOND):
        store = team.scene.store(bucket, PREFIX)
        assert (store.holder(), store.terraform_lock()) == (None, None)
    seen = one.seen()
    assert not [e for e in seen.journal.record.unfinished if e.action == "state.move"]
    assert seen.workspace.check_state() == (0 if command == "uninstall" else 3)
    connected, free = team.stages
    expected = {connected} | ({free} if command == "stages add" else set())
    expected -= {connected} if command in ("stages remove", "uninstall") else set()
    assert {str(ref) for ref in seen.journal.record.stages} == expected
    if command == "uninstall":
        assert team.account()["claim"] == {}
        assert team.account()["functions"] == []
        return
    saved = seen.store.saved_answers() if seen.store is not None else json.loads(
        (one.root / "answers.json").read_text(encoding="utf-8")
    )  # fmt: skip
    assert (saved["log_retention_days"], saved["node_url"]) == (KEPT, "node:5050")
    assert set(saved["stages"]) == expected


def check_words(said: Said) -> None:
    """No raw words of Terraform, no bug."""
    found = RAW_WORDS.search(said.text)
    assert found is None, (found, said.text)


def check_end(said: Said, command: str) -> None:
    """It ended as on an undisturbed deployment."""
    if command in NO_NODE_HERE:
        assert said.code
        assert NO_NODE_HERE[command] in said.text, said.text
    else:
        assert said.code == 0, said.text


def check_anna(team: Team, command: str, ends: tuple[str, str], *, joined: bool) -> None:
    """On the computer whose run was killed: whoever looks sees it whole, whoever changes something
    settles the move first."""
    del joined
    said = team.run(team.anna, command)
    check_words(said)
    if command in LOOKS:
        assert said.code == (3 if command == "prove" else 0) or (
            command == "doctor" and "began and never ended; the first: state.move" in said.text
        ), said.text
        assert "at work: " not in said.text, "that run is dead, and this computer knows it"
        assert team.unchanged
        return
    check_end(said, command)
    check_settled(team, team.anna, command, ends)
    if place_of(team.anna):
        assert place_of(team.ben) == place_of(team.anna)


def check_ben(team: Team, command: str, ends: tuple[str, str], *, joined: bool) -> None:
    """On the other one: it works on what counts or not at all, and takes no lock away by itself."""
    said = team.run(team.ben, command)
    check_words(said)
    if command in LOOKS or said.code:
        assert team.unchanged, said.text
    if command in LOOKS:
        if joined and command in ("status", "stages list", "support-bundle", "doctor"):
            assert said.code == 0, said.text
        holder = team.scene.store(place_of(team.ben), PREFIX).holder() if joined else None
        if holder is not None and command in ("status", "doctor"):
            assert f"{holder.owner.user} on {holder.owner.host}, process " in said.text
            assert "never ended" not in said.text
        return
    lock = re.search(r"--unlock (\w+)", said.text)
    if lock is not None:
        assert said.code == 1
        assert re.search(r"is held by \S+ on \S+, process \d+ \(install\), for ", said.text)
        said = team.run(team.ben, command, "--unlock", lock[1])
        check_words(said)
    if lock is None and not joined and said.code:
        return  # refused: it is not to be had from here
    check_end(said, command)
    check_settled(team, team.ben, command, ends)
    assert place_of(team.anna) == place_of(team.ben)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("commands")
    (folder / "module").mkdir()
    (folder / "module" / "main.tf").write_text("")
    with Sandbox.start() as box, pytest.MonkeyPatch.context() as patch:
        env = {k: v for k, v in os.environ.items() if k not in box.unset} | box.env
        session = Mortal(box.region, env)
        StandIn.s3 = Mortal(box.region, env).client("s3")
        arn = f"arn:aws:logs:{box.region}:{box.account_id}:log-group:{GROUP}"
        session.client("logs").create_log_group(logGroupName=GROUP)
        patch.setattr(StandIn, "outputs", {
            "api_gateway_log_group": GROUP, "api_gateway_log_group_arn": arn,
            "lambda_function_name": FUNCTION, "lambda_log_group": f"/aws/lambda/{FUNCTION}",
            "node_url": "node:5050",
        })  # fmt: skip
        patch.setattr(model, "terraform_module", lambda: folder / "module")
        patch.setattr(model, "open_terraform", lambda workspace, **_: StandIn(workspace))
        # One session for all: making its clients is what takes time.
        patch.setattr(opening, "Session", lambda *_, **__: session)
        patch.setattr(sessions, "Session", lambda *_, **__: session)
        identity = session.identity()
        patch.setattr(session, "identity", lambda: identity)
        patch.setattr(session, "check_child", lambda _: None)  # the stand-in has none
        patch.setattr(proof, "prove", lambda *_, **__: None)  # has tests of its own
        # So is one parser: to write down all commands takes a tenth of the time of one.
        patch.setattr(options, "build_parser", functools.cache(options.build_parser))
        for bucket in (FIRST, SECOND):
            s3_state.make_bucket(session, session.identity(), bucket)
        yield Scene(box, session, folder, StandIn)


def settle_in(scene: Scene, patch: pytest.MonkeyPatch, way: str) -> Team:
    """Anna has installed, and the state lies where this way begins; Ben had joined, if he could."""
    source, _ = WAYS[way]
    folder = scene.folder / way.replace(" ", "-")
    people = []
    for name in PEOPLE:
        (folder / name).mkdir(parents=True, mode=0o700)
        people.append(Computer(scene.box, folder / name, scene.session, scene.identity, PREFIX))
    rest = [s for s in scene.box.sample_stages if s.split("/")[0] in _rest_apis(scene)]
    team = Team(scene, people[0], people[1], (rest[0], rest[1]), WAYS[way])
    client = scene.session.client("lambda")
    anna = team.anna

    def made(variables: Any) -> None:
        assert variables["log_retention_days"] == KEPT
        make_forwarder(client, scene.identity, anna.seen().journal.record.installation)

    patch.setattr(StandIn, "made", made)
    patch.setattr(StandIn, "removed", lambda: client.delete_function(FunctionName=FUNCTION))
    given = folder / "given.json"
    answers = {"region": scene.box.region, "stages": rest[:1], "node_url": "node:5050",
               "node_scheme": "http", "log_retention_days": KEPT, "proof": "skip"}  # fmt: skip
    given.write_text(json.dumps(answers), encoding="utf-8")
    done = team.run(anna, "install", "--answers", str(given))
    assert done.code == 0, done.text
    anna.given = build_answers(answers)
    if source:
        anna.move(source)
        done = team.run(team.ben, "stages reconcile")
        assert done.code == 0, done.text
        _make_stale(team.ben.root / "answers.json", Answers(region=scene.box.region))
    return team


def _make_stale(path: Path, answers: Answers) -> None:
    path.write_text(answers.with_(log_retention_days=STALE, proof="skip").to_json())


def _rest_apis(scene: Scene) -> set[str]:
    return {a["id"] for a in scene.session.client("apigateway").get_rest_apis()["items"]}


@pytest.fixture(scope="module")
def team(scene: Scene, request: pytest.FixtureRequest) -> Iterator[Team]:
    way = str(request.param)
    with pytest.MonkeyPatch.context() as patch:
        found = settle_in(scene, patch, way)
        yield found
        scene.session.client("lambda").delete_function(FunctionName=FUNCTION)
        name = installation_parameter_name(found.anna.answers())
        scene.session.client("ssm").delete_parameter(Name=name)
        for bucket in (FIRST, SECOND):
            store = scene.store(bucket, PREFIX)
            for key in store.names(store.place.folder):
                store.delete_object(key)


# Before the third nothing was begun; around the tenth it is decided; then the old place is cleared.
MOMENTS = {
    "to another bucket": (3, 4, 6, 8, 9, 10, 11, 12, 15, 18),
    "to a bucket": (3, 6, 9, 12),
    "back to a computer": (3, 6, 8, 10),
}
# Neighbours among so many leave much the same: there each command is one computer's, in turn.
MANY = 5
EVERY = "SOAK_SEEDS" in os.environ  # `make soak` runs every command on both at every moment


@pytest.mark.parametrize(
    ("team", "chosen"),
    [
        pytest.param(way, chosen, marks=pytest.mark.xdist_group(f"commands {way}"), id=way)
        for way, chosen in MOMENTS.items()
    ],
    indirect=["team"],
)
def test_after_a_move_that_was_killed_every_command_works_on_what_counts_or_not_at_all(
    team: Team, chosen: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At ten moments where both computers had joined, at four on each of the other ways: there each
    command runs on both."""
    source, target = team.way
    ends = (source, "" if target == LOCAL else target)
    begin = Picture(team.scene, PREFIX, (team.anna, team.ben), "begin")
    begin.take()
    wrong: list[str] = []
    for turn, nth in enumerate(chosen):
        died = killed(team.scene, monkeypatch, nth, False, lambda: team.anna.move(target))
        assert died, f"it has no moment {nth}"
        team.take()
        joined = bool(source) and not _left_for_a_computer(team)
        for number, command in enumerate((*LOOKS, *CHANGES)):
            checks = (check_anna, check_ben)
            if len(chosen) >= MANY and not EVERY:
                checks = checks[(turn + number) % 2 :][:1]
            for check in checks:
                try:
                    check(team, command, ends, joined=joined)
                except (AssertionError, WizardError) as error:
                    where = f"moment {nth}, {command}, {check.__name__}"
                    wrong.append(f"{where}: {str(error)[:1500]}")
                team.restore()
        begin.restore()
    assert not wrong, f"{len(wrong)} wrong\n" + "\n\n".join(wrong)


def _left_for_a_computer(team: Team) -> bool:
    found = team.scene.store(FIRST, PREFIX).moved()
    return found is not None and not found.target
