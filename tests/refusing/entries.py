"""What real AWS refuses and the local one does not, one entry each; see docs/faults.md.

Each is played: the documented answer on the documented call; asserted are the product's words, what
is left, and the next step. Read in AWS's documentation and in public reports (`source`), not seen
on AWS. A new one is one entry in `ENTRIES`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

from tests.flows.account import GROUP, World
from tests.flows.mortal import Mortal
from tests.refusing.front import Answer, RefusingAws
from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.events import Note
from wizard.core.permissions.documents import needs
from wizard.core.terraform.events import ChangeSummary, Diagnostic, PlannedChange
from wizard.core.terraform.failures import explain
from wizard.core.tfvars import Outputs
from wizard.flows.before_planning import check_account
from wizard.flows.context import Context, Options
from wizard.flows.deployment import apply as apply_flow
from wizard.flows.node import wait_for_node
from wizard.flows.uninstall import destroy_resources, held_up
from wizard.services.aws.permissions import check_permissions
from wizard.services.terraform.client import ApplyResult, PlanResult
from wizard.services.terraform.errors import failed

NOTHING, STAGE, STOPPED = "nothing was changed", "the stage is as it was", "what was made stands"
MADE = "what was made is recorded; the same command goes on"
AGAIN = "the same command again"


@dataclass(frozen=True)
class Seen:
    """What the product said, and what is left."""

    words: str
    left: str


Play = Callable[[World, RefusingAws], Seen]


@dataclass(frozen=True)
class Entry:
    """One refusal.

    Args:
        call: the documented call; `answer`: AWS's words, shortened.
        says: what the product's words must hold; `next_step` too.
        left: what is left afterwards.
        repeat: whether a repetition alone may mend it.
    """

    name: str
    call: str
    answer: str
    play: Play
    says: tuple[str, ...]
    left: str
    next_step: str
    source: str
    repeat: bool = False


# --- plays ---------------------------------------------------------------------------------------


def connect(api: str, stage: str, *answers: Answer, agree: bool = False, role: str = "") -> Play:
    """A stage is connected while AWS answers like that."""

    def play(world: World, aws: RefusingAws) -> Seen:
        chosen = world.stage(api, stage)
        if role:
            set_role(world, role.replace("ACCOUNT", world.identity.account_id))
        aws.begin(*answers)
        reports = world.connect(world.session.begin(), chosen, ask=lambda _question: agree)
        aws.begin()
        words = " ".join(report.message for report in reports)
        same = world.stage(api, stage).settings == chosen.settings
        world.take_back(world.session.begin())
        world.unset_role()
        return Seen(words, STAGE if same else "the stage was changed")

    return play


def plan(*answers: Answer, **given: Any) -> Play:
    """The account is looked at before a plan is made."""

    def play(world: World, aws: RefusingAws) -> Seen:
        made, gone = network(world, given)
        world.events.clear()
        context = Context(Options(workspace=world.root, env=world.env), world.events.append)
        aws.begin(*answers)
        session = world.session.begin()
        try:
            said = list(
                check_account(
                    context, session, world.identity, Answers(region=world.box.region, **made), ()
                )
            )
        except WizardError as error:
            said = [str(error)]
        said += [e.text for e in world.events if isinstance(e, Note)]
        left = untouched(session, NOTHING)
        aws.begin()
        gone()
        return Seen(" ".join(said), left)

    return play


def forecast(*answers: Answer) -> Play:
    """IAM is asked, before anything is changed, what this principal may do."""

    def play(world: World, aws: RefusingAws) -> Seen:
        aws.begin(*answers)
        session = world.session.begin()
        asked = needs(Answers(region=world.box.region), "discover", world.identity.account_id)
        jane = f"arn:aws:iam::{world.identity.account_id}:user/jane"
        found = check_permissions(session, asked, replace(world.identity, arn=jane))
        aws.begin()
        words = [found.state.value, found.reason, *map(str, found.missing)]
        return Seen(" ".join(words), untouched(session, NOTHING))

    return play


def terraform(text: str) -> Play:
    """Terraform ends with these words of the provider; they are told in plain ones."""

    def play(_world: World, _aws: RefusingAws) -> Seen:
        found = explain(text)
        return Seen(f"{found.what}. {found.next_step}" if found else "unknown", MADE)

    return play


def ready(*answers: Answer) -> Play:
    """After an apply the node is waited for."""
    outputs = Outputs(
        GROUP, "", "forwarder", "/aws/lambda/forwarder", "node:80", node_log_group="/ecs/node",
        ecs_cluster="api-gw-discovery-1", ecs_service="api-gw-discovery-node",
        target_group_arn="arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/x/1",
    )  # fmt: skip

    def play(world: World, aws: RefusingAws) -> Seen:
        aws.begin(*answers)
        ticks = iter(range(0, 100_000, 10))
        session = world.session.begin()
        with world.open(session, "install") as deployment:
            try:
                wait_for_node(
                    deployment, outputs, clock=lambda: float(next(ticks)), sleep=lambda _s: None
                )
                words = "went on"
            except WizardError as error:
                words = str(error)
        aws.begin()
        notes = [e.text for e in world.events if isinstance(e, Note)]
        return Seen(" ".join([words, *notes]), untouched(session, STOPPED))

    return play


def removal(*answers: Answer) -> Play:
    """Terraform could not remove the VPC: who holds it up is looked for."""

    def play(world: World, aws: RefusingAws) -> Seen:
        aws.begin(*answers)
        refused = WizardError("WAG-E-TF-113", "AWS still uses it", why="DependencyViolation")
        with world.open(world.session.begin(), "uninstall") as deployment:
            words = str(held_up(deployment, "vpc-0123456789abcdef0", refused))
        aws.begin()
        return Seen(words, MADE)

    return play


class Ending:
    """Stands for Terraform: its applies end with these words of the provider, one after another, or
    well where there are none. What every plan holds is the same."""

    working = False

    def __init__(self, folder: Path, changes: tuple[PlannedChange, ...], *words: str) -> None:
        self.folder = folder
        self.changes = changes
        self.words = list(words)
        self.applied = 0

    def plan(self, *, destroy: bool = False) -> PlanResult:
        summary = ChangeSummary(0, 0, len(self.changes))
        return PlanResult(self.folder / "plan", "0", destroy, True, summary, self.changes, ())

    def apply(self, _plan: PlanResult, _listener: object) -> ApplyResult:
        self.applied += 1
        words = self.words.pop(0) if self.words else ""
        if words:
            found = Diagnostic("error", words.partition(":")[0], words)
            raise failed("apply", (found,), "", 1)
        return ApplyResult(ChangeSummary(0, 0, len(self.changes)), 1.0)


NODE = Outputs(
    GROUP, "", "forwarder", "/aws/lambda/forwarder", "node:80", ecs_cluster="api-gw-discovery-1"
)


def destroyed(*answers: Answer, said: tuple[str, ...]) -> Play:
    """Terraform removes a node and ends with these words; what AWS is asked is answered here."""
    gone = (PlannedChange("aws_ecs_cluster.this[0]", "aws_ecs_cluster", "delete"),)

    def play(world: World, aws: RefusingAws) -> Seen:
        aws.begin(*answers)
        with world.open(world.session.begin(), "uninstall") as deployment:
            ending = Ending(world.root, gone, *said)
            deployment._terraform = ending  # type: ignore[assignment]
            try:
                destroy_resources(deployment, ending.plan(destroy=True), NODE)
                words = f"removed by apply {ending.applied}"
            except WizardError as error:
                words = str(error)
        asked = [name for name in aws.asked if name.startswith("ecs:")]
        aws.begin()
        notes = [e.text for e in world.events if isinstance(e, Note)]
        return Seen(" ".join([words, *notes, *asked]), MADE)

    return play


def applied(*said: str) -> Play:
    """Terraform's applies end with these words; what is left of the plan is tried once more."""
    made = (PlannedChange("aws_lambda_function.forwarder", "aws_lambda_function", "create"),)
    waited: list[float] = []

    def play(world: World, aws: RefusingAws) -> Seen:
        aws.begin()
        waited.clear()
        with world.open(world.session.begin(), "install") as deployment:
            ending = Ending(world.root, made, *said)
            deployment._terraform = ending  # type: ignore[assignment]
            with mock.patch.object(apply_flow, "adopt", lambda _deployment, plan: plan):
                try:
                    apply_flow.apply_plan(deployment, ending.plan(), sleep=waited.append)
                    words = f"made by apply {ending.applied}, after {waited} seconds"
                except WizardError as error:
                    words = f"{error} after {ending.applied} applies"
        notes = [e.text for e in world.events if isinstance(e, Note)]
        return Seen(" ".join([*notes, words]), MADE)

    return play


