"""Which profiles need a one-time code, and that several sessions share what one code brought."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.one_time_code import CodeGate, user
from tests.services.aws.conftest import unlimited
from wizard.core.errors import WizardError
from wizard.services.aws import credentials
from wizard.services.aws.session import Session

RIGHT, NEXT = "483920", "573801"
ROLE = {"role_arn": "arn:aws:iam::1:role/a", "source_profile": "keys"}
DEVICE = {"mfa_serial": "arn:aws:iam::1:mfa/jane"}


@pytest.mark.parametrize(
    ("profile", "profiles", "needs"),
    [
        ("role", {"role": {**ROLE, **DEVICE}, "keys": {}}, True),
        ("role", {"role": ROLE, "keys": {}}, False),
        ("keys", {"keys": DEVICE}, False),  # a device alone asks nobody: there is no role to assume
        ("chain", {"chain": {**ROLE, "source_profile": "role"}, "role": {**ROLE, **DEVICE}}, True),
        ("", {"default": {**ROLE, **DEVICE}}, True),
        ("gone", {}, False),
        ("self", {"self": {**ROLE, "source_profile": "self"}}, False),
    ],
)
def test_a_code_is_needed_where_a_role_on_the_way_names_a_device(
    profile: str, profiles: dict[str, dict[str, str]], needs: bool
) -> None:
    core = SimpleNamespace(full_config={"profiles": profiles})
    assert credentials.needs_code(core, profile) is needs


@pytest.fixture
def gate(aws_url: str) -> Iterator[CodeGate]:
    with CodeGate(aws_url, RIGHT, NEXT) as it:
        yield it


class Person:
    """Gives the codes in turn, as a device shows them."""

    def __init__(self, *codes: str) -> None:
        self.codes = list(codes)
        self.asked = 0

    def __call__(self, prompt: str) -> str:
        assert "mfa/jane" in prompt
        self.asked += 1
        return self.codes.pop(0)

    def session(self, env: dict[str, str], region: str = "eu-central-1") -> Session:
        return Session("role-with-code", region, env, self, unlimited())


def test_sessions_that_start_at_once_ask_once(gate: CodeGate, tmp_path: Path) -> None:
    env, person = user(gate.url, tmp_path), Person(RIGHT, NEXT)
    found: list[str] = []
    start = threading.Barrier(4)

    def look(region: str) -> None:
        session = person.session(env, region)
        start.wait(30)
        found.append(session.identity().arn)

    regions = ("eu-central-1", "eu-west-1", "us-east-1", "eu-central-1")
    threads = [threading.Thread(target=look, args=(r,)) for r in regions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 4
    assert all("assumed-role/admin" in arn for arn in found)
    assert (person.asked, gate.seen) == (1, [RIGHT])


def test_terraform_gets_keys_also_from_a_session_that_did_not_ask(
    gate: CodeGate, tmp_path: Path
) -> None:
    env, person = user(gate.url, tmp_path), Person(RIGHT)
    first, second = person.session(env), person.session(env)
    keys = [s.environment()["AWS_SESSION_TOKEN"] for s in (first, second)]
    assert keys[0] == keys[1]
    assert keys[0]
    assert second.environment()["AWS_PROFILE"] is None, "Terraform could ask nobody"
    left = second.seconds_left()
    assert left is not None
    assert 0 < left <= 3600


def test_after_a_refusal_a_new_code_is_asked_for(gate: CodeGate, tmp_path: Path) -> None:
    env, person = user(gate.url, tmp_path), Person(RIGHT, NEXT)
    session = person.session(env)
    session.identity()
    session.renew()
    session.identity()
    assert person.asked == 1, "looking again asks nobody"
    session.renew(refused=True)
    session.identity()
    assert gate.seen == [RIGHT, NEXT]


def test_a_refused_code_keeps_nobody_from_the_next(gate: CodeGate, tmp_path: Path) -> None:
    env, person = user(gate.url, tmp_path), Person("111112", NEXT)
    with pytest.raises(WizardError) as caught:
        person.session(env).identity()
    assert caught.value.code == credentials.REFUSED
    assert "assumed-role/admin" in person.session(env).identity().arn
