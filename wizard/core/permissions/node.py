"""Permissions for the node: its roles, cluster, instances, load balancer, names, certificate."""

from __future__ import annotations

from wizard.core.partitions import partition_of
from wizard.core.permissions.grants import (
    CHANGING,
    DEPLOY,
    DOCTOR,
    LOOKING,
    UNINSTALL,
    Conditions,
    Grant,
    Scope,
    alarms,
    by_tag,
    dashboard,
    forwarder_in_vpc,
    given_certificate,
    given_vpc,
    https,
    https_in_given_vpc,
    in_region,
    made_with_our_tag,
    makes_certificate,
    merged,
    of,
    own_node,
    own_vpc,
    passed_to,
    while_making,
    with_our_tag,
)

_NO_RESOURCE = "AWS supports no resource for this; it reads names and settings only."
_NO_NAME_YET = "The action names no resource, because what it makes has no name yet."
_ANY = ("*",)


def ec2(*kinds: str) -> tuple[str, ...]:
    """ARN patterns of EC2's kinds of resources."""
    return tuple("arn:{p}:ec2:{r}:{a}:" + f"{kind}/*" for kind in kinds)


def _balancer(*kinds: str) -> tuple[str, ...]:
    patterns = {
        "balancer": "loadbalancer/app/{s}-*",
        "group": "targetgroup/{s}-*",
        "listener": "listener/app/{s}-*",
    }
    return tuple("arn:{p}:elasticloadbalancing:{r}:{a}:" + patterns[kind] for kind in kinds)


def _ecs(*kinds: str) -> tuple[str, ...]:
    patterns = {"provider": "capacity-provider/wallarm-{n}"}
    return tuple("arn:{p}:ecs:{r}:{a}:" + patterns.get(k, k + "/{n}-*") for k in kinds)


_GROUP = ("arn:{p}:autoscaling:{r}:{a}:autoScalingGroup:*:autoScalingGroupName/{n}-*",)
_PROFILE = ("arn:{p}:iam::{a}:instance-profile/{n}-{r}-ec2",)
_NAMES = tuple("arn:{p}:servicediscovery:{r}:{a}:" + kind for kind in ("namespace/*", "service/*"))
_TEMPLATE = ec2("launch-template")


def _from_a_template(scope: Scope) -> Conditions:
    pattern = scope.fill("arn:{p}:ec2:{r}:{a}:launch-template/*")
    return {"ArnLike": {"ec2:LaunchTemplate": pattern}}


def _names_here(scope: Scope) -> Conditions:
    return merged(in_region(scope), made_with_our_tag(scope))


def _node_records(scope: Scope) -> Conditions:
    names = [scope.answers.node_host]
    if not scope.answers.certificate_arn:
        names.append(f"_*.{scope.answers.node_host}")  # the record that validates a new certificate
    return {
        "ForAllValues:StringLike": {"route53:ChangeResourceRecordSetsNormalizedRecordNames": names}
    }


def _node_certificate(scope: Scope) -> Conditions:
    return {
        **in_region(scope),
        "ForAllValues:StringEquals": {"acm:DomainNames": [scope.answers.node_host]},
    }


def _passed_to_ec2(scope: Scope) -> Conditions:
    return passed_to(partition_of(scope.partition).ec2_principal)(scope)


def _task_names(scope: Scope) -> Conditions:
    names = [f"node.{scope.answers.name_prefix}-*.internal"]
    return {
        "ForAllValues:StringLike": {"route53:ChangeResourceRecordSetsNormalizedRecordNames": names}
    }


def _service_roles(_scope: Scope) -> Conditions:
    services = ("autoscaling", "ecs", "elasticloadbalancing")
    return {"StringEquals": {"iam:AWSServiceName": [f"{name}.amazonaws.com" for name in services]}}


