"""What the account has already is looked at before a plan is made and a stage is touched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.flows.account import World
from wizard.core.account_state import SCALING_ROLE
from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError
from wizard.core.events import Note, State
from wizard.core.stages.change import StageChange
from wizard.flows.before_planning import check_account, check_role
from wizard.flows.context import Context, Options
from wizard.flows.stages import switch
from wizard.services.aws import account_role

OTHERS = "arn:aws:iam::999999999999:role/logging"
GONE = "arn:aws:iam::000000000000:role/deleted-last-year"


@pytest.fixture
def vpc(world: World) -> Iterator[dict[str, Any]]:
    """A VPC with public subnets in two zones and private ones in a third."""
    ec2 = world.session.client("ec2")
    vpc_id = ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    names: dict[str, str] = {}
    for number, (name, zone) in enumerate((("a", "a"), ("a2", "a"), ("b", "b"), ("c", "c"))):
        made = ec2.create_subnet(
            VpcId=vpc_id, CidrBlock=f"10.77.{number}.0/24",
            AvailabilityZone=f"{world.box.region}{zone}",
        )  # fmt: skip
        names[name] = made["Subnet"]["SubnetId"]
    yield {"vpc_id": vpc_id, **names}
    for subnet in names.values():
        ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc_id)


def check(world: World, answers: Answers, changes: tuple[StageChange, ...] = ()) -> tuple[str, ...]:
    world.events.clear()
    context = Context(Options(workspace=world.root, env=world.env), world.events.append)
    return check_account(context, world.session, world.identity, answers, changes)


def given(world: World, vpc: dict[str, Any], public: str, private: str, **more: Any) -> Answers:
    return Answers(
        region=world.box.region, vpc_id=vpc["vpc_id"],
        public_subnet_ids=tuple(vpc[name] for name in public.split()),
        private_subnet_ids=tuple(vpc[name] for name in private.split()), **more,
    )  # fmt: skip


def test_subnets_that_a_load_balancer_can_use_are_no_matter(
    world: World, vpc: dict[str, Any]
) -> None:
    assert check(world, given(world, vpc, "a b", "a2 b")) == ()
    assert [e for e in world.events if isinstance(e, Note)] == []


@pytest.mark.parametrize(
    ("public", "private", "said"),
    [("a a2", "a", "two Availability Zones"), ("a b", "c", "only in zones where it has a subnet")],
)
def test_subnets_that_it_cannot_use_are_refused_before_anything_is_planned(
    world: World, vpc: dict[str, Any], public: str, private: str, said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        check(world, given(world, vpc, public, private))
    assert refused.value.code == "WAG-E-NET-001"
    assert said in refused.value.why
    assert "Nothing was changed" in refused.value.next_step


def test_a_vpc_that_does_not_exist_is_refused_too(world: World, vpc: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="given network"):
        check(world, given(world, {**vpc, "vpc_id": "vpc-00000000"}, "a b", "a"))


def test_a_private_zone_that_hides_the_nodes_name_is_told(
    world: World, vpc: dict[str, Any]
) -> None:
    route53 = world.session.client("route53")
    zone = route53.create_hosted_zone(
        Name="example.com", CallerReference="hidden",
        HostedZoneConfig={"PrivateZone": True, "Comment": ""},
        VPC={"VPCRegion": world.box.region, "VPCId": vpc["vpc_id"]},
    )["HostedZone"]["Id"]  # fmt: skip
    answers = given(world, vpc, "a b", "a", r53_domain_name="example.com", node_dns_name="node")
    try:
        (text,) = check(world, answers)
        assert "private hosted zone example.com" in text
        assert "node.example.com" in text
        assert check(world, answers.with_(r53_domain_name="", node_dns_name="")) == ()
    finally:
        route53.delete_hosted_zone(Id=zone)


def test_a_default_key_of_the_accounts_own_is_told_unless_its_policy_lets_auto_scaling_in(
    world: World,
) -> None:
    kms = world.session.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    ec2 = world.session.client("ec2")
    call = ec2._make_api_call

    def answered(operation: str, arguments: Any) -> Any:
        if operation == "GetEbsDefaultKmsKeyId":
            return {"KmsKeyId": key}
        return call(operation, arguments)

    ec2._make_api_call = answered
    answers = Answers(region=world.box.region)
    role = f"arn:aws:iam::{world.identity.account_id}:{SCALING_ROLE}"
    open_to = {"Effect": "Allow", "Principal": {"AWS": role}, "Action": "kms:*", "Resource": "*"}
    try:
        (text,) = check(world, answers)
        assert key in text
        assert "AWSServiceRoleForAutoScaling" in text
        assert check(world, answers.with_(node_url="node:5050")) == ()
        kms.put_key_policy(
            KeyId=key, PolicyName="default", Policy=json.dumps({"Statement": [open_to]})
        )
        assert check(world, answers) == ()
        world.session.begin()
    finally:
        ec2._make_api_call = call


def test_what_may_not_be_looked_at_is_told_and_stops_nothing(
    world: World, vpc: dict[str, Any]
) -> None:
    denied = ClientError(
        {"Error": {"Code": "UnauthorizedOperation", "Message": "You are not authorized"}}, "x"
    )

    def refuse(operation: str, _arguments: Any) -> None:
        if operation in ("DescribeVpcs", "GetEbsDefaultKmsKeyId", "ListHostedZonesByVPC"):
            raise denied

    world.session.begin().before = refuse
    answers = given(world, vpc, "a a2", "a", r53_domain_name="example.com", node_dns_name="node")
    assert check(world, answers) == ()
    notes = [e for e in world.events if isinstance(e, Note)]
    assert [n.state for n in notes] == [State.UNCHECKED] * 3
    assert all("You are not authorized" in n.text for n in notes)


# --- API Gateway's CloudWatch role ---------------------------------------------------------------


def changes(world: World, key: str, name: str) -> tuple[StageChange, ...]:
    answers = Answers(region=world.box.region)
    return switch.plan_changes(world.session, (world.stage(key, name),), answers, world.arn)[0]


def set_role(world: World, arn: str) -> None:
    world.session.client("apigateway").update_account(
        patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": arn}]
    )


@pytest.fixture
def role_of_others(world: World) -> Iterator[str]:
    """A role that is there and trusts somebody else."""
    iam = world.session.client("iam")
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
                            "Action": "sts:AssumeRole"}]}  # fmt: skip
    made = iam.create_role(RoleName="of-others", AssumeRolePolicyDocument=json.dumps(trust))
    yield made["Role"]["Arn"]
    iam.delete_role(RoleName="of-others")


@pytest.mark.parametrize(
    ("which", "said"),
    [("gone", "does not exist any more"), ("another account", "belongs to account 999999999999"),
     ("distrusts", "does not trust apigateway.amazonaws.com")],
)  # fmt: skip
def test_a_role_no_api_can_log_with_is_told_and_replaced_with_consent_alone(
    world: World, role_of_others: str, which: str, said: str
) -> None:
    account = world.identity.account_id
    arn = {"gone": GONE.replace("000000000000", account), "another account": OTHERS,
           "distrusts": role_of_others}[which]  # fmt: skip
    world.unset_role()
    set_role(world, arn)
    context = Context(Options(workspace=world.root, env=world.env), world.events.append)
    stage = world.stage("orders", "staging")
    planned = changes(world, "orders", "staging")
    (text,) = check_role(context, world.session, world.identity, planned)
    assert said in text
    assert arn in text
    (report,) = world.connect(world.session.begin(), stage)
    assert report.state is State.FAILED
    assert "WAG-E-ROLE-007" in report.message or "cannot be used" in report.message
    assert said in report.message
    assert world.session.writes == [], "no stage was touched, no role made"
    (report,) = world.connect(world.session.begin(), stage, ask=lambda question: said in question)
    assert report.state is State.DONE, report.message
    replaced = account_role.inspect_role(world.session, world.identity)
    assert replaced.arn.endswith(account_role.role_name(world.box.region))
    assert world.record().role_before == arn
    assert check_role(context, world.session, world.identity, planned) == ()
    world.take_back(world.session.begin())


def test_a_role_that_cannot_be_read_is_taken_as_it_is(world: World) -> None:
    def refuse(operation: str, _arguments: Any) -> None:
        if operation == "GetRole":
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)

    world.unset_role()
    set_role(world, GONE.replace("000000000000", world.identity.account_id))
    planned = changes(world, "orders", "staging")
    world.session.begin().before = refuse
    context = Context(Options(workspace=world.root, env=world.env), world.events.append)
    world.events.clear()
    assert check_role(context, world.session, world.identity, planned) == ()
    (note,) = (e for e in world.events if isinstance(e, Note))
    assert note.state is State.UNCHECKED
    world.session.begin()
    world.unset_role()


def test_http_apis_need_no_role(world: World) -> None:
    world.unset_role()
    set_role(world, OTHERS)
    context = Context(Options(workspace=world.root, env=world.env), world.events.append)
    http = next(
        s for s in world.inventory.stages if s.api.api_type.value == "HTTP" and s.changeable
    )
    planned, _ = switch.plan_changes(
        world.session, (http,), Answers(region=world.box.region, existing_logging="switch"),
        world.arn,
    )  # fmt: skip
    assert check_role(context, world.session, world.identity, planned) == ()
    world.unset_role()


# --- Resource policies ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("api", "policies", "more", "told"),
    [
        (("payments", "$default"), 10, {}, True),
        (("payments", "$default"), 3, {}, False),
        (("payments", "$default"), 10, {"vended_log_group": True}, False),
        (("payments", "$default"), 10, {"api_gateway_log_group_name": "/aws/vendedlogs/x"}, False),
        (("payments", "$default"), 10, {"api_gateway_log_group_name": "/mine"}, True),
        (("orders", "staging"), 10, {}, False),  # REST logs with the account's role
    ],
)
def test_resource_policies_without_room_are_told_before_anything_is_made(
    world: World, api: tuple[str, str], policies: int, more: dict[str, Any], told: bool
) -> None:
    logs = world.session.client("logs")
    call = logs._make_api_call

    def answered(operation: str, arguments: Any) -> Any:
        if operation == "DescribeResourcePolicies":
            held = [{"policyName": f"p{n}", "policyDocument": "{}"} for n in range(policies)]
            return {"resourcePolicies": held}
        return call(operation, arguments)

    answers = Answers(region=world.box.region, node_url="node:5050", **more)
    planned = changes(world, *api)
    logs._make_api_call = answered
    try:
        found = [text for text in check(world, answers, planned) if "resource policies" in text]
    finally:
        logs._make_api_call = call
    assert bool(found) is told
    assert all("`vended_log_group`" in text and "10 resource policies" in text for text in found)


def test_resource_policies_that_may_not_be_read_stop_nothing(world: World) -> None:
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "x")
    planned = changes(world, "payments", "$default")

    def refuse(operation: str, _arguments: Any) -> None:
        if operation == "DescribeResourcePolicies":
            raise denied

    world.session.begin().before = refuse
    answers = Answers(region=world.box.region, node_url="node:5050")
    assert check(world, answers, planned) == ()
    notes = [e for e in world.events if isinstance(e, Note)]
    assert [n.subject for n in notes] == ["Resource policies"]
    world.session.begin()
