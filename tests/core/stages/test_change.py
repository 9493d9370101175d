"""What connecting a stage changes, and how it is shown."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from wizard.core.facts import AccessLog, Api, ApiType, LogGroup, Stage, StageRef, StageSettings
from wizard.core.stages import log_format
from wizard.core.stages.change import (
    Mode,
    StageChange,
    diff_lines,
    in_todays_format,
    plan_change,
    same_settings,
)
from wizard.core.stages.log_format import render_format
from wizard.core.stages.owner import Owner, Tool, from_tags, owner, snippet
from wizard.services.aws.stages import rest_patch, v2_requests

ARN = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/apigateway/wallarm-api-discovery-1"
THEIRS = "arn:aws:logs:eu-central-1:123456789012:log-group:theirs"
STREAM = "arn:aws:firehose:eu-central-1:123456789012:deliverystream/amazon-apigateway-siem"
JSON = '{"requestId":"$context.requestId","who":"$context.identity.caller"}'
CLF = '$context.identity.sourceIp [$context.requestTime] "$context.requestId"'
OFF = StageSettings()


def stage(
    settings: StageSettings = OFF, api_type: ApiType = ApiType.REST, **changes: object
) -> Stage:
    api = Api("a1b2c3", "orders", api_type)
    return replace(Stage(api, "prod", settings), **changes)


def logging(arn: str, log_format: str = JSON, level: str = "") -> StageSettings:
    return StageSettings(AccessLog(arn, log_format), level)


def test_a_rest_stage_without_logging_gets_our_log_and_errors_and_info() -> None:
    change = plan_change(stage(), ARN + ":*")
    assert change.mode is Mode.OURS
    assert change.after == logging(ARN, render_format(ApiType.REST), "INFO")
    assert [(d.label, d.before, d.after) for d in diff_lines(change)] == [
        ("access log", "off", "/aws/apigateway/wallarm-api-discovery-1"),
        ("format", "none", "JSON with 16 fields"),
        ("level", "off", "errors and info"),
    ]


@pytest.mark.parametrize(
    ("live", "before", "written", "patch"),
    [
        ("{}", "", "{}", {"op": "remove", "path": "/*/*"}),
        ('{"metricsEnabled": false}', "", '{"metricsEnabled": true}', "OFF"),
        ('{"throttlingRateLimit": 50.0}', "", '{"throttlingRateLimit": 50.0}',
         {"op": "remove", "path": "/*/*"}),
        ('{"throttlingRateLimit": 50.0}', "", '{"throttlingRateLimit": 10000.0}', "OFF"),
        ('{"throttlingRateLimit": 50.0}', '{"throttlingRateLimit": 50.0}',
         '{"throttlingRateLimit": 50.0}', "OFF"),
        ('{"throttlingRateLimit": 50.0}', None, None, "OFF"),
        ("{}", None, None, {"op": "remove", "path": "/*/*"}),
        ("{}", None, "{}", {"op": "remove", "path": "/*/*"}),
    ],
)  # fmt: skip
def test_the_entry_of_all_methods_goes_where_it_came_with_us_and_is_as_we_left_it(
    live: str, before: str | None, written: str | None, patch: dict[str, str] | str
) -> None:
    """It is removed whole only then; what somebody chose in it is never lost."""
    now = {**json.loads(live), "loggingLevel": "INFO"}
    then = None if written is None else json.dumps({**json.loads(written), "loggingLevel": "INFO"})
    settings = StageSettings(AccessLog(), "INFO", json.dumps(now))
    target = StageSettings(AccessLog(), "", before)
    (operation,) = rest_patch(settings, target, now, written=then)
    if patch == "OFF":
        patch = {"op": "replace", "path": "/*/*/logging/loglevel", "value": "OFF"}
    assert operation == patch


def test_an_http_stage_has_no_level_to_change() -> None:
    change = plan_change(stage(api_type=ApiType.HTTP), ARN)
    assert change.after.logging_level == ""


def test_a_connected_stage_is_not_changed_again() -> None:
    first = plan_change(stage(), ARN)
    again = plan_change(stage(first.after), ARN)
    assert not again.changes_anything
    assert diff_lines(again) == ()


def test_keeping_a_log_group_changes_nothing_but_the_missing_fields() -> None:
    change = plan_change(stage(logging(THEIRS, JSON, "ERROR")), ARN, "keep")
    assert change.mode is Mode.KEEP
    assert change.log_group == "theirs"
    assert change.after.logging_level == "ERROR"
    assert change.after.access_log.destination_arn == THEIRS
    assert change.after.access_log.format.endswith(f",{JSON[1:]}")
    assert [d.label for d in diff_lines(change)] == ["format"]


def test_switching_says_whose_log_ends() -> None:
    change = plan_change(stage(logging(THEIRS)), ARN, "switch")
    assert change.mode is Mode.OURS
    assert change.after.access_log.destination_arn == ARN
    assert "no longer goes to theirs" in change.warnings[0]


@pytest.mark.parametrize(
    ("settings", "existing", "group", "reason"),
    [
        (logging(THEIRS), "skip", None, "logs elsewhere"),
        (logging(THEIRS, CLF), "keep", None, "CLF"),
        (logging(STREAM), "keep", None, "Firehose amazon-apigateway-siem"),
        (logging("arn:aws:sqs:x:1:q"), "keep", None, "not a log group"),
        (
            logging(THEIRS),
            "keep",
            LogGroup("theirs", THEIRS, "INFREQUENT_ACCESS"),
            "INFREQUENT_ACCESS",
        ),
        (logging(ARN, CLF), "keep", None, "CLF"),
    ],
)
def test_what_cannot_be_kept_is_skipped_with_the_reason(
    settings: StageSettings, existing: str, group: LogGroup | None, reason: str
) -> None:
    change = plan_change(stage(settings), ARN, existing, group)
    assert change.mode is Mode.SKIP
    assert not change.changes_anything
    assert change.before == change.after == settings
    assert reason in change.reason


def test_a_firehose_stage_can_be_switched() -> None:
    change = plan_change(stage(logging(STREAM)), ARN, "switch")
    assert change.mode is Mode.OURS
    assert "Firehose amazon-apigateway-siem" in change.warnings[0]


def test_what_aws_manages_is_left_alone() -> None:
    theirs = Api("a1b2c3", "orders", ApiType.HTTP, managed=True)
    assert plan_change(replace(stage(), api=theirs), ARN).mode is Mode.SKIP


def test_a_stage_of_quick_create_is_offered_and_said_to_be_a_try() -> None:
    change = plan_change(stage(managed=True), ARN)
    assert change.mode is Mode.OURS
    assert any("quick create" in text and "tried" in text for text in change.warnings)
    assert not any("quick create" in text for text in plan_change(stage(), ARN).warnings)


def test_a_format_altered_in_our_group_is_completed_not_replaced() -> None:
    change = plan_change(stage(logging(ARN, JSON, "INFO")), ARN)
    assert change.after.access_log.format.endswith(f",{JSON[1:]}")


OLDER = json.dumps(dict(log_format.FIELDS))


@pytest.mark.parametrize("arn", [ARN, THEIRS])
def test_a_stage_in_the_older_format_is_moved_and_the_review_says_why(arn: str) -> None:
    change = plan_change(stage(logging(arn, OLDER, "INFO")), ARN, "keep")
    assert change.after.access_log.format == render_format(ApiType.REST)
    (line,) = diff_lines(change)
    assert line.before == "JSON, older order"
    assert "no client can forge" in line.after


def test_settings_in_the_older_format_are_brought_to_todays_and_others_stay() -> None:
    older = logging(ARN, OLDER, "INFO")
    today = in_todays_format(older, ApiType.REST)
    assert today == logging(ARN, render_format(ApiType.REST), "INFO")
    for other in (today, logging(ARN, JSON), logging(ARN, CLF), logging("", "")):
        assert in_todays_format(other, ApiType.REST) == other


@pytest.mark.parametrize(
    ("arn", "theirs", "words"),
    [
        (THEIRS, '{"id":"$context.requestId","e":"$context.error.messageString"}',
         "messageString stands in quotes"),
        (THEIRS, '{"id":"$context.requestId","n":$context.status}', "without quotes"),
        (THEIRS.replace("theirs", "API-Gateway-Execution-Logs_a1/prod"), JSON, "execution logs"),
    ],
)  # fmt: skip
def test_lines_that_will_be_broken_are_told_before_the_change(
    arn: str, theirs: str, words: str
) -> None:
    change = plan_change(stage(logging(arn, theirs)), ARN, "keep")
    assert change.mode is Mode.KEEP
    assert any(words in text for text in change.warnings)
    plain = plan_change(stage(logging(THEIRS, JSON)), ARN, "keep")
    assert not any(words in text for text in plain.warnings)


def test_a_forwarders_own_log_is_never_read_by_a_forwarder() -> None:
    arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/wallarm-cw-resend-12ab"
    change = plan_change(stage(logging(arn, JSON)), ARN, "keep")
    assert change.mode is Mode.SKIP
    assert "never end" in change.reason
    assert plan_change(stage(logging(arn, JSON)), ARN, "switch").mode is Mode.OURS


def test_the_destination_can_be_filled_in_once_it_exists() -> None:
    planned = plan_change(stage(), "arn:aws:logs:r:1:log-group:later")
    assert planned.with_destination(ARN + ":*").after.access_log.destination_arn == ARN
    kept = plan_change(stage(logging(THEIRS)), ARN)
    assert kept.with_destination(ARN) == kept


def test_warnings_name_the_template_the_canary_and_the_bill() -> None:
    tags = {"aws:cloudformation:stack-name": "orders-api"}
    found = " ".join(plan_change(stage(tags=tags, has_canary=True), ARN).warnings)
    assert 'CloudFormation stack "orders-api"' in found
    assert "Canary" in found
    assert "API-Gateway-Execution-Logs_a1b2c3/prod" in found


WRITTEN = logging(ARN, render_format(ApiType.REST), "INFO")


def test_a_rest_stage_is_changed_in_one_patch_that_leaves_data_trace_alone() -> None:
    assert rest_patch(OFF, WRITTEN) == [
        {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": ARN},
        {
            "op": "replace",
            "path": "/accessLogSettings/format",
            "value": render_format(ApiType.REST),
        },
        {"op": "replace", "path": "/*/*/logging/loglevel", "value": "INFO"},
    ]


DEFAULTS = {"loggingLevel": "INFO", "throttlingBurstLimit": 5000, "throttlingRateLimit": 10000.0}
ACCOUNT = {"burstLimit": 5000, "rateLimit": 10000.0}


@pytest.mark.parametrize(
    ("entry", "last"),
    [
        (DEFAULTS, {"op": "remove", "path": "/*/*"}),
        ({**DEFAULTS, "throttlingRateLimit": 50.0}, None),
        ({**DEFAULTS, "metricsEnabled": True}, None),
        ({**DEFAULTS, "dataTraceEnabled": True}, None),
    ],
)
def test_a_level_that_was_never_set_vanishes_unless_the_entry_holds_more(
    entry: dict[str, object], last: dict[str, str] | None
) -> None:
    switched_off = {"op": "replace", "path": "/*/*/logging/loglevel", "value": "OFF"}
    assert rest_patch(WRITTEN, OFF, entry, ACCOUNT) == [
        {"op": "remove", "path": "/accessLogSettings"},
        last or switched_off,
    ]


def test_a_level_that_was_off_is_switched_off_again() -> None:
    was = StageSettings(AccessLog(), "OFF")
    assert rest_patch(WRITTEN, was, DEFAULTS)[-1]["value"] == "OFF"


def test_nothing_is_asked_of_a_stage_that_is_as_wanted() -> None:
    assert rest_patch(WRITTEN, WRITTEN) == []
    requests = v2_requests(ApiType.WEBSOCKET, WRITTEN, WRITTEN)
    assert (requests.update, requests.delete_log) == ({}, False)


def test_websocket_throttling_is_sent_back_with_the_level() -> None:
    route = {"ThrottlingRateLimit": 5.0, "DataTraceEnabled": False}
    requests = v2_requests(ApiType.WEBSOCKET, OFF, WRITTEN, route)
    assert requests.update["DefaultRouteSettings"] == {**route, "LoggingLevel": "INFO"}


def test_an_http_stage_is_never_sent_route_settings() -> None:
    target = logging(ARN)
    requests = v2_requests(ApiType.HTTP, OFF, target, {"ThrottlingRateLimit": 5.0})
    assert list(requests.update) == ["AccessLogSettings"]


def test_an_access_log_of_api_v2_that_was_off_is_deleted() -> None:
    requests = v2_requests(ApiType.HTTP, logging(ARN), OFF)
    assert (requests.update, requests.delete_log) == ({}, True)


@pytest.mark.parametrize(
    ("tags", "tool", "name"),
    [
        ({"aws:cloudformation:stack-name": "orders"}, Tool.CLOUDFORMATION, "orders"),
        (
            {"httpapi:createdBy": "SAM", "aws:cloudformation:stack-name": "s"},
            Tool.SAM,
            "s",
        ),
        (
            {"aws-cdk:auto-delete-images": "true", "aws:cloudformation:stack-name": "c"},
            Tool.CDK,
            "c",
        ),
        (
            {"STAGE": "dev", "aws:cloudformation:stack-name": "shop-dev"},
            Tool.SERVERLESS,
            "shop",
        ),
        ({"ManagedBy": "Terraform"}, Tool.TERRAFORM, ""),
        ({"terraform": "true"}, Tool.TERRAFORM, ""),
    ],
)
def test_the_owner_is_read_from_tags(tags: dict[str, str], tool: Tool, name: str) -> None:
    found = from_tags(tags)
    assert found is not None
    assert (found.tool, found.name) == (tool, name)


def test_untagged_stages_have_no_known_owner_and_api_tags_count_too() -> None:
    assert owner(stage()) is None
    api = Api("a", "b", ApiType.REST, tags={"aws:cloudformation:stack-name": "x"})
    assert owner(Stage(api, "prod")) == Owner(Tool.CLOUDFORMATION, "x")


@pytest.mark.parametrize("tool", list(Tool))
@pytest.mark.parametrize("api_type", list(ApiType))
def test_every_owner_gets_a_snippet_with_the_format_and_no_template_injection(
    tool: Tool, api_type: ApiType
) -> None:
    settings = StageSettings(AccessLog(ARN, '{"it\'s":"${x}"}'), "INFO")
    text = snippet(Owner(tool, "orders"), api_type, settings)
    if tool is Tool.TERRAFORM:
        assert "$${x}" in text
    elif tool is not Tool.CDK:
        assert "it''s" in text
    assert ("INFO" in text) == (api_type is not ApiType.HTTP)


def test_the_snippet_of_a_change_names_the_log_group_once_it_exists() -> None:
    tags = {"aws:cloudformation:stack-name": "orders", "aws:cloudformation:logical-id": "Prod"}
    change = plan_change(stage(tags=tags), "arn:aws:logs:eu-central-1:1:log-group:future")
    made = change.with_destination(ARN + ":*")
    assert "Prod:" in made.snippet
    assert f"DestinationArn: '{ARN}'" in made.snippet
    assert plan_change(stage(made.after, tags=tags), ARN).snippet == "", "nothing changes"
    assert plan_change(stage(), ARN).snippet == ""


@pytest.mark.parametrize("api_type", list(ApiType))
@pytest.mark.parametrize(
    ("tool", "asked"),
    [
        (Tool.CLOUDFORMATION, "DestinationArn: !Ref WallarmLogGroupArn"),
        (Tool.SAM, "DestinationArn: !Ref WallarmLogGroupArn"),
        (Tool.CDK, "destinationArn: wallarmLogGroupArn,"),
        (Tool.SERVERLESS, "DestinationArn: ${env:WALLARM_LOG_GROUP_ARN}"),
        (Tool.TERRAFORM, "destination_arn = var.wallarm_log_group_arn"),
    ],
)
def test_a_log_group_that_does_not_exist_yet_is_a_parameter_and_nothing_is_made_up(
    tool: Tool, asked: str, api_type: ApiType
) -> None:
    future = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/apigateway/wallarm-…"
    text = snippet(Owner(tool, "orders"), api_type, logging(future, "x", "INFO"))
    assert "…" not in text.replace("# … as it is …", "")
    assert "arn:" not in text
    # The Serverless Framework takes no log group for a REST API: it makes its own.
    if not (tool is Tool.SERVERLESS and api_type is ApiType.REST):
        assert asked in text
        assert "api_gateway_log_group_arn" in text
    real = snippet(Owner(tool, "orders"), api_type, logging(ARN, "x", "INFO"))
    assert "arameter" not in real
    assert "variable" not in real
    assert "env:" not in real


def test_the_template_names_its_own_resource_where_the_tags_tell_it() -> None:
    for tool in (Tool.CLOUDFORMATION, Tool.SAM):
        text = snippet(Owner(tool, "orders", "LiveStage"), ApiType.WEBSOCKET, WRITTEN)
        assert "  LiveStage:\n    Type: AWS::ApiGatewayV2::Stage" in text


def test_cloudformation_snippets_are_the_resource_types_aws_documents() -> None:
    who = Owner(Tool.CLOUDFORMATION, "orders", "ProdStage")
    rest = snippet(who, ApiType.REST, WRITTEN)
    assert "  ProdStage:\n    Type: AWS::ApiGateway::Stage" in rest
    assert "AccessLogSetting:\n" in rest
    assert "AWS::ApiGatewayV2::Stage" in snippet(who, ApiType.HTTP, WRITTEN)


def test_images_are_compared_by_meaning() -> None:
    assert same_settings(logging(ARN), logging(ARN + ":*", level="OFF"))
    assert not same_settings(logging(ARN), logging(THEIRS))


def test_a_change_of_a_skipped_stage_changes_nothing() -> None:
    change = StageChange(StageRef("a", "b"), ApiType.REST, OFF, WRITTEN, Mode.SKIP)
    assert not change.changes_anything


@pytest.mark.parametrize("api_type", [ApiType.REST, ApiType.WEBSOCKET])
@pytest.mark.parametrize("level", ["", "OFF", "ERROR", "INFO"])
def test_a_level_that_is_left_stays_what_it_is(api_type: ApiType, level: str) -> None:
    now = replace(OFF, logging_level=level)
    change = plan_change(stage(now, api_type), ARN, execution="leave")
    assert change.after.logging_level == level
    assert change.after.access_log.destination_arn == ARN
    assert not [text for text in change.warnings if "CloudWatch bills" in text]
    assert "level" not in [line.label for line in diff_lines(change)]
    assert plan_change(stage(now, api_type), ARN).after.logging_level == "INFO"


@pytest.mark.parametrize(
    ("api_type", "level", "after"),
    [
        (ApiType.REST, "", "ERROR"),
        (ApiType.REST, "OFF", "ERROR"),
        (ApiType.WEBSOCKET, "", "ERROR"),
        (ApiType.REST, "ERROR", "ERROR"),
        (ApiType.REST, "INFO", "INFO"),  # nothing of the owner's is taken away
        (ApiType.HTTP, "", ""),
    ],
)
def test_errors_alone_are_switched_on_where_a_stage_logs_none(
    api_type: ApiType, level: str, after: str
) -> None:
    now = replace(OFF, logging_level=level)
    change = plan_change(stage(now, api_type), ARN, execution="error")
    assert change.after.logging_level == after
    billed = [text for text in change.warnings if "CloudWatch bills" in text]
    assert bool(billed) is (after == "ERROR" != level)
    assert all("each request that fails" in text for text in billed)


def test_a_log_that_is_taken_away_is_told_also_where_the_level_is_left() -> None:
    change = plan_change(stage(logging(THEIRS)), ARN, "switch", execution="leave")
    assert any("no longer goes to theirs" in text for text in change.warnings)
