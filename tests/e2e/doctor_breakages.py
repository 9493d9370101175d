"""Ways to break a deployment, each with the check that must name it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from tests.e2e.aws_override import Rewritten
from tests.e2e.doctor_breaks import (
    OTHER_FUNCTION,
    OTHER_GROUP,
    REQUEST_ID,
    Break,
    both,
    filter_deleted,
    filter_paused,
    filter_with,
    log_delivery_removed,
    log_group_deleted,
    metric,
    permission,
    played,
    refused,
    traffic,
    undelivered,
    variable,
    written,
)
from tests.e2e.doctor_breaks_node import (
    DAY,
    DOMAIN,
    NODE,
    SHOWN,
    certificate,
    node_fails,
    node_with,
    pretending,
    record_leads_elsewhere,
    responses_missing,
    rules_lost,
)
from tests.e2e.doctor_breaks_stages import (
    account_role_deleted,
    account_role_trusts_another,
    account_role_unset,
    account_role_without_rights,
    connected_long_ago,
    forwarder_of_another_version,
    http_stage,
    rest_format,
    rest_stage,
)
from tests.e2e.doctor_patient import targets
from wizard.core.stages import log_format

MOST_MALFORMED = json.dumps({"_aws": {}, "received": 120, "malformed": 100, "skipped": 0})
MALFORMED_LINE = json.dumps(
    {"event": "malformed", "reason": "order of the fields", "log_group": "/g", "api": "a1b2c3",
     "stage": "prod", "shape": '{{"ip":…}}', "log_event_id": "7"}
)  # fmt: skip
OLDER_FORMAT = json.dumps(dict(log_format.FIELDS), separators=(",", ":"))


@dataclass(frozen=True)
class Breakage:
    """One row: `words` must stand in the evidence of `check_id`, which must be the first finding.

    Words in braces are outputs of the deployment. `fixable`: the product's own repair must heal it.
    """

    name: str
    check_id: str
    words: tuple[str, ...]
    break_it: Break
    fixable: bool = False
    verdict: str = "failed"

    def __str__(self) -> str:
        return self.name


LOGS_ROWS = (
    Breakage("filter deleted", "WAG-LOG-005", ("DescribeSubscriptionFilters", "found: none"),
             filter_deleted, fixable=True),
    Breakage("filter points at another function", "WAG-LOG-005",
             ("none points at {lambda_function_name}",),
             filter_with(destinationArn=OTHER_FUNCTION), fixable=True),
    Breakage("filter pattern matches nothing", "WAG-LOG-006", ("matches-nothing",),
             filter_with(filterPattern='"matches-nothing"'), fixable=True),
    Breakage("log group of class Infrequent Access", "WAG-LOG-002", ("INFREQUENT_ACCESS",),
             played(lambda p: {"logs.DescribeLogGroups": {"logGroups": [
                 {"logGroupName": name, "logGroupClass": "INFREQUENT_ACCESS"}
                 for name in p.exam.log_groups]}})),
    Breakage("log group deleted", "WAG-LOG-001", ("{api_gateway_log_group}",),
             log_group_deleted),
    Breakage("log delivery taken out of the policy", "WAG-LOG-015",
             ("delivery.logs.amazonaws.com", "{api_gateway_log_group}"),
             log_delivery_removed, fixable=True),
    Breakage("canary logs elsewhere", "WAG-LOG-016", ("20 % of the requests", "/Canary"),
             played(lambda p: {"apigateway.GetStage": Rewritten(
                 ('"stageName"', '"canarySettings":{"percentTraffic":20.0},"stageName"'))}),
             verdict="warning"),
    Breakage("forwarder throttled", "WAG-LOG-014", ("Throttles: 5",),
             metric("Throttles", 5), verdict="warning"),
    Breakage("deliveries refused", "WAG-LOG-017",
             ("DeliveryErrors of {api_gateway_log_group}: 12",), metric("DeliveryErrors", 12)),
    Breakage("deliveries were refused a while ago", "WAG-LOG-017", ("DeliveryErrors",),
             metric("DeliveryErrors", 12, minutes_ago=40), verdict="warning"),
    Breakage("deliveries throttled", "WAG-LOG-017", ("DeliveryThrottling",),
             metric("DeliveryThrottling", 3), verdict="warning"),
    Breakage("filter paused by AWS", "WAG-LOG-018",
             ("logged in the last hour, the first 50m", "holds no batch"),
             filter_paused, fixable=True),
    Breakage("one stage of many is silent", "WAG-LOG-020", (" silent: ", "none in 7 days"),
             connected_long_ago, verdict="warning"),
    Breakage("forwarder of another version", "WAG-LOG-021", ("version 0.0.9 is deployed",),
             forwarder_of_another_version, verdict="warning"),
    Breakage("most lines are malformed", "WAG-LOG-019",
             ("100 of ", " malformed (", "order of the fields", '{{"ip":…}}'),
             written("lambda_log_group", MOST_MALFORMED, MALFORMED_LINE)),
    Breakage("a client had a line of its own given up", "WAG-LOG-019", ("1 of ", " malformed ("),
             written("lambda_log_group",
                     MOST_MALFORMED.replace('"malformed": 100', '"malformed": 1'), MALFORMED_LINE),
             verdict="warning"),
    Breakage("log group not found", "WAG-LOG-001", ("DescribeLogGroups", "{api_gateway_log_group}"),
             played(lambda p: {"logs.DescribeLogGroups": {"logGroups": []}})),
    Breakage("forwarder deleted", "WAG-LOG-003", ("ResourceNotFoundException",),
             refused("lambda.GetFunctionConfiguration", "ResourceNotFoundException",
                     "Function not found", 404)),
    Breakage("forwarder failed to start", "WAG-LOG-003", ("Failed", "The subnet is full"),
             played(lambda p: {"lambda.GetFunctionConfiguration": {
                 "State": "Failed", "StateReason": "The subnet is full"}})),
    Breakage("no event arrives", "WAG-LOG-012", ("no event in the last hour",),
             played(lambda p: {"logs.FilterLogEvents": {"events": []}}), verdict="warning"),
    Breakage("forwarder raised", "WAG-LOG-013", ("its last error", "KeyError: 'awslogs'"),
             written("lambda_log_group", "[ERROR] KeyError: 'awslogs'")),
    Breakage("forwarder timed out", "WAG-LOG-013", ("Task timed out after 60.00 seconds",),
             written("lambda_log_group", "2026-08-01 0f Task timed out after 60.00 seconds")),
    Breakage("metric counts errors", "WAG-LOG-013", ("AWS/Lambda Errors: 3",),
             metric("Errors", 3)),
    Breakage("permission removed", "WAG-LOG-004", ("GetPolicy", "/company/api/billing-access"),
             permission(), fixable=True),
    Breakage("permission for another account", "WAG-LOG-004", ("GetPolicy",),
             permission(SourceAccount="210987654321"), fixable=True),
    Breakage("permission for another log group", "WAG-LOG-004", ("GetPolicy",),
             permission(SourceArn=OTHER_GROUP), fixable=True),
)  # fmt: skip

STAGE_ROWS = (
    Breakage("stages deleted", "WAG-LOG-007", ("API Gateway does not know",),
             refused("apigateway.GetStage", "NotFoundException", "Invalid stage", 404)),
    Breakage("log of a REST stage switched off", "WAG-LOG-008", ("logs to nowhere",),
             rest_stage(("remove", "", "")), fixable=True),
    Breakage("REST stage logs to another group", "WAG-LOG-008", ("logs to " + OTHER_GROUP[:-2],),
             rest_stage(("replace", "/destinationArn", OTHER_GROUP[:-2])), fixable=True),
    Breakage("format without requestId", "WAG-LOG-009", ("requestId",),
             rest_stage(("replace", "/format", '{"status":"$context.status"}')), fixable=True),
    Breakage("format without most fields", "WAG-LOG-009", ("logs without", "httpMethod"),
             rest_stage(("replace", "/format", REQUEST_ID)), fixable=True),
    Breakage("a field of the format holds another variable", "WAG-LOG-009",
             ("logs without", "status"),
             rest_format('"$context.status"', '"$context.integrationStatus"'), fixable=True),
    Breakage("an older format", "WAG-LOG-009", ("logs in the older format", "install"),
             rest_stage(("replace", "/format", OLDER_FORMAT)), verdict="warning"),
    Breakage("an older format with fields of its owner's", "WAG-LOG-009",
             ("logs in an older format", "given up"),
             rest_stage(("replace", "/format", '{"mine":"x",' + OLDER_FORMAT[1:])), fixable=True),
    Breakage("format is not JSON", "WAG-LOG-009", ("JSON",),
             rest_stage(("replace", "/format", "$context.requestId $context.status")),
             fixable=True),
    Breakage("log of an HTTP stage switched off", "WAG-LOG-008", ("logs to nowhere",),
             http_stage(), fixable=True),
    Breakage("HTTP stage logs without most fields", "WAG-LOG-009", ("logs without", "userAgent"),
             http_stage(Format=REQUEST_ID), fixable=True),
    Breakage("account role unset", "WAG-LOG-010", ("GetAccount", "not set"),
             account_role_unset, fixable=True),
    Breakage("account role deleted", "WAG-LOG-011", ("does not exist", "NoSuchEntity"),
             account_role_deleted),
    Breakage("account role without rights", "WAG-LOG-011", ("has no policy",),
             account_role_without_rights),
    Breakage("account role with other rights", "WAG-LOG-011",
             ("ReadOnly", "may not logs:PutLogEvents"), played(lambda p: {
                 "iam.ListAttachedRolePolicies": {"AttachedPolicies": [
                     {"PolicyName": "ReadOnly", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnly"}]},
                 "iam.SimulatePrincipalPolicy": {"EvaluationResults": [
                     {"EvalActionName": "logs:PutLogEvents", "EvalResourceName": "*",
                      "EvalDecision": "implicitDeny"}]}})),
    Breakage("account role trusts another service", "WAG-LOG-011",
             ("does not trust apigateway.amazonaws.com",), account_role_trusts_another),
)  # fmt: skip

NODE_ROWS = (
    Breakage("cluster gone", "WAG-NOD-001", ("does not know {ecs_cluster}",),
             played(lambda p: {"ecs.DescribeClusters": {"clusters": []}})),
    Breakage("no container instance", "WAG-NOD-001", ("no registered container instance",),
             played(lambda p: {"ecs.DescribeClusters": {"clusters": [
                 {"status": "ACTIVE", "registeredContainerInstancesCount": 0}]}})),
    Breakage("service deleted", "WAG-NOD-002", ("does not know {ecs_service}",),
             played(lambda p: {"ecs.DescribeServices": {"services": []}})),
    Breakage("task stopped", "WAG-NOD-002",
             ("0 of 1 running", "unable to place a task", "CannotPullContainerError"),
             played(lambda p: {
                 "ecs.DescribeServices": {"services": [
                     {"status": "ACTIVE", "runningCount": 0, "desiredCount": 1,
                      "events": [{"message": "unable to place a task"}]}]},
                 "ecs.ListTasks": {"taskArns": ["arn:aws:ecs:us-east-1:123456789012:task/x"]},
                 "ecs.DescribeTasks": {"tasks": [{"stoppedReason": "CannotPullContainerError"}]},
             })),
    Breakage("container ended at once", "WAG-NOD-002",
             ("1 of 2 running", "exit code 137", "OutOfMemoryError"),
             played(lambda p: {
                 "ecs.DescribeServices": {"services": [
                     {"status": "ACTIVE", "runningCount": 1, "desiredCount": 2, "events": []}]},
                 "ecs.ListTasks": {"taskArns": ["arn:aws:ecs:us-east-1:123456789012:task/x"]},
                 "ecs.DescribeTasks": {"tasks": [
                     {"stoppedReason": "Essential container in task exited", "containers": [
                         {"name": "node", "exitCode": 137, "reason": "OutOfMemoryError"}]}]},
             })),
    Breakage("service scaled to nothing", "WAG-NOD-002", ("wants 0 tasks",),
             played(lambda p: {"ecs.DescribeServices": {"services": [
                 {"status": "ACTIVE", "runningCount": 0, "desiredCount": 0}]}})),
    Breakage("token of the other cloud", "WAG-NOD-003", ("access denied", "other Wallarm Cloud"),
             written("node_log_group", "ERROR node registration done with error: access denied")),
    Breakage("node group missing", "WAG-NOD-003", ('label "group" is required', "node group"),
             written("node_log_group",
                     'ERROR node registration done with error: label "group" is required')),
    Breakage("wrong API host", "WAG-NOD-003", ("not found", "wallarm_api_host"),
             written("node_log_group", "ERROR node registration done with error: not found")),
    Breakage("malformed token", "WAG-NOD-003", ("illegal base64", "token is malformed"),
             written("node_log_group",
                     "ERROR node registration done with error: illegal base64 data at byte 4")),
    Breakage("subscription limited", "WAG-NOD-003", ("subscription limited", "another node"),
             written("node_log_group",
                     "ERROR node registration done with error: subscription limited")),
    Breakage("registration failed for another cause", "WAG-NOD-003", ("with error: EOF",),
             written("node_log_group", "ERROR node registration done with error: EOF")),
    Breakage("load balancer deleted", "WAG-NOD-004", ("LoadBalancerNotFound",),
             refused("elbv2.DescribeLoadBalancers", "LoadBalancerNotFound", "not found")),
    Breakage("load balancer failed", "WAG-NOD-004", ("state failed", "no address left"),
             played(lambda p: {"elbv2.DescribeLoadBalancers": {"LoadBalancers": [
                 {"DNSName": "x", "State": {"Code": "failed", "Reason": "no address left"}}]}})),
    Breakage("listener deleted", "WAG-NOD-005", ("no listener on 80", "found: none"),
             played(lambda p: {"elbv2.DescribeListeners": {"Listeners": []}})),
    Breakage("listener on another port", "WAG-NOD-005", ("no listener on 80", "found: 8081"),
             played(lambda p: {"elbv2.DescribeListeners": Rewritten(
                 ("<Port>80</Port>", "<Port>8081</Port>"))})),
    Breakage("listener forwards elsewhere", "WAG-NOD-005", ("does not forward to the node",),
             played(lambda p: {"elbv2.DescribeListeners": Rewritten(
                 (p.outputs.target_group_arn, "arn:aws:elasticloadbalancing:x:targetgroup/y"))})),
    Breakage("target unhealthy", "WAG-NOD-007",
             ("i-0123456789abcdef0 is unhealthy", "Target.Timeout", "Request timed out"),
             played(lambda p: {"elbv2.DescribeTargetHealth": targets(
                 "unhealthy", "Target.Timeout", "Request timed out")})),
    Breakage("no target", "WAG-NOD-007", ("no target is registered",),
             played(lambda p: {"elbv2.DescribeTargetHealth": {"TargetHealthDescriptions": []}})),
    Breakage("certificate expired", "WAG-NOD-006", ("expired 3 days ago",),
             certificate(NotAfter=time.time() - 3.2 * DAY)),
    Breakage("certificate waits for its validation", "WAG-NOD-006", ("PENDING_VALIDATION",),
             certificate(Status="PENDING_VALIDATION")),
    Breakage("certificate of another name", "WAG-NOD-006",
             ("for www.example.org, not for " + NODE,),
             certificate(DomainName="www.example.org")),
    Breakage("certificate expires soon", "WAG-NOD-006", ("expires in 5 days",),
             certificate(NotAfter=time.time() + 5.2 * DAY), verdict="warning"),
    Breakage("own certificate expired", "WAG-NOD-006", ("your certificate expired 3 days ago",),
             certificate(SHOWN, NotAfter=time.time() - 3.2 * DAY, Type="IMPORTED")),
    Breakage("own certificate of another name", "WAG-NOD-006",
             ("your certificate is for *.example.org, not for " + NODE,),
             certificate(SHOWN, DomainName="*.example.org")),
    Breakage("own certificate expires soon and nobody renews it", "WAG-NOD-006",
             ("your certificate expires in 5 days, imported",),
             certificate(SHOWN, NotAfter=time.time() + 5.2 * DAY, Type="IMPORTED"),
             verdict="warning"),
    Breakage("the listener shows another certificate than the own one", "WAG-NOD-006",
             ("shows " + SHOWN, "certificate/mine of the answers"),
             certificate(SHOWN.replace("/x", "/mine"))),
    Breakage("own certificate deleted", "WAG-NOD-006", ("ResourceNotFoundException",),
             both(certificate(SHOWN), refused("acm.DescribeCertificate",
                                              "ResourceNotFoundException", "Not found"))),
    Breakage("no certificate", "WAG-NOD-006", ("no certificate",),
             pretending(lambda p: {"elbv2.DescribeListeners": Rewritten(
                 ("<Port>80<", "<Port>443<"))}, https=True)),
    Breakage("record leads elsewhere", "WAG-NOD-011",
             ("leads to old-balancer.example.net", "{load_balancer_dns_name}"),
             record_leads_elsewhere),
    Breakage("hosted zone gone", "WAG-NOD-011", ("does not list " + DOMAIN,), certificate()),
    Breakage("forwarder's rule removed", "WAG-NOD-008", ("{load_balancer_security_group}",
             "admits none of"), rules_lost("forwarder")),
    Breakage("node's rule removed", "WAG-NOD-008", ("does not admit {load_balancer_security_group}",
             ), rules_lost("lb")),
    Breakage("a rule is lost, so the target is unhealthy and events are undelivered",
             "WAG-NOD-008", ("does not admit",), both(
                 rules_lost("lb"),
                 played(lambda p: {"elbv2.DescribeTargetHealth": targets(
                     "unhealthy", "Target.Timeout", "Request timed out")}),
                 written("lambda_log_group", "[ERROR] UndeliveredError: 3 of 3 undelivered"))),
    Breakage("events were not delivered", "WAG-NOD-012",
             ("the last failed try, ", "2 of 3 events undelivered"),
             written("lambda_log_group", "[ERROR] UndeliveredError: 2 of 3 events undelivered: "
                                         "connect: ECONNREFUSED")),
    Breakage("node answers 503", "WAG-NOD-010", ("answered 503",), node_fails),
    Breakage("node too old", "WAG-NOD-014", ("0.20.0", "does not support Amazon API Gateway"),
             node_with(version="0.20.0")),
    Breakage("node knows another connector", "WAG-NOD-013",
             ("× rejected: connector_info", "node-dialect"),
             node_with(connector_types=["azure-apim"])),
    Breakage("node reads another shape", "WAG-NOD-013", ("× not readable: MsgDataFormat",),
             node_with(styles=["multipart"])),
    Breakage("node's mode is off", "WAG-NOD-013", ("× not inspected: mode off",),
             node_with(mode_off=True)),
    Breakage("responses never reach the node", "WAG-NOD-015", ("not one response",),
             responses_missing),
    Breakage("default route removed", "WAG-NOD-009", ("has no default route",),
             played(lambda p: {"ec2.DescribeRouteTables": Rewritten(
                 ("0.0.0.0/0", "203.0.113.0/24"))})),
    Breakage("NAT gateway deleted", "WAG-NOD-009", ("leads to a deleted gateway",),
             played(lambda p: {"ec2.DescribeRouteTables": Rewritten(
                 ("<state>active</state>", "<state>blackhole</state>"))})),
)  # fmt: skip

DISCOVERY_ROWS = (
    Breakage("application id changed", "WAG-API-001", ("X_WALLARM_APPLICATION_ID is 7",),
             variable("X_WALLARM_APPLICATION_ID", "7"), fixable=True),
    Breakage("node URL changed", "WAG-API-001", ("X_NODE_URL is old.example.com",),
             variable("X_NODE_URL", "old.example.com"), fixable=True),
    Breakage("node scheme taken away", "WAG-API-001", ("X_NODE_SCHEME is not set",),
             variable("X_NODE_SCHEME", None), fixable=True),
    Breakage("token parameter gone", "WAG-API-002", ("DescribeParameters", "/token"),
             played(lambda p: {"ssm.DescribeParameters": {"Parameters": []}})),
    Breakage("token stored in plain", "WAG-API-002", ("is a String, not a SecureString",),
             played(lambda p: {"ssm.DescribeParameters": {"Parameters": [
                 {"Name": "x", "Type": "String"}]}})),
    Breakage("Wallarm API not reachable", "WAG-API-003", ("us1.api.wallarm.com", "Connection"),
             pretending(env={"WALLARM_APIGW_CLOUD_URL": "http://127.0.0.1:9"})),
    Breakage("token cut short", "WAG-API-004", ("the token",), pretending(token="c2hvcnQ=")),
    Breakage("events wait undelivered", "WAG-API-005", ("1 undelivered", "{undelivered_bucket}"),
             undelivered, verdict="warning"),
    Breakage("only errors are seen", "WAG-API-006", ("none of 2 requests counts", "× answered 404"),
             traffic("GET", 404), verdict="warning"),
    Breakage("only loopback hosts are seen", "WAG-API-006", ("host localhost",),
             traffic("GET", 200, "localhost"), verdict="warning"),
    Breakage("only OPTIONS is seen", "WAG-API-006", ("none of 2 requests counts", "× OPTIONS"),
             traffic("OPTIONS", 204), verdict="warning"),
)  # fmt: skip

BREAKAGES = LOGS_ROWS + STAGE_ROWS + NODE_ROWS + DISCOVERY_ROWS
