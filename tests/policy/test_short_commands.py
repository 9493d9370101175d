"""`stages add`, `rotate-token` and `redrive` ask IAM for exactly what they need before they act."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.policy import record, reference
from tests.policy.iam_on_the_wire import ACCOUNT, Iam
from tests.policy.judge import allowed
from tests.policy.mapping import needed
from tests.policy.test_least_privilege import RECORDED, REGION, WHOLE, answers_of
from wizard.core.answers.model import Answers
from wizard.core.answers.parse import build_answers
from wizard.core.errors import WizardError
from wizard.core.events import FlowEvent, Note, State
from wizard.core.facts import Identity
from wizard.core.permissions.commands import ADD, FLOWS, REDRIVE, ROTATE, SUBSCRIBE
from wizard.core.permissions.documents import documents, needs
from wizard.core.secret import Secret
from wizard.flows import token
from wizard.flows.context import Context, Options
from wizard.flows.permissions import ask_first
from wizard.services.aws.session import Session

PHASES = {"add": ADD, "rotate": ROTATE, "redrive": REDRIVE}
REFERENCE = reference.load()
READING = {"Read", "List"}
# What a replay fetches is the one thing that is read after it was asked.
READ_LATER = {"s3:GetObject"}
JANE = Identity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/jane", REGION)


def changing(mode: str, phase: str) -> set[str]:
    """Actions of a recorded phase that change something."""
    found = {
        action
        for saved in RECORDED[mode]["calls"]
        if saved["phase"] == phase
        for action, _, _ in needed(record.read_call(saved), ACCOUNT, REGION)
    }
    return {a for a in found if a in REFERENCE and REFERENCE[a]["level"] not in READING}


def asked(answers: Answers, flow: str, *, required: bool | None = None) -> set[str]:
    return {
        action
        for need in needs(answers, flow, ACCOUNT)
        for action in need.actions
        if required in (None, need.required)
    }


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("mode", WHOLE)
def test_what_was_recorded_of_it_is_what_every_run_is_asked_about(mode: str, phase: str) -> None:
    answers = build_answers(dict(RECORDED[mode]["answers"]))
    if phase == "rotate" and not answers.deploys_node:
        assert changing(mode, phase) == set()
        return
    assert asked(answers, PHASES[phase], required=True) - READ_LATER == changing(mode, phase)


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("mode", WHOLE)
def test_nothing_is_asked_about_that_the_policy_for_deploying_does_not_hold(
    mode: str, flow: str
) -> None:
    answers, groups = answers_of(mode).with_(existing_logging="keep"), ("/aws/apigateway/mine",)
    printed = documents(answers, "deploy", ACCOUNT, log_groups=groups)
    held = [s for d in printed for s in d["Statement"]]
    for need in needs(answers, flow, ACCOUNT, log_groups=groups):
        for action in need.actions:
            for arn in need.resources:
                passed = need.context.get("iam:PassedToService", ("",))[0]
                assert allowed(held, action, arn, passed), f"{action} on {arn}"


def test_a_further_log_group_asks_for_its_subscription_too() -> None:
    more = asked(Answers(), SUBSCRIBE) - asked(Answers(), ADD)
    assert more == {"logs:PutSubscriptionFilter", "lambda:AddPermission"}


def test_an_added_stage_asks_about_itself_alone() -> None:
    (change,) = (
        need
        for need in needs(Answers(stages=("a1/prod",)), ADD, ACCOUNT)
        if "apigateway:PATCH" in need.actions and need.required
    )
    assert all(arn.endswith("/a1/stages/prod") for arn in change.resources)


# --- in action -----------------------------------------------------------------------------------


@pytest.fixture
def iam() -> Iterator[Iam]:
    it = Iam()
    yield it
    it.server.shutdown()
    it.server.server_close()


class Deployed:
    """As much of a deployment as is looked at before something is changed."""

    token_parameter = "/wallarm-apigw/p/token"

    def __init__(self, iam: Iam, root: Path, preflight: str = "") -> None:
        env = {
            "AWS_ENDPOINT_URL": iam.url, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
            "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }  # fmt: skip
        self.events: list[FlowEvent] = []
        self.session = Session(region=REGION, env=env)
        self.identity = JANE
        self.context = Context(Options(env=env, preflight=preflight), self.events.append)
        self.workspace = SimpleNamespace(root=root)

    def __enter__(self) -> Deployed:
        return self

    def __exit__(self, *_: Any) -> None:
        """Nothing is held."""

    def outputs(self) -> Any:
        return SimpleNamespace(ecs_cluster="c", ecs_service="s")

    @property
    def journal(self) -> Any:
        raise AssertionError("something is about to be changed")

    def notes(self, state: State) -> list[str]:
        return [e.text for e in self.events if isinstance(e, Note) and e.state is state]


@pytest.mark.parametrize("flow", FLOWS)
def test_what_is_missing_stops_it_with_the_policy_to_attach(
    iam: Iam, tmp_path: Path, flow: str
) -> None:
    for action in sorted(asked(Answers(), flow, required=True)):
        iam.decide = lambda one, action=action: "implicitDeny" if one == action else "allowed"
        deployed = Deployed(iam, tmp_path)
        with pytest.raises(WizardError) as stopped:
            ask_first(deployed, Answers(), flow)  # type: ignore[arg-type]
        assert stopped.value.code == "WAG-E-AWS-024"
        assert action in stopped.value.why
        file = tmp_path / "missing-permissions.json"
        assert str(file) in stopped.value.next_step
        assert action in str(json.loads(file.read_text(encoding="utf-8")))


def test_whoever_may_not_ask_is_told_and_goes_on(iam: Iam, tmp_path: Path) -> None:
    iam.error["SimulatePrincipalPolicy"] = "AccessDenied"
    deployed = Deployed(iam, tmp_path)
    ask_first(deployed, Answers(), ROTATE)  # type: ignore[arg-type]
    (told,) = deployed.notes(State.UNCHECKED)
    assert "may not ask IAM" in told


def test_it_follows_the_preflight_that_was_chosen(iam: Iam, tmp_path: Path) -> None:
    iam.decide = lambda _action: "implicitDeny"
    warned = Deployed(iam, tmp_path, "warn")
    ask_first(warned, Answers(), REDRIVE)  # type: ignore[arg-type]
    assert any("s3:DeleteObject" in text for text in warned.notes(State.WARNING))
    iam.asked.clear()
    ask_first(Deployed(iam, tmp_path, "skip"), Answers(), REDRIVE)  # type: ignore[arg-type]
    assert iam.asked == []


@pytest.mark.parametrize("action", ["ssm:PutParameter", "ecs:UpdateService"])
def test_no_token_is_stored_that_the_node_could_not_be_given(
    iam: Iam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    iam.decide = lambda one: "implicitDeny" if one == action else "allowed"
    deployed = Deployed(iam, tmp_path)
    monkeypatch.setattr(token, "open_session", lambda *_: deployed.session)
    monkeypatch.setattr(token, "identify", lambda *_: JANE)
    monkeypatch.setattr(token, "open_deployment", lambda *_: deployed)
    monkeypatch.setattr(token, "require_own", lambda *_: None)
    with pytest.raises(WizardError) as stopped:
        token.rotate(deployed.context, Answers(), Secret("A" * 64))
    assert stopped.value.code == "WAG-E-AWS-024"
    assert {form["Action"][0] for form in iam.asked} == {"SimulatePrincipalPolicy"}
