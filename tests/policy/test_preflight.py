"""Missing permissions are found before anything is changed; IAM is played on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.policy.iam_on_the_wire import ACCOUNT, Iam, Policies, told
from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError, WizardError
from wizard.core.facts import Identity
from wizard.core.permissions.documents import documents, needs
from wizard.core.permissions.grants import Conditions, Need
from wizard.flows.permissions import Forecast, require, sentences
from wizard.services.aws.permissions import Decision, Denier, check_permissions
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


def session(iam: Iam, **more: str) -> Session:
    env = {
        "AWS_ENDPOINT_URL": iam.url, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        **more,
    }  # fmt: skip
    return Session(region="us-east-1", env=env)


def _said(detail: str, name: str) -> str:
    return f"<{detail}><{name}>false</{name}></{detail}>"


JANE = who("user/jane", "iam")


def test_allowed_when_every_action_is(iam: Iam) -> None:
    found = check_permissions(session(iam), NEEDS, JANE)
    assert (found.state, found.missing, found.asked) == (Decision.ALLOWED, (), 2)
    assert found.principal == JANE.arn


def test_a_missing_action_is_named_with_the_policy_to_attach(iam: Iam) -> None:
    iam.decide = lambda action: "implicitDeny" if action.endswith("CreateFunction") else "allowed"
    found = check_permissions(session(iam), NEEDS, JANE)
    assert found.state is Decision.DENIED
    assert [(m.action, m.by) for m in found.missing] == [
        ("lambda:CreateFunction", Denier.NOTHING_ALLOWS)
    ]
    (statement,) = json.loads(found.to_attach())["Statement"]
    assert statement["Action"] == ["lambda:CreateFunction"]


def test_what_is_allowed_under_a_condition_is_missing_under_it_too(iam: Iam) -> None:
    iam.decide = lambda action: "implicitDeny" if action == "iam:PassRole" else "allowed"
    found = check_permissions(session(iam), needs(Answers(), "deploy", ACCOUNT), JANE)
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
    found = check_permissions(
        session(iam), (Need(("s3:GetObject",), ("arn:one", "arn:two")),), JANE
    )
    assert [m.resource for m in found.missing] == ["arn:two"]


def test_what_hangs_on_the_real_request_is_unknown_and_not_missing(iam: Iam) -> None:
    iam.decide = lambda _action: (
        "<EvalDecision>implicitDeny</EvalDecision>"
        "<MissingContextValues><member>aws:MultiFactorAuthPresent</member></MissingContextValues>"
    )
    found = check_permissions(session(iam), NEEDS, JANE)
    assert found.state is Decision.UNKNOWN
    assert "aws:MultiFactorAuthPresent" in found.reason


def test_a_key_that_this_request_told_makes_no_denial_doubtful(iam: Iam) -> None:
    iam.decide = lambda _action: (
        "<EvalDecision>implicitDeny</EvalDecision>"
        "<MissingContextValues><member>AWS:requestedregion</member></MissingContextValues>"
    )
    assert check_permissions(session(iam), NEEDS, JANE).state is Decision.DENIED


def test_what_only_some_runs_need_is_told_and_stops_none(iam: Iam, tmp_path: Path) -> None:
    optional = {"iam:ListAccountAliases", "apigateway:PATCH", "iam:CreateRole"}
    iam.decide = lambda action: "implicitDeny" if action in optional else "allowed"
    asked = needs(Answers(), "deploy", ACCOUNT)
    found = check_permissions(session(iam), asked, JANE)
    required = {m.action for m in found.required}
    assert "iam:ListAccountAliases" not in required
    assert "iam:ListAccountAliases" in {m.action for m in found.missing}
    assert "apigateway:PATCH" in required, "stages are changed by every run"
    iam.decide = lambda action: "implicitDeny" if action == "iam:ListAccountAliases" else "allowed"
    found = check_permissions(session(iam), asked, JANE)
    require(found, "stop", tmp_path)
    assert any("ListAccountAliases" in text for text in sentences(found, tmp_path))


def test_a_run_that_lacks_what_it_needs_stops_unless_told_to_go_on(
    iam: Iam, tmp_path: Path
) -> None:
    iam.decide = lambda action: "implicitDeny" if action.endswith("CreateFunction") else "allowed"
    found = check_permissions(session(iam), NEEDS, JANE)
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
    assert sentences(check_permissions(session(iam), NEEDS, JANE), tmp_path) == ()
    assert not file.exists(), "what was missing is not missing any more"


def test_nothing_is_asked_where_nobody_wants_it(iam: Iam) -> None:
    forecast = Forecast(session(iam), JANE, Answers(), "deploy", mode="skip")
    assert forecast.result().state is Decision.UNKNOWN
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
    found = check_permissions(session(iam), NEEDS, JANE)
    assert {m.by for m in found.missing} == {by}
    assert found.to_attach() == ""
    assert by.value in str(found.missing[0])


def test_a_session_is_asked_about_by_its_role_with_its_path(iam: Iam) -> None:
    iam.role_path = "/aws-reserved/sso.amazonaws.com/eu-west-1/"
    found = check_permissions(
        session(iam), NEEDS, who("assumed-role/AWSReservedSSO_Admin_1/jane@example.com")
    )
    assert found.principal == (
        f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/eu-west-1/"
        "AWSReservedSSO_Admin_1"
    )
    assert iam.asked[-1]["PolicySourceArn"] == [found.principal]


def test_without_leave_to_read_the_role_it_is_taken_to_have_no_path(iam: Iam) -> None:
    iam.error = {"GetRole": "AccessDenied"}
    found = check_permissions(session(iam), NEEDS, who("assumed-role/deployer/ci"))
    assert found.principal == f"arn:aws:iam::{ACCOUNT}:role/deployer"
    assert found.state is Decision.ALLOWED


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchEntity"])
def test_whoever_may_not_ask_gets_unknown_and_why(iam: Iam, code: str) -> None:
    iam.error = {"SimulatePrincipalPolicy": code}
    found = check_permissions(session(iam), NEEDS, JANE)
    assert found.state is Decision.UNKNOWN
    assert "SimulatePrincipalPolicy" in found.reason


@pytest.mark.parametrize("resource", ["root", "federated-user/jane"])
def test_principals_that_iam_does_not_simulate_are_unknown(iam: Iam, resource: str) -> None:
    found = check_permissions(session(iam), NEEDS, who(resource))
    assert found.state is Decision.UNKNOWN
    assert found.reason
    assert iam.asked == []


def test_an_unreachable_iam_is_unknown(iam: Iam) -> None:
    iam.server.shutdown()
    iam.server.server_close()
    assert check_permissions(session(iam), NEEDS, JANE).state is Decision.UNKNOWN


PAGE = "<!DOCTYPE html><html><body><h1>Proxy Error</h1>The policy of Example Corp.</body></html>"


@pytest.mark.parametrize("status", [200, 403, 500, 502])
@pytest.mark.parametrize(
    "body", [PAGE, PAGE.removeprefix("<!DOCTYPE html>"), "", "upstream connect error"],
    ids=["page", "page without a type", "nothing", "a line"],
)  # fmt: skip
def test_what_a_proxy_answers_in_iams_place_is_told_and_stops_nothing(
    iam: Iam, tmp_path: Path, status: int, body: str
) -> None:
    iam.broken = (status, body)
    forecast = Forecast(session(iam, AWS_MAX_ATTEMPTS="1"), JANE, Answers(), "deploy", mode="stop")
    found = forecast.result()
    assert found.state is Decision.UNKNOWN
    assert found.reason
    assert len(found.reason) < 600
    require(found, "stop", tmp_path)


# --- in a company's account ----------------------------------------------------------------------


def deny(
    condition: Conditions, but: tuple[str, ...] = (), of: tuple[str, ...] = ("*",)
) -> dict[str, Any]:
    actions = {"NotAction": list(but)} if but else {"Action": list(of)}
    return {
        "Statement": [{"Effect": "Deny", **actions, "Resource": "*", "Condition": condition}],
    }


OTHER_REGIONS: Conditions = {
    "StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "eu-central-1"]}
}
NOT_HERE: Conditions = {"StringNotEquals": {"aws:RequestedRegion": ["eu-central-1"]}}
GLOBAL_SERVICES = ("iam:*", "route53:*", "sts:*")
ALLOWING: dict[str, dict[str, Any]] = {
    "other Regions": deny(OTHER_REGIONS),
    "other Regions, global services excepted": deny(OTHER_REGIONS, GLOBAL_SERVICES),
    "whoever is not of the platform team": deny(
        {"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/j*"}}
    ),
    "other accounts": deny({"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}}),
    "plain HTTP": deny({"Bool": {"aws:SecureTransport": "false"}}),
    "plain HTTP, where it is told": deny({"BoolIfExists": {"aws:SecureTransport": "false"}}),
    "requests without a principal": deny({"Null": {"aws:PrincipalArn": "true"}}),
}
ALLOWING["all of them"] = {"Statement": [s for p in ALLOWING.values() for s in p["Statement"]]}
ANSWERS = Answers(
    region="us-east-1", r53_domain_name="example.com", node_dns_name="node", alarms=True,
    dashboard=True, tags={"team": "api"}, stages=("abcdefghij/prod",),
)  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "purpose"), [*((name, "deploy") for name in ALLOWING), ("all of them", "uninstall")]
)
def test_a_company_policy_that_lets_this_request_pass_is_no_missing_permission(
    iam: Iam, policy: str, purpose: str
) -> None:
    """Under exactly the printed policies; some 370 would be missing otherwise."""
    printed = documents(ANSWERS, purpose, ACCOUNT)
    iam.policies = Policies(*printed, organisation=[ALLOWING[policy]])
    found = check_permissions(session(iam), needs(ANSWERS, purpose, ACCOUNT), JANE)
    assert [str(m) for m in found.missing] == []
    assert found.state is Decision.ALLOWED, found.reason


def test_a_company_policy_that_denies_this_region_is_told_as_the_organisations(iam: Iam) -> None:
    iam.policies = Policies(
        *documents(ANSWERS, "deploy", ACCOUNT), organisation=[deny(NOT_HERE, GLOBAL_SERVICES)]
    )
    found = check_permissions(session(iam), needs(ANSWERS, "deploy", ACCOUNT), JANE)
    assert found.state is Decision.DENIED
    assert {m.by for m in found.missing} == {Denier.ORGANISATION}
    assert not [m for m in found.missing if m.action.startswith(("iam:", "route53:"))]


@pytest.mark.parametrize(
    "action",
    ["iam:CreateRole", "ec2:CreateVpc", "lambda:CreateFunction", "route53:GetChange"],
)
def test_what_the_printed_policy_lacks_is_missing_whatever_keys_the_rest_of_it_asks_for(
    iam: Iam, action: str
) -> None:
    """Keys of our own statements about other things make no denial doubtful."""
    lacking = [
        {"Statement": [{**s, "Action": [a for a in s["Action"] if a != action]}
                       for s in document["Statement"]]}
        for document in documents(ANSWERS, "deploy", ACCOUNT)
    ]  # fmt: skip
    iam.policies = Policies(*lacking, organisation=[deny(OTHER_REGIONS)])
    found = check_permissions(session(iam), needs(ANSWERS, "deploy", ACCOUNT), JANE)
    assert {m.action for m in found.missing} == {action}
    assert {m.by for m in found.missing} == {Denier.NOTHING_ALLOWS}


@pytest.mark.parametrize("told_elsewhere", [True, False])
def test_what_a_key_that_this_request_does_not_tell_would_allow_is_in_doubt(
    iam: Iam, told_elsewhere: bool
) -> None:
    """Also where another request tells that key: each is judged by its own."""
    iam.policies = Policies(
        {"Statement": [{"Effect": "Allow", "Action": ["*"], "Resource": "*"}]},
        deny({"Null": {"aws:TagKeys": "true"}}, of=("lambda:GetPolicy",)),
    )
    other = Need(("ec2:CreateTags",), ("*",), {"aws:TagKeys": ("team",)} if told_elsewhere else {})
    found = check_permissions(session(iam), (Need(("lambda:GetPolicy",), ("*",)), other), JANE)
    assert found.missing == ()
    assert found.state is Decision.UNKNOWN
    assert "aws:TagKeys" in found.reason


@pytest.mark.parametrize(
    ("partition", "region", "home"),
    [("aws", "eu-central-1", "us-east-1"), ("aws-cn", "cn-north-1", "cn-northwest-1"),
     ("aws-us-gov", "us-gov-east-1", "us-gov-west-1")],
)  # fmt: skip
def test_global_services_are_asked_about_in_the_region_of_their_endpoint(
    iam: Iam, partition: str, region: str, home: str
) -> None:
    jane = Identity(ACCOUNT, f"arn:{partition}:iam::{ACCOUNT}:user/jane", region,
                    partition=partition)  # fmt: skip
    check_permissions(session(iam), (Need(("iam:GetRole", "lambda:GetPolicy"), ("*",)),), jane)
    asked = {form["ActionNames.member.1"][0]: told(form) for form in iam.asked}
    assert asked["iam:GetRole"]["aws:requestedregion"] == [home]
    assert asked["lambda:GetPolicy"]["aws:requestedregion"] == [region]
    for context in asked.values():
        assert context["aws:principalarn"] == [jane.arn]
        assert context["aws:principalaccount"] == [ACCOUNT]
        assert context["aws:securetransport"] == ["true"]


def test_a_session_is_told_of_as_its_role(iam: Iam) -> None:
    iam.role_path = "/teams/"
    check_permissions(session(iam), NEEDS, who("assumed-role/deployer/ci"))
    context = told(iam.asked[-1])
    assert context["aws:principalarn"] == [f"arn:aws:iam::{ACCOUNT}:role/teams/deployer"]


def test_everything_that_a_deployment_needs_is_asked_about(iam: Iam) -> None:
    asked = needs(Answers(), "deploy", ACCOUNT)
    found = check_permissions(session(iam), asked, JANE)
    assert found.asked == sum(len(n.actions) for n in asked)
    contexts = [
        value[0] for form in iam.asked for key, value in form.items() if "ContextKeyName" in key
    ]
    assert "iam:PassedToService" in contexts
    assert len(iam.asked) <= 72
