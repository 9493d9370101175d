"""Permissions for looking around, for stages and for the forwarder: every mode needs these."""

from __future__ import annotations

from wizard.core.answers.model import Answers
from wizard.core.partitions import partition_of
from wizard.core.permissions.grants import (
    CHANGING,
    DEPLOY,
    DISCOVER,
    DOCTOR,
    FLEET,
    LOOKING,
    ONE_DEPLOYMENT,
    PURPOSES,
    UNINSTALL,
    Conditions,
    Grant,
    Scope,
    attaching,
    bounded,
    chosen_boundary,
    forwarder_in_vpc,
    in_given_vpc,
    in_region,
    no_boundary,
    of,
    own_key,
    own_log_groups,
    own_node,
    passed_to,
    readable_log_groups,
    replays,
    stage_log_groups,
    stages,
)
from wizard.core.state_place import LOCAL, StatePlace

_NO_RESOURCE = "AWS supports no resource for this; it reads names and settings only."
_NOT_KNOWN_YET = "While the stages' own log groups are not known yet, any log group."
_ANY = ("*",)
_FUNCTION = ("arn:{p}:lambda:{r}:{a}:function:wallarm-cw-resend-*",)
_ROLES = ("arn:{p}:iam::{a}:role/{n}-{r}-*",)
_GATEWAY_ROLE = ("arn:{p}:iam::{a}:role/wallarm-apigw-cloudwatch-{r}",)
_TOKEN = ("arn:{p}:ssm:{r}:{a}:parameter{token}",)
_CLAIM = ("arn:{p}:ssm:{r}:{a}:parameter/wallarm-apigw/{n}/installation",)
_BUCKET = ("arn:{p}:s3:::{n}-undelivered-*",)
_KEPT = ("arn:{p}:s3:::{n}-undelivered-*/*",)
_SCHEDULE = ("arn:{p}:events:{r}:{a}:rule/{n}-replay-*",)
_FLEET_ONLY = "Only `fleet` asks, and the roles are other accounts'."
_ALL_REGIONS = "Only `fleet discover` and `stages list --all-regions` ask."
_TAKES_BACK = "Deploying takes back what it made when answers change or a step fails."


def _functions_roles(scope: Scope) -> tuple[str, ...]:
    kinds = ("fwd", "rpl") if replays(scope.answers) else ("fwd",)
    return tuple("arn:{p}:iam::{a}:role/{n}-{r}-" + kind for kind in kinds)


def _for_the_token(scope: Scope) -> Conditions:
    suffix = partition_of(scope.partition).suffix
    through = {"kms:ViaService": f"ssm.{scope.answers.region}.{suffix}"}
    meant = {"kms:EncryptionContext:PARAMETER_ARN": scope.fill(_TOKEN[0])}
    if "*" in scope.account_id:
        return {"StringEquals": through, "StringLike": meant}
    return {"StringEquals": {**through, **meant}}


