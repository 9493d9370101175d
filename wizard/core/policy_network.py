"""Permissions for the node's network, and for what watches over it: alarms and dashboard."""

from __future__ import annotations

from wizard.core.permissions.grants import (
    CHANGING,
    DEPLOY,
    Grant,
    alarms,
    by_tag,
    dashboard,
    given_vpc,
    in_region,
    made_with_our_tag,
    of,
    own_node,
    own_vpc,
    while_making,
    with_our_tag,
)
from wizard.core.permissions.node import ec2

_NO_RESOURCE = "AWS supports no resource for this; it reads names and settings only."
_ANY = ("*",)
# What EC2 makes for us and tags in the same request.
_MADE_WITH_TAGS = (
    "AllocateAddress", "AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress",
    "CreateInternetGateway", "CreateLaunchTemplate", "CreateNatGateway", "CreateRouteTable",
    "CreateSecurityGroup", "CreateSubnet", "CreateVpc", "CreateVpcEndpoint", "RunInstances",
)  # fmt: skip


NETWORK: tuple[Grant, ...] = (
    Grant("MakeSecurityGroups", ("ec2:CreateSecurityGroup",), ec2("security-group"),
          "Only the forwarder reaches the load balancer, only that reaches the node.", (DEPLOY,),
          own_node, made_with_our_tag),
    Grant("MakeSecurityGroupsInGivenVpc", ("ec2:CreateSecurityGroup",),
          ("arn:{p}:ec2:{r}:{a}:vpc/{vpc}",), "The same, in the VPC that was given.", (DEPLOY,),
          given_vpc),
    Grant("OpenSecurityGroups",
          of("ec2", "AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress"),
          ec2("security-group"), "Their rules.", (DEPLOY,), own_node, by_tag),
    Grant("MakeRules", of("ec2", "AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress"),
          ec2("security-group-rule"), "The rule itself, which gets the tag too.", (DEPLOY,),
          own_node, made_with_our_tag),
    Grant("CloseSecurityGroups",
          of("ec2", "RevokeSecurityGroupIngress RevokeSecurityGroupEgress DeleteSecurityGroup"),
          ec2("security-group"), "Changes and removal.", CHANGING, own_node, by_tag),
    Grant("TagWhileMaking", ("ec2:CreateTags",), ("arn:{p}:ec2:{r}:{a}:*/*",),
          "Everything carries this deployment's tag from the start.", (DEPLOY,), own_node,
          while_making(*_MADE_WITH_TAGS), wide="Only in the moment of creation."),
    Grant("ChangeTags", of("ec2", "CreateTags DeleteTags"), ("arn:{p}:ec2:{r}:{a}:*/*",),
          "Changed tags.", (DEPLOY,), own_node, by_tag),
    Grant("ReadSecurityGroups", ("ec2:DescribeSecurityGroups",), _ANY,
          "Terraform compares them with what they should be.", CHANGING, own_node, in_region,
          wide=_NO_RESOURCE),
    Grant("TagDefaultSecurityGroup", ("ec2:CreateTags",), ec2("security-group"),
          "The new VPC's default security group is adopted and emptied.", (DEPLOY,), own_vpc,
          with_our_tag, wide="Nothing tells the new VPC's default group from others beforehand; "
                             "see the threat model."),
    Grant("MakeVpc", ("ec2:CreateVpc",), ec2("vpc"), "The VPC of the node.", (DEPLOY,), own_vpc,
          made_with_our_tag),
    Grant("MakeNetwork",
          of("ec2", "CreateSubnet CreateInternetGateway CreateRouteTable AllocateAddress "
                    "CreateNatGateway CreateVpcEndpoint"),
          ec2("subnet", "internet-gateway", "route-table", "elastic-ip", "natgateway",
               "vpc-endpoint"),
          "What is in it.", (DEPLOY,), own_vpc, made_with_our_tag),
    Grant("BuildOnNetwork",
          of("ec2", "CreateSecurityGroup CreateSubnet CreateRouteTable CreateNatGateway "
                    "CreateVpcEndpoint"),
          ec2("vpc", "subnet", "elastic-ip", "route-table"),
          "What is made is put into this VPC, and into no other.", (DEPLOY,), own_vpc, by_tag),
    Grant("JoinNetwork",
          of("ec2", "AttachInternetGateway CreateRoute ReplaceRoute AssociateRouteTable "
                    "ModifyVpcAttribute"),
          ec2("vpc", "subnet", "internet-gateway", "route-table"),
          "Routes and settings of this VPC.", (DEPLOY,), own_vpc, by_tag),
    Grant("ReadOwnNetwork",
          of("ec2", "DescribeInternetGateways DescribeAddresses "
                    "DescribeAddressesAttribute DescribeVpcEndpoints DescribePrefixLists "
                    "DescribeNetworkAcls DescribeNatGateways DescribeAvailabilityZones"),
          _ANY, "Terraform compares the network with what it should be.", CHANGING, own_vpc,
          in_region, wide=_NO_RESOURCE),
    Grant("ReadOwnVpc", ("ec2:DescribeVpcAttribute",), ec2("vpc"),
          "Terraform compares its settings with what they should be.", CHANGING, own_vpc, by_tag),
    Grant("RemoveNetwork",
          of("ec2", "DeleteVpc DeleteSubnet DetachInternetGateway DeleteInternetGateway "
                    "DisassociateRouteTable DeleteRouteTable DeleteRoute ReleaseAddress "
                    "DeleteNatGateway DeleteVpcEndpoints"),
          ec2("vpc", "subnet", "internet-gateway", "route-table", "elastic-ip", "natgateway",
               "vpc-endpoint"),
          "Changes and removal.", CHANGING, own_vpc, by_tag),
    Grant("FreeAddress", ("ec2:DisassociateAddress",), ec2("elastic-ip", "network-interface"),
          "Free an address that is still in use before it is released.", CHANGING, own_vpc, by_tag,
          unseen="Only when the NAT gateway was removed by hand or only in part."),
)  # fmt: skip

OPERATIONS: tuple[Grant, ...] = (
    Grant("MakeAlarms", of("cloudwatch", "PutMetricAlarm TagResource UntagResource"),
          ("arn:{p}:cloudwatch:{r}:{a}:alarm:{n}-*",), "Alarms.", (DEPLOY,), alarms),
    Grant("RemoveAlarms", of("cloudwatch", "DescribeAlarms ListTagsForResource DeleteAlarms"),
          ("arn:{p}:cloudwatch:{r}:{a}:alarm:{n}-*",), "Compare, and remove.", CHANGING, alarms),
    Grant("MakeDashboard", ("cloudwatch:PutDashboard",),
          ("arn:{p}:cloudwatch::{a}:dashboard/{n}-*",), "The dashboard.", (DEPLOY,), dashboard),
    Grant("RemoveDashboard", of("cloudwatch", "GetDashboard DeleteDashboards"),
          ("arn:{p}:cloudwatch::{a}:dashboard/{n}-*",), "Compare, and remove.", CHANGING,
          dashboard),
)  # fmt: skip
