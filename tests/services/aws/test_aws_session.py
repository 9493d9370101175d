"""Credentials, profiles and Regions: one source for boto3 and Terraform, and clear errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore import exceptions as e

from wizard.core.errors import ExitCode, UsageError, WizardError
from wizard.services.aws.errors import explain
from wizard.services.aws.session import Session

CONFIG = """
[default]
region = eu-west-1
[profile platform-admin]
region = eu-central-1
[profile with-mfa]
role_arn = arn:aws:iam::123456789012:role/admin
source_profile = platform-admin
mfa_serial = arn:aws:iam::123456789012:mfa/jane
region = eu-central-1
[profile company-sso]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 123456789012
sso_role_name = admin
region = eu-central-1
"""
CREDENTIALS = """
[platform-admin]
aws_access_key_id = AKIDPLATFORM
aws_secret_access_key = platform-secret
"""


@pytest.fixture
def configured(env: dict[str, str], tmp_path: Path) -> dict[str, str]:
    (tmp_path / "config").write_text(CONFIG)
    (tmp_path / "credentials").write_text(CREDENTIALS)
    return env


def child_environment(session: Session) -> dict[str, str]:
    """The whole environment of a child process: the session's own with what it adds."""
    whole = {**session._env, **session.environment()}
    return {name: value for name, value in whole.items() if value is not None}


def without_keys(env: dict[str, str]) -> dict[str, str]:
    kept = {k: v for k, v in env.items() if not k.startswith(("AWS_ACCESS", "AWS_SECRET"))}
    return kept | {"AWS_EC2_METADATA_DISABLED": "true"}


