"""The checklist as data: what is asked, in which order, and what hangs on what.

The order is that of causes: of several failures the first one is the one to mend. Screen, command
line and `docs/checks.md` are made from this tuple.
"""

from __future__ import annotations

from wizard.core.checks.model import DISCOVERY, LOCAL, LOGS, NODE, Check

_FUNCTION = ("lambda.GetFunctionConfiguration",)
_STAGES = ("apigateway.GetStage", "apigatewayv2.GetStage")
_LINES = ("logs.FilterLogEvents",)
_METRIC = ("cloudwatch.GetMetricStatistics",)
_RULES = ("ec2.DescribeSecurityGroupRules", *_FUNCTION)
_PROBE = ("lambda.Invoke (a probe)",)
_COUNTERS = ("lambda.Invoke (a probe)", "the node's counters")

_LOCAL = (
    Check("WAG-LOC-001", LOCAL, "Do the credentials work?",
          ("sts.GetCallerIdentity", "iam.ListAccountAliases"),
          "Log in again (`aws sso login`), or choose another profile with --profile."),
    Check("WAG-LOC-002", LOCAL, "Is a Terraform of version 1.0 or later here?",
          ("terraform version",),
          "Install Terraform 1.0 or later, or name one with --terraform PATH."),
    Check("WAG-LOC-003", LOCAL, "Is the workspace of this deployment whole?",
          ("the workspace's folder", "Terraform's state", "ssm.GetParameter", "lambda.GetFunction",
           "resourcegroupstaggingapi.GetResources"),
          "Look from the machine that deployed it, or restore that workspace's folder from a "
          "backup.",
          ("WAG-LOC-001", "WAG-LOC-002")),
    Check("WAG-LOC-004", LOCAL, "Was every change of earlier runs finished?", ("the journal",),
          "Run `wallarm-apigw install` again: it goes on where it stopped.", ("WAG-LOC-003",)),
    Check("WAG-LOC-005", LOCAL, "Is no other run at work on this deployment?",
          ("the workspace's lock", "the lock of Terraform's state"),
          "Wait for it to end; what is seen meanwhile may be half done. If nothing runs any more, "
          "`wallarm-apigw install` offers to remove the lock.", ("WAG-LOC-003",)),
    Check("WAG-LOC-006", LOCAL, "May these credentials do all that the checklist does?",
          ("iam.SimulatePrincipalPolicy",),
          "Attach the policy of `wallarm-apigw iam-policy doctor`; what is denied is not checked.",
          ("WAG-LOC-001",)),
    Check("WAG-LOC-007", LOCAL, "Is everything still as Terraform made it (no drift)?",
          ("terraform plan",),
          "Run `wallarm-apigw install`: its review shows each change, then puts it back.",
          ("WAG-LOC-003",), deep=True),
    Check("WAG-LOC-008", LOCAL, "May these credentials change this deployment?",
          ("iam.SimulatePrincipalPolicy",),
          "Looking works without. Attach the policy of `wallarm-apigw iam-policy deploy` before "
          "you fix or change something.",
          ("WAG-LOC-001",), deep=True),
)  # fmt: skip