NODE: tuple[Grant, ...] = (
    Grant("PassNodeRoles", ("iam:PassRole",),
          ("arn:{p}:iam::{a}:role/{n}-{r}-exe", "arn:{p}:iam::{a}:role/{n}-{r}-tsk"),
          "Hand their roles to the node's tasks.", (DEPLOY,), own_node,
          passed_to("ecs-tasks.amazonaws.com")),
    Grant("PassInstanceRole", ("iam:PassRole",), ("arn:{p}:iam::{a}:role/{n}-{r}-ec2",),
          "Hand its role to the node's instance.", (DEPLOY,), own_node,
          _passed_to_ec2),
    Grant("MakeInstanceProfile",
          of("iam", "CreateInstanceProfile AddRoleToInstanceProfile TagInstanceProfile "
                    "UntagInstanceProfile"),
          _PROFILE, "The instance's role.", (DEPLOY,), own_node),
    Grant("RemoveInstanceProfile",
          of("iam", "GetInstanceProfile RemoveRoleFromInstanceProfile DeleteInstanceProfile"),
          _PROFILE, "Compare, and remove.", CHANGING, own_node),
    Grant("MakeServiceRoles", ("iam:CreateServiceLinkedRole",),
          ("arn:{p}:iam::{a}:role/aws-service-role/*",),
          "The first cluster, load balancer or Auto Scaling group of an account makes AWS's own "
          "service-linked role.", (DEPLOY,), own_node, _service_roles,
          unseen="The local AWS has no service-linked roles. Source: the three services' guides."),
    Grant("ReadImageParameter", ("ssm:GetParameters",),
          ("arn:{p}:ssm:{r}::parameter/aws/service/ecs/optimized-ami/*",),
          "The launch template names the ECS-optimised image by this public parameter.", (DEPLOY,),
          own_node,
          unseen="EC2 resolves it as the caller; the local AWS starts no instance. Source: EC2 "
                 "Auto Scaling User Guide, parameters instead of AMI ids."),
    # --- ECS ---
    Grant("MakeCluster",
          of("ecs", "CreateCluster PutClusterCapacityProviders CreateCapacityProvider "
                    "CreateService UpdateService RegisterTaskDefinition TagResource "
                    "UntagResource ListTagsForResource"),
          _ecs("cluster", "service", "task-definition", "provider"),
          "Cluster, capacity provider, task and service of the node.", (DEPLOY,), own_node),
    Grant("ReadCluster", of("ecs", "DescribeClusters DescribeServices"),
          _ecs("cluster", "service"), "See whether the node's tasks run.", LOOKING, own_node),
    Grant("FollowService", of("ecs", "ListServiceDeployments DescribeServiceDeployments"),
          _ecs("service", "service-deployment"), "Wait until the node's service is steady.",
          (DEPLOY,), own_node,
          unseen="Provider 6 waits with these; provider 5 does not call them."),
    Grant("LetInstancesGo", of("ecs", "ListContainerInstances DeregisterContainerInstance"),
          _ecs("cluster"), "An instance that died without leaving stays registered, and then its "
          "cluster cannot be deleted.", CHANGING, own_node,
          unseen="Only where one is left; the local AWS starts no instance."),
    Grant("ReadTasks", of("ecs", "DescribeTasks ListTasks"),
          _ecs("task", "container-instance"), "See why a task stopped.", (DEPLOY, DOCTOR),
          own_node, sometimes=True),
    Grant("ReadTaskDefinition", ("ecs:DescribeTaskDefinition",), _ANY,
          "Terraform compares it with what it should be.", CHANGING, own_node, in_region,
          wide=_NO_RESOURCE),
    Grant("ReadCapacityProvider", ("ecs:DescribeCapacityProviders",), _ecs("provider"),
          "Terraform compares it with what it should be.", CHANGING, own_node),
    Grant("RemoveCluster",
          of("ecs", "DeleteCluster DeleteService DeleteCapacityProvider "
                    "PutClusterCapacityProviders"),
          _ecs("cluster", "service", "provider"), "Removal.", CHANGING, own_node),
    Grant("RemoveTask", ("ecs:DeregisterTaskDefinition",), _ANY,
          "A changed task replaces its definition; removal.", CHANGING, own_node, in_region,
          wide="AWS supports no resource for this; a deregistered definition can still be read."),
    # --- instances ---
    Grant("MakeAutoScaling",
          of("autoscaling", "CreateAutoScalingGroup UpdateAutoScalingGroup CreateOrUpdateTags "
                            "DeleteTags StartInstanceRefresh"),
          _GROUP, "The group of instances that runs the node.", (DEPLOY,), own_node),
    Grant("CancelRefresh", ("autoscaling:CancelInstanceRefresh",), _GROUP,
          "Terraform stops a rolling update that is under way before it starts the next.",
          (DEPLOY,), own_node, unseen="The local AWS finishes a rolling update at once."),
    Grant("RemoveAutoScaling",
          of("autoscaling", "DeleteAutoScalingGroup"), _GROUP, "Removal.", CHANGING, own_node),
    Grant("ReadAutoScaling",
          of("autoscaling", "DescribeAutoScalingGroups DescribeScalingActivities"), _ANY,
          "See why an instance did not start.", LOOKING, own_node, in_region, wide=_NO_RESOURCE),
    Grant("FollowRefresh", ("autoscaling:DescribeInstanceRefreshes",), _ANY,
          "Follow a rolling update.", (DEPLOY,), own_node, in_region,
          unseen="The local AWS finishes a rolling update at once.", wide=_NO_RESOURCE),
    Grant("FindDefaultKey", ("ec2:GetEbsDefaultKmsKeyId",), _ANY,
          "See whether the account encrypts volumes with a key of its own, which the instance's "
          "service has to be let use.", (DEPLOY,), own_node, in_region, wide=_NO_RESOURCE,
          sometimes=True),
    Grant("ReadDefaultKey", of("kms", "DescribeKey GetKeyPolicy"), ("arn:{p}:kms:{r}:{a}:key/*",),
          "See whether that key is enabled, and lets Auto Scaling's role use it.", (DEPLOY,),
          own_node, unseen="Only where the account's default key is its own.", sometimes=True,
          wide="Which key it is is known only when it is asked; it reads."),
    Grant("MakeLaunchTemplate", ("ec2:CreateLaunchTemplate",), _TEMPLATE,
          "How the node's instance is started.", (DEPLOY,), own_node, made_with_our_tag),
    Grant("ChangeLaunchTemplate",
          of("ec2", "CreateLaunchTemplateVersion ModifyLaunchTemplate"), _TEMPLATE,
          "A changed configuration is a new version.", (DEPLOY,), own_node, by_tag),
    Grant("StartInstances", ("ec2:RunInstances",), _ANY,
          "Auto Scaling asks whether the caller could start the instance.", (DEPLOY,), own_node,
          _from_a_template,
          wide="Starting names images, subnets and volumes; only from a launch template, and only "
               "with our instance role."),
    Grant("ReadLaunchTemplate",
          of("ec2", "DescribeLaunchTemplates DescribeLaunchTemplateVersions"), _ANY,
          "Terraform compares it with what it should be.", CHANGING, own_node, in_region,
          wide=_NO_RESOURCE),
    Grant("RemoveLaunchTemplate", ("ec2:DeleteLaunchTemplate",), _TEMPLATE, "Removal.", CHANGING,
          own_node, by_tag),
    # --- load balancer ---
    Grant("MakeLoadBalancer",
          of("elasticloadbalancing",
             "CreateLoadBalancer CreateTargetGroup CreateListener ModifyLoadBalancerAttributes "
             "ModifyTargetGroupAttributes AddTags RemoveTags"),
          _balancer("balancer", "group", "listener"),
          "The internal load balancer before the node.", (DEPLOY,), own_node),
    Grant("ChangeListener", ("elasticloadbalancing:ModifyListener",), _balancer("listener"),
          "HTTPS on or off, or another certificate.", (DEPLOY,), own_node, sometimes=True),
    Grant("MoveLoadBalancer", ("elasticloadbalancing:SetSubnets",), _balancer("balancer"),
          "Other subnets.", (DEPLOY,), own_node, sometimes=True),
    Grant("PlaceLoadBalancer",
          of("ec2", "DescribeAccountAttributes DescribeAddresses DescribeInternetGateways"), _ANY,
          "Elastic Load Balancing looks at the network it is put into as the caller.", (DEPLOY,),
          own_node, in_region,
          unseen="The local AWS does not ask. Source: Elastic Load Balancing User Guide, API "
                 "permissions.", wide=_NO_RESOURCE),
    Grant("ReadLoadBalancer",
          of("elasticloadbalancing",
             "DescribeLoadBalancers DescribeListeners DescribeTargetHealth"), _ANY,
          "See whether the load balancer works and its targets are healthy.", LOOKING, own_node,
          in_region, wide=_NO_RESOURCE),
    Grant("CompareLoadBalancer",
          of("elasticloadbalancing",
             "DescribeTargetGroups DescribeTags DescribeLoadBalancerAttributes "
             "DescribeTargetGroupAttributes DescribeListenerAttributes "
             "DescribeCapacityReservation"), _ANY,
          "Terraform compares it with what it should be.", CHANGING, own_node, in_region,
          wide=_NO_RESOURCE),
    Grant("RemoveLoadBalancer",
          of("elasticloadbalancing", "DeleteLoadBalancer DeleteTargetGroup DeleteListener"),
          _balancer("balancer", "group", "listener"), "Removal.", CHANGING, own_node),
    # --- names and certificate ---
    Grant("MakeNames", ("servicediscovery:CreatePrivateDnsNamespace",), _ANY,
          "The name by which nodes find one another.", (DEPLOY,), own_node, _names_here,
          wide=_NO_NAME_YET),
    Grant("MakeNameService", ("servicediscovery:CreateService",), _NAMES,
          "The name by which nodes find one another.", (DEPLOY,), own_node, made_with_our_tag),
    Grant("TagNames", of("servicediscovery", "TagResource UntagResource"), _ANY,
          "Tags of both, also changed ones.", (DEPLOY,), own_node, in_region,
          wide="AWS supports no resource and no tag of the resource here; see the threat model."),
    Grant("ReadNames", of("servicediscovery", "GetNamespace GetService ListInstances"), _NAMES,
          "Terraform compares them with what they should be.", CHANGING, own_node, by_tag),
    Grant("FollowNames", of("servicediscovery", "GetOperation ListTagsForResource"), _ANY,
          "Wait until they are made or gone.", CHANGING, own_node, in_region, wide=_NO_RESOURCE),
    Grant("RemoveNames", of("servicediscovery", "DeleteService DeleteNamespace"), _NAMES,
          "Removal.", CHANGING, own_node, by_tag),
    Grant("RemoveNamedTasks", ("servicediscovery:DeregisterInstance",), _NAMES[1:],
          "A task that is still leaving must not stop the removal.", CHANGING, own_node, by_tag,
          unseen="The local AWS starts no tasks."),
    Grant("RemoveNamesOfTasks", ("route53:ChangeResourceRecordSets",),
          ("arn:{p}:route53:::hostedzone/*",),
          "Cloud Map removes the name of such a task as the caller; no other name.", CHANGING,
          own_node, _task_names,
          unseen="The local AWS starts no tasks. Source: Cloud Map Developer Guide, identity-based "
                 "policies.", wide="Cloud Map made the zone; the condition names the record."),
    Grant("MakeNamesZone", of("route53", "CreateHostedZone ListHostedZonesByName"), _ANY,
          "Cloud Map keeps these names in a private hosted zone, which it makes as the caller.",
          (DEPLOY,), own_node, wide="AWS supports no resource for this."),
    Grant("ReadNamesZone", ("route53:GetHostedZone",), ("arn:{p}:route53:::hostedzone/*",),
          "Cloud Map looks at that zone as the caller.", CHANGING, own_node, wide=_NO_NAME_YET),
    Grant("RemoveNamesZone", ("route53:DeleteHostedZone",), ("arn:{p}:route53:::hostedzone/*",),
          "Cloud Map deletes the zone with the namespace, as the caller.", CHANGING, own_node,
          wide="Route 53 supports no tags in conditions. It deletes no zone that has records."),
    Grant("FindRegions", ("ec2:DescribeRegions",), _ANY,
          "Cloud Map looks at Regions and VPCs as the caller.", (DEPLOY,), own_node, in_region,
          wide=_NO_RESOURCE),
    Grant("MakeRecords", ("route53:ChangeResourceRecordSets",), ("arn:{p}:route53:::hostedzone/*",),
          "The node's name and the certificate's validation; no other name.", CHANGING, https,
          _node_records, wide="The zone is chosen by its name; the condition names the records."),
    Grant("FindHidingZone", ("route53:ListHostedZonesByVPC",), _ANY,
          "See whether a private zone of the given VPC hides the node's name there.", (DEPLOY,),
          https_in_given_vpc,
          unseen="The recorded life has no name in a given VPC.", sometimes=True,
          wide=_NO_RESOURCE),
    Grant("FindZone", ("route53:ListHostedZonesByName",), _ANY,
          "Find the zone of the node's name.", (DEPLOY, DOCTOR), https, wide=_NO_RESOURCE),
    Grant("ReadNodeRecords", ("route53:ListResourceRecordSets",),
          ("arn:{p}:route53:::hostedzone/*",), "See whether the node's name leads to it.", LOOKING,
          https, wide="The zone is chosen by its name; it reads."),
    Grant("ReadRecords", of("route53", "GetHostedZone ListTagsForResource"),
          ("arn:{p}:route53:::hostedzone/*",), "Find the zone, compare the records.", CHANGING,
          https, wide="The zone is chosen by its name."),
    Grant("FollowRecords", ("route53:GetChange",), ("arn:{p}:route53:::change/*",),
          "Wait until a record is known everywhere.", CHANGING, https, wide=_NO_NAME_YET),
    Grant("MakeCertificate", ("acm:RequestCertificate",), _ANY,
          "TLS between forwarder and node; for the node's name only.", (DEPLOY,), makes_certificate,
          _node_certificate, wide=_NO_NAME_YET),
    Grant("TagCertificate", ("acm:AddTagsToCertificate",), ("arn:{p}:acm:{r}:{a}:certificate/*",),
          "Tags of the new certificate.", (DEPLOY,), makes_certificate, with_our_tag,
          wide=_NO_NAME_YET + " See the threat model."),
    Grant("RetagCertificate", ("acm:AddTagsToCertificate",), ("arn:{p}:acm:{r}:{a}:certificate/*",),
          "Changed tags.", (DEPLOY,), makes_certificate, by_tag),
    Grant("ReadCertificate", of("acm", "DescribeCertificate ListTagsForCertificate"),
          ("arn:{p}:acm:{r}:{a}:certificate/*",), "See whether the certificate is issued.",
          LOOKING, makes_certificate, wide="A certificate's name is made up by AWS; it reads."),
    Grant("ReadYourCertificate", ("acm:DescribeCertificate",), ("{certificate}",),
          "See whether your certificate is issued, for the node's name, and for how long.",
          (DEPLOY, DOCTOR), given_certificate),
    Grant("FindOtherCertificates", ("acm:ListCertificates",), _ANY,
          "See whether another certificate renews by the record that proves this one.",
          (UNINSTALL,), makes_certificate,
          wide="AWS supports no resource for this, and ACM has one record for all Regions; it "
               "reads names and settings only.", sometimes=True),
    Grant("FindCertificateRegions", ("ec2:DescribeRegions",), _ANY,
          "In which Regions another certificate could renew by that record.", (UNINSTALL,),
          makes_certificate, wide=_NO_RESOURCE, sometimes=True,
          unseen="The recorded life has another one in its own Region, which ends the question."),
    Grant("RemoveCertificate", of("acm", "DeleteCertificate RemoveTagsFromCertificate"),
          ("arn:{p}:acm:{r}:{a}:certificate/*",), "Removal.", CHANGING,
          makes_certificate, by_tag),
)  # fmt: skip