LOOK: tuple[Grant, ...] = (
    Grant("ReadApis", ("apigateway:GET",),
          ("arn:{p}:apigateway:{r}::/restapis", "arn:{p}:apigateway:{r}::/restapis/*/stages",
           "arn:{p}:apigateway:{r}::/restapis/*/stages/*", "arn:{p}:apigateway:{r}::/apis",
           "arn:{p}:apigateway:{r}::/apis/*/stages", "arn:{p}:apigateway:{r}::/apis/*/stages/*",
           "arn:{p}:apigateway:{r}::/account"),
          "List APIs and stages, read how they log, read the account's CloudWatch role.",
          ONE_DEPLOYMENT,
          wide="Every API is listed to choose from. API keys and exports stay unreadable."),
    Grant("ReadAccountName", ("iam:ListAccountAliases",), _ANY,
          "Show the account's alias, so that nobody deploys to the wrong one.", PURPOSES,
          wide=_NO_RESOURCE,
          sometimes=True),
    Grant("ListLogGroups", ("logs:DescribeLogGroups",), _ANY,
          "Offer existing log groups; find what stages log to.", ONE_DEPLOYMENT, wide=_NO_RESOURCE),
    Grant("ReadNetwork", of("ec2", "DescribeVpcs DescribeSubnets DescribeRouteTables"), _ANY,
          "Offer VPCs and subnets; see whether the node can reach the internet.", ONE_DEPLOYMENT,
          conditions=in_region, wide=_NO_RESOURCE),
    Grant("ListZones", ("route53:ListHostedZones",), _ANY,
          "Offer hosted zones for HTTPS between forwarder and node.", (DISCOVER, *LOOKING),
          wide=_NO_RESOURCE),
    Grant("ListCertificates", ("acm:ListCertificates",), _ANY,
          "Offer certificates of yours for HTTPS between forwarder and node.", (DISCOVER, DEPLOY),
          conditions=in_region, wide=_NO_RESOURCE),
    Grant("ReadCertificates", ("acm:DescribeCertificate",), ("arn:{p}:acm:{r}:{a}:certificate/*",),
          "The names of a certificate that has more than the list shows.", (DISCOVER,),
          wide="Which certificate is not known before it is chosen; it reads."),
    Grant("ReadSubscriptions", ("logs:DescribeSubscriptionFilters",), stage_log_groups,
          "See what the stages' log groups are subscribed to.", LOOKING, wide=_NOT_KNOWN_YET),
    Grant("ReadFilterQuota", ("servicequotas:ListServiceQuotas",), _ANY,
          "See how many subscription filters AWS allows a log group that has some of others.",
          (DEPLOY,), conditions=in_region, wide=_NO_RESOURCE, sometimes=True,
          unseen="Only where a log group has two filters of others and more."),
    Grant("ReadMetrics", ("cloudwatch:GetMetricStatistics",), _ANY,
          "Count the forwarder's invocations, errors and throttles.", (DEPLOY, DOCTOR),
          conditions=in_region, wide=_NO_RESOURCE),
    Grant("ReadLogEvents", of("logs", "DescribeLogStreams FilterLogEvents"), readable_log_groups,
          "Follow the proof, and show the last words of stages, forwarder and node.",
          (DEPLOY, DOCTOR), wide=_NOT_KNOWN_YET),
    Grant("AskForwarder",
          of("lambda", "GetFunction GetFunctionConfiguration GetPolicy InvokeFunction"), _FUNCTION,
          "Compare its settings; let it try to reach the node; replay kept events.",
          (DEPLOY, DOCTOR)),
    Grant("ReadSecurityGroupRules", ("ec2:DescribeSecurityGroupRules",), _ANY,
          "Check the path from forwarder to node.", LOOKING, forwarder_in_vpc, in_region,
          wide=_NO_RESOURCE),
    Grant("ReadUndelivered", ("s3:ListBucket",), _BUCKET,
          "Count the events that wait for a replay.", LOOKING),
    Grant("ReadGatewayRole", of("iam", "GetRole ListAttachedRolePolicies"), _GATEWAY_ROLE,
          "See whether the role exists, whom it trusts and whether it may write.", LOOKING),
    Grant("FindGatewayRole", ("iam:GetRole",), ("arn:{p}:iam::{a}:role/*",),
          "See whether the role that is set exists and trusts API Gateway, whatever its name.",
          (DEPLOY, DOCTOR), sometimes=True,
          wide="Which role is set is known only when it is read; it reads trust and description."),
    Grant("ReadGatewayRolesOwnPolicies", ("iam:ListRolePolicies",), _GATEWAY_ROLE,
          "The same, where nothing is attached to it.", (DEPLOY, DOCTOR),
          unseen="Only for a role without an attached policy."),
    Grant("AskAboutPermissions", ("iam:SimulatePrincipalPolicy",),
          ("arn:{p}:iam::{a}:role/*", "arn:{p}:iam::{a}:user/*"),
          "Find missing permissions before anything is changed.", LOOKING,
          unseen="Optional: without it missing permissions show on the way.",
          wide="Whose permissions are asked about is known when the policy is attached; it reads."),
)  # fmt: skip