def instances(*arns: str) -> tuple[Answer, Answer]:
    """What is still registered in the cluster; deregistering answers as ECS does."""
    listed = json.dumps({"containerInstanceArns": list(arns)})
    return (
        Answer("ecs", "ListContainerInstances", status=200, body=listed),
        Answer("ecs", "DeregisterContainerInstance", status=200,
               body=json.dumps({"containerInstance": {"status": "INACTIVE"}})),
    )  # fmt: skip


def untouched(session: Mortal, left: str) -> str:
    """What is left where nothing was written; else what was written."""
    asking = ("FilterLogEvents", "SimulatePrincipalPolicy")
    writes = [name for name in session.writes if name not in asking]
    return f"written: {writes}" if writes else left


def set_role(world: World, arn: str) -> None:
    """The account's CloudWatch role, as somebody left it."""
    operation = {"op": "replace", "path": "/cloudwatchRoleArn", "value": arn}
    world.session.client("apigateway").update_account(patchOperations=[operation])


def network(world: World, given: dict[str, Any]) -> tuple[dict[str, Any], Callable[[], None]]:
    """The answers about a VPC that is made for it: `zones` names those of public and private
    subnets, `private_zone` a zone that the VPC asks."""
    if "zones" not in given:
        return given, lambda: None
    ec2, route53 = world.session.client("ec2"), world.session.client("route53")
    rest = {k: v for k, v in given.items() if k not in ("zones", "private_zone")}
    vpc = ec2.create_vpc(CidrBlock="10.88.0.0/16")["Vpc"]["VpcId"]
    kinds: dict[str, list[str]] = {"public_subnet_ids": [], "private_subnet_ids": []}
    number = 0
    for key, zones in zip(kinds, given["zones"].split("/"), strict=True):
        for zone in zones:
            made = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.88.{number}.0/24",
                                     AvailabilityZone=f"{world.box.region}{zone}")  # fmt: skip
            kinds[key].append(made["Subnet"]["SubnetId"])
            number += 1
    zone_id = ""
    if given.get("private_zone"):
        zone_id = route53.create_hosted_zone(
            Name=given["private_zone"], CallerReference="refusing",
            HostedZoneConfig={"PrivateZone": True, "Comment": ""},
            VPC={"VPCRegion": world.box.region, "VPCId": vpc},
        )["HostedZone"]["Id"]  # fmt: skip

    def gone() -> None:
        if zone_id:
            route53.delete_hosted_zone(Id=zone_id)
        for names in kinds.values():
            for name in names:
                ec2.delete_subnet(SubnetId=name)
        ec2.delete_vpc(VpcId=vpc)

    return {**rest, "vpc_id": vpc, **{k: tuple(v) for k, v in kinds.items()}}, gone