def test_help_never_imports_boto3() -> None:
    code = (
        "import sys, wizard.services.aws.session, wizard.services.aws.discovery, "
        "wizard.services.aws.stages, wizard.services.aws.account_role, "
        "wizard.services.aws.log_delivery, wizard.services.aws.network, "
        "wizard.services.aws.log_groups, wizard.services.aws.token_parameter, "
        "wizard.services.aws.discovery; "
        "print('boto3' in sys.modules or 'botocore' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert answer.stdout.strip() == "False"


def test_it_says_who_the_credentials_belong_to(session: Session) -> None:
    identity = session.identity()
    assert identity.account_id == "123456789012"
    assert identity.region == "eu-central-1"
    assert identity.partition == "aws"
    assert session.seconds_left() is None


def test_the_account_alias_is_shown_when_it_may_be_read(session: Session) -> None:
    session.client("iam").create_account_alias(AccountAlias="acme-prod")
    try:
        assert session.identity().alias == "acme-prod"
    finally:
        session.client("iam").delete_account_alias(AccountAlias="acme-prod")


def test_profiles_and_regions_come_from_the_real_configuration(
    configured: dict[str, str],
) -> None:
    session = Session(env=configured)
    assert set(session.profiles()) == {"default", "platform-admin", "with-mfa", "company-sso"}
    assert {"eu-central-1", "us-east-1", "cn-north-1"} <= set(session.regions())


def test_a_wrong_profile_is_answered_with_the_closest(configured: dict[str, str]) -> None:
    for read in (Session.identity, child_environment):
        with pytest.raises(UsageError) as caught:
            read(Session(profile="platfrom-admin", region="eu-central-1", env=configured))
        assert caught.value.code == "WAG-E-AWS-003"
        assert "platform-admin" in caught.value.next_step
        assert caught.value.exit_code is ExitCode.USAGE


def test_a_wrong_region_is_answered_with_the_closest(env: dict[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        Session(region="eu-centrl-1", env=env).identity()
    assert caught.value.code == "WAG-E-AWS-004"
    assert "eu-central-1" in caught.value.next_step


def test_the_region_may_come_from_the_environment_or_the_profile(
    configured: dict[str, str],
) -> None:
    assert Session(profile="platform-admin", env=configured).region == "eu-central-1"
    assert Session(env=configured | {"AWS_REGION": "sa-east-1"}).region == "sa-east-1"
    assert Session(region="us-east-1", env=configured | {"AWS_REGION": "x"}).region == "us-east-1"


def test_without_credentials_it_says_how_to_log_in(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(WizardError) as caught:
        Session(region="eu-central-1", env=without_keys(env)).identity()
    assert caught.value.code == "WAG-E-AWS-001"
    assert "aws configure" in caught.value.next_step


def test_an_aws_that_cannot_be_reached_is_said_so(env: dict[str, str]) -> None:
    session = Session(region="eu-central-1", env=env | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    with pytest.raises(WizardError) as caught:
        session.identity()
    assert caught.value.code == "WAG-E-AWS-006"
    assert "127.0.0.1:9" in caught.value.why


def test_a_broken_configuration_file_is_said_so(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "config").write_text("no section = 1\n")
    with pytest.raises(WizardError) as caught:
        Session(profile="x", region="eu-central-1", env=env).identity()
    assert caught.value.code == "WAG-E-AWS-015"


def test_terraform_gets_the_same_keys_and_nothing_that_competes_with_them(
    env: dict[str, str],
) -> None:
    session = Session(region="eu-central-1", env=env | {"AWS_PROFILE": "other", "AWS_REGION": "x"})
    child = child_environment(session)
    assert child["AWS_ACCESS_KEY_ID"] == env["AWS_ACCESS_KEY_ID"]
    assert child["AWS_REGION"] == child["AWS_DEFAULT_REGION"] == "eu-central-1"
    assert "AWS_PROFILE" not in child
    assert session.environment()["AWS_PROFILE"] is None, "it is removed where it is inherited"
    assert child["AWS_ENDPOINT_URL"] == env["AWS_ENDPOINT_URL"]


def test_terraform_gets_the_keys_of_a_plain_profile_and_none_of_the_users_files(
    configured: dict[str, str],
) -> None:
    child = child_environment(Session(profile="platform-admin", env=configured))
    assert child["AWS_ACCESS_KEY_ID"] == "AKIDPLATFORM"
    assert "AWS_PROFILE" not in child
    assert child["AWS_CONFIG_FILE"] == child["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"


def test_terraform_gets_nothing_of_the_users_aws_settings_but_what_was_resolved(
    env: dict[str, str],
) -> None:
    odd = {"AWS_MAX_ATTEMPTS": "many", "AWS_ROLE_ARN": "x", "AWS_STS_REGIONAL_ENDPOINTS": "y"}
    child = child_environment(Session(region="eu-central-1", env=env | odd))
    assert not odd.keys() & child.keys()


def test_a_chosen_profile_wins_over_keys_in_the_environment(configured: dict[str, str]) -> None:
    session = Session(profile="platform-admin", env=configured)
    assert session._credentials().access_key == "AKIDPLATFORM"
    assert Session(env=configured | {"AWS_PROFILE": "platform-admin"}).profile == ""


def test_a_profile_with_mfa_asks_for_the_code_once_and_hands_terraform_keys(
    configured: dict[str, str],
) -> None:
    asked: list[str] = []

    def code(prompt: str) -> str:
        asked.append(prompt)
        return "123456"

    session = Session(profile="with-mfa", env=without_keys(configured), mfa=code)
    child = child_environment(session)
    assert session.identity().account_id == "123456789012"
    assert len(asked) == 1
    assert "mfa/jane" in asked[0]
    assert child["AWS_SESSION_TOKEN"]
    assert "AWS_PROFILE" not in child
    left = session.seconds_left()
    assert left is not None
    assert 0 < left <= 3600


def test_a_profile_with_mfa_never_waits_for_input_that_nobody_sees(
    configured: dict[str, str],
) -> None:
    with pytest.raises(WizardError) as caught:
        child_environment(Session(profile="with-mfa", env=without_keys(configured)))
    assert caught.value.code == "WAG-E-AWS-011"


def test_an_sso_profile_without_login_is_told_the_command(
    configured: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(WizardError) as caught:
        child_environment(Session(profile="company-sso", env=without_keys(configured)))
    assert caught.value.code == "WAG-E-AWS-005"
    assert "aws sso login --profile company-sso" in caught.value.next_step


def test_after_a_new_login_credentials_are_read_again(
    configured: dict[str, str], tmp_path: Path
) -> None:
    session = Session(profile="platform-admin", env=configured)
    assert session._credentials().access_key == "AKIDPLATFORM"
    (tmp_path / "credentials").write_text(CREDENTIALS.replace("AKIDPLATFORM", "AKIDRENEWED"))
    session.renew()
    assert session._credentials().access_key == "AKIDRENEWED"


def client_error(code: str, message: str = "words of AWS") -> e.ClientError:
    return e.ClientError({"Error": {"Code": code, "Message": message}}, "GetThing")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (client_error("ExpiredToken"), "WAG-E-AWS-002", "aws sso login --profile p"),
        (client_error("UnrecognizedClientException"), "WAG-E-AWS-009", "Region is enabled"),
        (
            client_error(
                "AccessDenied", "User x is not authorized to perform: logs:PutRetentionPolicy on y"
            ),
            "WAG-E-AWS-007",
            "logs:PutRetentionPolicy is not allowed",
        ),
        (
            client_error("AccessDenied", "not authorized to perform: a:B with an explicit deny"),
            "WAG-E-AWS-007",
            "denies it explicitly",
        ),
        (client_error("TooManyRequestsException"), "WAG-E-AWS-008", "slow down"),
        (client_error("RequestTimeTooSkewed"), "WAG-E-AWS-010", "clock"),
        (client_error("NotFoundException"), "WAG-E-AWS-014", "does not exist"),
        (client_error("InternalFailure"), "WAG-E-AWS-012", "fault of its own"),
        (client_error("SomethingNew"), "WAG-E-AWS-013", "SomethingNew: words of AWS"),
        (
            e.SSLError(endpoint_url="https://x", error="self-signed"),
            "WAG-E-AWS-006",
            "AWS_CA_BUNDLE",
        ),
        (e.ReadTimeoutError(endpoint_url="https://x"), "WAG-E-AWS-006", "HTTPS_PROXY"),
        (e.SSOTokenLoadError(error_msg="gone"), "WAG-E-AWS-005", "aws sso login --profile p"),
        (e.LoginRefreshRequired(), "WAG-E-AWS-005", "aws login --profile p"),
        (e.RefreshWithMFAUnsupportedError(), "WAG-E-AWS-002", "asks for a new MFA code"),
        (e.CredentialRetrievalError(provider="x", error_msg="y"), "WAG-E-AWS-001", "Repair"),
        (e.ProfileNotFound(profile="x"), "WAG-E-AWS-003", "list-profiles"),
    ],
)
def test_every_known_failure_has_a_code_its_own_words_and_a_next_step(
    error: Exception, code: str, said: str
) -> None:
    explained = explain(error, "Reading", "p")
    assert explained.code == code
    assert said in str(explained)
    assert explained.next_step
    assert explained.why


def test_terminal_codes_in_words_of_aws_do_not_reach_the_terminal() -> None:
    error = explain(client_error("X", "red \x1b[31m text\u202e"), "Reading")
    assert "\x1b" not in str(error)
    assert "\u202e" not in str(error)


def test_every_request_names_this_program_and_clients_are_made_once(session: Session) -> None:
    client: Any = session.client("sts")
    assert "wallarm-apigw/" in client.meta.config.user_agent_extra
    assert session.client("sts") is client
