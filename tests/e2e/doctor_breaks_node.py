"""Breaks the way to the node, or the node, and gives the way back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping

from benchmarks.batches import batch
from tests.e2e.aws_override import Answer, Rewritten
from tests.e2e.doctor_breaks import Break, played
from tests.e2e.doctor_patient import Patient

DOMAIN = "patient.example.com"
NODE = f"node.{DOMAIN}"
SHOWN = "arn:aws:acm:us-east-1:123456789012:certificate/x"  # by the listener
DAY = 86400.0


def pretending(
    answers: Callable[[Patient], Mapping[str, Answer]] = lambda _: {},
    *,
    env: Mapping[str, str] | None = None,
    token: str = "",
    https: bool = False,
    given: str = "",
) -> Break:
    """Another environment or token, or a deployment whose node has a name and a certificate."""

    def break_it(patient: Patient) -> Callable[[], object]:
        patient.env.update(env or {})
        patient.token = token
        if https:
            patient.outputs_are = {"node_scheme": "https", "node_url": NODE}
            patient.answers_are = {"r53_domain_name": DOMAIN, "node_dns_name": "node",
                                   "certificate_arn": given}  # fmt: skip
        undo_answers = played(answers)(patient)

        def undo() -> None:
            undo_answers()
            patient.env.clear()
            patient.outputs_are, patient.answers_are, patient.token = {}, {}, ""

        return undo

    return break_it


def certificate(given: str = "", **changes: object) -> Break:
    """An HTTPS listener whose certificate is not as it should be; `given` is the user's own."""

    def answers(patient: Patient) -> Mapping[str, Answer]:
        held = {"Status": "ISSUED", "DomainName": NODE, "NotAfter": time.time() + 90 * DAY}
        return https_listener(patient) | {
            "acm.DescribeCertificate": {"Certificate": held | changes}
        }

    return pretending(answers, https=True, given=given)


def https_listener(patient: Patient) -> dict[str, Answer]:
    """A listener on 443 with a certificate."""
    listener = {
        "Port": 443,
        "Protocol": "HTTPS",
        "Certificates": [{"CertificateArn": SHOWN}],
        "DefaultActions": [{"Type": "forward", "TargetGroupArn": patient.outputs.target_group_arn}],
    }
    return {"elbv2.DescribeListeners": {"Listeners": [listener]}}


def record_leads_elsewhere(patient: Patient) -> Callable[[], object]:
    certified = certificate()(patient)
    client = patient.client("route53")
    zone = client.create_hosted_zone(Name=DOMAIN, CallerReference=str(time.time()))
    zone_id = zone["HostedZone"]["Id"]

    def change(action: str) -> None:
        record = {"Name": NODE, "Type": "CNAME", "TTL": 60,
                  "ResourceRecords": [{"Value": "old-balancer.example.net"}]}  # fmt: skip
        client.change_resource_record_sets(
            HostedZoneId=zone_id,
            ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": record}]},
        )

    change("CREATE")

    def undo() -> None:
        certified()
        change("DELETE")
        client.delete_hosted_zone(Id=zone_id)

    return undo


def rules_lost(between: str) -> Break:
    """The rules that refer to a security group refer to another one."""

    def answers(patient: Patient) -> Mapping[str, Answer]:
        groups = patient.client("ec2").describe_security_groups(
            Filters=[{"Name": "vpc-id", "Values": [patient.outputs.vpc_id]}]
        )["SecurityGroups"]
        (lost,) = (g["GroupId"] for g in groups if f"-{between}-" in g["GroupName"])
        return {
            "ec2.DescribeSecurityGroupRules": Rewritten(
                (f"<referencedGroupInfo><groupId>{lost}<", "<referencedGroupInfo><groupId>sg-0<")
            )
        }

    return played(answers)


def node_with(**behaviour: object) -> Break:
    """The stand-in node is set up like this, has started anew, and gets a batch from us."""

    def break_it(patient: Patient) -> Callable[[], object]:
        node = patient.deployed.box.node
        node.restart()
        node.behave(**behaviour)
        patient.client("lambda").invoke(
            FunctionName=patient.outputs.lambda_function_name,
            Payload=json.dumps(batch(20)).encode(),
        )

        def undo() -> None:
            node.behave()
            node.restart()

        return undo

    return break_it


def responses_missing(patient: Patient) -> Callable[[], object]:
    """Something before the node answers the second message in its place."""
    node = patient.deployed.box.node
    node.restart()
    node.behave(response_seconds=0)
    node.fail("status", status=200, contains="/p/", skip=1)
    patient.client("lambda").invoke(
        FunctionName=patient.outputs.lambda_function_name, Payload=json.dumps(batch(1)).encode()
    )
    node.fail("none")

    def undo() -> None:
        node.behave()
        node.restart()

    return undo


def node_fails(patient: Patient) -> Callable[[], object]:
    node = patient.deployed.box.node
    node.fail("status", status=503)
    return lambda: node.fail("none")