# --- answers of AWS ------------------------------------------------------------------------------

LENGTH = "Policy document length breaking Cloudwatch Logs Constraints, either < 1 or > 5120"
ENOUGH = "Insufficient permissions to enable logging"


def refuses(service: str, words: str) -> Answer:
    return Answer(service, "UpdateStage", "BadRequestException", words)


def full() -> Answer:
    """Ten resource policies, log delivery's own among them."""
    names = [f"product-{n}" for n in range(9)] + ["AWSLogDeliveryWrite20150319"]
    document = json.dumps({"Version": "2012-10-17", "Statement": []})
    held = [{"policyName": name, "policyDocument": document} for name in names]
    return Answer("logs", "DescribeResourcePolicies", status=200,
                  body=json.dumps({"resourcePolicies": held}))  # fmt: skip


def targets(state: str, reason: str = "") -> Answer:
    member = (
        f"<member><Target><Id>10.0.0.7</Id><Port>5050</Port></Target><TargetHealth><State>{state}"
        f"</State><Reason>{reason}</Reason></TargetHealth></member>"
    )
    body = (
        '<DescribeTargetHealthResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/'
        '2015-12-01/"><DescribeTargetHealthResult><TargetHealthDescriptions>'
        f"{member}</TargetHealthDescriptions></DescribeTargetHealthResult>"
        "</DescribeTargetHealthResponse>"
    )
    return Answer("elbv2", "DescribeTargetHealth", status=200, body=body)