_LOGS = (
    Check("WAG-LOG-001", LOGS, "Does the log group exist?", ("logs.DescribeLogGroups",),
          "Run `wallarm-apigw install`: Terraform creates it again.", ("WAG-LOC-003",)),
    Check("WAG-LOG-002", LOGS, "Is the log group of class Standard?", ("logs.DescribeLogGroups",),
          "A group's class cannot be changed, and only Standard ones can be subscribed to: choose "
          "another log group with `wallarm-apigw install`.",
          ("WAG-LOG-001",)),
    Check("WAG-LOG-003", LOGS, "Does the forwarder exist, and is it active?", _FUNCTION,
          "Run `wallarm-apigw install`: Terraform creates it again.", ("WAG-LOC-003",)),
    Check("WAG-LOG-004", LOGS, "May CloudWatch Logs invoke the forwarder?", ("lambda.GetPolicy",),
          "Let the wizard add the invoke permission.",
          ("WAG-LOG-003",), fix="invoke-permission"),
    Check("WAG-LOG-005", LOGS, "Does a subscription filter send the log group to the forwarder?",
          ("logs.DescribeSubscriptionFilters",),
          "Let the wizard put the subscription filter back.",
          ("WAG-LOG-001", "WAG-LOG-002", "WAG-LOG-003", "WAG-LOG-004"), fix="subscription-filter"),
    Check("WAG-LOG-006", LOGS, "Does the filter pattern let access-log events through?",
          ("logs.DescribeSubscriptionFilters",),
          "Let the wizard restore the pattern of the answers.",
          ("WAG-LOG-005",), fix="subscription-filter"),
    Check("WAG-LOG-007", LOGS, "Do the connected stages still exist?", _STAGES,
          "Take the stage out of the deployment with `wallarm-apigw stages remove`.",
          ("WAG-LOC-003",)),
    Check("WAG-LOG-008", LOGS, "Do the connected stages log to the connector's log group?", _STAGES,
          "Let the wizard switch the stage's access log back on.",
          ("WAG-LOG-001", "WAG-LOG-007"), fix="stage"),
    Check("WAG-LOG-009", LOGS, "Does the access-log format hold the fields the node needs?",
          _STAGES, "Let the wizard restore the format.", ("WAG-LOG-008",), fix="stage"),
    Check("WAG-LOG-010", LOGS, "May API Gateway write logs (account CloudWatch role)?",
          ("apigateway.GetAccount",),
          "Let the wizard set the account's CloudWatch role; none is set now.",
          ("WAG-LOG-007",), fix="account-role"),
    Check("WAG-LOG-011", LOGS, "Can API Gateway assume the account's CloudWatch role and write?",
          ("iam.GetRole", "iam.ListAttachedRolePolicies", "iam.ListRolePolicies",
           "iam.SimulatePrincipalPolicy"),
          "Make the role trust apigateway.amazonaws.com and attach the AWS managed policy "
          "AmazonAPIGatewayPushToCloudWatchLogs.",
          ("WAG-LOG-010",)),
    Check("WAG-LOG-015", LOGS, "May log delivery write the logs of HTTP APIs?",
          ("logs.DescribeResourcePolicies",),
          "Let the wizard put the statement back into the log group's resource policy.",
          ("WAG-LOG-001", "WAG-LOG-007"), fix="log-policy"),
    Check("WAG-LOG-016", LOGS, "Are the logs of canary releases forwarded too?",
          (*_STAGES, "logs.DescribeSubscriptionFilters"),
          "Subscribe the forwarder to the canary's log group as well, or promote the canary; until "
          "then its requests are missing from API Discovery.", ("WAG-LOG-008",)),
    Check("WAG-LOG-012", LOGS, "Did access-log events arrive in the last hour?", _LINES,
          "Send a request to a connected stage, then check again; events take up to a minute.",
          ("WAG-LOG-008", "WAG-LOG-009", "WAG-LOG-011", "WAG-LOG-015")),
    Check("WAG-LOG-020", LOGS, "Did each connected stage log an event lately, if any did?", _LINES,
          "Send a request to the silent stage, then check again. If it stays silent, its own "
          "throttling, WAF or custom domain may keep requests away; `stages add` writes its "
          "logging anew.",
          ("WAG-LOG-008", "WAG-LOG-009", "WAG-LOG-011", "WAG-LOG-015")),
    Check("WAG-LOG-017", LOGS, "Does CloudWatch Logs deliver without being refused?", _METRIC,
          "After a refusal AWS pauses the filter for up to 10 minutes and skips those events: "
          "wait, then check again. If it goes on, the forwarder's log tells why.",
          ("WAG-LOG-005", "WAG-LOG-006")),
    Check("WAG-LOG-013", LOGS, "Did the forwarder run without crashing lately?",
          (*_LINES, *_METRIC),
          "The evidence shows its last words; the whole story is in the forwarder's log. Run "
          "`wallarm-apigw install` if its code or settings were changed by hand.",
          ("WAG-LOG-003",)),
    Check("WAG-LOG-018", LOGS, "Does the forwarder receive what the log group gets?",
          (*_LINES, "logs.DescribeSubscriptionFilters"),
          "Let the wizard write the subscription filter again, so that AWS tries it anew.",
          ("WAG-LOG-005", "WAG-LOG-006", "WAG-LOG-013"), fix="subscription-filter"),
    Check("WAG-LOG-019", LOGS, "Can the forwarder read the lines that it gets?", _LINES,
          "`wallarm-apigw install` moves a connected stage to the format of today; keep other "
          "lines out of its log group. docs/delivery.md tells how a line is read.",
          ("WAG-LOG-003", "WAG-LOG-009")),
    Check("WAG-LOG-021", LOGS, "Is the deployed forwarder the one of this program's version?",
          (*_FUNCTION, *_PROBE),
          "Run `wallarm-apigw install`: its review shows the update of the function, and nothing "
          "else changes.",
          ("WAG-LOG-003",)),
    Check("WAG-LOG-014", LOGS, "Did the forwarder run without being throttled lately?", _METRIC,
          "Nothing is lost yet, AWS tries again: raise the function's reserved concurrency, or ask "
          "AWS for a higher limit of the account.",
          ("WAG-LOG-003",)),
)  # fmt: skip

