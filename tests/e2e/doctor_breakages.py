"""Ways to break a deployment, each one with the check that must name it and the way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.e2e.doctor_patient import Patient

# Breaks something and gives the way back.
Break = Callable[[Patient], Callable[[], object]]


@dataclass(frozen=True)
class Breakage:
    """One row: `words` must stand in the evidence of `check_id`, which must be the first finding.

    Words in braces are outputs of the deployment. `fixable`: the product's own repair must heal it.
    """

    name: str
    check_id: str
    words: tuple[str, ...]
    break_it: Break
    fixable: bool = False
    verdict: str = "failed"

    def __str__(self) -> str:
        return self.name


def main_filter(patient: Patient) -> dict[str, Any]:
    """The subscription filter as it was deployed."""
    group = patient.outputs.api_gateway_log_group
    (found,) = patient.client("logs").describe_subscription_filters(logGroupName=group)[
        "subscriptionFilters"
    ]
    keys = ("logGroupName", "filterName", "filterPattern", "destinationArn")
    return {key: found.get(key, "") for key in keys}


def filter_deleted(patient: Patient) -> Callable[[], object]:
    held = main_filter(patient)
    logs = patient.client("logs")
    logs.delete_subscription_filter(
        logGroupName=held["logGroupName"], filterName=held["filterName"]
    )
    return lambda: logs.put_subscription_filter(**held)


def filter_with(**changes: str) -> Break:
    """The deployed filter, with another pattern or destination."""

    def break_it(patient: Patient) -> Callable[[], object]:
        held = main_filter(patient)
        logs = patient.client("logs")
        logs.put_subscription_filter(**held | changes)
        return lambda: logs.put_subscription_filter(**held)

    return break_it


def permission(**changes: str) -> Break:
    """The invoke permission taken away, or replaced by one that allows something else."""

    def break_it(patient: Patient) -> Callable[[], object]:
        client, name = patient.client("lambda"), patient.outputs.lambda_function_name
        identity, group = patient.scene.identity, patient.outputs.api_gateway_log_group
        arn = f"arn:aws:logs:{identity.region}:{identity.account_id}:log-group"
        held = {
            "FunctionName": name,
            "StatementId": "logs-" + MAIN_STATEMENT,
            "Action": "lambda:InvokeFunction",
            "Principal": f"logs.{identity.region}.amazonaws.com",
            "SourceArn": f"{arn}:{group}:*",
            "SourceAccount": identity.account_id,
        }
        client.remove_permission(FunctionName=name, StatementId=held["StatementId"])
        if changes:
            client.add_permission(**held | changes)

        def undo() -> None:
            if changes:
                client.remove_permission(FunctionName=name, StatementId=held["StatementId"])
            client.add_permission(**held)

        return undo

    return break_it


MAIN_STATEMENT = "b28b7af6"  # first 8 hex digits of SHA-1 of "main", as in the Terraform module
OTHER_FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:somebody-elses"
OTHER_GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:/somebody/elses:*"


def variable(name: str, value: str | None) -> Break:
    """An environment variable of the forwarder, changed or taken away."""

    def break_it(patient: Patient) -> Callable[[], object]:
        client, function = patient.client("lambda"), patient.outputs.lambda_function_name
        config = client.get_function_configuration(FunctionName=function)
        held = config["Environment"]["Variables"]
        changed = {k: v for k, v in held.items() if k != name}
        if value is not None:
            changed[name] = value

        def put(variables: Mapping[str, str]) -> None:
            client.update_function_configuration(
                FunctionName=function, Environment={"Variables": variables}
            )

        put(changed)
        return lambda: put(held)

    return break_it


LOGS_ROWS = (
    Breakage("filter deleted", "WAG-LOG-005", ("DescribeSubscriptionFilters", "found: none"),
             filter_deleted, fixable=True),
    Breakage("filter points at another function", "WAG-LOG-005",
             ("none points at {lambda_function_name}",),
             filter_with(destinationArn=OTHER_FUNCTION), fixable=True),
    Breakage("filter pattern matches nothing", "WAG-LOG-006", ("matches-nothing",),
             filter_with(filterPattern='"matches-nothing"'), fixable=True),
    Breakage("permission removed", "WAG-LOG-004", ("GetPolicy", "{api_gateway_log_group}"),
             permission(), fixable=True),
    Breakage("permission for another account", "WAG-LOG-004", ("GetPolicy",),
             permission(SourceAccount="210987654321"), fixable=True),
    Breakage("permission for another log group", "WAG-LOG-004", ("GetPolicy",),
             permission(SourceArn=OTHER_GROUP), fixable=True),
)  # fmt: skip

DISCOVERY_ROWS = (
    Breakage("application id changed", "WAG-API-001", ("X_WALLARM_APPLICATION_ID is 7",),
             variable("X_WALLARM_APPLICATION_ID", "7"), fixable=True),
    Breakage("node URL changed", "WAG-API-001", ("X_NODE_URL is old.example.com",),
             variable("X_NODE_URL", "old.example.com"), fixable=True),
    Breakage("node scheme taken away", "WAG-API-001", ("X_NODE_SCHEME is not set",),
             variable("X_NODE_SCHEME", None), fixable=True),
)  # fmt: skip

BREAKAGES = LOGS_ROWS + DISCOVERY_ROWS