def node_log(line: str) -> tuple[Answer, Answer]:
    streams = {"logStreams": [{"logStreamName": "node/node/1"}]}
    event = {"logStreamName": "node/node/1", "timestamp": 1, "message": line}
    return (
        Answer("logs", "DescribeLogStreams", status=200, body=json.dumps(streams)),
        Answer("logs", "FilterLogEvents", status=200, body=json.dumps({"events": [event]})),
    )


def tasks(**task: Any) -> tuple[Answer, Answer]:
    return (
        Answer("ecs", "ListTasks", status=200, body=json.dumps({"taskArns": ["arn:1"]})),
        Answer("ecs", "DescribeTasks", status=200, body=json.dumps({"tasks": [task]})),
    )


RUNNING = tasks(lastStatus="RUNNING", pullStoppedAt=1.0)


def simulated(decision: str, detail: str = "") -> Answer:
    body = (
        '<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        "<SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated><EvaluationResults><member>"
        "<EvalActionName>apigateway:GET</EvalActionName><EvalResourceName>*</EvalResourceName>"
        f"<EvalDecision>{decision}</EvalDecision>{detail}</member></EvaluationResults>"
        "</SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
    )
    return Answer("iam", "SimulatePrincipalPolicy", status=200, body=body)


_ORGANISATION = (
    "<OrganizationsDecisionDetail><AllowedByOrganizations>false</AllowedByOrganizations>"
    "</OrganizationsDecisionDetail>"
)
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234"


def own_key() -> Answer:
    body = (
        '<GetEbsDefaultKmsKeyIdResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        f"<requestId>0</requestId><kmsKeyId>{KEY}</kmsKeyId></GetEbsDefaultKmsKeyIdResponse>"
    )
    return Answer("ec2", "GetEbsDefaultKmsKeyId", status=200, body=body)


_ROOT_ALONE = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
               "Action": "kms:*", "Resource": "*"}  # fmt: skip