FLEETS: tuple[Grant, ...] = (
    Grant(
        "ListAccounts",
        ("organizations:ListAccounts",),
        _ANY,
        "A target for each account of the organization.",
        (FLEET,),
        wide=_NO_RESOURCE,
        unseen=_FLEET_ONLY,
        sometimes=True,
    ),
    Grant(
        "BecomeDeployers",
        ("sts:AssumeRole",),
        ("arn:{p}:iam::*:role/{role}",),
        "Become the role that deploys in each account.",
        (FLEET,),
        unseen=_FLEET_ONLY,
        wide="Accounts of an organization come and go; the role's name is the same in all.",
    ),
    Grant(
        "ListRegions",
        ("ec2:DescribeRegions",),
        _ANY,
        "Which Regions an account has enabled.",
        (FLEET, DISCOVER),
        wide=_NO_RESOURCE,
        unseen=_ALL_REGIONS,
        sometimes=True,
    ),
    Grant(
        "CountApis",
        ("apigateway:GET",),
        ("arn:{p}:apigateway:*::/restapis", "arn:{p}:apigateway:*::/apis"),
        "Which Regions have APIs.",
        (FLEET, DISCOVER),
        sometimes=True,
        wide="A Region's APIs are what is looked for; nothing of them but the list is read.",
    ),
)

STAGES: tuple[Grant, ...] = (
    Grant("ChangeStages", ("apigateway:PATCH",), stages(),
          "Switch a stage's access log on, and put back what was there.", CHANGING),
    Grant("TakeAccessLogBack", ("apigateway:DELETE",), stages("/accesslogsettings", ("apis",)),
          "Remove the access log settings of an HTTP or WebSocket stage; not the stage.", CHANGING),
    Grant("SetGatewayRole", ("apigateway:PATCH",), ("arn:{p}:apigateway:{r}::/account",),
          "Set the account's CloudWatch role where none is set.", (DEPLOY,),
          sometimes=True),
    Grant("MakeGatewayRole", ("iam:CreateRole",), _GATEWAY_ROLE, "Create that role.", (DEPLOY,),
          conditions=bounded,
          sometimes=True),
    Grant("TagGatewayRole", ("iam:TagRole",), _GATEWAY_ROLE, "Put your tags on it.", (DEPLOY,),
          lambda answers: bool(answers.tags),
          sometimes=True),
    Grant("EquipGatewayRole", ("iam:AttachRolePolicy",), _GATEWAY_ROLE,
          "Let it write to CloudWatch Logs.", (DEPLOY,),
          conditions=attaching("AmazonAPIGatewayPushToCloudWatchLogs"),
          sometimes=True),
    Grant("PassGatewayRole", ("iam:PassRole",), _GATEWAY_ROLE, "Hand that role to API Gateway.",
          (DEPLOY,), conditions=passed_to("apigateway.amazonaws.com"),
          sometimes=True),
    Grant("TakeGatewayRoleBack", of("iam", "DetachRolePolicy DeleteRole"), _GATEWAY_ROLE,
          "Delete the role again when API Gateway refused it.", (DEPLOY,),
          unseen="Only after API Gateway refused the role until the end."),
    Grant("ReadLogDelivery", ("logs:DescribeResourcePolicies",), _ANY,
          "See whether log delivery may write to the log group.", LOOKING, conditions=in_region,
          wide=_NO_RESOURCE),
    Grant("LetLogsBeDelivered", ("logs:PutResourcePolicy",), _ANY,
          "HTTP APIs log through log delivery, which needs a policy on the log group.", CHANGING,
          conditions=in_region, wide="AWS supports no resource for log delivery policies.",
          sometimes=True),
    Grant("TakeLogDeliveryBack", ("logs:DeleteResourcePolicy",), _ANY,
          "Remove the policy that was added.", CHANGING, conditions=in_region, sometimes=True,
          wide="AWS supports no resource for log delivery policies."),
    Grant("MakeLogDeliveries",
          of("logs", "CreateLogDelivery GetLogDelivery UpdateLogDelivery DeleteLogDelivery "
                     "ListLogDeliveries"),
          _ANY, "API Gateway sets up log delivery for an HTTP API as the caller.", CHANGING,
          conditions=in_region,
          unseen="The local AWS asks for none of it. Source: API Gateway Developer Guide, "
                 "permissions for logging of HTTP APIs.",
          wide="AWS supports no resource for log deliveries."),
)  # fmt: skip

