"""Breaks a connected stage, or the account's CloudWatch role, and gives the way back."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace

from tests.e2e.doctor_breaks import Break
from tests.e2e.doctor_patient import Patient
from wizard.core.journal.record import StageRecord
from wizard.services.workspace.module import forwarder_package


def stages_of(patient: Patient, kind: str) -> list[StageRecord]:
    """The connected stages of an API type that log to the connector's own group."""
    return [
        held
        for held in patient.exam.record.stages.values()
        if held.api_type == kind and held.mode == "ours"
    ]


def rest_stage(*patches: tuple[str, str, str]) -> Break:
    """A connected REST stage whose owner changed `accessLogSettings/...`: (op, field, value)."""

    def break_it(patient: Patient) -> Callable[[], object]:
        held = stages_of(patient, "REST")[0]
        client = patient.client("apigateway")

        def patch(operations: list[dict[str, str]]) -> None:
            client.update_stage(
                restApiId=held.ref.api_id, stageName=held.ref.stage, patchOperations=operations
            )

        patch([
            {"op": op, "path": f"/accessLogSettings{field}"} | ({"value": value} if value else {})
            for op, field, value in patches
        ])  # fmt: skip
        log = held.after.access_log
        return lambda: patch([
            {"op": "replace", "path": "/accessLogSettings/destinationArn",
             "value": log.destination_arn},
            {"op": "replace", "path": "/accessLogSettings/format", "value": log.format},
        ])  # fmt: skip

    return break_it


def rest_format(old: str, new: str) -> Break:
    """A connected REST stage in whose format something was replaced."""

    def break_it(patient: Patient) -> Callable[[], object]:
        log_format = stages_of(patient, "REST")[0].after.access_log.format
        return rest_stage(("replace", "/format", log_format.replace(old, new)))(patient)

    return break_it


def http_stage(**settings: str) -> Break:
    """A connected HTTP stage whose owner changed its log, or switched it off."""

    def break_it(patient: Patient) -> Callable[[], object]:
        held = stages_of(patient, "HTTP")[0]
        client, log = patient.client("apigatewayv2"), held.after.access_log
        stage = {"ApiId": held.ref.api_id, "StageName": held.ref.stage}
        whole = {"DestinationArn": log.destination_arn, "Format": log.format}
        if settings:
            client.update_stage(**stage, AccessLogSettings=whole | settings)
        else:
            client.delete_access_log_settings(**stage)
        return lambda: client.update_stage(**stage, AccessLogSettings=whole)

    return break_it


def account_role_unset(patient: Patient) -> Callable[[], object]:
    client = patient.client("apigateway")
    arn = client.get_account()["cloudwatchRoleArn"]

    def put(value: str) -> None:
        operation = {"op": "replace", "path": "/cloudwatchRoleArn", "value": value}
        client.update_account(patchOperations=[operation])

    put("")
    return lambda: put(arn)


def account_role_name(patient: Patient) -> str:
    """The name of the role API Gateway writes logs with."""
    arn: str = patient.client("apigateway").get_account()["cloudwatchRoleArn"]
    return arn.rpartition("/")[2]


def account_role_deleted(patient: Patient) -> Callable[[], object]:
    iam, name = patient.client("iam"), account_role_name(patient)
    role = iam.get_role(RoleName=name)["Role"]
    policies = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    for policy in policies:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName=name)

    def undo() -> None:
        iam.create_role(
            RoleName=name,
            Path=role["Path"],
            AssumeRolePolicyDocument=json.dumps(role["AssumeRolePolicyDocument"]),
            Description=role.get("Description", ""),
            Tags=role.get("Tags", []),
        )
        for policy in policies:
            iam.attach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])

    return undo


def account_role_without_rights(patient: Patient) -> Callable[[], object]:
    iam, name = patient.client("iam"), account_role_name(patient)
    held = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    for policy in held:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])

    def undo() -> None:
        for policy in held:
            iam.attach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])

    return undo


def account_role_trusts_another(patient: Patient) -> Callable[[], object]:
    iam, name = patient.client("iam"), account_role_name(patient)
    held = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    other = json.dumps(held).replace("apigateway.amazonaws.com", "ec2.amazonaws.com")

    iam.update_assume_role_policy(RoleName=name, PolicyDocument=other)
    return lambda: iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(held))


def connected_long_ago(patient: Patient) -> Callable[[], object]:
    """All stages were connected a month ago: the WebSocket ones, to which nothing is sent, log as
    little as then.
    """
    held = patient.exam.record
    stages = {ref: replace(one, since="2026-01-01T00:00:00Z") for ref, one in held.stages.items()}
    patient.exam.record = replace(held, stages=stages)

    def undo() -> None:
        patient.exam.record = held

    return undo


def forwarder_of_another_version(patient: Patient) -> Callable[[], object]:
    """Its own code, but for the version in it."""
    lambdas, name = patient.client("lambda"), patient.outputs.lambda_function_name
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(forwarder_package())) as ours, zipfile.ZipFile(held, "w") as it:
        for entry in ours.namelist():
            code = ours.read(entry)
            it.writestr(entry, re.sub(rb'VERSION = ".*"', b'VERSION = "0.0.9"', code))
    lambdas.update_function_code(FunctionName=name, ZipFile=held.getvalue())
    return lambda: lambdas.update_function_code(FunctionName=name, ZipFile=forwarder_package())
