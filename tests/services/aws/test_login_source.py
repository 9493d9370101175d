"""Who logs in is whom a role gets its credentials from; a code is asked for once or not at all."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.one_time_code import CodeGate, user
from tests.services.aws.conftest import clean_env
from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError, WizardError
from wizard.flows import account
from wizard.flows.context import Options
from wizard.flows.deployment import credentials as ending
from wizard.flows.deployment.answers import current_answers
from wizard.services.aws.credentials import profile_chain, source_profile
from wizard.services.aws.session import Session

CONFIG = """
[profile "company login"]
sso_start_url = https://company.awsapps.com/start
sso_region = eu-central-1
sso_account_id = 123456789012
sso_role_name = admin
region = eu-central-1
[profile deployer]
role_arn = arn:aws:iam::123456789012:role/deployer
source_profile = company login
[profile last]
role_arn = arn:aws:iam::123456789012:role/last
source_profile = deployer
[profile selfish]
role_arn = arn:aws:iam::123456789012:role/selfish
source_profile = selfish
aws_access_key_id = AKIDSELFISH
aws_secret_access_key = secret
[profile keys]
aws_access_key_id = AKIDKEYS
aws_secret_access_key = secret
"""
PROFILES = {
    "sso": {"sso_session": "company"},
    "role": {"role_arn": "x", "source_profile": "sso"},
    "second": {"role_arn": "x", "source_profile": "role"},
    "a": {"source_profile": "b"},
    "b": {"source_profile": "a"},
    "self": {"source_profile": "self"},
    "lost": {"source_profile": "gone"},
}


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    config = tmp_path / "config"
    config.write_text(CONFIG)
    monkeypatch.setenv("HOME", str(tmp_path))
    return clean_env() | {"HOME": str(tmp_path), "AWS_CONFIG_FILE": str(config),
                          "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}  # fmt: skip


@pytest.mark.parametrize(
    ("profile", "through", "logs_in"),
    [
        ("sso", ("sso",), "sso"),
        ("role", ("role", "sso"), "sso"),
        ("second", ("second", "role", "sso"), "sso"),
        ("a", ("a", "b"), "b"),
        ("self", ("self",), "self"),
        ("lost", ("lost", "gone"), "lost"),
        ("unknown", ("unknown",), "unknown"),
        ("", (), ""),
    ],
)
def test_credentials_come_from_the_end_of_the_chain(
    profile: str, through: tuple[str, ...], logs_in: str
) -> None:
    assert profile_chain(PROFILES, profile) == through
    assert source_profile(PROFILES, profile) == logs_in


@pytest.mark.parametrize("profile", ["company login", "deployer", "last"])
def test_the_advised_login_names_the_profile_that_can_log_in(
    profile: str, env: dict[str, str]
) -> None:
    session = Session(profile=profile, region="eu-central-1", env=env)
    with pytest.raises(WizardError) as caught:
        session.identity()
    assert caught.value.code == "WAG-E-AWS-005"
    assert "aws sso login --profile 'company login'" in caught.value.next_step
    assert "aws sso login --profile 'company login'" in ending.login(session)


def test_a_role_behind_sso_can_be_logged_in_from_the_screens(
    env: dict[str, str], tmp_path: Path
) -> None:
    kinds = {p.name: p.kind for p in account.profiles(env, ("last", "selfish", "keys"))}
    assert kinds == {"last": "SSO", "selfish": "role", "keys": "keys"}


def test_the_screens_log_in_where_the_role_gets_its_credentials(
    env: dict[str, str], tmp_path: Path
) -> None:
    tool = tmp_path / "bin" / "aws"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\nprintf "%s|" "$@" > {tmp_path}/said\n')
    tool.chmod(0o755)
    env = {**env, "PATH": f"{tool.parent}:/usr/bin:/bin"}
    account.sso_login(env, "last", lambda url, code: None, threading.Event())
    assert (tmp_path / "said").read_text() == "sso|login|--no-browser|--profile|company login|"


RIGHT = "483920"
ROLE = ("--profile", "role-with-code", "--region", "eu-central-1")


@pytest.mark.parametrize("command", ["status", "stages list", "install --dry-run"])
def test_a_code_that_nobody_can_be_asked_for_is_wrong_usage(
    command: str, aws_url: str, tmp_path: Path
) -> None:
    with CodeGate(aws_url, RIGHT) as gate:
        done = subprocess.run(
            [sys.executable, "-m", "wizard.cli", *command.split(), *ROLE],
            env={**clean_env(), **user(gate.url, tmp_path)}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True,
            check=False,
        )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "[WAG-E-AWS-011]" in done.stderr
    assert gate.seen == []


@pytest.mark.parametrize("failure", ["refused", "none given", "no answer"])
def test_whatever_becomes_of_a_code_nobody_is_asked_again(
    failure: str, aws_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wizard.services.aws.session.USUAL_ATTEMPTS", 1)
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        if failure == "none given":
            raise UsageError("WAG-E-AWS-021", "No MFA code was given", next_step="Again.")
        return "111112"

    with CodeGate(aws_url, RIGHT) as gate:
        env = user(gate.url, tmp_path)
        if failure == "no answer":
            env["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
        for name, value in env.items():
            if name.startswith(("AWS_", "HOME")):
                monkeypatch.setenv(name, value)
        with pytest.raises(WizardError):
            current_answers(
                Options(workspace=tmp_path / "w", env=env),
                {"profile": "role-with-code", "region": "eu-central-1"},
                Answers().name_prefix,
                ask,
            )
    assert len(asked) == 1
