"""What AWS refuses the provider's own calls, played in one deployment with real Terraform.

The same command is run again and again; each turn is refused some calls, of branches that know
nothing of each other, with the documented answer on the documented call. Terraform goes on where
it can. Then nothing is refused any more, and the same command comes to its end; and so for the
removal. A new one is one entry of a turn.

What the provider repeats for minutes by itself before it says anything (a role that a function
cannot assume yet, a network that still has interfaces in it, a cluster with instances, a
certificate in use) is refused once here: the provider gets over it, and nothing is to be told.
What the product says where it does not is played by `entries`, on the provider's words.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.refusing.front import Answer


@dataclass(frozen=True)
class Refused:
    """One refused call of the provider.

    Args:
        says: what the product says of it; AWS's own words have to be there, too.
        next_step: what to do about it.
        missing: the address that is not in the state, or is tainted there, because of it.
        source: where AWS documents the answer.
    """

    name: str
    answer: Answer
    says: str
    next_step: str
    missing: str
    source: str

    @property
    def call(self) -> str:
        """`ec2 CreateVpc`."""
        return f"{self.answer.service} {self.answer.operation}"


@dataclass(frozen=True)
class Turn:
    """One run of the command, the calls that it is refused, and what it leaves.

    Args:
        stands: addresses of what was made all the same and is recorded.
        costs: what that costs, in the product's words.
    """

    refused: tuple[Refused, ...]
    stands: tuple[str, ...]
    costs: str


def _denied(action: str, why: str) -> str:
    return (
        f"User: arn:aws:iam::123456789012:user/jane is not authorized to perform: {action} on "
        f"resource: * {why}"
    )


_SCP = "with an explicit deny in a service control policy"
_NO_POLICY = "because no identity-based policy allows the action"
_ACTIVITIES = (
    '<DescribeScalingActivitiesResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/">'
    "<DescribeScalingActivitiesResult><Activities><member><ActivityId>f9f2d65b</ActivityId>"
    "<AutoScalingGroupName>node</AutoScalingGroupName><Cause>an instance was started</Cause>"
    "<StartTime>2099-01-01T00:00:00Z</StartTime><StatusCode>Failed</StatusCode><StatusMessage>"
    "{words}</StatusMessage><Progress>100</Progress></member></Activities>"
    "</DescribeScalingActivitiesResult></DescribeScalingActivitiesResponse>"
)
BAD_KEY = "Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state"

# It lasts for three runs: the provider's pauses about a bucket (and a load balancer) then come
# once, in the fourth.
BUCKETS = Refused("As many buckets as the account may have",
                  Answer("s3", "CreateBucket", "TooManyBuckets",
                         "You have attempted to create more buckets than allowed"),
                  "A quota of the account is used up", "Service Quotas",
                  "aws_s3_bucket.undelivered", "S3 error responses")  # fmt: skip

INSTALL: tuple[Turn, ...] = (
    Turn((
        Refused("As many VPCs as the Region may have",
                Answer("ec2", "CreateVpc", "VpcLimitExceeded",
                       "The maximum number of VPCs has been reached."),
                "The account's quota for this is used up: Vpc", "use an existing VPC",
                "aws_vpc.this[0]", "VPC quotas"),
        BUCKETS,
        Refused("A service control policy forbids the cluster",
                Answer("ecs", "CreateCluster", "AccessDeniedException",
                       _denied("ecs:CreateCluster", _SCP)),
                "A service control policy of your organisation forbids ecs:CreateCluster",
                "no policy of your own can allow it", "aws_ecs_cluster.this[0]",
                "IAM guide, access denied messages"),
    ), ("aws_iam_role.forwarder", "aws_cloudwatch_log_group.api[0]"), "no fixed price"),
    Turn((
        Refused("As many NAT gateways as the zone may have",
                Answer("ec2", "CreateNatGateway", "NatGatewayLimitExceeded",
                       "Performing this operation would exceed the limit of 5 NAT gateways"),
                "The account's quota for this is used up: NatGateway", "Service Quotas",
                "aws_nat_gateway.this[0]", "VPC quotas"),
        Refused("What a load balancer asks of the caller",
                Answer("elbv2", "CreateLoadBalancer", "AccessDenied",
                       _denied("ec2:DescribeAccountAttributes", _NO_POLICY), 403),
                "These credentials may not do ec2:DescribeAccountAttributes",
                "`wallarm-apigw iam-policy deploy` prints the whole policy",
                "aws_lb.node[0]", "ELB guide, API permissions"),
        BUCKETS,
    ), ("aws_vpc.this[0]", "aws_eip.nat[0]", "aws_ecs_cluster.this[0]"), "up to about $4 a month"),
    Turn((
        Refused("The key of the account's volumes does not let Auto Scaling in",
                Answer("autoscaling", "DescribeScalingActivities", words=BAD_KEY, status=200,
                       body=_ACTIVITIES.format(words=BAD_KEY)),
                "its volume's key does not let it in", "AWSServiceRoleForAutoScaling",
                "aws_autoscaling_group.node[0]", "Auto Scaling guide, required key policy"),
        Refused("Subnets in one zone",
                Answer("elbv2", "CreateLoadBalancer", "ValidationError",
                       "At least two subnets in two different Availability Zones must be "
                       "specified"),
                "A load balancer needs subnets in two Availability Zones",
                "Choose public subnets in two Availability Zones", "aws_lb.node[0]", "ELB guide"),
        BUCKETS,
    ), ("aws_nat_gateway.this[0]",), "up to about $70 a month"),
    Turn((
        Refused("The function's role may not be handed over",
                Answer("lambda", "CreateFunction", "AccessDeniedException",
                       _denied("iam:PassRole", _NO_POLICY), 403),
                "A role could not be handed over: too early where it was just made, else forbidden",
                "iam:PassRole is missing", "aws_lambda_function.forwarder",
                "IAM guide, passing a role"),
        Refused("A service with tags asks for a right of its own",
                Answer("ecs", "CreateService", "AccessDeniedException",
                       _denied("ecs:TagResource", _NO_POLICY)),
                "These credentials may not do ecs:TagResource",
                "`wallarm-apigw iam-policy deploy` prints the whole policy",
                "aws_ecs_service.node[0]", "ECS guide, tagging during creation"),
    ), ("aws_lb.node[0]", "aws_autoscaling_group.node[0]", "aws_ecs_task_definition.node[0]"),
        "up to about $86 a month"),
)  # fmt: skip

# Refused once, in the removal that is refused other things and in the one after it; the provider
# repeats them by itself.
GOT_OVER: tuple[tuple[Answer, ...], tuple[Answer, ...]] = (
    (
        Answer("ecs", "DeleteCluster", "ClusterContainsContainerInstancesException",
               "The Cluster cannot be deleted while Container Instances are active or draining.",
               times=1),
    ),
    (
        Answer("ec2", "DeleteVpc", "DependencyViolation",
               "The vpc 'vpc-1' has dependencies and cannot be deleted.", times=1),
    ),
)  # fmt: skip

REMOVAL = Turn((
    Refused("A service control policy forbids the NAT gateway's end",
            Answer("ec2", "DeleteNatGateway", "UnauthorizedOperation",
                   "You are not authorized to perform this operation. "
                   + _denied("ec2:DeleteNatGateway", _SCP), 403),
            "A service control policy of your organisation forbids ec2:DeleteNatGateway",
            "no policy of your own can allow it", "", "IAM guide, access denied messages"),
    Refused("A role may not be removed",
            Answer("iam", "DeleteRole", "AccessDenied", _denied("iam:DeleteRole", _NO_POLICY), 403),
            "These credentials may not do iam:DeleteRole",
            "`wallarm-apigw iam-policy uninstall` prints the whole policy", "",
            "IAM guide, access denied messages"),
), ("aws_nat_gateway.this[0]", "aws_eip.nat[0]", "aws_iam_role.forwarder"),
    "up to about $36 a month")  # fmt: skip