# What EC2 makes for us and tags in the same request.
_MADE_WITH_TAGS = (
    "AllocateAddress",
    "AuthorizeSecurityGroupEgress",
    "AuthorizeSecurityGroupIngress",
    "CreateInternetGateway",
    "CreateLaunchTemplate",
    "CreateNatGateway",
    "CreateRouteTable",
    "CreateSecurityGroup",
    "CreateSubnet",
    "CreateVpc",
    "CreateVpcEndpoint",
    "RunInstances",
)


NETWORK: tuple[Grant, ...] = (
    Grant(
        "MakeSecurityGroups",
        ("ec2:CreateSecurityGroup",),
        ec2("security-group"),
        "Only the forwarder reaches the load balancer, only that reaches the node.",
        (DEPLOY,),
        forwarder_in_vpc,
        made_with_our_tag,
    ),
    Grant(
        "MakeSecurityGroupsInGivenVpc",
        ("ec2:CreateSecurityGroup",),
        ("arn:{p}:ec2:{r}:{a}:vpc/{vpc}",),
        "The same, in the VPC that was given.",
        (DEPLOY,),
        given_vpc,
    ),
    Grant(
        "ChangeRules",
        ("ec2:ModifySecurityGroupRules",),
        ec2("security-group", "security-group-rule"),
        "Another port: HTTPS on or off, or a node elsewhere that moved.",
        (DEPLOY,),
        forwarder_in_vpc,
        by_tag,
        sometimes=True,
    ),
    Grant(
        "OpenSecurityGroups",
        of("ec2", "AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress"),
        ec2("security-group"),
        "Their rules.",
        (DEPLOY,),
        forwarder_in_vpc,
        by_tag,
    ),
    Grant(
        "MakeRules",
        of("ec2", "AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress"),
        ec2("security-group-rule"),
        "The rule itself, which gets the tag too.",
        (DEPLOY,),
        forwarder_in_vpc,
        made_with_our_tag,
    ),
    Grant(
        "CloseSecurityGroups",
        of("ec2", "RevokeSecurityGroupIngress RevokeSecurityGroupEgress DeleteSecurityGroup"),
        ec2("security-group"),
        "Changes and removal.",
        CHANGING,
        forwarder_in_vpc,
        by_tag,
    ),
    Grant(
        "TagWhileMaking",
        ("ec2:CreateTags",),
        ("arn:{p}:ec2:{r}:{a}:*/*",),
        "Everything carries this deployment's tag from the start.",
        (DEPLOY,),
        forwarder_in_vpc,
        while_making(*_MADE_WITH_TAGS),
        wide="Only in the moment of creation.",
    ),
    Grant(
        "ChangeTags",
        of("ec2", "CreateTags DeleteTags"),
        ("arn:{p}:ec2:{r}:{a}:*/*",),
        "Changed tags.",
        (DEPLOY,),
        forwarder_in_vpc,
        by_tag,
    ),
    Grant(
        "ReadSecurityGroups",
        ("ec2:DescribeSecurityGroups",),
        _ANY,
        "Terraform compares them with what they should be.",
        CHANGING,
        forwarder_in_vpc,
        in_region,
        wide=_NO_RESOURCE,
    ),
    Grant(
        "TagDefaultSecurityGroup",
        ("ec2:CreateTags",),
        ec2("security-group"),
        "The new VPC's default security group is adopted and emptied.",
        (DEPLOY,),
        own_vpc,
        with_our_tag,
        wide="Nothing tells the new VPC's default group from others beforehand; "
        "see the threat model.",
    ),
    Grant(
        "MakeVpc",
        ("ec2:CreateVpc",),
        ec2("vpc"),
        "The VPC of the node.",
        (DEPLOY,),
        own_vpc,
        made_with_our_tag,
    ),
    Grant(
        "MakeNetwork",
        of(
            "ec2",
            "CreateSubnet CreateInternetGateway CreateRouteTable AllocateAddress "
            "CreateNatGateway CreateVpcEndpoint",
        ),
        ec2(
            "subnet", "internet-gateway", "route-table", "elastic-ip", "natgateway", "vpc-endpoint"
        ),
        "What is in it.",
        (DEPLOY,),
        own_vpc,
        made_with_our_tag,
    ),
    Grant(
        "BuildOnNetwork",
        of(
            "ec2",
            "CreateSecurityGroup CreateSubnet CreateRouteTable CreateNatGateway CreateVpcEndpoint",
        ),
        ec2("vpc", "subnet", "elastic-ip", "route-table"),
        "What is made is put into this VPC, and into no other.",
        (DEPLOY,),
        own_vpc,
        by_tag,
    ),
    Grant(
        "JoinNetwork",
        of(
            "ec2",
            "AttachInternetGateway CreateRoute ReplaceRoute AssociateRouteTable ModifyVpcAttribute",
        ),
        ec2("vpc", "subnet", "internet-gateway", "route-table"),
        "Routes and settings of this VPC.",
        (DEPLOY,),
        own_vpc,
        by_tag,
    ),
    Grant(
        "ReadOwnNetwork",
        of(
            "ec2",
            "DescribeInternetGateways DescribeAddresses "
            "DescribeAddressesAttribute DescribeVpcEndpoints DescribePrefixLists "
            "DescribeNetworkAcls DescribeNatGateways DescribeAvailabilityZones",
        ),
        _ANY,
        "Terraform compares the network with what it should be.",
        CHANGING,
        own_vpc,
        in_region,
        wide=_NO_RESOURCE,
    ),
    Grant(
        "ReadOwnVpc",
        ("ec2:DescribeVpcAttribute",),
        ec2("vpc"),
        "Terraform compares its settings with what they should be.",
        CHANGING,
        own_vpc,
        by_tag,
    ),
    Grant(
        "RemoveNetwork",
        of(
            "ec2",
            "DeleteVpc DeleteSubnet DetachInternetGateway DeleteInternetGateway "
            "DisassociateRouteTable DeleteRouteTable DeleteRoute ReleaseAddress "
            "DeleteNatGateway DeleteVpcEndpoints",
        ),
        ec2(
            "vpc",
            "subnet",
            "internet-gateway",
            "route-table",
            "elastic-ip",
            "natgateway",
            "vpc-endpoint",
        ),
        "Changes and removal.",
        CHANGING,
        own_vpc,
        by_tag,
    ),
    Grant(
        "FreeAddress",
        ("ec2:DisassociateAddress",),
        ec2("elastic-ip", "network-interface"),
        "Free an address that is still in use before it is released.",
        CHANGING,
        own_vpc,
        by_tag,
        unseen="Only when the NAT gateway was removed by hand or only in part.",
    ),
)

OPERATIONS: tuple[Grant, ...] = (
    Grant(
        "MakeAlarms",
        of("cloudwatch", "PutMetricAlarm TagResource UntagResource"),
        ("arn:{p}:cloudwatch:{r}:{a}:alarm:{n}-*",),
        "Alarms.",
        (DEPLOY,),
        alarms,
    ),
    Grant(
        "RemoveAlarms",
        of("cloudwatch", "DescribeAlarms ListTagsForResource DeleteAlarms"),
        ("arn:{p}:cloudwatch:{r}:{a}:alarm:{n}-*",),
        "Compare, and remove.",
        CHANGING,
        alarms,
    ),
    Grant(
        "MakeDashboard",
        ("cloudwatch:PutDashboard",),
        ("arn:{p}:cloudwatch::{a}:dashboard/{n}-*",),
        "The dashboard.",
        (DEPLOY,),
        dashboard,
    ),
    Grant(
        "RemoveDashboard",
        of("cloudwatch", "GetDashboard DeleteDashboards"),
        ("arn:{p}:cloudwatch::{a}:dashboard/{n}-*",),
        "Compare, and remove.",
        CHANGING,
        dashboard,
    ),
)