_NODE = (
    Check("WAG-NOD-009", NODE, "Do the private subnets reach the internet through NAT?",
          ("ec2.DescribeRouteTables", *_FUNCTION),
          "The node fetches its image and talks to the Wallarm Cloud through NAT. Run "
          "`wallarm-apigw install` to restore the route; in a VPC of your own, restore it there.",
          ("WAG-LOC-003",), node_only=True),
    Check("WAG-NOD-001", NODE, "Does the ECS cluster have a container instance?",
          ("ecs.DescribeClusters",),
          "Look at the Auto Scaling group's activity history: capacity of the instance type, "
          "subnets, instance profile.",
          ("WAG-LOC-003",), node_only=True),
    Check("WAG-NOD-002", NODE, "Do as many node tasks run as wanted?",
          ("ecs.DescribeServices", "ecs.ListTasks", "ecs.DescribeTasks"),
          "ECS says why in the evidence; it tries again by itself once that is fixed. "
          "`wallarm-apigw install` restores the number of tasks.",
          ("WAG-NOD-009", "WAG-NOD-001"), node_only=True),
    Check("WAG-NOD-003", NODE, "Did the node register with Wallarm?",
          ("logs.DescribeLogStreams", *_LINES),
          "Fix what the node says in the evidence: a wrong token with `wallarm-apigw "
          "rotate-token`, a wrong cloud, host or node group with `wallarm-apigw install`.",
          ("WAG-LOC-003", "WAG-NOD-009"), node_only=True),
    Check("WAG-NOD-004", NODE, "Does the load balancer exist, and is it active?",
          ("elbv2.DescribeLoadBalancers",),
          "Run `wallarm-apigw install`: Terraform creates it again.",
          ("WAG-LOC-003",), node_only=True),
    Check("WAG-NOD-005", NODE, "Does the load balancer listen where the forwarder sends?",
          ("elbv2.DescribeListeners",),
          "Run `wallarm-apigw install` to restore the listener.",
          ("WAG-NOD-004",), node_only=True),
    Check("WAG-NOD-006", NODE, "Is the certificate issued, for the right name, and not expired?",
          ("elbv2.DescribeListeners", "acm.DescribeCertificate"),
          "ACM issues and renews it while its validation record is in the public DNS of the "
          "domain: restore that record (ACM shows it), or run `wallarm-apigw install`. Import one "
          "that was imported again; another one of yours goes into certificate_arn.",
          ("WAG-NOD-005",), node_only=True),
    Check("WAG-NOD-011", NODE, "Does the node's name lead to the load balancer?",
          ("route53.ListHostedZonesByName", "route53.ListResourceRecordSets"),
          "Run `wallarm-apigw install` to restore the record.",
          ("WAG-NOD-004",), node_only=True),
    Check("WAG-NOD-008", NODE, "May the forwarder reach the load balancer, and that the node?",
          _RULES, "Run `wallarm-apigw install` to restore the security group rules.",
          ("WAG-NOD-004", "WAG-LOG-003"), node_only=True),
    Check("WAG-NOD-007", NODE, "Is at least one target healthy?", ("elbv2.DescribeTargetHealth",),
          "The load balancer asks the node for /ready on port 8080 and says in the evidence what "
          "came back. Look at the node's log; a node that just started needs a minute.",
          ("WAG-NOD-002", "WAG-NOD-003", "WAG-NOD-004", "WAG-NOD-008"), node_only=True),
    Check("WAG-NOD-010", NODE, "Does the node answer the forwarder?", _PROBE,
          "The forwarder tried just now; the evidence is what it met. Look at the node's log.",
          ("WAG-LOG-003", "WAG-API-001", "WAG-NOD-005", "WAG-NOD-006", "WAG-NOD-011",
           "WAG-NOD-008", "WAG-NOD-007")),
    Check("WAG-NOD-012", NODE, "Was every event delivered to the node lately?", _LINES,
          "The node answers now, so AWS's own retries may deliver them. What waits after that is "
          "replayed by `wallarm-apigw redrive`.",
          ("WAG-NOD-010",)),
    Check("WAG-NOD-014", NODE, "Is the node's version known to support this?", _COUNTERS,
          "Set node_tag to 0.23.1 or newer, best to a version and not to `latest`, and run "
          "`wallarm-apigw install`.",
          ("WAG-NOD-010",)),
    Check("WAG-NOD-013", NODE, "Does the node understand the forwarder?", _COUNTERS,
          "The evidence is what the node has counted since it started, with cause and remedy. "
          "`wallarm-apigw node-dialect` tries which way of speaking it understands.",
          ("WAG-NOD-010",)),
    Check("WAG-NOD-015", NODE, "Are requests and responses paired?", _COUNTERS,
          "The node gets one without the other, so the inventory lacks response codes: "
          "`wallarm-apigw node-dialect` tries other ways of speaking.",
          ("WAG-NOD-013",)),
)  # fmt: skip

