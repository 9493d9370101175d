"""The permissions as data: which actions, on what, for which purpose, in which mode, and why.

Placeholders: {p} partition, {a} account, {r} Region, {n} name prefix. `by_tag` limits a grant to
resources that carry this deployment's tag, which AWS supports for what is changed and deleted here;
that this suffices on real AWS is unverified, because the local AWS does not evaluate conditions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wizard.core.answers import Answers

DISCOVER, DEPLOY, UNINSTALL, DOCTOR = "discover", "deploy", "uninstall", "doctor"
ALL = (DISCOVER, DEPLOY, UNINSTALL, DOCTOR)
CHANGING = (DEPLOY, UNINSTALL)
LOOKING = (DEPLOY, UNINSTALL, DOCTOR)

Mode = Callable[[Answers], bool]


def always(_answers: Answers) -> bool:
    """In every mode."""
    return True


def own_node(answers: Answers) -> bool:
    """A node is deployed."""
    return answers.deploys_node


def own_vpc(answers: Answers) -> bool:
    """A VPC is made for the node."""
    return answers.deploys_node and not answers.vpc_id


def https(answers: Answers) -> bool:
    """The node gets a name and a certificate."""
    return answers.deploys_node and bool(answers.r53_domain_name)


def alarms(answers: Answers) -> bool:
    """Alarms are wanted."""
    return answers.alarms


def dashboard(answers: Answers) -> bool:
    """A dashboard is wanted."""
    return answers.dashboard


@dataclass(frozen=True)
class Grant:
    """Some actions on some resources.

    Args:
        passed_to: for `iam:PassRole`, the services that may receive the role.
        by_tag: only resources with this deployment's tag.
        in_region: only requests to this Region; for actions that name no resource.
    """

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    why: str
    purposes: tuple[str, ...]
    mode: Mode = always
    passed_to: tuple[str, ...] = ()
    by_tag: bool = False
    in_region: bool = False


def _of(service: str, names: str) -> tuple[str, ...]:
    return tuple(f"{service}:{name}" for name in names.split())


_ANY = ("*",)
_FUNCTION = ("arn:{p}:lambda:{r}:{a}:function:wallarm-cw-resend-*",)
_LOG_GROUPS = (
    "arn:{p}:logs:{r}:{a}:log-group:/aws/apigateway/wallarm-api-discovery-*",
    "arn:{p}:logs:{r}:{a}:log-group:/aws/lambda/wallarm-cw-resend-*",
    "arn:{p}:logs:{r}:{a}:log-group:/ecs/{n}-*",
)
_EVERY_LOG_GROUP = ("arn:{p}:logs:{r}:{a}:log-group:*",)
_ROLES = ("arn:{p}:iam::{a}:role/{n}-{r}-*",)
_GATEWAY_ROLE = ("arn:{p}:iam::{a}:role/wallarm-apigw-cloudwatch-{r}",)
_STAGES = (
    "arn:{p}:apigateway:{r}::/restapis/*/stages/*",
    "arn:{p}:apigateway:{r}::/apis/*/stages/*",
)
_TOKEN = ("arn:{p}:ssm:{r}:{a}:parameter/wallarm-apigw/{n}/*",)
_BUCKET = ("arn:{p}:s3:::{n}-undelivered-*",)
_KEPT = ("arn:{p}:s3:::{n}-undelivered-*/*",)
_ECS = tuple(
    "arn:{p}:ecs:{r}:{a}:" + kind
    for kind in (
        "cluster/{n}-*", "service/{n}-*", "task-definition/{n}-*", "capacity-provider/wallarm-{n}",
        "container-instance/{n}-*", "task/{n}-*",
    )
)  # fmt: skip
_LB = tuple(
    "arn:{p}:elasticloadbalancing:{r}:{a}:" + kind
    for kind in ("loadbalancer/app/*", "targetgroup/*", "listener/app/*")
)
_ASG = ("arn:{p}:autoscaling:{r}:{a}:autoScalingGroup:*:autoScalingGroupName/{n}-*",)

GRANTS: tuple[Grant, ...] = (
    # --- looking ---
    Grant("ReadApis", ("apigateway:GET",), ("arn:{p}:apigateway:{r}::/*",),
          "List APIs and stages, read how they log, read the account's CloudWatch role.", ALL),
    Grant("ReadLogGroups",
          _of("logs", "DescribeLogGroups DescribeSubscriptionFilters DescribeResourcePolicies "
                      "ListTagsForResource"),
          _ANY, "Offer existing log groups and see what they are subscribed to.", ALL),
    Grant("ReadAccountName", ("iam:ListAccountAliases",), _ANY,
          "Show the account's alias, so that nobody deploys to the wrong one.", ALL),
    Grant("ReadNetwork",
          _of("ec2", "DescribeVpcs DescribeSubnets DescribeRouteTables DescribeAvailabilityZones"),
          _ANY, "Offer VPCs and subnets; see whether the node can reach the internet.", ALL),
    Grant("ReadZones", ("route53:ListHostedZones",), _ANY,
          "Offer hosted zones for HTTPS between forwarder and node.", (DISCOVER, *LOOKING)),
    Grant("ReadAlarmsAndMetrics", _of("cloudwatch", "GetMetricData GetMetricStatistics"), _ANY,
          "Count the forwarder's invocations, errors and throttles.", (DOCTOR,)),
    Grant("ReadLogEvents", _of("logs", "FilterLogEvents GetLogEvents"), _EVERY_LOG_GROUP,
          "Follow the proof, and show the last words of node and forwarder.", (DEPLOY, DOCTOR)),
    Grant("AskForwarder",
          _of("lambda", "GetFunction GetFunctionConfiguration GetPolicy InvokeFunction "
                        "GetFunctionEventInvokeConfig"),
          _FUNCTION, "Compare its settings; let it try to reach the node; replay kept events.",
          (DEPLOY, DOCTOR)),
    Grant("ReadNode",
          _of("ecs", "DescribeClusters DescribeServices DescribeTasks DescribeTaskDefinition "
                     "DescribeContainerInstances ListTasks ListContainerInstances "
                     "DescribeCapacityProviders ListTagsForResource"),
          _ANY, "See whether the node's tasks run, and why they stopped.", LOOKING, own_node),
    Grant("ReadLoadBalancer",
          _of("elasticloadbalancing",
              "DescribeLoadBalancers DescribeListeners DescribeTargetGroups DescribeTargetHealth "
              "DescribeTags DescribeLoadBalancerAttributes DescribeTargetGroupAttributes "
              "DescribeListenerAttributes"),
          _ANY, "See whether the load balancer works and its targets are healthy.", LOOKING,
          own_node),
    Grant("ReadSecurityGroups",
          _of("ec2", "DescribeSecurityGroups DescribeSecurityGroupRules DescribeNetworkInterfaces "
                     "DescribeNatGateways"),
          _ANY, "Check the path from forwarder to node; wait for network interfaces to go.",
          LOOKING),
    Grant("ReadCertificate", _of("acm", "DescribeCertificate ListTagsForCertificate"),
          ("arn:{p}:acm:{r}:{a}:certificate/*",), "See whether the certificate is issued.",
          LOOKING, https),
    Grant("ReadUndelivered", _of("s3", "ListBucket GetBucketLocation"), _BUCKET,
          "Count the events that wait for a replay.", LOOKING),
    Grant("ReplayUndelivered", _of("s3", "GetObject DeleteObject"), _KEPT,
          "Replay kept events; delete what was delivered, and on removal the rest.", CHANGING),
    Grant("ReadOurRole", ("iam:GetRole",), (*_GATEWAY_ROLE, *_ROLES),
          "See whether the roles exist and whom they trust.", LOOKING),
    # --- stages ---
    Grant("ChangeStages", _of("apigateway", "PATCH DELETE"), _STAGES,
          "Switch a stage's access log on, and put back what was there; DELETE removes the access "
          "log settings of an HTTP or WebSocket stage.", CHANGING),
    Grant("SetGatewayRole", ("apigateway:PATCH",), ("arn:{p}:apigateway:{r}::/account",),
          "Set the account's CloudWatch role where none is set.", (DEPLOY,)),
    Grant("MakeGatewayRole", _of("iam", "CreateRole AttachRolePolicy TagRole DeleteRole"),
          _GATEWAY_ROLE, "Create that role; delete it again if it could not be set.", (DEPLOY,)),
    Grant("PassGatewayRole", ("iam:PassRole",), _GATEWAY_ROLE,
          "Hand that role to API Gateway.", (DEPLOY,), passed_to=("apigateway.amazonaws.com",)),
    Grant("LetLogsBeDelivered",
          _of("logs", "PutResourcePolicy DeleteResourcePolicy CreateLogDelivery GetLogDelivery "
                      "UpdateLogDelivery DeleteLogDelivery ListLogDeliveries"),
          _ANY, "HTTP APIs log through log delivery, which needs a policy on the log group.",
          CHANGING),
    # --- forwarder ---
    Grant("MakeLogGroups",
          _of("logs", "CreateLogGroup PutRetentionPolicy TagResource UntagResource "
                      "DeleteRetentionPolicy"),
          _LOG_GROUPS, "Log groups of stages, forwarder and node.", (DEPLOY,)),
    Grant("RemoveLogGroups", ("logs:DeleteLogGroup",), _LOG_GROUPS, "Removal.", CHANGING),
    Grant("Subscribe", _of("logs", "PutSubscriptionFilter DeleteSubscriptionFilter"),
          (*_EVERY_LOG_GROUP, "arn:{p}:logs:{r}:{a}:destination:*"),
          "Send log events to the forwarder, also from log groups that stages keep.", CHANGING),
    Grant("MakeForwarder",
          _of("lambda", "CreateFunction UpdateFunctionCode UpdateFunctionConfiguration "
                        "AddPermission RemovePermission PutFunctionEventInvokeConfig "
                        "UpdateFunctionEventInvokeConfig PutFunctionConcurrency "
                        "DeleteFunctionConcurrency TagResource UntagResource "
                        "ListVersionsByFunction GetFunctionCodeSigningConfig ListTags"),
          _FUNCTION, "The forwarder and who may invoke it.", (DEPLOY,)),
    Grant("RemoveForwarder",
          _of("lambda", "DeleteFunction DeleteFunctionEventInvokeConfig RemovePermission "
                        "GetFunction GetFunctionConfiguration GetPolicy ListVersionsByFunction "
                        "GetFunctionCodeSigningConfig GetFunctionEventInvokeConfig ListTags"),
          _FUNCTION, "Removal.", (UNINSTALL,)),
    Grant("KeepUndelivered",
          _of("s3", "CreateBucket PutBucketPublicAccessBlock PutEncryptionConfiguration "
                    "PutLifecycleConfiguration PutBucketPolicy PutBucketTagging"),
          _BUCKET, "The bucket of events that could not be delivered.", (DEPLOY,)),
    Grant("ReadBucketSettings",
          _of("s3", "GetBucketPublicAccessBlock GetEncryptionConfiguration "
                    "GetLifecycleConfiguration GetBucketPolicy GetBucketTagging GetBucketAcl "
                    "GetBucketCORS GetBucketLogging GetBucketObjectLockConfiguration "
                    "GetBucketRequestPayment GetBucketVersioning GetBucketWebsite "
                    "GetAccelerateConfiguration GetReplicationConfiguration"),
          _BUCKET, "Terraform reads every setting of a bucket it manages.", CHANGING),
    Grant("RemoveBucket",
          _of("s3", "DeleteBucket DeleteBucketPolicy ListBucketVersions"), _BUCKET, "Removal.",
          CHANGING),
    Grant("RemoveKeptVersions", ("s3:DeleteObjectVersion",), _KEPT, "Removal.", CHANGING),
    Grant("MakeRoles",
          _of("iam", "CreateRole PutRolePolicy DeleteRolePolicy AttachRolePolicy DetachRolePolicy "
                     "TagRole UntagRole UpdateAssumeRolePolicy"),
          _ROLES, "Roles of forwarder, node task and instance.", (DEPLOY,)),
    Grant("ReadRoles",
          _of("iam", "GetRolePolicy ListRolePolicies ListAttachedRolePolicies "
                     "ListInstanceProfilesForRole"),
          _ROLES, "Terraform compares the roles with what they should be.", CHANGING),
    Grant("RemoveRoles", _of("iam", "DeleteRole DeleteRolePolicy DetachRolePolicy"), _ROLES,
          "Removal.", CHANGING),
    Grant("PassRoles", ("iam:PassRole",), _ROLES, "Hand the roles to what uses them.", (DEPLOY,),
          passed_to=("lambda.amazonaws.com", "ecs-tasks.amazonaws.com", "ec2.amazonaws.com")),
    # --- node ---
    Grant("StoreToken",
          _of("ssm", "PutParameter AddTagsToResource"), _TOKEN,
          "Store the Wallarm token as a SecureString.", (DEPLOY,), own_node),
    Grant("ReadTokenParameter",
          ("ssm:ListTagsForResource",), _TOKEN, "See whether it is stored.", LOOKING, own_node),
    Grant("FindTokenParameter", ("ssm:DescribeParameters",), ("arn:{p}:ssm:{r}:{a}:*",),
          "See whether it is stored; the token itself is never read back.", LOOKING, own_node),
    Grant("RemoveToken", ("ssm:DeleteParameter",), _TOKEN, "Removal.", CHANGING, own_node),
    Grant("ReadImageParameter", _of("ssm", "GetParameter GetParameters"),
          ("arn:{p}:ssm:{r}::parameter/aws/service/ecs/optimized-ami/*",),
          "The launch template names the ECS-optimised image by this public parameter.",
          (DEPLOY,), own_node),
    Grant("MakeInstanceProfile",
          _of("iam", "CreateInstanceProfile GetInstanceProfile AddRoleToInstanceProfile "
                     "RemoveRoleFromInstanceProfile DeleteInstanceProfile TagInstanceProfile"),
          ("arn:{p}:iam::{a}:instance-profile/{n}-{r}-*",), "The instance's role.", CHANGING,
          own_node),
    Grant("MakeCluster",
          _of("ecs", "CreateCluster DeleteCluster UpdateCluster PutClusterCapacityProviders "
                     "CreateCapacityProvider DeleteCapacityProvider UpdateCapacityProvider "
                     "CreateService UpdateService DeleteService TagResource UntagResource"),
          _ECS, "Cluster, capacity provider and service of the node.", CHANGING, own_node),
    Grant("MakeTaskDefinition", _of("ecs", "RegisterTaskDefinition DeregisterTaskDefinition"),
          _ANY, "The node's task; these actions name no resource.", CHANGING, own_node,
          in_region=True),
    Grant("MakeAutoScaling",
          _of("autoscaling",
              "CreateAutoScalingGroup UpdateAutoScalingGroup DeleteAutoScalingGroup "
              "CreateOrUpdateTags DeleteTags SetInstanceProtection"),
          _ASG, "The group of instances that runs the node.", CHANGING, own_node),
    Grant("ReadAutoScaling",
          _of("autoscaling", "DescribeAutoScalingGroups DescribeScalingActivities"), _ANY,
          "See why an instance did not start.", LOOKING, own_node),
    Grant("MakeLaunchTemplate",
          _of("ec2", "CreateLaunchTemplate CreateLaunchTemplateVersion DescribeLaunchTemplates "
                     "DescribeLaunchTemplateVersions RunInstances DescribeInstanceTypes"),
          _ANY, "How the node's instance is started.", (DEPLOY,), own_node, in_region=True),
    Grant("ReadLaunchTemplate",
          _of("ec2", "DescribeLaunchTemplates DescribeLaunchTemplateVersions"), _ANY,
          "Terraform compares before it removes.", (UNINSTALL,), own_node, in_region=True),
    Grant("RemoveLaunchTemplate", ("ec2:DeleteLaunchTemplate",), _ANY, "Removal.", CHANGING,
          own_node, by_tag=True),
    Grant("MakeLoadBalancer",
          _of("elasticloadbalancing",
              "CreateLoadBalancer CreateTargetGroup CreateListener ModifyLoadBalancerAttributes "
              "ModifyTargetGroup ModifyTargetGroupAttributes ModifyListener "
              "ModifyListenerAttributes SetSecurityGroups SetSubnets AddTags RemoveTags"),
          _LB, "The internal load balancer before the node.", (DEPLOY,), own_node),
    Grant("RemoveLoadBalancer",
          _of("elasticloadbalancing",
              "DeleteLoadBalancer DeleteTargetGroup DeleteListener ModifyLoadBalancerAttributes "
              "DeregisterTargets"),
          _LB, "Removal.", CHANGING, own_node, by_tag=True),
    Grant("MakeServiceRoles", ("iam:CreateServiceLinkedRole",),
          ("arn:{p}:iam::{a}:role/aws-service-role/*",),
          "The first cluster, load balancer or Auto Scaling group of an account creates AWS's own "
          "service-linked role.", (DEPLOY,), own_node),
    Grant("MakeNames",
          _of("servicediscovery",
              "CreatePrivateDnsNamespace GetNamespace ListTagsForResource CreateService GetService "
              "UpdateService DeleteService DeleteNamespace GetOperation TagResource UntagResource "
              "ListInstances DeregisterInstance"),
          _ANY, "The name by which nodes find one another.", CHANGING, own_node, in_region=True),
    Grant("MakeNamesZone",
          _of("route53", "CreateHostedZone DeleteHostedZone GetHostedZone ChangeTagsForResource "
                         "ListTagsForResource ListHostedZonesByName"),
          _ANY, "Cloud Map keeps these names in a private hosted zone.", CHANGING, own_node),
    Grant("MakeRecords",
          _of("route53", "ChangeResourceRecordSets ListResourceRecordSets GetHostedZone"),
          ("arn:{p}:route53:::hostedzone/*",), "The node's name and the certificate's validation.",
          CHANGING, https),
    Grant("FollowRecords", ("route53:GetChange",), ("arn:{p}:route53:::change/*",),
          "Wait until a record is known everywhere.", CHANGING, own_node),
    Grant("MakeCertificate", ("acm:RequestCertificate",), _ANY,
          "TLS between forwarder and node; the action names no resource.", (DEPLOY,), https,
          in_region=True),
    Grant("ChangeCertificate",
          _of("acm", "AddTagsToCertificate RemoveTagsFromCertificate DeleteCertificate"),
          ("arn:{p}:acm:{r}:{a}:certificate/*",), "Tags, and removal.", CHANGING, https),
    # --- network ---
    Grant("MakeSecurityGroups",
          _of("ec2", "CreateSecurityGroup CreateTags AuthorizeSecurityGroupIngress "
                     "AuthorizeSecurityGroupEgress"),
          _ANY, "Only the forwarder reaches the load balancer, only that reaches the node.",
          (DEPLOY,), own_node, in_region=True),
    Grant("ChangeSecurityGroups",
          _of("ec2", "RevokeSecurityGroupIngress RevokeSecurityGroupEgress "
                     "ModifySecurityGroupRules DeleteSecurityGroup DeleteTags"),
          _ANY, "Changes and removal.", CHANGING, own_node, by_tag=True),
    Grant("MakeNetwork",
          _of("ec2", "CreateVpc CreateSubnet CreateInternetGateway AttachInternetGateway "
                     "CreateRouteTable CreateRoute AssociateRouteTable AllocateAddress "
                     "AssociateAddress CreateNatGateway CreateVpcEndpoint ModifyVpcAttribute "
                     "ModifySubnetAttribute CreateTags"),
          _ANY, "The VPC of the node.", (DEPLOY,), own_vpc, in_region=True),
    Grant("ReadOwnNetwork",
          _of("ec2", "DescribeVpcAttribute DescribeInternetGateways DescribeAddresses "
                     "DescribeAddressesAttribute DescribeVpcEndpoints DescribePrefixLists "
                     "DescribeNetworkAcls"),
          _ANY, "Terraform compares the network with what it should be.", CHANGING, own_vpc),
    Grant("RemoveNetwork",
          _of("ec2", "DeleteVpc DeleteSubnet DetachInternetGateway DeleteInternetGateway "
                     "DisassociateRouteTable DeleteRouteTable DeleteRoute DisassociateAddress "
                     "ReleaseAddress DeleteNatGateway DeleteVpcEndpoints"),
          _ANY, "Changes and removal.", CHANGING, own_vpc, by_tag=True),
    # --- operations ---
    Grant("MakeAlarms",
          _of("cloudwatch", "PutMetricAlarm DeleteAlarms DescribeAlarms ListTagsForResource "
                            "TagResource UntagResource"),
          ("arn:{p}:cloudwatch:{r}:{a}:alarm:{n}-*",), "Alarms.", CHANGING, alarms),
    Grant("MakeDashboard", _of("cloudwatch", "PutDashboard GetDashboard DeleteDashboards"),
          ("arn:{p}:cloudwatch::{a}:dashboard/{n}-*",), "The dashboard.", CHANGING, dashboard),
)  # fmt: skip
