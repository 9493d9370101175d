"""The log format: the documented fields, a user's own format extended, and whose log it is."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.facts import AccessLog, ApiType
from wizard.core.stages import log_format as access_log
from wizard.core.stages.log_format import (
    ALIAS_PREFIX,
    MAX_FORMAT_BYTES,
    FormatKind,
    LoggingState,
    compare,
    fields,
    kind,
    log_group_name,
    merge,
    problems,
    render_format,
)

OURS = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/apigateway/ours"
SEED = {
    "requestId": "$context.requestId",
    "httpMethod": "$context.httpMethod",
    "path": "$context.path",
    "protocol": "$context.protocol",
    "status": "$context.status",
    "responseLength": "$context.responseLength",
    "requestTime": "$context.requestTime",
    "requestTimeEpoch": "$context.requestTimeEpoch",
    "responseLatency": "$context.responseLatency",
    "integrationLatency": "$context.integrationLatency",
    "integrationStatus": "$context.integrationStatus",
    "errorMessage": "$context.error.message",
    "stage": "$context.stage",
    "domainName": "$context.domainName",
    "sourceIp": "$context.identity.sourceIp",
    "userAgent": "$context.identity.userAgent",
}


def as_written(log_format: str) -> object:
    """What a line of this format would parse to, with every variable standing for itself."""
    bare = re.sub(r'(?<=[:\[,])\s*(\$[^\s,{}\[\]"]+)', r'"\1"', log_format)
    return json.loads(bare)


@pytest.mark.parametrize("api_type", [ApiType.REST, ApiType.HTTP])
def test_rest_and_http_log_exactly_the_documented_fields_in_their_order(api_type: ApiType) -> None:
    assert list(json.loads(render_format(api_type)).items()) == list(SEED.items())


def test_websocket_logs_the_documented_fields_but_the_six_it_does_not_have() -> None:
    logged = json.loads(render_format(ApiType.WEBSOCKET))
    assert set(SEED) - set(logged) == {
        "httpMethod",
        "path",
        "protocol",
        "responseLength",
        "responseLatency",
        "integrationStatus",
    }
    assert logged.items() <= SEED.items()


@pytest.mark.parametrize("api_type", list(ApiType))
def test_the_format_is_one_short_line_that_api_gateway_accepts(api_type: ApiType) -> None:
    log_format = render_format(api_type)
    assert problems(log_format) == ()
    assert " " not in log_format
    assert "\n" not in log_format


def test_a_users_format_is_extended_at_its_end_and_otherwise_untouched() -> None:
    theirs = '{ "ip":"$context.identity.sourceIp", "requestId" : "$context.requestId" }'
    result = merge(theirs, ApiType.REST)
    assert result.ok
    assert result.format.startswith(theirs[:-2])
    assert "requestId" not in result.added
    assert as_written(result.format).items() >= SEED.items()


def test_variables_outside_quotes_count_as_present() -> None:
    theirs = '{"status":$context.status,"requestId":"$context.requestId","n":[$context.path,1]}'
    result = merge(theirs, ApiType.HTTP)
    assert result.format.startswith(theirs[:-1])
    assert "status" not in result.added
    assert "path" in result.added


def test_a_variable_under_another_name_is_added_once_more_under_ours() -> None:
    result = merge('{"id":"$context.requestId"}', ApiType.REST)
    assert "requestId" in result.added


def test_a_key_in_use_for_something_else_stays_and_ours_gets_another_name() -> None:
    theirs = '{"path":"$context.resourcePath","requestId":"$context.requestId"}'
    result = merge(theirs, ApiType.REST)
    merged = as_written(result.format)
    assert merged["path"] == "$context.resourcePath"
    assert merged[f"{ALIAS_PREFIX}path"] == "$context.path"
    assert result.renamed == (("path", f"{ALIAS_PREFIX}path"),)
    assert merge(result.format, ApiType.REST).format == result.format


def test_when_both_names_are_taken_nothing_is_changed_and_it_says_so() -> None:
    theirs = '{"path":"a $context.requestId","wallarm_path":"b"}'
    result = merge(theirs, ApiType.REST)
    assert not result.ok
    assert result.format == theirs
    assert "wallarm_path" in result.problem


def test_a_format_with_one_of_our_keys_twice_is_left_alone() -> None:
    theirs = '{"status":"$context.status","requestId":"$context.requestId","status":"x"}'
    result = merge(theirs, ApiType.REST)
    assert result.format == theirs
    assert "status stands twice" in result.problem


def test_aliases_lead_the_line_and_what_clients_write_comes_last_among_them() -> None:
    theirs = '{"userAgent":"a","path":"b","stage":"c","requestId":"$context.requestId"}'
    result = merge(theirs, ApiType.REST)
    names = [member.key for member in access_log.parse(result.format).members]
    assert names[:3] == ["wallarm_stage", "wallarm_path", "wallarm_userAgent"]


@pytest.mark.parametrize(
    "theirs",
    [
        '{"requestId":"$context.requestId","path":"mine","wallarm_path":"$context.path"}',
        '{"wallarm_userAgent":"$context.identity.userAgent","wallarm_path":"$context.path"}',
        '{"wallarm_path":"$context.path","requestId":"$context.requestId","wallarm_path":"x"}',
    ],
)
def test_an_alias_that_a_client_could_forge_is_refused(theirs: str) -> None:
    result = merge(theirs, ApiType.REST)
    assert result.format == theirs
    assert "wallarm_path" in result.problem


def test_line_breaks_between_members_are_dropped() -> None:
    theirs = '{\n  "requestId": "$context.requestId",\r\n  "x": 1\n}\n'
    result = merge(theirs, ApiType.REST)
    assert result.ok
    assert "\n" not in result.format
    assert "\r" not in result.format


def test_nothing_is_added_to_a_complete_format_not_even_when_it_is_spelt_differently() -> None:
    theirs = json.dumps(SEED)
    result = merge(theirs, ApiType.REST)
    assert result.format == theirs
    assert result.added == ()


NOT_EXTENDABLE = {
    FormatKind.CLF: '$context.identity.sourceIp - [$context.requestTime] "$context.httpMethod '
    '$context.path $context.protocol" $context.status $context.responseLength $context.requestId',
    FormatKind.CSV: "$context.identity.sourceIp,$context.httpMethod,$context.requestId",
    FormatKind.XML: '<request id="$context.requestId"><ip>$context.path</ip></request>',
    FormatKind.NONE: "",
    FormatKind.OTHER: "$context.requestId $context.status",
}


@pytest.mark.parametrize(("shape", "theirs"), NOT_EXTENDABLE.items())
def test_formats_other_than_json_are_recognised_explained_and_left_alone(
    shape: FormatKind, theirs: str
) -> None:
    assert kind(theirs) is shape
    result = merge(theirs, ApiType.REST)
    assert not result.ok
    assert result.format == theirs
    assert "left as it is" in result.problem


@pytest.mark.parametrize(
    ("theirs", "why"),
    [
        ('{"a":"$context.requestId",}', "character 27"),
        ('{"a":"$context.requestId"} tail', "more text after"),
        ('{"a":"$context.requestId"', "`}` was expected"),
        ('{"a":"$context.requestId}', "never closed"),
        ('{"a\\x":"$context.requestId"}', "escape"),
        ('{"a":"two\nlines"}', "line break"),
        ('{"a":undefined}', "a value was expected"),
        ('["$context.requestId"]', ""),
        ('{"a":' + "[" * 40 + "]" * 40 + "}", "deeply"),
    ],
)
def test_broken_json_is_explained_and_left_alone(theirs: str, why: str) -> None:
    result = merge(theirs, ApiType.REST)
    assert not result.ok
    assert result.format == theirs
    assert why in result.problem


def test_a_format_with_blanks_is_squeezed_when_only_that_makes_it_fit() -> None:
    theirs = '{"requestId": "$context.requestId"' + " " * 2600 + ', "x": "a b"}'
    result = merge(theirs, ApiType.REST)
    assert result.ok
    assert len(result.format) < 800
    assert '"x":"a b"' in result.format


def test_a_format_that_would_grow_over_three_kilobytes_is_refused_with_the_size() -> None:
    theirs = json.dumps({"requestId": "$context.requestId", "long": "x" * 2800})
    result = merge(theirs, ApiType.REST)
    assert not result.ok
    assert result.format == theirs
    assert "3,072 are possible" in result.problem


def test_every_way_a_stage_can_log_today_is_told_apart() -> None:
    ours = render_format(ApiType.REST)
    theirs = "arn:aws:logs:eu-central-1:123456789012:log-group:theirs"
    stream = "arn:aws:firehose:eu-central-1:123456789012:deliverystream/amazon-apigateway-x"

    def state(arn: str, log_format: str) -> LoggingState:
        return compare(AccessLog(arn, log_format), OURS + ":*", ApiType.REST)

    assert state("", "") is LoggingState.OFF
    assert state(OURS, ours) is LoggingState.OURS
    assert state(OURS, json.dumps(SEED)) is LoggingState.OURS
    assert state(OURS, '{"requestId":"$context.requestId"}') is LoggingState.ALTERED
    assert state(theirs, ours) is LoggingState.OTHER
    assert state(stream, ours) is LoggingState.FIREHOSE
    assert compare(AccessLog(OURS, ours), "", ApiType.REST) is LoggingState.OTHER


def test_an_arn_names_the_same_group_with_and_without_its_star() -> None:
    assert access_log.same_arn(OURS, OURS + ":*")
    assert log_group_name(OURS + ":*") == "/aws/apigateway/ours"
    assert log_group_name("arn:aws:firehose:eu-central-1:1:deliverystream/x") == ""


# A user's own format: any keys, any values, nested, with variables in and out of quotes.
variables = st.sampled_from(
    [*SEED.values(), "$context.integration.status", "$context.authorizer.claims.cognito:username"]
)
texts = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=12)
scalars = st.one_of(
    texts.map(lambda s: json.dumps(s, ensure_ascii=False)),
    variables.map(json.dumps),
    variables,
    st.integers().map(str),
    st.sampled_from(["true", "null", "-1.5e3"]),
)
keys = st.one_of(st.sampled_from([*SEED, "wallarm_path"]), texts).map(
    lambda s: json.dumps(s, ensure_ascii=False)
)
space = st.sampled_from(["", " ", "  ", "\n", "\n\t"])


def objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    member = st.tuples(space, keys, space, values, space).map(
        lambda p: f"{p[0]}{p[1]}{p[2]}:{p[3]}{p[4]}"
    )
    return st.lists(member, max_size=8).map(lambda m: "{" + ",".join(m) + "}")


values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        objects(inner), st.lists(inner, max_size=3).map(lambda v: "[" + ", ".join(v) + "]")
    ),
    max_leaves=6,
)
api_types = st.sampled_from(list(ApiType))


@given(objects(values), api_types)
def test_merging_keeps_every_member_adds_every_field_and_stays_valid(
    theirs: str, api_type: ApiType
) -> None:
    before = access_log.parse(theirs)
    result = merge(theirs, api_type)
    if not result.ok:
        assert result.format == theirs
        return
    after = access_log.parse(result.format)
    aliases = len({name for _, name in result.renamed} & set(result.added))
    kept = after.members[aliases : aliases + len(before.members)]
    assert kept == before.members
    assert problems(result.format) == ()
    last = {m.key: m.unquoted for m in after.members}
    alias = dict(result.renamed)
    for key, variable in fields(api_type):
        assert last[alias.get(key, key)] == variable
    others = after.members[:aliases] + after.members[aliases + len(before.members) :]
    assert tuple(m.key for m in others) == result.added


@given(objects(values), api_types)
def test_merging_twice_is_merging_once(theirs: str, api_type: ApiType) -> None:
    once = merge(theirs, api_type)
    again = merge(once.format, api_type)
    assert again.format == once.format
    assert again.added == (() if once.ok else again.added)


@given(st.text(max_size=400), api_types)
def test_whatever_the_format_it_is_merged_or_left_alone_but_never_an_error(
    theirs: str, api_type: ApiType
) -> None:
    result = merge(theirs, api_type)
    assert result.ok or result.format == theirs
    if result.ok:
        assert len(result.format.encode()) <= MAX_FORMAT_BYTES
