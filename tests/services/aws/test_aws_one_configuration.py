"""Whatever the user's AWS configuration is: this program, the AWS tools' own way of reading it, and
a child of this program all come to the same account, Region and endpoint.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

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
HELPER = """#!/bin/sh
echo '{"Version": 1, "AccessKeyId": "333333333333", "SecretAccessKey": "s"}'
"""


@dataclass(frozen=True)
class Machine:
    """Environment and AWS configuration; `{root}` and `{url}` are replaced."""

    account: str
    env: Mapping[str, str] = field(default_factory=dict)
    config: str = ""
    credentials: str = ""
    profile: str = ""


KEYS = {"AWS_ACCESS_KEY_ID": "111111111111", "AWS_SECRET_ACCESS_KEY": "s"}
REGION = {"AWS_DEFAULT_REGION": "eu-west-1"}
WORK = "[work]\naws_access_key_id = 222222222222\naws_secret_access_key = s\n"
URL = {"AWS_ENDPOINT_URL": "{url}"}
MACHINES = {
    "keys": Machine("111111111111", KEYS | REGION | URL),
    "keys and AWS_PROFILE": Machine(
        "111111111111", KEYS | REGION | URL | {"AWS_PROFILE": "work"},
        "[profile work]\nregion = us-west-2\n", WORK,
    ),
    "AWS_PROFILE alone": Machine(
        "222222222222", URL | {"AWS_PROFILE": "work"},
        "[profile work]\nregion = us-west-2\n", WORK,
    ),
    "the default profile": Machine(
        "222222222222", URL, "[default]\nregion = sa-east-1\n", WORK.replace("work", "default")
    ),
    "a quoted profile": Machine(
        "222222222222", URL | {"AWS_PROFILE": "my work"},
        '[profile "my work"]\nregion = us-west-2\n', WORK.replace("work", "my work"),
    ),
    "keys in the config file": Machine(
        "222222222222", URL | {"AWS_PROFILE": "work"},
        "[profile work]\nregion = us-west-2\n" + WORK.partition("\n")[2],
    ),
    "the profile's endpoint": Machine(
        "222222222222", {"AWS_PROFILE": "work"},
        "[profile work]\nregion = us-west-2\nendpoint_url = {url}\n", WORK,
    ),
    "the profile's services section": Machine(
        "222222222222", {"AWS_PROFILE": "work"},
        "[profile work]\nregion = us-west-2\nservices = lab\n[services lab]\nsts =\n"
        "  endpoint_url = {url}\n", WORK,
    ),
    "an endpoint for STS alone": Machine(
        "111111111111", KEYS | REGION | {"AWS_ENDPOINT_URL_STS": "{url}"}
    ),
    "an endpoint in the environment beats the profile's": Machine(
        "222222222222", URL | {"AWS_PROFILE": "work"},
        "[profile work]\nregion = us-west-2\nendpoint_url = http://127.0.0.1:9\n", WORK,
    ),
    "a credential process": Machine(
        "333333333333", URL | {"AWS_PROFILE": "helped"},
        "[profile helped]\nregion = us-west-2\ncredential_process = {root}/helper.sh\n",
    ),
    "a credential process, named relatively": Machine(
        "333333333333", URL | {"AWS_PROFILE": "helped"},
        "[profile helped]\nregion = us-west-2\ncredential_process = ./helper.sh\n",
    ),
    "a role on a profile": Machine(
        "444444444444", URL | {"AWS_PROFILE": "role"},
        "[profile role]\nregion = us-west-2\nrole_arn = arn:aws:iam::444444444444:role/r\n"
        "source_profile = work\n", WORK,
    ),
    "a role on the environment's keys": Machine(
        "444444444444", URL | KEYS | {"AWS_PROFILE": "role"},
        "[profile role]\nregion = us-west-2\nrole_arn = arn:aws:iam::444444444444:role/r\n"
        "credential_source = Environment\n", profile="role",
    ),
    "a role on a credential process": Machine(
        "444444444444", URL | {"AWS_PROFILE": "role"},
        "[profile role]\nregion = us-west-2\nrole_arn = arn:aws:iam::444444444444:role/r\n"
        "source_profile = helped\n[profile helped]\ncredential_process = {root}/helper.sh\n",
    ),
    "a stale AWS_PROFILE beside keys": Machine(
        "111111111111", KEYS | REGION | URL | {"AWS_PROFILE": "gone"}
    ),
    "a tilde in the file's name": Machine(
        "222222222222", URL | {"AWS_PROFILE": "work", "AWS_CONFIG_FILE": "~/elsewhere"},
        "[profile work]\nregion = us-west-2\n", WORK,
    ),
    "empty variables": Machine(
        "222222222222",
        URL | {"AWS_PROFILE": "work", "AWS_CA_BUNDLE": "", "AWS_REGION": "",
               "AWS_SESSION_TOKEN": ""},
        "[profile work]\nregion = us-west-2\n", WORK,
    ),
}  # fmt: skip
# Here AWS's own tools only say that there is no such profile; the keys are good all the same.
NOT_PLAIN = ("a stale AWS_PROFILE beside keys", "empty variables")


def furnished(machine: Machine, tmp_path: Path, url: str) -> dict[str, str]:
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    program = tmp_path / "helper.sh"
    program.write_text(HELPER)
    program.chmod(0o755)

    def fill(text: str) -> str:
        return text.replace("{root}", str(tmp_path)).replace("{url}", url)

    config = home / ("elsewhere" if "AWS_CONFIG_FILE" in machine.env else ".aws/config")
    config.write_text(fill(machine.config))
    (home / ".aws" / "credentials").write_text(fill(machine.credentials))
    base = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    own = {name: fill(value) for name, value in machine.env.items()}
    return {**base, "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true", **own}


def run(code: list[str], env: Mapping[str, str], folder: Path) -> list[str]:
    done = subprocess.run(
        code, env=dict(env), cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.fixture
def machine(
    request: pytest.FixtureRequest, tmp_path: Path, aws_url: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[Machine, dict[str, str]]:
    found = MACHINES[request.param]
    role_of("444444444444", aws_url, "r")
    env = furnished(found, tmp_path, aws_url)
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
