"""Which certificates can serve the node's name."""

from __future__ import annotations

import pytest

from wizard.core.answers.model import Answers
from wizard.core.answers.parse import build_answers
from wizard.core.answers.rules import problem, problems
from wizard.core.certificates import (
    DAY,
    covers,
    day,
    fitting,
    listed,
    soon,
    titled,
    unfit,
    validity,
)
from wizard.core.errors import UsageError
from wizard.core.facts import Certificate
from wizard.core.tfvars import variables

ARN = "arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
HOST = "node.example.com"
NOW = 1_800_000_000.0
NAMED = Answers(r53_domain_name="example.com", node_dns_name="node")


@pytest.mark.parametrize(
    ("names", "host"),
    [
        ((HOST,), HOST),
        (("*.example.com",), HOST),
        (("example.com", "*.example.com"), HOST),
        (("NODE.Example.com",), HOST),
        (("*.Example.com",), "Node.example.COM"),
    ],
)
def test_a_certificate_covers_its_names_and_one_label_under_a_wildcard(names, host):
    assert covers(names, host)


@pytest.mark.parametrize(
    ("names", "host"),
    [
        (("example.com",), HOST),
        (("*.example.com",), "example.com"),
        (("*.example.com",), "a.node.example.com"),
        (("*.com",), HOST),
        (("n*.example.com",), HOST),
        (("*",), HOST),
        (("*.",), "node"),
        ((), HOST),
        (("",), ""),
    ],
)
def test_it_covers_nothing_else(names, host):
    assert not covers(names, host)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"status": "PENDING_VALIDATION"}, "PENDING_VALIDATION, not ISSUED"),
        ({"status": "EXPIRED"}, "EXPIRED"),
        ({"status": "REVOKED"}, "REVOKED"),
        ({"expires": NOW - 1}, "expired on 2027-01-15"),
        ({"expires": NOW}, "expired on"),
        ({"expires": NOW + 1}, ""),
        ({"key": "RSA_1024"}, "RSA_1024"),
        ({"key": "EC_prime256v1"}, ""),
        ({"kind": "PRIVATE"}, "private CA"),
        ({"kind": "IMPORTED"}, ""),
        ({"names": ("www.example.com",)}, "is for www.example.com, not for node.example.com"),
    ],
)
def test_what_cannot_serve_the_node_says_why(changes, words):
    found = Certificate(**{"arn": ARN, "names": (HOST,), **changes})
    reason = unfit(found, HOST, NOW)
    assert words in reason
    assert bool(reason) == bool(words)


def test_the_nodes_very_name_comes_before_wildcards_and_the_longest_valid_first():
    def one(name: str, days: int) -> Certificate:
        return Certificate(f"{ARN}{name}{days}", (name,), expires=NOW + days * DAY)

    every = [one("*.example.com", 90), one(HOST, 10), one("a.example.com", 99), one(HOST, 20)]
    found = [(c.names[0], round((c.expires - NOW) / DAY)) for c in fitting(every, HOST)]
    assert found == [(HOST, 20), (HOST, 10), ("*.example.com", 90)]
    assert fitting(every, "") == ()


def test_how_long_it_is_valid_is_said_as_a_day_and_who_renews_it():
    assert day(NOW) == "2027-01-15"
    made = Certificate(ARN, (HOST,), expires=NOW)
    assert validity(made) == "expires 2027-01-15"
    assert validity(Certificate(ARN, (HOST,), kind="IMPORTED", expires=NOW)).endswith(", imported")
    assert validity(Certificate(ARN, (HOST,))) == "issued"
    assert soon(made, NOW - 20 * DAY)
    assert not soon(made, NOW - 22 * DAY)
    assert not soon(made, NOW + DAY)


def test_many_names_are_counted():
    assert titled(Certificate(ARN, ("a.x", "b.x"))) == "a.x +1"
    assert titled(Certificate(ARN, ("a.x",))) == "a.x"
    assert listed(Certificate(ARN, ("a.x", "b.x"))) == "a.x, b.x"
    assert listed(Certificate(ARN, tuple("abcde"))) == "a, b, c and 2 more"


# --- the answer ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "01234567-89ab-cdef-0123-456789abcdef",
        "*.example.com",
        "arn:aws:iam::123456789012:server-certificate/node",
        ARN + "\n",
        ARN.replace("certificate/", "certificate/../"),
    ],
)
def test_an_answer_that_is_no_certificates_arn_says_what_to_write(value):
    assert "arn:aws:acm:" in problem("certificate_arn", value)


@pytest.mark.parametrize(
    "value", ["", ARN, ARN.replace("aws:acm:us-east-1", "aws-cn:acm:cn-north-1")]
)
def test_an_arn_or_nothing_is_accepted(value):
    assert problem("certificate_arn", value) == ""


def test_it_needs_the_name_that_is_in_it():
    with pytest.raises(UsageError, match="r53_domain_name and node_dns_name"):
        build_answers({"certificate_arn": ARN})
    assert problems(NAMED.with_(certificate_arn=ARN)) == ()


def test_it_is_of_the_region_of_the_load_balancer():
    [found] = problems(NAMED.with_(certificate_arn=ARN, region="eu-west-1"))
    assert found.keys == ("certificate_arn",)
    assert "us-east-1" in found.message
    assert "eu-west-1" in found.message


def test_with_an_existing_node_it_is_left_alone_as_the_name_is():
    assert problems(NAMED.with_(certificate_arn=ARN, node_url="n:443", region="eu-west-1")) == ()


def test_an_answers_file_from_before_it_existed_reads_as_one_that_has_one_made():
    old = {k: v for k, v in NAMED.as_dict().items() if k != "certificate_arn"}
    assert build_answers(old) == NAMED
    assert build_answers(old).certificate_arn == ""


def test_terraform_gets_it_under_its_own_name():
    given = variables(NAMED.with_(certificate_arn=ARN), token_parameter="/t")
    assert given["certificate_arn"] == ARN
    assert variables(NAMED, token_parameter="/t")["certificate_arn"] == ""


@pytest.mark.parametrize(
    ("domain", "name", "host"),
    [
        ("example.com", "node", "node.example.com"),
        ("Example.com", "NODE.example.com", "node.example.com"),
        ("node.example.com", "node.example.com", "node.example.com"),
        ("", "node", ""),
        ("example.com", "", ""),
    ],
)
def test_the_nodes_name_is_record_and_domain_in_lower_case(domain, name, host):
    answers = Answers(r53_domain_name=domain, node_dns_name=name)
    assert answers.node_host == host
    assert answers.with_(node_url="n:443").node_host == ""