_DISCOVERY = (
    Check("WAG-API-001", DISCOVERY, "Are the forwarder's environment variables right?", _FUNCTION,
          "Let the wizard restore them.", ("WAG-LOG-003",), fix="environment"),
    Check("WAG-API-002", DISCOVERY, "Is the Wallarm token stored?", ("ssm.DescribeParameters",),
          "Store it again with `wallarm-apigw rotate-token`.",
          ("WAG-LOC-001",), node_only=True),
    Check("WAG-API-003", DISCOVERY, "Can the Wallarm API be reached from here?",
          ("the Wallarm API",), "Check DNS, proxy and firewall between here and the API host."),
    Check("WAG-API-004", DISCOVERY, "Does the Wallarm Cloud accept the token?",
          ("the Wallarm API",),
          "Create a token with usage type Node deployment in the right cloud, then "
          "`wallarm-apigw rotate-token`.", ("WAG-API-002", "WAG-API-003"), node_only=True),
    Check("WAG-API-007", DISCOVERY, "Does the Wallarm Cloud see an active node?",
          ("the Wallarm API",),
          "Look at the node's tasks and its log: the node must reach the Wallarm API.",
          ("WAG-API-004", "WAG-NOD-003"), node_only=True),
    Check("WAG-API-008", DISCOVERY, "Is API Discovery switched on in the Wallarm Cloud?",
          ("the Wallarm API",),
          "Switch it on in Wallarm Console, or ask Wallarm to add it to the subscription: it "
          "belongs to the plan Advanced API Security, plain WAAP has none.",
          ("WAG-API-004",), node_only=True),
    Check("WAG-API-006", DISCOVERY, "Does the recent traffic count for API Discovery?", _LINES,
          "API Discovery counts answers 2xx, but no OPTIONS or HEAD, no loopback host, and no path "
          "with : ~ + or , in a segment. Send a request that counts twice, 5 minutes apart.",
          ("WAG-LOG-012",)),
    Check("WAG-API-009", DISCOVERY, "Does API Discovery list endpoints?", ("the Wallarm API",),
          "Traffic that should count was seen, but the inventory is empty: check in Wallarm "
          "Console the plan (Advanced API Security), and which applications and hosts API "
          "Discovery is switched on for.",
          ("WAG-API-007", "WAG-API-008", "WAG-API-006", "WAG-NOD-010", "WAG-NOD-013"),
          node_only=True),
    Check("WAG-API-005", DISCOVERY, "Is every event delivered, none kept for a replay?",
          ("s3.ListObjectsV2",),
          "Fix what failed above, then replay them with `wallarm-apigw redrive`; the answer "
          "`undelivered_replay_hours` does it by itself.",
          ("WAG-LOG-003",)),
)  # fmt: skip

CHECKS: tuple[Check, ...] = (*_LOCAL, *_LOGS, *_NODE, *_DISCOVERY)

BY_ID = {check.check_id: check for check in CHECKS}