def key_as(state: str, *statements: dict[str, Any]) -> tuple[Answer, Answer]:
    about = {"KeyMetadata": {"KeyId": "1234", "Arn": KEY, "KeyState": state}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return (
        Answer("kms", "DescribeKey", status=200, body=json.dumps(about)),
        Answer("kms", "GetKeyPolicy", status=200, body=json.dumps({"Policy": policy})),
    )


def interfaces(*described: tuple[str, str]) -> Answer:
    items = "".join(
        f"<item><networkInterfaceId>eni-{number}</networkInterfaceId><description>{text}"
        f"</description><interfaceType>{kind}</interfaceType></item>"
        for number, (text, kind) in enumerate(described)
    )
    body = (
        '<DescribeNetworkInterfacesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        f"<networkInterfaceSet>{items}</networkInterfaceSet></DescribeNetworkInterfacesResponse>"
    )
    return Answer("ec2", "DescribeNetworkInterfaces", status=200, body=body)


def endpoints(*services: str) -> Answer:
    items = "".join(
        f"<item><vpcEndpointId>vpce-{n}</vpcEndpointId><serviceName>{s}</serviceName></item>"
        for n, s in enumerate(services)
    )
    body = (
        '<DescribeVpcEndpointsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        f"<vpcEndpointSet>{items}</vpcEndpointSet></DescribeVpcEndpointsResponse>"
    )
    return Answer("ec2", "DescribeVpcEndpoints", status=200, body=body)


def denied(operation: str, action: str) -> str:
    return (
        f"{operation}, https response error StatusCode: 403, api error AccessDenied: User: "
        f"arn:aws:iam::123456789012:user/jane is not authorized to perform: {action} because no "
        f"identity-based policy allows the {action} action"
    )


_PAGE = "<!DOCTYPE html><html><body><h1>502 Proxy Error</h1></body></html>"
_GUARD = "com.amazonaws.us-east-1.guardduty-data"

YOUNG = "The role defined for the function cannot be assumed by Lambda"
HANDED = "not authorized to perform: iam:PassRole"
STAYED = "ClusterContainsContainerInstancesException: The Cluster cannot be deleted while Container"

ENTRIES: tuple[Entry, ...] = (
    # --- permissions ---
    Entry("What a load balancer asks of the caller", "elbv2 CreateLoadBalancer",
          "not authorized to perform: ec2:DescribeAccountAttributes",
          terraform(denied("operation error Elastic Load Balancing v2: CreateLoadBalancer",
                           "ec2:DescribeAccountAttributes")),
          ("may not do ec2:DescribeAccountAttributes",), MADE, "iam-policy deploy",
          "ELB guide, API permissions"),
    Entry("What provider 6 waits with", "ecs ListServiceDeployments",
          "not authorized to perform: ecs:ListServiceDeployments",
          terraform(denied("operation error ECS: ListServiceDeployments",
                           "ecs:ListServiceDeployments")),
          ("may not do ecs:ListServiceDeployments",), MADE, "iam-policy deploy",
          "provider 6.x, ecs/service.go"),
    Entry("A policy of the organisation denies this Region", "iam SimulatePrincipalPolicy",
          "explicitDeny by the organisation", forecast(simulated("explicitDeny", _ORGANISATION)),
          ("a policy of the organisation (SCP) does not allow it",), NOTHING, "apigateway:GET",
          "aws-sdk 102"),
    Entry("A proxy answers in IAM's place", "iam SimulatePrincipalPolicy", "500, an HTML page",
          forecast(Answer("iam", "SimulatePrincipalPolicy", status=500, body=_PAGE)),
          ("unknown", "IAM could not be asked"), NOTHING, "IAM could not be asked",
          "public reports"),
    # --- before planning ---
    Entry("Given subnets in one zone", "ec2 DescribeSubnets", "both in one Availability Zone",
          plan(zones="aa/a"), ("WAG-E-NET-001", "two Availability Zones"), NOTHING,
          "Choose public subnets in two", "ELB guide"),
    Entry("A private subnet in a zone without a public one", "ec2 DescribeSubnets",
          "a third Availability Zone", plan(zones="ab/c"),
          ("WAG-E-NET-001", "only in zones where it has a subnet"), NOTHING,
          "those of the private subnets among them", "ELB guide"),
    Entry("A default key for volumes of the account's own", "ec2 GetEbsDefaultKmsKeyId", KEY,
          plan(own_key(), *key_as("Enabled", _ROOT_ALONE)),
          ("encrypts volumes with a key of its own",
           "policy does not let Auto Scaling's role do kms:CreateGrant"), NOTHING,
          "add the role AWSServiceRoleForAutoScaling to the key's policy", "Auto Scaling guide"),
    Entry("That key's policy may not be read", "kms GetKeyPolicy", "AccessDeniedException",
          plan(own_key(), key_as("Enabled", _ROOT_ALONE)[0],
               Answer("kms", "GetKeyPolicy", "AccessDeniedException",
                      "User: jane is not authorized to perform: kms:GetKeyPolicy")),
          ("was not checked", "not authorized to perform: kms:GetKeyPolicy"), NOTHING,
          "add the role AWSServiceRoleForAutoScaling to the key's policy", "KMS reference"),
    Entry("That key is going to be deleted", "kms DescribeKey", "KeyState PendingDeletion",
          plan(own_key(), *key_as("PendingDeletion", _ROOT_ALONE)),
          ("which is PendingDeletion", "dies as soon as it starts"), NOTHING,
          "choose another default", "KMS reference"),
    Entry("A private zone hides the node's name", "route53 ListHostedZonesByVPC", "example.com",
          plan(zones="ab/a", private_zone="example.com", r53_domain_name="example.com",
               node_dns_name="node"),
          ("private hosted zone example.com", "no record node.example.com"), NOTHING,
          "Choose a name outside of it", "Route 53 guide"),
    Entry("The default key may not be asked for", "ec2 GetEbsDefaultKmsKeyId",
          "UnauthorizedOperation",
          plan(Answer("ec2", "GetEbsDefaultKmsKeyId", "UnauthorizedOperation",
                      "You are not authorized to perform this operation", 403)),
          ("could not be checked", "You are not authorized"), NOTHING, "could not be checked",
          "EC2 reference"),
    # --- API Gateway's role ---
    Entry("The account's CloudWatch role is gone", "iam GetRole", "NoSuchEntity",
          connect("orders", "staging", role="arn:aws:iam::ACCOUNT:role/deleted"),
          ("WAG-E-ROLE-007", "does not exist any more"), STAGE, "agree to the replacement",
          "aws-cdk 12769, 10878"),
    Entry("It is of another account", "apigateway GetAccount", "arn:aws:iam::999999999999:role/x",
          connect("orders", "staging", role="arn:aws:iam::999999999999:role/x"),
          ("WAG-E-ROLE-007", "belongs to account 999999999999"), STAGE,
          "agree to the replacement", "aws-cdk 12769"),
    # --- stages ---
    *(
        Entry(f"Log delivery's policy is full, said to a {kind} API in words about {about}",
              f"{service} UpdateStage", words, connect(*stage, refuses(service, words), full()),
              ("WAG-E-STAGES-021", "10 resource policies", "AWSLogDeliveryWrite20150319", words),
              STAGE, "/aws/vendedlogs/", "serverless 10469, sst 125, 6231")
        for kind, service, stage in (("REST", "apigateway", ("orders", "staging")),
                                     ("HTTP", "apigatewayv2", ("payments", "$default")))
        for about, words in (("a document", LENGTH), ("permissions", ENOUGH))
    ),
    Entry("The caller may not set up log delivery", "apigatewayv2 UpdateStage", ENOUGH,
          connect("payments", "$default", refuses("apigatewayv2", ENOUGH)),
          ("WAG-E-STAGES-019", ENOUGH), STAGE, "logs:CreateLogDelivery",
          "API Gateway guide, HTTP API logging"),
    Entry("Somebody else changes the stage right now", "apigateway UpdateStage",
          "ConflictException",
          connect("orders", "staging", Answer("apigateway", "UpdateStage", "ConflictException",
                                              "Unable to complete operation", 409)),
          ("WAG-E-STAGES-018",), STAGE, AGAIN, "API Gateway reference", repeat=True),
    # --- races ---
    Entry("A role seconds old", "lambda CreateFunction",
          "The role defined for the function cannot be assumed by Lambda",
          terraform("api error InvalidParameterValueException: The role defined for the function "
                    "cannot be assumed by Lambda."),
          ("too early, not forbidden",), MADE, AGAIN, "terraform-aws-ecs 414", repeat=True),
    Entry("A role seconds old, and usable a moment later", "lambda CreateFunction", YOUNG,
          applied(YOUNG), ("too early, not forbidden", "Trying once more in 20s", YOUNG,
                           "made by apply 2, after [20.0] seconds"), MADE, "made by apply 2",
          "terraform-aws-ecs 414"),
    Entry("A role that is still not usable when it is tried again", "lambda CreateFunction", YOUNG,
          applied(YOUNG, YOUNG), ("too early, not forbidden", "after 2 applies", YOUNG), MADE,
          AGAIN, "terraform-aws-ecs 414", repeat=True),
    Entry("A role that may not be handed over at all", "ecs RegisterTaskDefinition", HANDED,
          applied(HANDED, HANDED), ("else forbidden", "after 2 applies"), MADE,
          "iam-policy deploy", "terraform-aws-ecs 414", repeat=True),
    Entry("It cannot be handed over yet", "ecs RegisterTaskDefinition",
          "not authorized to perform: iam:PassRole",
          terraform("api error AccessDeniedException: User: x is not authorized to perform: "
                    "iam:PassRole on resource: y"),
          ("too early where it was just made, else forbidden",), MADE, AGAIN,
          "terraform-aws-ecs 414", repeat=True),
    # --- a node that is not ready ---
    Entry("A token of the other cloud; the service is steady all the same",
          "elbv2 DescribeTargetHealth", "unhealthy; the node's log: access denied",
          ready(targets("unhealthy", "Target.FailedHealthChecks"), *RUNNING,
                *node_log("ERROR node registration with error: access denied")),
          ("WAG-E-NODE-001", "other Wallarm Cloud", "access denied", "image pulled",
           "a month until", "switched no stage"), STOPPED, "rotate-token",
          "PD, node; provider 5, ecs/service.go"),
    Entry("The node group is missing", "elbv2 DescribeTargetHealth",
          'unhealthy; the node\'s log: label "group" is required',
          ready(targets("unhealthy"), *RUNNING,
                *node_log('registration error: label "group" is required')),
          ("WAG-E-NODE-001", "the node group is missing"), STOPPED, "Fix what it names",
          "PD, node"),
    Entry("A target that never becomes healthy", "elbv2 DescribeTargetHealth",
          "unhealthy (Target.Timeout)",
          ready(targets("unhealthy", "Target.Timeout"), *RUNNING,
                *node_log("INFO node registration done")),
          ("WAG-E-NODE-002", "Target.Timeout", "registration done", "switched no stage"),
          STOPPED, "wallarm-apigw doctor", "ELB guide, target health"),
    Entry("The health of targets may not be read", "elbv2 DescribeTargetHealth", "AccessDenied",
          ready(Answer("elbv2", "DescribeTargetHealth", "AccessDenied",
                       "not authorized to perform: DescribeTargetHealth", 403)),
          ("went on", "could not be checked"), STOPPED, "could not be checked", "IAM"),
    # --- limits and capacity ---
    Entry("The function's resource policy is full", "lambda AddPermission",
          "The final policy size (20598) is bigger than the limit (20480)",
          terraform("PolicyLengthExceededException: The final policy size (20598) is bigger than "
                    "the limit (20480)."),
          ("ends at 20,480 bytes",), MADE, "A repetition alone does not fix it",
          "elastic 731, cloudposse 37, scribd 61"),
    Entry("A zone without t3", "autoscaling", "Unsupported … in your requested Availability Zone",
          terraform("Unsupported - Your requested instance type (t3.medium) is not supported in "
                    "your requested Availability Zone (us-east-1e)."),
          ("no such instance left in this Availability Zone",), MADE, "other subnets",
          "public reports", repeat=True),
    # --- removal ---
    Entry("An instance that never left the cluster", "ecs DeleteCluster",
          "ClusterContainsContainerInstancesException",
          terraform("ClusterContainsContainerInstancesException: The Cluster cannot be deleted "
                    "while Container Instances are active or draining."),
          ("still registered in the cluster",), MADE, "deregisters what is left",
          "ECS guide; aws-cdk 18179", repeat=True),
    Entry("An instance that never left is deregistered, and the removal ends",
          "ecs DeleteCluster, DeregisterContainerInstance", STAYED,
          destroyed(*instances("arn:aws:ecs:us-east-1:1:container-instance/c/1"), said=(STAYED,)),
          ("removed by apply 2", "1 instance that did not leave by itself deregistered",
           "ecs:ListContainerInstances ecs:DeregisterContainerInstance"), MADE,
          "removed by apply 2", "ECS guide; aws-cdk 18179"),
    Entry("It may not be deregistered", "ecs DeregisterContainerInstance", "AccessDeniedException",
          destroyed(instances("arn:aws:ecs:us-east-1:1:container-instance/c/1")[0],
                    Answer("ecs", "DeregisterContainerInstance", "AccessDeniedException",
                           "User: jane is not authorized to perform: "
                           "ecs:DeregisterContainerInstance"), said=(STAYED,)),
          ("Deregistering the instances of api-gw-discovery-1",
           "not authorized to perform: ecs:DeregisterContainerInstance"), MADE, "iam-policy",
          "ECS reference"),
    Entry("The cluster is refused although nothing is registered", "ecs DeleteCluster", STAYED,
          destroyed(*instances(), said=(STAYED,)),
          ("still registered in the cluster", "ecs:ListContainerInstances"), MADE,
          "deregisters what is left", "ECS guide"),
    Entry("It is refused again after they were deregistered", "ecs DeleteCluster", STAYED,
          destroyed(*instances("arn:aws:ecs:us-east-1:1:container-instance/c/1"),
                    said=(STAYED, STAYED)),
          ("still registered in the cluster", "1 instance that did not leave by itself"), MADE,
          "deregisters what is left", "ECS guide", repeat=True),
    Entry("GuardDuty's own endpoint is in the VPC", "ec2 DeleteVpc", "DependencyViolation",
          removal(interfaces(("VPC Endpoint Interface vpce-0", "vpc_endpoint")), endpoints(_GUARD)),
          ("WAG-E-REMOVE-001", "Amazon GuardDuty", "vpce-0"), MADE, "delete-vpc-endpoints",
          "provider 46747"),
    Entry("Lambda's interfaces linger", "ec2 DeleteSecurityGroup", "DependencyViolation",
          removal(interfaces(("AWS Lambda VPC ENI-wallarm", "lambda")), endpoints()),
          ("WAG-E-REMOVE-001", "AWS Lambda", "1 network interface"), MADE, "20 to 60 minutes",
          "provider, deleteLingeringLambdaENI", repeat=True),
    Entry("Somebody else put something into the VPC", "ec2 DeleteVpc", "DependencyViolation",
          removal(interfaces(("EFS mount target for fs-1", "efs")), endpoints()),
          ("WAG-E-REMOVE-001", "EFS mount target"), MADE, "Remove what they belong to",
          "EC2 guide"),
)  # fmt: skip