FORWARDER: tuple[Grant, ...] = (
    Grant("MakeLogGroups",
          of("logs", "CreateLogGroup PutRetentionPolicy TagResource UntagResource"),
          own_log_groups, "Log groups of stages, forwarder and node.", (DEPLOY,)),
    Grant("ReadLogGroupTags", ("logs:ListTagsForResource",), own_log_groups,
          "Terraform compares them with what they should be.", CHANGING),
    Grant("RemoveLogGroups", ("logs:DeleteLogGroup",), own_log_groups, f"Removal. {_TAKES_BACK}",
          CHANGING),
    Grant("Subscribe", of("logs", "PutSubscriptionFilter DeleteSubscriptionFilter"),
          stage_log_groups, "Send the stages' log events to the forwarder.", CHANGING,
          wide=_NOT_KNOWN_YET),
    Grant("MakeForwarder",
          of("lambda", "CreateFunction UpdateFunctionConfiguration AddPermission "
                       "PutFunctionEventInvokeConfig TagResource UntagResource"),
          _FUNCTION, "The forwarder and who may invoke it.", (DEPLOY,)),
    Grant("RenewForwarder", ("lambda:UpdateFunctionCode",), _FUNCTION,
          "A new version of this product brings a new forwarder.", (DEPLOY,),
          sometimes=True),
    Grant("ReadForwarder",
          of("lambda", "GetFunction GetPolicy ListVersionsByFunction GetFunctionCodeSigningConfig "
                       "GetFunctionEventInvokeConfig"),
          _FUNCTION, "Terraform compares the forwarder with what it should be.", CHANGING),
    Grant("RemoveForwarder",
          of("lambda", "DeleteFunction DeleteFunctionEventInvokeConfig RemovePermission"),
          _FUNCTION, f"Removal. {_TAKES_BACK}", CHANGING),
    Grant("PlaceForwarder", ("ec2:DescribeSecurityGroups",), _ANY,
          "Lambda looks at the network it is put into as the caller.", CHANGING, forwarder_in_vpc,
          in_region, wide=_NO_RESOURCE),
    Grant("WaitForInterfaces", ("ec2:DescribeNetworkInterfaces",), _ANY,
          "Wait until the function's network interfaces are gone.", CHANGING, forwarder_in_vpc,
          in_region, wide=_NO_RESOURCE),
    Grant("FreeInterfaces", of("ec2", "DetachNetworkInterface DeleteNetworkInterface"),
          ("arn:{p}:ec2:{r}:{a}:network-interface/*",),
          "The provider deletes interfaces that Lambda or a load balancer left behind; they hold "
          "the security groups.", CHANGING, forwarder_in_vpc, in_given_vpc,
          unseen="Only where some are left; the local AWS makes none.",
          wide="AWS puts no tag on them. It deletes none that is in use, and detaches none from an "
               "instance without a grant on that instance, which is not given."),
    Grant("KeepUndelivered",
          of("s3", "CreateBucket PutBucketPolicy PutBucketTagging"), _BUCKET,
          "The bucket of events that could not be delivered.", (DEPLOY,)),
    Grant("TagBucket", of("s3", "TagResource UntagResource"), _BUCKET,
          "The same tags, as provider 6.23 and later set them.", (DEPLOY,),
          unseen="Provider 5 does not call it; 6 tags in the older way where it is denied."),
    Grant("ReadBucketTags", ("s3:ListTagsForResource",), _BUCKET,
          "The same tags, as provider 6.23 and later read them.", CHANGING,
          unseen="Provider 5 does not call it; 6 reads in the older way where it is denied."),
    Grant("SetUpBucket",
          of("s3", "PutBucketPublicAccessBlock PutEncryptionConfiguration "
                   "PutLifecycleConfiguration"),
          _BUCKET, "Its settings; removal takes them off first.", CHANGING),
    Grant("ReadBucketSettings",
          of("s3", "GetBucketPublicAccessBlock GetEncryptionConfiguration "
                   "GetLifecycleConfiguration GetBucketPolicy GetBucketTagging GetBucketAcl "
                   "GetBucketCORS GetBucketLogging GetBucketObjectLockConfiguration "
                   "GetBucketRequestPayment GetBucketVersioning GetBucketWebsite "
                   "GetAccelerateConfiguration GetReplicationConfiguration"),
          _BUCKET, "Terraform reads every setting of a bucket it manages.", CHANGING),
    Grant("ReplayUndelivered", of("s3", "GetObject DeleteObject"), _KEPT,
          "Replay kept events; delete what was delivered.", (DEPLOY,),
          sometimes=True),
    Grant("RemoveBucket", of("s3", "DeleteBucket DeleteBucketPolicy"), _BUCKET,
          f"Removal. {_TAKES_BACK}", CHANGING),
    Grant("FindKeptEvents", ("s3:ListBucketVersions",), _BUCKET,
          "Find events that still wait when the bucket is removed.", CHANGING,
          unseen="Only where events still wait."),
    Grant("RemoveKeptEvents", of("s3", "DeleteObject DeleteObjectVersion"), _KEPT,
          "Events that still wait are removed with their bucket.", CHANGING,
          unseen="Only where events still wait."),
    Grant("MakeRoles", of("iam", "CreateRole PutRolePolicy"), _ROLES,
          "Roles of forwarder, node task and instance.", (DEPLOY,), conditions=bounded),
    Grant("TagRoles", of("iam", "TagRole UntagRole"), _ROLES, "Tags of the roles.", (DEPLOY,)),
    Grant("BoundRoles", ("iam:PutRolePermissionsBoundary",), _ROLES,
          "The chosen boundary, put on roles that were made without it; no other one.", (DEPLOY,),
          chosen_boundary, bounded, sometimes=True),
    Grant("UnboundRoles", ("iam:DeleteRolePermissionsBoundary",), _ROLES,
          "A boundary that is not wanted any more; not granted where one is chosen.", (DEPLOY,),
          no_boundary, sometimes=True),
    Grant("ReadRoles",
          of("iam", "GetRole GetRolePolicy ListRolePolicies ListAttachedRolePolicies "
                    "ListInstanceProfilesForRole"),
          _ROLES, "Terraform compares the roles with what they should be.", CHANGING),
    Grant("RemoveRoles", of("iam", "DeleteRole DeleteRolePolicy"), _ROLES,
          f"Removal. {_TAKES_BACK}", CHANGING),
    Grant("PassForwarderRole", ("iam:PassRole",), _functions_roles, "Hand its role to Lambda.",
          (DEPLOY,), conditions=passed_to("lambda.amazonaws.com")),
    Grant("MakeSchedule", of("events", "PutRule TagResource"), _SCHEDULE,
          "The rule by which undelivered events are replayed.", (DEPLOY,), replays),
    Grant("UntagSchedule", ("events:UntagResource",), _SCHEDULE, "Tags that are given up.",
          (DEPLOY,), replays, unseen="The recorded life changes no tags while it replays."),
    Grant("AimSchedule", ("events:PutTargets",), _SCHEDULE, "What it calls: the replay alone.",
          (DEPLOY,), replays, lambda scope: {
              "ForAllValues:ArnLike": {"events:TargetArn": scope.fill(_FUNCTION[0])}}),
    Grant("ReadSchedule", of("events", "DescribeRule ListTagsForResource ListTargetsByRule"),
          _SCHEDULE, "Terraform compares it with what it should be.", CHANGING, replays),
    Grant("RemoveSchedule", of("events", "DeleteRule RemoveTargets"), _SCHEDULE,
          f"Removal. {_TAKES_BACK}", CHANGING, replays),
    Grant("ReadClaim", ("ssm:GetParameter",), _CLAIM,
          "Whose deployment of this name it is.", (DEPLOY, UNINSTALL, DOCTOR)),
    Grant("MakeClaim", of("ssm", "PutParameter AddTagsToResource"), _CLAIM,
          "Claim the name, so that of two computers only one installs under it.", (DEPLOY,)),
    Grant("DropClaim", ("ssm:DeleteParameter",), _CLAIM, "Removal gives the name back.",
          (UNINSTALL,)),
    Grant("StoreToken", ("ssm:PutParameter",), _TOKEN,
          "Store the Wallarm token as a SecureString. It is never read back.", (DEPLOY,), own_node),
    Grant("EncryptToken", ("kms:Encrypt",), ("{key}",),
          "SSM encrypts the token with your key, as the caller.", (DEPLOY,), own_key,
          _for_the_token),
    Grant("TagToken", ("ssm:AddTagsToResource",), _TOKEN, "Put your tags on it.", (DEPLOY,),
          lambda answers: answers.deploys_node and bool(answers.tags)),
    Grant("FindToken", ("ssm:DescribeParameters",), _ANY,
          "See whether it is stored; its value is not shown by this.", (DEPLOY, DOCTOR), own_node,
          in_region, wide=_NO_RESOURCE),
    Grant("RemoveToken", ("ssm:DeleteParameter",), _TOKEN, f"Removal. {_TAKES_BACK}", CHANGING,
          own_node),
)  # fmt: skip


