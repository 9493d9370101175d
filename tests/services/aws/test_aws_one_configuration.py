"""Whatever the user's AWS configuration is: this program, the AWS tools' own way of reading it, and
a child of this program all come to the same account, Region and endpoint.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.services.aws.aws_machines import (
    MACHINES,
    NOT_PLAIN,
    Machine,
    furnished,
    metadata_service,
)
from tests.services.aws.test_aws_assumed import role_of
from wizard.core.errors import WizardError
from wizard.services.aws import child_configuration
from wizard.services.aws.session import Session

PLAIN = """
import boto3, json
session = boto3.Session()
client = session.client("sts")
print(json.dumps([client.get_caller_identity()["Account"], session.region_name,
                  client.meta.endpoint_url]))
"""


def run(code: list[str], env: Mapping[str, str], folder: Path) -> list[str]:
    done = subprocess.run(
        code, env=dict(env), cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def metadata() -> Iterator[str]:
    with metadata_service() as it:
        yield it


@pytest.fixture
def machine(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    aws_url: str,
    metadata: str,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[Machine, dict[str, str]]:
    found = MACHINES[request.param]
    role_of("444444444444", aws_url, "r")
    role_of("777777777777", aws_url, "pod")
    env = furnished(found, tmp_path, aws_url, metadata)
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return found, env


def name_of(machine: object) -> str:
    return str(machine)


@pytest.mark.parametrize("machine", MACHINES, ids=name_of, indirect=True)
def test_this_program_its_child_and_the_aws_tools_agree(
    machine: tuple[Machine, dict[str, str]], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    found, env = machine
    session = Session(found.profile, env=env)
    overlay = session.environment(tmp_path / "handed on")
    child = {k: v for k, v in {**env, **overlay}.items() if v is not None}
    (tmp_path / "elsewhere").mkdir()
    theirs = run([sys.executable, "-c", PLAIN], child, tmp_path / "elsewhere")
    ours = [session.identity().account_id, session.region, session.client("sts").meta.endpoint_url]
    assert ours[0] == found.account
    assert theirs == ours
    session.check_child(child)
    if not found.profile and not any(name in request.node.name for name in NOT_PLAIN):
        assert run([sys.executable, "-c", PLAIN], env, tmp_path) == ours


@pytest.mark.parametrize("machine", ["a role on a profile"], indirect=True)
def test_keys_that_renew_are_asked_for_and_stand_in_no_environment_and_no_file(
    machine: tuple[Machine, dict[str, str]], tmp_path: Path
) -> None:
    overlay = Session(env=machine[1]).environment(tmp_path / "handed on")
    assert overlay["AWS_ACCESS_KEY_ID"] is None
    assert "222222222222" not in str(overlay)
    config = Path(str(overlay["AWS_CONFIG_FILE"]))
    assert "credential_process" in config.read_text()
    assert config.stat().st_mode & 0o777 == 0o600
    child = {k: v for k, v in {**machine[1], **overlay}.items() if v is not None}
    command = child_configuration.child_command()[:-1]
    keys = json.loads(subprocess.check_output([*command, "keys"], env=child, cwd=tmp_path))
    assert keys["Version"] == 1
    assert keys["SessionToken"]
    assert keys["Expiration"].endswith("Z")


@pytest.mark.parametrize("machine", ["keys"], indirect=True)
def test_a_child_that_would_be_somebody_else_is_stopped_before_anything_is_planned(
    machine: tuple[Machine, dict[str, str]],
) -> None:
    session = Session(env=machine[1])
    other = {**machine[1], "AWS_ACCESS_KEY_ID": "999999999999"}
    with pytest.raises(WizardError) as caught:
        session.check_child(other)
    assert caught.value.code == "WAG-E-AWS-027"
    assert "999999999999" in caught.value.why
    nobody = {k: v for k, v in machine[1].items() if "ACCESS_KEY" not in k}
    with pytest.raises(WizardError) as caught:
        session.check_child(nobody)
    assert "NoCredentials" in caught.value.why


@pytest.mark.parametrize("machine", ["keys"], indirect=True)
@pytest.mark.parametrize("setting", ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"])
def test_an_endpoint_with_fips_or_dual_stack_is_named(
    machine: tuple[Machine, dict[str, str]], setting: str
) -> None:
    with pytest.raises(WizardError) as caught:
        Session(env=machine[1] | {setting: "true"}).environment()
    assert caught.value.code == "WAG-E-AWS-026"
    assert setting in caught.value.what
    assert "AWS_ENDPOINT_URL" in caught.value.what


@pytest.mark.parametrize("machine", ["keys"], indirect=True)
def test_endpoints_that_do_not_count_reach_nobody(
    machine: tuple[Machine, dict[str, str]],
) -> None:
    ignoring = {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_USE_FIPS_ENDPOINT": "true"}
    session = Session(env=machine[1] | ignoring)
    assert session.endpoint == ""
    overlay = session.environment()
    assert overlay["AWS_ENDPOINT_URL"] is None
    assert overlay["AWS_USE_FIPS_ENDPOINT"] == "true"
    assert overlay["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] is None


@pytest.mark.parametrize("machine", ["keys"], indirect=True)
def test_proxy_and_certificates_are_handed_on_as_this_program_reads_them(
    machine: tuple[Machine, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {k: v for k, v in machine[1].items() if k != "AWS_ENDPOINT_URL"}
    more = {"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:2", "AWS_CA_BUNDLE": "ca.pem"}
    overlay = Session(env=env | more).environment()
    assert overlay["HTTPS_PROXY"] == overlay["https_proxy"] == "http://a:1"
    assert overlay["AWS_CA_BUNDLE"] == str(tmp_path / "ca.pem")
