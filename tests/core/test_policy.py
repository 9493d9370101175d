"""The least policy: exactly what was chosen, scoped, inside AWS's limits."""

from __future__ import annotations

import json
import re

import pytest

from wizard.core.answers import Answers
from wizard.core.errors import UsageError
from wizard.core.policy import FORMATS, MOST_CHARACTERS, documents, grants, render
from wizard.core.policy_grants import ALL, GRANTS

NODE = Answers(region="eu-central-1", name_prefix="team-a")
OWN_NODE = NODE.with_(node_url="node.example.com")
HTTPS = NODE.with_(r53_domain_name="example.com", node_dns_name="node")
MODES = {"node": NODE, "given node": OWN_NODE, "https": HTTPS,
         "given vpc": NODE.with_(vpc_id="vpc-1")}  # fmt: skip


def actions(answers: Answers, purpose: str) -> set[str]:
    return {action for grant in grants(answers, purpose) for action in grant.actions}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("purpose", ALL)
def test_every_document_is_inside_awss_limit(mode: str, purpose: str) -> None:
    for document in documents(MODES[mode], purpose, "123456789012"):
        assert len(json.dumps(document, separators=(",", ":"))) <= MOST_CHARACTERS


@pytest.mark.parametrize("purpose", ALL)
def test_no_action_has_a_wildcard(purpose: str) -> None:
    assert [a for a in actions(HTTPS, purpose) if "*" in a] == []


def test_looking_changes_nothing() -> None:
    reading = re.compile(r":(GET|Get|List|Describe|Filter)")
    for purpose in ("discover", "doctor"):
        odd = {a for a in actions(HTTPS, purpose) if not reading.search(a)}
        assert odd <= {"lambda:InvokeFunction"}, purpose


def test_with_a_node_of_ones_own_neither_network_nor_cluster_is_asked_for() -> None:
    services = {a.split(":")[0] for a in actions(OWN_NODE, "deploy")}
    assert services.isdisjoint({"ecs", "elasticloadbalancing", "autoscaling", "servicediscovery"})
    assert not any(a.startswith("ec2:Create") for a in actions(OWN_NODE, "deploy"))


def test_certificates_and_records_are_asked_for_only_with_https() -> None:
    assert "acm:RequestCertificate" not in actions(NODE, "deploy")
    assert "acm:RequestCertificate" in actions(HTTPS, "deploy")


def test_roles_are_passed_only_to_named_services_and_only_ours() -> None:
    for document in documents(NODE, "deploy", "123456789012"):
        for statement in document["Statement"]:
            if "iam:PassRole" in statement["Action"]:
                assert statement["Condition"]["StringEquals"]["iam:PassedToService"]
                assert all("role/" in r and not r.endswith("role/*") for r in statement["Resource"])


def test_nothing_of_iam_but_reading_names_is_granted_on_everything() -> None:
    for grant in GRANTS:
        if "*" in grant.resources:
            assert {a for a in grant.actions if a.startswith("iam:")} <= {"iam:ListAccountAliases"}


def test_region_account_and_prefix_are_filled_in() -> None:
    text = render(NODE, "deploy", "json", "123456789012")
    assert "arn:aws:iam::123456789012:role/team-a-eu-central-1-*" in text
    assert not re.search(r"\{[parn]\}", text)


@pytest.mark.parametrize("fmt", FORMATS)
def test_each_format_holds_every_action(fmt: str) -> None:
    text = render(NODE, "uninstall", fmt, "123456789012")
    assert all(action in text for action in actions(NODE, "uninstall"))
    if fmt == "cloudformation":
        assert json.loads(text)["Resources"]


def test_an_unknown_purpose_or_format_is_named_with_those_that_exist() -> None:
    with pytest.raises(UsageError, match="deploy"):
        raise_hint(lambda: render(NODE, "everything", "json"))
    with pytest.raises(UsageError, match="cloudformation"):
        raise_hint(lambda: render(NODE, "deploy", "yaml"))


def raise_hint(call) -> None:
    try:
        call()
    except UsageError as error:
        raise UsageError(error.code, error.next_step) from error


def test_every_statement_has_a_reason_and_a_name_of_its_own() -> None:
    assert all(grant.why for grant in GRANTS)
    assert len({grant.sid for grant in GRANTS}) == len(GRANTS)
