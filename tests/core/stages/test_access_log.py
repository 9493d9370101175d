"""The log format: the documented fields, a user's own format extended, and whose log it is."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.facts import AccessLog, ApiType, StageRef
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


AWS_FIRST = [
    "stage", "status", "responseLength", "requestTime", "requestTimeEpoch", "responseLatency",
    "integrationLatency", "integrationStatus", "sourceIp", "protocol", "httpMethod",
]  # fmt: skip
CLIENTS_LAST = ["requestId", "domainName", "path", "errorMessage", "userAgent"]
NOT_IN_WEBSOCKET = {
    "httpMethod", "path", "protocol", "responseLength", "responseLatency", "integrationStatus",
}  # fmt: skip


def as_written(log_format: str) -> object:
    """What a line of this format would parse to, with every variable standing for itself."""
    bare = re.sub(r'(?<=[:\[,])\s*(\$[^\s,{}\[\]"]+)', r'"\1"', log_format)
    return json.loads(bare)


@pytest.mark.parametrize("api_type", [ApiType.REST, ApiType.HTTP])
def test_rest_and_http_log_the_documented_fields_behind_a_marker_aws_s_own_first(
    api_type: ApiType,
) -> None:
    logged = json.loads(render_format(api_type))
    assert list(logged) == ["wallarm_log", *AWS_FIRST, *CLIENTS_LAST, "wallarm_end"]
    assert logged.items() >= SEED.items()
    assert logged["wallarm_log"] == "http/$context.apiId"


def test_websocket_logs_the_documented_fields_but_the_six_it_does_not_have() -> None:
    logged = json.loads(render_format(ApiType.WEBSOCKET))
    keys = [key for key in AWS_FIRST + CLIENTS_LAST if key not in NOT_IN_WEBSOCKET]
    assert list(logged) == ["wallarm_log", *keys, "wallarm_end"]
    assert logged["wallarm_log"] == "websocket/$context.apiId"
    assert all(logged[key] == SEED[key] for key in keys)


@pytest.mark.parametrize("api_type", list(ApiType))
def test_the_format_is_one_short_line_that_api_gateway_accepts(api_type: ApiType) -> None:
    log_format = render_format(api_type)
    assert problems(log_format) == ()
    assert " " not in log_format
    assert "\n" not in log_format


def test_our_fields_stand_before_a_users_format_which_is_otherwise_untouched() -> None:
    theirs = '{ "ip":"$context.identity.sourceIp", "requestId" : "$context.requestId" }'
    result = merge(theirs, ApiType.REST)
    assert result.ok
    assert result.format.startswith('{"wallarm_log":"http/$context.apiId","stage":"$context.stage"')
    assert result.format.endswith(
        ',"wallarm_end":"1","ip":"$context.identity.sourceIp", "requestId" : "$context.requestId"}'
    )
    assert "requestId" not in result.added
    assert as_written(result.format).items() >= SEED.items()


def test_nothing_that_aws_writes_stands_behind_anything_a_client_can_write() -> None:
    theirs = '{"requestId":"$context.requestId","status":"$context.status","ip":"$context.path"}'
    result = merge(theirs, ApiType.HTTP)
    keys = [member.key for member in access_log.parse(result.format).members]
    assert keys.index("wallarm_status") < keys.index("domainName")
    assert keys.index("sourceIp") < keys.index("domainName") < keys.index("wallarm_end")
    assert keys[-3:] == ["requestId", "status", "ip"]


def test_what_a_users_format_has_and_the_forwarder_does_not_need_is_not_logged_twice() -> None:
    theirs = '{"requestId":"$context.requestId","protocol":$context.protocol,"p":[$context.path,1]}'
    result = merge(theirs, ApiType.HTTP)
    assert not {"protocol", "wallarm_protocol", "wallarm_requestId"} & set(result.added)
    assert "path" in result.added


def test_a_variable_under_another_name_is_added_once_more_under_ours() -> None:
    result = merge('{"id":"$context.requestId"}', ApiType.REST)
    assert "requestId" in result.added


def test_a_key_in_use_stays_and_ours_gets_another_name() -> None:
    theirs = '{"path":"$context.resourcePath","requestId":"$context.requestId"}'
    result = merge(theirs, ApiType.REST)
    merged = as_written(result.format)
    assert merged["path"] == "$context.resourcePath"
    assert merged[f"{ALIAS_PREFIX}path"] == "$context.path"
    assert result.renamed == (("path", f"{ALIAS_PREFIX}path"),)
    assert merge(result.format, ApiType.REST).format == result.format


@pytest.mark.parametrize(
    ("theirs", "taken"),
    [
        ('{"path":"a $context.requestId","wallarm_path":"b"}', "wallarm_path"),
        ('{"a":"$context.requestId","wallarm_log":"b"}', "wallarm_log"),
        ('{"a":"$context.requestId","n":{"wallarm_end":"b"}}', "wallarm_end"),
        ('{"wallarm_log":"mine","x":1,"wallarm_log":"$context.requestId"}', "wallarm_log"),
    ],
)
def test_when_our_other_name_is_taken_too_nothing_is_changed_and_it_says_so(
    theirs: str, taken: str
) -> None:
    result = merge(theirs, ApiType.REST)
    assert not result.ok
    assert result.format == theirs
    assert taken in result.problem


# What earlier versions wrote: the documented order; and users' formats with fields at either end.
OLDER = [
    (json.dumps(SEED), ""),
    (json.dumps(SEED, separators=(",", ":")), ""),
    ('{"id": "$context.requestId", "x":{"path":"$context.path"},'
     + json.dumps(SEED, separators=(",", ":"))[1:],
     '"id": "$context.requestId", "x":{"path":"$context.path"}'),
    ('{"wallarm_stage":"$context.stage","wallarm_path":"$context.path","stage":"mine","path":"y",'
     + json.dumps({k: v for k, v in SEED.items() if k not in ("stage", "path")})[1:],
     '"stage":"mine","path":"y"'),
]  # fmt: skip


@pytest.mark.parametrize(("older", "theirs"), OLDER)
def test_an_older_format_is_recognised_and_moved_and_only_what_is_the_users_own_stays(
    older: str, theirs: str
) -> None:
    assert access_log.is_older(older, ApiType.REST)
    assert not access_log.is_complete(older, ApiType.REST)
    result = merge(older, ApiType.REST)
    assert result.moved
    assert result.format.endswith(f'"wallarm_end":"1"{"," if theirs else ""}{theirs}}}')
    assert {"wallarm_log", "wallarm_end"} <= set(result.added)
    assert not access_log.is_older(result.format, ApiType.REST)
    assert access_log.is_complete(result.format, ApiType.REST)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"status":"$context.status",', ""),
        ('"status":"$context.status"', '"status":$context.status'),
        ('"stage":"$context.stage"', '"stage":"$context.path"'),
        ('"httpMethod":"$context.httpMethod","requestId":"$context.requestId"',
         '"requestId":"$context.requestId","httpMethod":"$context.httpMethod"'),
        ('"wallarm_log":"http/$context.apiId",', ""),
        ('"wallarm_log":"http/$context.apiId"', '"wallarm_log":"websocket/$context.apiId"'),
        (',"wallarm_end":"1"', ""),
        ('"wallarm_end":"1"', '"wallarm_end":"1","again":{"wallarm_end":"1"}'),
        ('"stage"', '"\\u0073tage"'),
        ('"status":"$context.status"', '"status":"$context.integrationStatus"'),
        ('"status"', '"mine":"x","status"'),
    ],
)  # fmt: skip
def test_a_format_that_somebody_altered_is_not_complete_and_is_put_right(
    old: str, new: str
) -> None:
    ours = render_format(ApiType.REST)
    altered = ours.replace(old, new)
    assert altered != ours
    assert not access_log.is_complete(altered, ApiType.REST)
    result = merge(altered, ApiType.REST)
    assert access_log.is_complete(result.format, ApiType.REST) or result.problem


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        ('{"e":"$context.error.messageString"}', ["messageString stands in quotes"]),
        ('{"e":"x: $context.error.messageString"}', ["messageString stands in quotes"]),
        ('{"e":$context.error.messageString}', []),
        ('{"n":$context.integrationLatency}', ["$context.integrationLatency stands without"]),
        ('{"n":[$context.status,$context.responseLength]}',
         ["$context.status, $context.responseLength stand without"]),
        ('{"e":"$context.error.message","n":"$context.status"}', []),
        ('{"a":"\\"$context.status"}', []),
        ("", []),
    ],
)  # fmt: skip
def test_formats_whose_lines_will_not_be_json_are_told_before_the_change(
    theirs: str, said: list[str]
) -> None:
    found = access_log.broken_lines(theirs)
    assert len(found) == len(said)
    assert all(words in text for words, text in zip(said, found, strict=True))


def test_line_breaks_between_members_are_dropped() -> None:
    theirs = '{\n  "requestId": "$context.requestId",\r\n  "x": 1\n}\n'
    result = merge(theirs, ApiType.REST)
    assert result.ok
    assert "\n" not in result.format
    assert "\r" not in result.format


def test_nothing_is_added_to_a_complete_format_not_even_when_it_is_spelt_differently() -> None:
    theirs = json.dumps(json.loads(render_format(ApiType.REST)))
    assert theirs != render_format(ApiType.REST)
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
    assert len(result.format) < 900
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
    assert state(OURS, json.dumps(SEED)) is LoggingState.OLDER
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
    assert problems(result.format) == ()
    assert access_log.is_complete(result.format, api_type)
    ours = [m.key for m in after.members].index("wallarm_end") + 1
    assert after.members[ours:] == before.members
    alias = dict(result.renamed)
    for key, variable in fields(api_type):
        members = after.members[:ours] if key not in access_log.OPTIONAL else after.members
        assert alias.get(key, key) in {m.key for m in members if m.unquoted == variable}
    keys = [m.key for m in after.members[:ours]]
    assert keys == ["wallarm_log", *(alias.get(k, k) for k, _ in fields(api_type)
                                     if alias.get(k, k) in keys), "wallarm_end"]  # fmt: skip


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


@pytest.mark.parametrize(
    ("log_format", "start"),
    [
        (render_format(ApiType.HTTP), '{"wallarm_log":"http/a1","stage":"$default","status":"'),
        (
            render_format(ApiType.WEBSOCKET),
            '{"wallarm_log":"websocket/a1","stage":"$default","status":"',
        ),
        ("$context.stage of $context.apiId", "$default of a1"),
        ("$context.stage of $context.apiId in $context.path", "$default of a1 in "),
        ("$context.apiId $context.requestId $context.stage", ""),
        ("$stageVariables.x $context.apiId $context.stage", ""),
        ('{"requestId":"$context.requestId","stage":"$context.stage"}', ""),
        ("$context.apiId", ""),
        ("", ""),
    ],
)
def test_the_start_of_a_line_names_api_and_stage_or_is_none(log_format: str, start: str) -> None:
    assert access_log.line_start(log_format, StageRef("a1", "$default")) == start


@pytest.mark.parametrize(
    ("log_format", "said"),
    [
        ("$context.requestId\n", ("it has more than one line",)),
        ("$context.requestId\r", ("it has more than one line",)),
        ("$context.requestId", ()),
        ("$context.stage", ("it lacks $context.requestId",)),
        ("$context.requestId" + "x" * (MAX_FORMAT_BYTES - 18), ()),
        (
            "$context.requestId" + "x" * (MAX_FORMAT_BYTES - 17),
            (f"it is {MAX_FORMAT_BYTES + 1:,} bytes long, {MAX_FORMAT_BYTES:,} are possible",),
        ),
    ],
)
def test_what_api_gateway_would_refuse_is_told_and_nothing_else(
    log_format: str, said: tuple[str, ...]
) -> None:
    assert problems(log_format) == said


# A format → whether it is complete, whether it is an older one, whether its lines are read
READ = {
    "today's": (render_format(ApiType.REST), True, False, True),
    "the documented fields in their order": (json.dumps(SEED), False, True, True),
    "the same in another order": (
        json.dumps(dict(reversed(SEED.items()))),
        False,
        True,
        False,
    ),
    "one field short": (
        json.dumps({k: v for k, v in SEED.items() if k != "path"}),
        False,
        False,
        False,
    ),
    "no JSON": ("$context.requestId", False, False, False),
}


@pytest.mark.parametrize(("log_format", "complete", "older", "read"), READ.values(), ids=READ)
def test_of_every_format_it_is_known_whether_its_lines_are_read(
    log_format: str, complete: bool, older: bool, read: bool
) -> None:
    assert access_log.is_complete(log_format, ApiType.REST) is complete
    assert access_log.is_older(log_format, ApiType.REST) is older
    assert access_log.is_read(log_format, ApiType.REST) is read


def test_only_an_older_format_of_ours_is_said_to_be_moved() -> None:
    assert not merge('{"x":"$context.requestId"}', ApiType.REST).moved
    assert not merge(render_format(ApiType.REST), ApiType.REST).moved
    assert merge(json.dumps(SEED), ApiType.REST).moved