def shared(answers: Answers) -> bool:
    """The state is kept in S3."""
    return answers.state_bucket not in ("", LOCAL)


def _bucket(scope: Scope) -> tuple[str, ...]:
    return ("arn:{p}:s3:::" + scope.answers.state_bucket,)


def _objects(scope: Scope) -> tuple[str, ...]:
    place = StatePlace(scope.answers.state_bucket, "{a}", "{r}", "{n}")
    return ("arn:{p}:s3:::" + scope.answers.state_bucket + "/" + place.folder + "*",)


_CHOSEN = "It is the bucket that the answers name."

STATE: tuple[Grant, ...] = (
    Grant(
        "FindState",
        ("tag:GetResources",),
        ("*",),
        "Find out whether a colleague keeps this deployment's state in a bucket.",
        ONE_DEPLOYMENT,
        wide="AWS supports no resource for this; it reads names and tags only.",
        sometimes=True,
    ),
    Grant(
        "LookAtStateBucket",
        of("s3", "GetBucketTagging GetBucketVersioning ListBucket"),
        _bucket,
        "See whether the bucket exists, how it is set, and what is in it.",
        ONE_DEPLOYMENT,
        shared,
        wide=_CHOSEN,
    ),
    Grant(
        "ReadState",
        ("s3:GetObject",),
        _objects,
        "Read state, answers and journal of this deployment.",
        ONE_DEPLOYMENT,
        shared,
        wide=_CHOSEN,
    ),
    Grant(
        "WriteState",
        of("s3", "DeleteObject PutObject"),
        _objects,
        "Keep state, answers and journal; lock and unlock them.",
        CHANGING,
        shared,
        wide=_CHOSEN,
    ),
    Grant(
        "MakeStateBucket",
        of(
            "s3",
            "CreateBucket PutBucketPolicy PutBucketPublicAccessBlock PutBucketTagging "
            "PutBucketVersioning PutEncryptionConfiguration",
        ),
        _bucket,
        "Make the bucket if it does not exist: private, encrypted, versioned, TLS only.",
        (DEPLOY,),
        shared,
        wide=_CHOSEN,
        sometimes=True,
    ),
)
