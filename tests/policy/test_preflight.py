"""Missing permissions are found before anything is changed; IAM is played on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.policy.iam_on_the_wire import ACCOUNT, Iam
from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError, WizardError
from wizard.core.facts import Identity
from wizard.core.permissions.documents import needs
from wizard.core.permissions.grants import Need
from wizard.flows.permissions import Forecast, require, sentences
from wizard.services.aws.permissions import Denier, Verdict, check
from wizard.services.aws.session import Session

NEEDS = (
    Need(
        ("lambda:CreateFunction", "lambda:GetPolicy"),
        ("*",),
        {"aws:RequestedRegion": ("us-east-1",)},
    ),
)


@pytest.fixture
def iam() -> Iterator[Iam]:
    it = Iam()
    yield it
    it.server.shutdown()
    it.server.server_close()


def who(resource: str, service: str = "sts") -> Identity:
    return Identity(ACCOUNT, f"arn:aws:{service}::{ACCOUNT}:{resource}", "us-east-1")


def session(iam: Iam) -> Session:
    env = {
        "AWS_ENDPOINT_URL": iam.url, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }  # fmt: skip
    return Session(region="us-east-1", env=env)


def _said(detail: str, name: str) -> str:
    return f"<{detail}><{name}>false</{name}></{detail}>"


JANE = who("user/jane", "iam")


def test_allowed_when_every_action_is(iam: Iam) -> None:
    found = check(session(iam), NEEDS, JANE)
    assert (found.state, found.missing, found.asked) == (Verdict.ALLOWED, (), 2)
    assert found.principal == JANE.arn


def test_a_missing_action_is_named_with_the_policy_to_attach(iam: Iam) -> None:
    iam.decide = lambda action: "implicitDeny" if action.endswith("CreateFunction") else "allowed"
    found = check(session(iam), NEEDS, JANE)
    assert found.state is Verdict.DENIED
    assert [(m.action, m.by) for m in found.missing] == [
        ("lambda:CreateFunction", Denier.NOTHING_ALLOWS)
    ]
    (statement,) = json.loads(found.to_attach())["Statement"]
    assert statement["Action"] == ["lambda:CreateFunction"]


def test_what_is_allowed_under_a_condition_is_missing_under_it_too(iam: Iam) -> None:
    iam.decide = lambda action: "implicitDeny" if action == "iam:PassRole" else "allowed"
    found = check(session(iam), needs(Answers(), "deploy", ACCOUNT), JANE)
    passing = json.loads(found.to_attach())["Statement"]
    # This IAM answers for the first resource of each question.
    assert {s["Resource"].rpartition("/")[2] for s in passing} == {
        "api-gw-discovery-us-east-1-fwd", "api-gw-discovery-us-east-1-exe",
        "api-gw-discovery-us-east-1-ec2", "wallarm-apigw-cloudwatch-us-east-1",
    }  # fmt: skip
    for statement in passing:
        (service,) = statement["Condition"]["StringEquals"]["iam:PassedToService"]
        assert service.endswith(".amazonaws.com")


def test_decisions_for_each_of_several_resources_are_read(iam: Iam) -> None:
    each = "".join(
        f"<member><EvalResourceName>{name}</EvalResourceName>"
        f"<EvalResourceDecision>{decision}</EvalResourceDecision></member>"
        for name, decision in (("arn:one", "allowed"), ("arn:two", "implicitDeny"))
    )
    iam.decide = lambda _action: (
        f"<EvalDecision>implicitDeny</EvalDecision><ResourceSpecificResults>{each}"
        "</ResourceSpecificResults>"
    )
    found = check(session(iam), (Need(("s3:GetObject",), ("arn:one", "arn:two")),), JANE)
    assert [m.resource for m in found.missing] == ["arn:two"]


def test_what_hangs_on_the_real_request_is_unknown_and_not_missing(iam: Iam) -> None:
    iam.decide = lambda _action: (
        "<EvalDecision>implicitDeny</EvalDecision>"
        "<MissingContextValues><member>aws:MultiFactorAuthPresent</member></MissingContextValues>"
    )
    found = check(session(iam), NEEDS, JANE)
    assert found.state is Verdict.UNKNOWN
    assert "aws:MultiFactorAuthPresent" in found.reason


def test_a_key_that_was_told_elsewhere_makes_no_denial_doubtful(iam: Iam) -> None:
    iam.decide = lambda _action: (
        "<EvalDecision>implicitDeny</EvalDecision>"
        "<MissingContextValues><member>AWS:requestedregion</member></MissingContextValues>"
    )
    assert check(session(iam), NEEDS, JANE).state is Verdict.DENIED


def test_what_only_some_runs_need_is_told_and_stops_none(iam: Iam, tmp_path: Path) -> None:
    optional = {"iam:ListAccountAliases", "apigateway:PATCH", "iam:CreateRole"}
    iam.decide = lambda action: "implicitDeny" if action in optional else "allowed"
    asked = needs(Answers(), "deploy", ACCOUNT)
    found = check(session(iam), asked, JANE)
    required = {m.action for m in found.required}
    assert "iam:ListAccountAliases" not in required
    assert "iam:ListAccountAliases" in {m.action for m in found.missing}
    assert "apigateway:PATCH" in required, "stages are changed by every run"
    iam.decide = lambda action: "implicitDeny" if action == "iam:ListAccountAliases" else "allowed"
    found = check(session(iam), asked, JANE)
    require(found, "stop", tmp_path)
    assert any("ListAccountAliases" in text for text in sentences(found, tmp_path))


def test_a_run_that_lacks_what_it_needs_stops_unless_told_to_go_on(
    iam: Iam, tmp_path: Path
) -> None:
    iam.decide = lambda action: "implicitDeny" if action.endswith("CreateFunction") else "allowed"
    found = check(session(iam), NEEDS, JANE)
    told = sentences(found, tmp_path)
    file = tmp_path / "missing-permissions.json"
    assert str(file) in told[-1]
    assert json.loads(file.read_text())["Statement"][0]["Action"] == ["lambda:CreateFunction"]
    for mode in ("", "stop"):
        with pytest.raises(WizardError) as stopped:
            require(found, mode, tmp_path)
        assert stopped.value.code == "WAG-E-AWS-024"
        assert "lambda:CreateFunction" in stopped.value.why
        assert str(file) in stopped.value.next_step
    require(found, "warn", tmp_path)
    iam.decide = lambda _action: "allowed"
    assert sentences(check(session(iam), NEEDS, JANE), tmp_path) == ()
    assert not file.exists(), "what was missing is not missing any more"


def test_nothing_is_asked_where_nobody_wants_it(iam: Iam) -> None:
    forecast = Forecast(session(iam), JANE, Answers(), "deploy", mode="skip")
    assert forecast.result().state is Verdict.UNKNOWN
    assert iam.asked == []
    with pytest.raises(UsageError, match="preflight"):
        Forecast(session(iam), JANE, Answers(), "deploy", mode="perhaps")


def test_a_plan_that_fails_tells_every_permission_that_is_missing(iam: Iam, tmp_path: Path) -> None:
    iam.decide = lambda action: "implicitDeny" if action.startswith("s3:") else "allowed"
    forecast = Forecast(session(iam), JANE, Answers(), "deploy", mode="")
    with pytest.raises(WizardError) as told, forecast.told(tmp_path):
        raise WizardError("WAG-E-TF-106", "These credentials may not do s3:GetBucketPolicy")
    assert told.value.code == "WAG-E-AWS-024"
    assert "s3:CreateBucket" in told.value.why
    assert isinstance(told.value.__cause__, WizardError)


@pytest.mark.parametrize(
    ("detail", "by"),
    [
        (_said("OrganizationsDecisionDetail", "AllowedByOrganizations"), Denier.ORGANISATION),
        (_said("PermissionsBoundaryDecisionDetail", "AllowedByPermissionsBoundary"),
         Denier.BOUNDARY),
        ("", Denier.EXPLICIT),
    ],
    ids=["organisation", "boundary", "explicit"],
)  # fmt: skip
def test_who_denies_is_named_and_attaching_a_policy_is_not_suggested(
    iam: Iam, detail: str, by: Denier
) -> None:
    iam.decide = lambda _action: f"<EvalDecision>explicitDeny</EvalDecision>{detail}"
    found = check(session(iam), NEEDS, JANE)
    assert {m.by for m in found.missing} == {by}
    assert found.to_attach() == ""
    assert by.value in str(found.missing[0])


def test_a_session_is_asked_about_by_its_role_with_its_path(iam: Iam) -> None:
    iam.role_path = "/aws-reserved/sso.amazonaws.com/eu-west-1/"
    found = check(session(iam), NEEDS, who("assumed-role/AWSReservedSSO_Admin_1/jane@example.com"))
    assert found.principal == (
        f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/eu-west-1/"
        "AWSReservedSSO_Admin_1"
    )
    assert iam.asked[-1]["PolicySourceArn"] == [found.principal]


def test_without_leave_to_read_the_role_it_is_taken_to_have_no_path(iam: Iam) -> None:
    iam.error = {"GetRole": "AccessDenied"}
    found = check(session(iam), NEEDS, who("assumed-role/deployer/ci"))
    assert found.principal == f"arn:aws:iam::{ACCOUNT}:role/deployer"
    assert found.state is Verdict.ALLOWED


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchEntity"])
def test_whoever_may_not_ask_gets_unknown_and_why(iam: Iam, code: str) -> None:
    iam.error = {"SimulatePrincipalPolicy": code}
    found = check(session(iam), NEEDS, JANE)
    assert found.state is Verdict.UNKNOWN
    assert "SimulatePrincipalPolicy" in found.reason


@pytest.mark.parametrize("resource", ["root", "federated-user/jane"])
def test_principals_that_iam_does_not_simulate_are_unknown(iam: Iam, resource: str) -> None:
    found = check(session(iam), NEEDS, who(resource))
    assert found.state is Verdict.UNKNOWN
    assert found.reason
    assert iam.asked == []


def test_an_unreachable_iam_is_unknown(iam: Iam) -> None:
    iam.server.shutdown()
    iam.server.server_close()
    assert check(session(iam), NEEDS, JANE).state is Verdict.UNKNOWN


def test_everything_that_a_deployment_needs_is_asked_about(iam: Iam) -> None:
    asked = needs(Answers(), "deploy", ACCOUNT)
    found = check(session(iam), asked, JANE)
    assert found.asked == sum(len(n.actions) for n in asked)
    contexts = [
        value[0] for form in iam.asked for key, value in form.items() if "ContextKeyName" in key
    ]
    assert "iam:PassedToService" in contexts
    assert len(iam.asked) <= 60
