"""The printed policies are exactly what was chosen, fit AWS's limits, and read back as written."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any

import pytest

from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError
from wizard.core.permissions.documents import (
    FORMATS,
    GRANTS,
    documents,
    grants,
    needs,
    render,
    size,
)
from wizard.core.permissions.grants import MOST_STAGES, PURPOSES

ACCOUNT = "123456789012"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
EVERYTHING = Answers(
    r53_domain_name="example.com", node_dns_name="node", alarms=True, dashboard=True,
    tags={"team": "platform"}, permissions_boundary=f"arn:aws:iam::{ACCOUNT}:policy/boundary",
    stages=tuple(f"abcdefgh{n:02}/prod" for n in range(MOST_STAGES)),
)  # fmt: skip


def statements(answers: Answers, purpose: str, **more: Any) -> list[dict[str, Any]]:
    return [s for d in documents(answers, purpose, ACCOUNT, **more) for s in d["Statement"]]


def actions(answers: Answers, purpose: str) -> set[str]:
    return {a for s in statements(answers, purpose) for a in s["Action"]}


def resources(answers: Answers, action: str, purpose: str = "deploy", **more: Any) -> set[str]:
    return {
        r for s in statements(answers, purpose, **more) if action in s["Action"]
        for r in s["Resource"]
    }  # fmt: skip


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("answers", [Answers(), EVERYTHING], ids=["default", "everything"])
def test_each_document_fits_and_all_can_be_attached_to_one_role(
    answers: Answers, purpose: str
) -> None:
    found = documents(answers, purpose, ACCOUNT)
    assert all(size(d) <= 6144 for d in found)
    assert len(found) <= 10  # AWS's default quota of managed policies on a role


def test_looking_around_changes_nothing() -> None:
    for action in actions(EVERYTHING, "discover") | actions(EVERYTHING, "doctor"):
        verb = action.partition(":")[2]
        looks = verb.startswith(("Describe", "List", "Get", "GET", "Filter", "Simulate"))
        assert looks or action == "lambda:InvokeFunction", action


def test_removal_makes_nothing() -> None:
    for action in actions(EVERYTHING, "uninstall"):
        assert not action.partition(":")[2].startswith(("Create", "Attach", "Pass", "Add")) or (
            action == "logs:CreateLogDelivery"  # API Gateway's, as the caller
        ), action


def test_a_stage_is_changed_by_its_name() -> None:
    answers = Answers(stages=("abcdefghij/prod", "klmnopqrst/$default"))
    assert resources(answers, "apigateway:DELETE") == {
        "arn:aws:apigateway:us-east-1::/apis/abcdefghij/stages/prod/accesslogsettings",
        "arn:aws:apigateway:us-east-1::/apis/klmnopqrst/stages/$default/accesslogsettings",
    }
    assert "arn:aws:apigateway:us-east-1::/restapis/abcdefghij/stages/prod" in resources(
        answers, "apigateway:PATCH"
    )
    assert not [r for r in resources(answers, "apigateway:PATCH") if "*" in r]


def test_many_stages_are_named_by_their_apis_and_very_many_by_a_pattern() -> None:
    some = Answers(stages=tuple(f"abcdefghij/v{n}" for n in range(MOST_STAGES + 1)))
    assert "arn:aws:apigateway:us-east-1::/restapis/abcdefghij/stages/*" in resources(
        some, "apigateway:PATCH"
    )
    many = Answers(stages=tuple(f"api{n:07}/prod" for n in range(1000)))
    assert "arn:aws:apigateway:us-east-1::/restapis/*/stages/*" in resources(
        many, "apigateway:PATCH"
    )
    assert all(size(d) <= 6144 for d in documents(many, "deploy", ACCOUNT))


def test_no_stage_and_no_api_can_be_deleted() -> None:
    for purpose in PURPOSES:
        found = resources(EVERYTHING, "apigateway:DELETE", purpose)
        assert all(arn.endswith("/accesslogsettings") for arn in found)


def test_api_keys_cannot_be_read() -> None:
    assert not [r for r in resources(EVERYTHING, "apigateway:GET") if r.endswith("::/*")]


def test_stages_log_groups_are_named_once_they_are_known() -> None:
    keep = Answers(existing_logging="keep")
    assert "arn:aws:logs:us-east-1:123456789012:log-group:*" in resources(
        keep, "logs:PutSubscriptionFilter"
    )
    known = resources(keep, "logs:PutSubscriptionFilter", log_groups=("/company/api",))
    assert "arn:aws:logs:us-east-1:123456789012:log-group:/company/api" in known
    assert "arn:aws:logs:us-east-1:123456789012:log-group:*" not in known
    switched = resources(Answers(existing_logging="switch"), "logs:PutSubscriptionFilter")
    assert "arn:aws:logs:us-east-1:123456789012:log-group:*" not in switched


def test_an_existing_node_needs_no_cluster_no_network_and_no_token() -> None:
    own, given = actions(Answers(), "deploy"), actions(Answers(node_url="node:443"), "deploy")
    assert given < own
    services = {a.partition(":")[0] for a in given}
    assert not services & {"ecs", "elasticloadbalancing", "autoscaling", "servicediscovery"}
    ssm = {
        r for a in given if a.startswith("ssm:") for r in resources(Answers(node_url="node:443"), a)
    }
    assert {r.rpartition("/")[2] for r in ssm} == {"installation"}


def test_a_given_vpc_is_not_changed() -> None:
    given = actions(Answers(vpc_id="vpc-0123456789abcdef0"), "deploy")
    assert "ec2:CreateSubnet" not in given
    assert "ec2:DeleteVpc" not in given
    assert "ec2:CreateSecurityGroup" in given


@pytest.mark.parametrize(
    ("domain", "name"),
    [
        ("example.com", "node"),
        ("example.com", "node.example.com"),
        ("Example.com", "Node.example.COM"),
        ("node.example.com", "node.example.com"),  # a zone for the node alone
    ],
)
def test_certificate_and_records_only_for_the_nodes_name(domain: str, name: str) -> None:
    assert "acm:RequestCertificate" not in actions(Answers(), "deploy")
    https = Answers(r53_domain_name=domain, node_dns_name=name)
    conditions = json.dumps([s.get("Condition") for s in statements(https, "deploy")])
    assert '"acm:DomainNames": ["node.example.com"]' in conditions
    assert '["node.example.com", "_*.node.example.com"]' in conditions


CERTIFICATE = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/01234567-89ab-cdef-0123-456789abcdef"


def test_a_certificate_of_the_owners_is_read_and_neither_made_nor_tagged_nor_deleted() -> None:
    made = Answers(r53_domain_name="example.com", node_dns_name="node")
    given = made.with_(certificate_arn=CERTIFICATE)
    changing = {
        "acm:RequestCertificate", "acm:DeleteCertificate", "acm:AddTagsToCertificate",
        "acm:RemoveTagsFromCertificate",
    }  # fmt: skip
    assert changing <= actions(made, "deploy")
    for purpose in PURPOSES:
        assert not changing & actions(given, purpose)
    for purpose in ("deploy", "doctor"):
        assert resources(given, "acm:DescribeCertificate", purpose) == {CERTIFICATE}
    assert not {a for a in actions(given, "uninstall") if a.startswith("acm:")}


def test_with_it_no_record_can_be_made_that_would_validate_another() -> None:
    answers = Answers(
        r53_domain_name="example.com", node_dns_name="node", certificate_arn=CERTIFICATE
    )
    key = "route53:ChangeResourceRecordSetsNormalizedRecordNames"
    found = [
        keys[key]
        for s in statements(answers, "deploy")
        for keys in s.get("Condition", {}).values()
        if key in keys
    ]
    # The name of a record that validates a certificate begins with an underscore.
    assert found == [["node.api-gw-discovery-*.internal"], ["node.example.com"]]


@pytest.mark.parametrize("purpose", ["discover", "deploy"])
def test_certificates_can_be_listed_to_choose_from(purpose: str) -> None:
    assert "acm:ListCertificates" in actions(Answers(), purpose)
    assert ("acm:DescribeCertificate" in actions(Answers(), purpose)) == (purpose == "discover")


def test_the_token_can_be_stored_and_never_read() -> None:
    token = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/wallarm-apigw/api-gw-discovery/token"
    claim = token.replace("/token", "/installation")
    assert resources(Answers(), "ssm:PutParameter") == {token, claim}
    assert resources(Answers(), "ssm:GetParameter") == {claim}
    for purpose in PURPOSES:
        reading = {"ssm:GetParameter", "ssm:GetParameters", "ssm:GetParameterHistory"}
        for action in reading & actions(EVERYTHING, purpose):
            for arn in resources(EVERYTHING, action, purpose):
                assert "/aws/service/" in arn or arn.endswith("/installation")


@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_same_statements_in_every_format(purpose: str) -> None:
    found = documents(EVERYTHING, purpose, ACCOUNT)
    as_json = json.loads(render(EVERYTHING, purpose, "json", ACCOUNT))
    assert (as_json if isinstance(as_json, list) else [as_json]) == list(found)
    template = json.loads(render(EVERYTHING, purpose, "cloudformation", ACCOUNT))
    held = [r["Properties"]["PolicyDocument"] for r in template["Resources"].values()]
    assert held == list(found)
    terraform = render(EVERYTHING, purpose, "terraform", ACCOUNT)
    blocks = terraform.split("<<-JSON\n")[1:]
    assert [json.loads(block.partition("\n  JSON\n")[0]) for block in blocks] == list(found)


@pytest.mark.e2e
def test_terraform_reads_what_is_printed_for_it() -> None:
    binary = shutil.which("terraform") or shutil.which("tofu")
    if binary is None:
        pytest.skip("neither terraform nor tofu is on PATH")
    for purpose in (*PURPOSES, "boundary"):
        text = render(EVERYTHING, purpose, "terraform", ACCOUNT)
        done = subprocess.run(
            [binary, "fmt", "-"], input=text, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.count('resource "aws_iam_policy"') == text.count("<<-JSON")


def test_without_an_account_cloudformation_fills_it_in_and_json_allows_any() -> None:
    template = render(Answers(), "deploy", "cloudformation")
    assert "arn:aws:lambda:us-east-1:${AWS::AccountId}:function:wallarm-cw-resend-*" in template
    for resource in json.loads(template)["Resources"].values():
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
            for arn in statement["Resource"]:
                assert isinstance(arn, dict) == ("${AWS::" in str(arn))
    assert "arn:aws:lambda:us-east-1:*:function:wallarm-cw-resend-*" in render(
        Answers(), "deploy", "json"
    )


def test_other_partitions_get_their_own_arns() -> None:
    text = render(Answers(region="cn-north-1"), "deploy", "json", ACCOUNT, "aws-cn")
    assert "arn:aws-cn:lambda:cn-north-1:" in text
    assert '"ec2.amazonaws.com.cn"' in text  # who may be handed the instances' role there
    assert '"lambda.amazonaws.com"' in text
    assert "arn:aws:" not in text


def test_a_boundary_is_demanded_only_where_one_was_chosen() -> None:
    assert "iam:PermissionsBoundary" in render(EVERYTHING, "deploy", "json", ACCOUNT)
    assert "iam:PermissionsBoundary" not in render(Answers(), "deploy", "json", ACCOUNT)


def test_the_boundary_is_one_document_in_every_format() -> None:
    document = json.loads(render(Answers(), "boundary", "json", ACCOUNT))
    assert size(document) <= 6144
    for fmt in FORMATS:
        assert "wallarm-cw-resend-" in render(Answers(), "boundary", fmt, ACCOUNT)


@pytest.mark.parametrize(
    ("answers", "reads", "decrypts"),
    [
        (Answers(), True, False),
        (Answers(wallarm_api_token_kms_key_arn=KEY), True, True),
        (Answers(node_url="node:5050"), False, False),
        (Answers(node_url="node:5050", wallarm_api_token_kms_key_arn=KEY), False, False),
    ],
)
def test_the_boundary_lets_a_node_read_its_token_and_decrypt_with_a_key_that_was_given(
    answers: Answers, reads: bool, decrypts: bool
) -> None:
    document = json.loads(render(answers, "boundary", "json", ACCOUNT))
    found = {statement["Sid"] for statement in document["Statement"]}
    assert ("ReadToken" in found, "DecryptToken" in found) == (reads, decrypts)


def test_the_boundary_keeps_to_buckets_of_the_account_where_one_is_named() -> None:
    def condition(account: str) -> object:
        document = json.loads(render(Answers(), "boundary", "json", account))
        return next(s for s in document["Statement"] if s["Sid"] == "KeepUndelivered").get(
            "Condition"
        )

    assert condition(ACCOUNT) == {"StringEquals": {"s3:ResourceAccount": ACCOUNT}}
    assert condition("*") is None


def test_an_unknown_purpose_or_format_is_refused_with_the_choices() -> None:
    with pytest.raises(UsageError) as purpose:
        grants(Answers(), "everything")
    assert "uninstall" in purpose.value.next_step
    with pytest.raises(UsageError) as fmt:
        render(Answers(), "deploy", "yaml")
    assert "cloudformation" in fmt.value.next_step


def test_questions_for_iam_carry_what_the_conditions_ask_for() -> None:
    asked = needs(EVERYTHING, "deploy", ACCOUNT)
    assert {a for n in asked for a in n.actions} == actions(EVERYTHING, "deploy")
    passing = [n for n in asked if n.actions == ("iam:PassRole",)]
    assert all(len(n.context["iam:PassedToService"]) == 1 for n in passing)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_what_only_some_runs_need_is_asked_about_apart(purpose: str) -> None:
    every, asked = grants(EVERYTHING, purpose), needs(EVERYTHING, purpose, ACCOUNT)
    always = {a for g in every if not g.sometimes and not g.unseen for a in g.actions}
    assert {a for n in asked if n.required for a in n.actions} == always
    assert {a for n in asked if not n.required for a in n.actions} == {
        a for g in every if g.sometimes or g.unseen for a in g.actions
    }
    if purpose == "deploy":
        assert any(bool(g.sometimes) != bool(g.unseen) for g in every), "either alone is enough"


def test_a_question_has_one_value_for_each_key_but_all_the_keys_of_tags() -> None:
    asked = [n for purpose in PURPOSES for n in needs(EVERYTHING, purpose, ACCOUNT)]
    lengths: dict[bool, set[int]] = {True: set(), False: set()}
    for need in asked:
        for key, values in need.context.items():
            lengths[key == "aws:TagKeys"].add(len(values))
    assert lengths[False] == {1}
    assert max(lengths[True], default=2) > 1


def test_what_is_printed_can_be_read_and_one_document_is_no_list() -> None:
    alone = render(Answers(), "boundary", "json", ACCOUNT)
    assert alone.startswith('{\n  "Version": "2012-10-17",\n  "Statement": [\n    {\n')
    several = render(EVERYTHING, "deploy", "json", ACCOUNT)
    assert several.startswith('[\n  {\n    "Version"')
    assert '<<-JSON\n{\n  "Version"' in render(Answers(), "boundary", "terraform", ACCOUNT)
    assert render(Answers(), "boundary", "cloudformation", ACCOUNT).startswith('{\n  "AWS')


def test_statement_names_are_unique() -> None:
    names = [g.sid for g in GRANTS]
    assert len(names) == len(set(names))
    assert all(name.isalnum() for name in names)


# --- What a change takes back --------------------------------------------------------------------

NODE_HERE = Answers(
    r53_domain_name="example.com", node_dns_name="node", stages=("abcdefghij/prod",)
)
ELSEWHERE = NODE_HERE.with_(
    node_url="node.example.net:5050", r53_domain_name="", node_dns_name="",
    name_prefix=NODE_HERE.name_prefix,
)  # fmt: skip


def pairs(found: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {
        (a, r, json.dumps(s.get("Condition"), sort_keys=True))
        for s in found for a in s["Action"] for r in s["Resource"]
    }  # fmt: skip


def test_leaving_a_node_for_one_elsewhere_may_remove_the_node_and_make_nothing_of_it() -> None:
    found = pairs(statements(ELSEWHERE, "deploy", before=NODE_HERE))
    alone = pairs(statements(ELSEWHERE, "deploy"))
    removing = pairs(statements(NODE_HERE, "uninstall")) | pairs(statements(NODE_HERE, "deploy"))
    assert alone < found
    more = found - alone
    assert more <= removing
    taken = {action for action, _, _ in more}
    for action in ("ecs:DeleteCluster", "ec2:DeleteVpc", "acm:DeleteCertificate",
                   "route53:ChangeResourceRecordSets", "autoscaling:DeleteAutoScalingGroup",
                   "elasticloadbalancing:DeleteLoadBalancer"):  # fmt: skip
        assert action in taken, action
    assert not [a for a in taken if re.search(":(Create|Run|Allocate|Register|Authorize|Pass)", a)]
    asked = {a for need in needs(ELSEWHERE, "deploy", ACCOUNT, before=NODE_HERE)
             for a in need.actions}  # fmt: skip
    assert taken <= asked, "and IAM is asked about it before anything is planned"


@pytest.mark.parametrize("purpose", ["discover", "uninstall", "doctor"])
def test_only_deploying_takes_back(purpose: str) -> None:
    plain = documents(ELSEWHERE, purpose, ACCOUNT)
    assert documents(ELSEWHERE, purpose, ACCOUNT, before=NODE_HERE) == plain


def test_what_stays_as_it_is_needs_no_more() -> None:
    for answers in (Answers(), EVERYTHING, ELSEWHERE):
        plain = documents(answers, "deploy", ACCOUNT)
        assert documents(answers, "deploy", ACCOUNT, before=answers) == plain
        fewer = answers.with_(stages=())
        assert documents(answers, "deploy", ACCOUNT, before=fewer) == plain


def test_another_name_may_take_the_record_of_the_old_one_away() -> None:
    moved = NODE_HERE.with_(node_dns_name="other")
    found = statements(moved, "deploy", before=NODE_HERE)
    names = {
        name
        for s in found if "route53:ChangeResourceRecordSets" in s["Action"]
        for keys in s["Condition"].values() for values in keys.values() for name in values
    }  # fmt: skip
    assert {"node.example.com", "other.example.com"} <= names


def test_statements_of_one_policy_have_names_of_their_own() -> None:
    for document in documents(ELSEWHERE, "deploy", ACCOUNT, before=NODE_HERE):
        sids = [s["Sid"] for s in document["Statement"]]
        assert len(sids) == len(set(sids))
        assert size(document) <= 6144


def test_log_groups_that_stages_keep_are_named_whatever_becomes_of_further_stages() -> None:
    for mode in ("keep", "switch", "skip"):
        answers = Answers(existing_logging=mode)
        held = resources(answers, "logs:DescribeSubscriptionFilters", log_groups=("/mine",))
        assert any(arn.endswith(":log-group:/mine") for arn in held), mode
        assert not any(arn.endswith(":log-group:*") for arn in held), mode
