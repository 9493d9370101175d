"""When credentials end is known from wherever it is written; a run that will not fit is told."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from wizard.core.errors import WizardError
from wizard.core.events import FlowEvent, Note, State
from wizard.core.terraform.durations import expected_seconds, usual_seconds
from wizard.core.terraform.events import PlannedChange
from wizard.flows.context import Context, Options
from wizard.flows.deployment import credentials as flow
from wizard.services.aws import credentials
from wizard.services.aws.session import Session
from wizard.services.workspace.workspace import WorkspaceId, open_workspace

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "secret"}


def ending(**delta: float) -> str:
    return (datetime.now(timezone.utc) + timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return {
        "AWS_REGION": "eu-central-1",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def test_keys_from_an_export_say_when_they_end(env: dict[str, str]) -> None:
    left = Session(env=env | KEYS | {"AWS_CREDENTIAL_EXPIRATION": ending(minutes=5)}).seconds_left()
    assert left is not None
    assert 290 < left <= 300
    assert Session(env=env | KEYS).seconds_left() is None


def test_keys_that_a_login_tool_wrote_into_a_profile_end_when_it_says(
    env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "credentials").write_text(
        "[saml]\naws_access_key_id = AKID\naws_secret_access_key = s\naws_session_token = t\n"
        f"x_security_token_expires = {ending(minutes=2)}\n[fixed]\naws_access_key_id = AKID\n"
        "aws_secret_access_key = s\n"
    )
    left = Session("saml", env=env).seconds_left()
    assert left is not None
    assert 110 < left <= 120
    assert Session("fixed", env=env).seconds_left() is None


@pytest.mark.parametrize(
    ("login", "ends"),
    [
        ({"expiresAt": "2030-01-02T03:04:05Z"}, datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone.utc)),
        ({"expiresAt": "2030-01-02T03:04:05UTC"},
         datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone.utc)),
        ({"expiresAt": "2030-01-02T03:04:05Z", "refreshToken": "r"}, None),
        ({"expiresAt": "soon"}, None),
        ([], None),
    ],
)  # fmt: skip
def test_an_sso_login_ends_on_its_own(login: object, ends: datetime | None, tmp_path: Path) -> None:
    name = hashlib.sha1(b"company", usedforsecurity=False).hexdigest()
    (tmp_path / f"{name}.json").write_text(json.dumps(login))
    assert credentials.of_sso_login({"sso_session": "company"}, tmp_path) == ends
    assert credentials.of_sso_login({"sso_session": "other"}, tmp_path) is None


def test_an_apply_takes_as_long_as_its_longest_piece_or_all_of_it_together() -> None:
    balancer = usual_seconds("aws_lb", "create")
    assert expected_seconds([("aws_lb", "create"), ("aws_vpc", "no-op")]) == balancer
    assert expected_seconds([("aws_lb", "replace")]) == balancer + usual_seconds("aws_lb", "delete")
    assert expected_seconds([("aws_vpc", "create")] * 300) == pytest.approx(1200)
    assert expected_seconds([]) == 0.0


def planned(kind: str) -> PlannedChange:
    return PlannedChange(f"{kind}.it", kind, "create")


def test_too_little_time_for_the_run_is_told_with_the_command_that_renews(
    env: dict[str, str],
) -> None:
    session = Session(env=env | KEYS | {"AWS_CREDENTIAL_EXPIRATION": ending(seconds=100)})
    seconds = flow.needed([planned("aws_lb")], 6, proof=True)
    assert seconds == pytest.approx(1.5 * (160 + 18 + 60))
    said = flow.warning(session, seconds)
    assert "credentials end in 1m" in said
    assert "5m 57s" in said
    assert "aws sso login" in said
    assert flow.warning(session, flow.needed([], 0, proof=True)) == ""
    lasting = Session(env=env | KEYS | {"AWS_CREDENTIAL_EXPIRATION": ending(hours=2)})
    assert flow.warning(lasting, seconds) == ""


def test_after_credentials_ended_it_is_said_what_is_recorded(tmp_path: Path) -> None:
    workspace = open_workspace(WorkspaceId("123456789012", "eu-central-1", "x"), root=tmp_path)
    workspace.state.path.parent.mkdir()
    state = {
        "resources": [{"mode": "managed", "type": "aws_vpc", "name": "one", "instances": [{}, {}]}]
    }
    workspace.state.path.write_text(json.dumps(state))
    heard: list[FlowEvent] = []
    context = Context(Options(), heard.append)
    assert not flow.note_ended(context, workspace, WizardError("WAG-E-TF-117", "away"))
    assert heard == []
    assert flow.note_ended(context, workspace, WizardError("WAG-E-TF-103", "expired"))
    (note,) = heard
    assert isinstance(note, Note)
    assert note.state is State.WARNING
    assert note.text.startswith("2 resources made so far are in the state")


def test_after_a_new_login_the_same_session_goes_on_with_the_new_keys(
    env: dict[str, str], tmp_path: Path
) -> None:
    text = "[saml]\naws_access_key_id = {}\naws_secret_access_key = s\naws_session_token = t\n"
    file = tmp_path / "credentials"
    file.write_text(text.format("OLD") + f"aws_expiration = {ending(seconds=-5)}\n")
    session = Session("saml", env=env)
    left = session.seconds_left()
    assert left is not None
    assert left < 0
    file.write_text(text.format("NEW") + f"aws_expiration = {ending(hours=1)}\n")
    session.renew()
    left = session.seconds_left()
    assert left is not None
    assert left > 3500
