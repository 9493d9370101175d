"""Answers: read from file, environment and options; everything wrong is said at once."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.answers.model import Answers
from wizard.core.answers.parse import build_answers, env_name, from_env, from_text, parse_file
from wizard.core.answers.rules import RETENTION_DAYS, node_version, problem, token_problem
from wizard.core.errors import ExitCode, UsageError


def test_the_defaults_can_be_deployed():
    assert build_answers({}) == Answers()


def test_a_written_answers_file_reads_back_as_the_same_answers():
    answers = Answers(stages=("a1/prod", "b2/$default"), tags={"team": "api"}, node_count=3)
    assert build_answers(parse_file(answers.to_json(), "answers.json")) == answers


def test_later_layers_win():
    assert build_answers(
        {"region": "eu-west-1", "node_count": 2}, {"region": "us-west-2"}
    ) == Answers(region="us-west-2", node_count=2)


def test_everything_wrong_is_named_in_one_error():
    with pytest.raises(UsageError) as caught:
        build_answers({"name_prefix": "A!", "x_wallarm_application_id": 0, "node_count": 99})
    assert set(caught.value.keys) == {"name_prefix", "x_wallarm_application_id", "node_count"}
    assert caught.value.exit_code is ExitCode.USAGE
    assert "Nothing was changed" in caught.value.next_step


def test_a_misspelt_key_is_answered_with_the_closest_one():
    with pytest.raises(UsageError, match="did you mean name_prefix"):
        build_answers({"name_prefixx": "x"})


@pytest.mark.parametrize("key", ["wallarm_api_token", "token"])
def test_a_token_in_the_answers_is_refused_without_repeating_it(key):
    with pytest.raises(UsageError) as caught:
        build_answers({key: "S3CRET" * 10})
    assert "S3CRET" not in str(caught.value)
    assert "WALLARM_API_TOKEN" in str(caught.value)


def test_a_broken_file_says_where():
    with pytest.raises(UsageError, match=r"answers\.json is not valid JSON") as caught:
        parse_file('{"region": }', "answers.json")
    assert "line 1, column 12" in caught.value.why


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"region": "us-east-1", "region": "eu-west-1"}', "the key 'region' stands twice"),
        ('{"tags": {"a": "1", "a": "2"}}', "the key 'a' stands twice"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_json_would_read_in_silence_or_die_of_is_refused(text: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_file(text, "answers.json")
    assert why in caught.value.why


def test_the_mark_that_some_editors_put_before_a_file_is_passed_over() -> None:
    assert parse_file('\ufeff{"region": "us-east-1"}', "answers.json")["region"] == "us-east-1"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("name_prefix", "a" * 39, "39 characters long; at most 38"),
        ("name_prefix", "Upper", "lower-case"),
        ("name_prefix", "ends-", "does not end with a dash"),
        ("x_wallarm_application_id", 0, "-1 (default application) or positive"),
        ("x_wallarm_application_id", -2, "-1 (default application) or positive"),
        ("region", "mars", "a Region name"),
        ("wallarm_api_host", "https://api.wallarm.com", "without https://"),
        ("wallarm_api_host", "api.wallarm.com/path", "without https:// and without a path"),
        ("node_tag", "0.20.1", "0.21.0 or newer"),
        ("node_tag", "a b", "an image tag"),
        ("node_url", "http://node:5050", "without http://"),
        ("node_url", "node:0", "a port from 1 to 65535"),
        ("node_url", "node:65536", "a port from 1 to 65535"),
        ("node_url", "node:99999", "a port from 1 to 65535"),
        ("node_url", "node:050", "a port from 1 to 65535"),
        ("log_retention_days", 13, "14 is"),
        ("stages", ("a1",), "<api id>/<stage>"),
        ("existing_logging", "maybe", "keep, switch, skip"),
        ("tags", {"aws:x": "1"}, "reserved"),
        ("tags", {"a\nb": "1"}, "a character AWS refuses"),
        ("account_id", "12", "12 digits"),
        ("vpc_id", "vpc-xyz", "vpc-"),
        ("permissions_boundary", "arn:aws:s3:::x", "IAM policy"),
        ("schema_version", 7, "reads version 2"),
        ("node_metrics", "node.internal", "host:port"),
        ("node_metrics", "http://node:9000", "host:port"),
        ("node_metrics", "node:99999", "port from 1 to 65535"),
        ("forwarder_environment", {"X_NODE_URL": "n"}, "that is node_url"),
        ("forwarder_environment", {"PATH": "/"}, "begin with X_"),
        ("forwarder_environment", {"X_NODE_STYLE": ""}, "1 to 256 plain characters"),
        ("forwarder_environment", {"X_NODE_STYLE": "a\nb"}, "1 to 256 plain characters"),
    ],
)
def test_a_broken_rule_says_what_to_write_instead(key, value, words):
    assert words in problem(key, value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name_prefix", "a" * 38),
        ("x_wallarm_application_id", -1),
        ("region", "us-gov-east-1"),
        ("region", "ap-southeast-2"),
        ("wallarm_api_host", "us1.api.wallarm.com"),
        ("node_tag", "0.25.5"),
        ("node_tag", "latest"),
        ("node_url", "node.internal:5050"),
        ("node_url", "node.internal:1"),
        ("node_url", "node.internal:65535"),
        ("stages", ("a1b2/$default",)),
        ("wallarm_api_host", "me1.api.wallarm.com"),
        ("node_metrics", ""),
        ("node_metrics", "node.internal:9000"),
        ("forwarder_environment", {"X_NODE_STYLE": "multipart", "X_NODE_CONNECTIONS": "8"}),
    ],
)
def test_what_aws_and_wallarm_accept_is_accepted(key, value):
    assert problem(key, value) == ""


def test_every_default_obeys_its_own_rule():
    for field in dataclasses.fields(Answers):
        assert problem(field.name, getattr(Answers(), field.name)) == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"r53_domain_name": "example.com"},
        {"node_dns_name": "node"},
        {"vpc_id": "vpc-0123456789abcdef0"},
        {"private_subnet_ids": ("subnet-1",)},
    ],
)
def test_answers_that_need_each_other_are_checked_together(changes):
    with pytest.raises(UsageError):
        build_answers(changes)


def test_environment_variables_set_answers():
    env = {
        env_name("region"): "eu-west-1",
        env_name("stages"): "a1/prod, b2/dev",
        env_name("tags"): "team=api,cost=12",
        env_name("alarms"): "yes",
        env_name("node_count"): "2",
    }
    answers = build_answers(from_env(env))
    assert answers.stages == ("a1/prod", "b2/dev")
    assert answers.tags == {"team": "api", "cost": "12"}
    assert (answers.region, answers.alarms, answers.node_count) == ("eu-west-1", True, 2)


@pytest.mark.parametrize(
    ("key", "text"), [("node_count", "two"), ("alarms", "perhaps"), ("tags", "x")]
)
def test_text_that_is_not_of_the_answers_type_is_refused(key, text):
    with pytest.raises(UsageError, match=key):
        from_text(key, text)


@given(
    st.dictionaries(
        st.text(max_size=10), st.one_of(st.none(), st.integers(), st.text()), max_size=4
    )
)
def test_no_file_content_crashes_the_reader(data):
    try:
        build_answers(parse_file(json.dumps(data), "x"))
    except UsageError as error:
        assert error.keys  # noqa: PT017 - either outcome is fine, a crash is not


@pytest.mark.parametrize(
    ("token", "words"),
    [("", "empty"), ("abc", "64 characters; this one has 3"), ("é" * 64, "only letters")],
)
def test_a_malformed_token_is_described_and_never_repeated(token, words):
    assert words in token_problem(token)
    assert not token or token not in token_problem(token)


def test_a_well_formed_token_passes():
    assert token_problem("aB3+/" * 12 + "abcd") == ""


@pytest.mark.parametrize(
    ("tag", "version"), [("0.25.5", (0, 25, 5)), ("v0.9", (0, 9, 0)), ("latest", None), ("1", None)]
)
def test_versions_are_read_from_image_tags(tag, version):
    assert node_version(tag) == version


def test_the_retention_list_is_ascending():
    assert list(RETENTION_DAYS) == sorted(RETENTION_DAYS)
