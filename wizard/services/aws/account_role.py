"""The CloudWatch role of API Gateway: one per account and Region, shared by every REST and
WebSocket API there.

It is created and set only where none is set, and never unset by itself: without it every API of
the Region stops logging. Infrastructure code that owns this setting resets it on destroy, which is
why it is not part of the Terraform module.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from wizard.core.account_state import GATEWAY, GatewayRole, RoleState, judge_role, trusts
from wizard.core.errors import WizardError
from wizard.core.facts import Identity
from wizard.services.aws.errors import (
    code_of,
    explain,
    explained,
    message_of,
    never_sent,
    no_answer,
)

if TYPE_CHECKING:
    from wizard.services.aws.session import Session

ROLE_PREFIX = "wallarm-apigw-cloudwatch-"
POLICY = "service-role/AmazonAPIGatewayPushToCloudWatchLogs"
UPDATE_SECONDS = 20.0  # quota: UpdateAccount once in 20 seconds
# A new role is usually assumable within 10-20 seconds; AWS gives no upper bound (unverified).
PROPAGATION_SECONDS = 180.0
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": GATEWAY},
            "Action": "sts:AssumeRole",
        }
    ],
}


def role_name(region: str) -> str:
    """IAM is global and the setting is per Region, so each Region has a role of its own."""
    return f"{ROLE_PREFIX}{region}"


def read_role_arn(session: Session) -> str:
    """ARN of the role that is set; empty when none is."""
    with explained("Reading API Gateway's account settings", session.login_profile):
        return str(session.client("apigateway").get_account().get("cloudwatchRoleArn") or "")


def inspect_role(session: Session, identity: Identity) -> GatewayRole:
    """The role that is set, as API Gateway will find it: it may be gone, of another account, or
    trust somebody else; nothing tells that before a stage is changed, and then wrongly.

    What IAM does not let this principal read is `UNCHECKED`, with its words.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    arn = read_role_arn(session)
    judged = judge_role(arn, identity.account_id, {})
    if judged.state in (RoleState.UNSET, RoleState.FOREIGN):
        return judged
    try:
        role = session.client("iam").get_role(RoleName=arn.rpartition("/")[2])["Role"]
        trust: Any = role.get("AssumeRolePolicyDocument") or {}
    except (BotoCoreError, ClientError) as error:
        if code_of(error) != "NoSuchEntity":
            return GatewayRole(arn, RoleState.UNCHECKED, message_of(error))
        trust = None
    return judge_role(arn, identity.account_id, trust)


def create_role(
    session: Session,
    identity: Identity,
    *,
    tags: Mapping[str, str] | None = None,
    permissions_boundary: str = "",
    path: str = "/",
) -> tuple[str, bool]:
    """Make sure the role exists; returns its ARN and whether it was created just now.

    A role of that name that trusts somebody else is refused: it is not ours to change.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    iam = session.client("iam")
    name = role_name(identity.region)
    created = False
    try:
        arn = _existing(iam, name)
        if not arn:
            extra: dict[str, Any] = {}
            if permissions_boundary:
                extra["PermissionsBoundary"] = permissions_boundary
            if tags:
                extra["Tags"] = [{"Key": k, "Value": v} for k, v in tags.items()]
            arn = iam.create_role(
                RoleName=name,
                Path=path,
                AssumeRolePolicyDocument=json.dumps(_TRUST),
                Description="Lets API Gateway write logs to CloudWatch Logs",
                **extra,
            )["Role"]["Arn"]
            created = True
        iam.attach_role_policy(
            RoleName=name, PolicyArn=f"arn:{identity.partition}:iam::aws:policy/{POLICY}"
        )
    except (BotoCoreError, ClientError) as error:
        raise explain(error, f"Creating the role {name}", session.login_profile) from error
    return arn, created


def set_role_arn(
    session: Session,
    arn: str,
    *,
    instead_of: str = "",
    on_wait: Callable[[float, str], None] | None = None,
    cancel: threading.Event | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Set the account's role, waiting for a new one to become assumable.

    Args:
        instead_of: the role that may be set now; any other one is left alone.
        on_wait: told before each wait: the seconds, and what AWS said.
        cancel: set it to give up; nothing is set then.
    Raises WizardError: WAG-E-ROLE-001 when another role is set (it is left alone), 002 when AWS
    refuses the role until the end, 003 when given up, 005 when the connection broke and nothing was
    set, 006 with `in_doubt` when that could not be found out.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    current = read_role_arn(session)
    if current == arn:
        return
    if current and current != instead_of:
        raise WizardError(
            "WAG-E-ROLE-001",
            "API Gateway's CloudWatch role is set already; it is left alone",
            why=f"It is {current}.",
            next_step="If logs do not appear, check that this role may write to CloudWatch Logs.",
        )
    client = session.client("apigateway")
    deadline = clock() + PROPAGATION_SECONDS
    while True:
        try:
            client.update_account(
                patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": arn}]
            )
            return
        except (BotoCoreError, ClientError) as error:
            if no_answer(error) and not never_sent(error):
                _after_silence(session, arn, error)
                return
            if not _may_come_right(error):
                raise explain(
                    error, "Setting API Gateway's CloudWatch role", session.login_profile
                ) from (error)
            words = message_of(error)
            if clock() + UPDATE_SECONDS > deadline:
                raise WizardError(
                    "WAG-E-ROLE-002",
                    "API Gateway does not accept the new CloudWatch role",
                    why=words,
                    next_step="Wait a few minutes and run the same command again. If it stays so, "
                    "a policy of the organisation may forbid the role: ask whoever owns it.",
                ) from error
        if on_wait:
            on_wait(UPDATE_SECONDS, words)
        _wait(UPDATE_SECONDS, cancel, clock, sleep)
        if cancel is not None and cancel.is_set():
            raise WizardError(
                "WAG-E-ROLE-003",
                "Waiting for API Gateway to accept the CloudWatch role was given up",
                why=words,
                next_step="Run the same command again; it goes on from here.",
            )


def delete_role(session: Session, identity: Identity) -> bool:
    """Delete the role this program created, unless the account uses it; whether it is gone.

    The account's setting itself is never touched.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    name = role_name(identity.region)
    if read_role_arn(session).rpartition("/")[2] == name:
        return False
    iam = session.client("iam")
    try:
        if not _existing(iam, name):
            return True
        iam.detach_role_policy(
            RoleName=name, PolicyArn=f"arn:{identity.partition}:iam::aws:policy/{POLICY}"
        )
        iam.delete_role(RoleName=name)
    except (BotoCoreError, ClientError) as error:
        if code_of(error) == "NoSuchEntity":
            return True
        raise explain(error, f"Deleting the role {name}", session.login_profile) from error
    return True


def _existing(iam: Any, name: str) -> str:
    from botocore.exceptions import ClientError

    try:
        role = iam.get_role(RoleName=name)["Role"]
    except ClientError as error:
        if code_of(error) == "NoSuchEntity":
            return ""
        raise
    if not trusts(role.get("AssumeRolePolicyDocument") or {}, GATEWAY):
        raise WizardError(
            "WAG-E-ROLE-004",
            f"A role {name} exists already and does not trust API Gateway; it is left alone",
            next_step="Rename or remove that role, or set API Gateway's CloudWatch role yourself.",
        )
    return str(role["Arn"])


def _after_silence(session: Session, arn: str, error: Exception) -> None:
    """The request was sent and nothing came back: ask what is set now."""
    try:
        current = read_role_arn(session)
    except WizardError as second:
        raise WizardError(
            "WAG-E-ROLE-006",
            "The connection broke; whether API Gateway's CloudWatch role was set is not known",
            why=f"{message_of(error)}; then: {second.why or second.what}",
            next_step="Run the same command again when AWS can be reached; it looks first.",
            in_doubt=True,
        ) from error
    if current != arn:
        raise WizardError(
            "WAG-E-ROLE-005",
            "The connection broke; API Gateway's CloudWatch role was not set",
            why=message_of(error),
            next_step="Run the same command again.",
        ) from error


def _may_come_right(error: Exception) -> bool:
    """A new role is refused until IAM has spread it; throttling passes too."""
    code = code_of(error)
    if code in ("TooManyRequestsException", "LimitExceededException", "ConflictException"):
        return True
    return code == "BadRequestException" and "role" in message_of(error).lower()


def _wait(
    seconds: float,
    cancel: threading.Event | None,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    end = clock() + seconds
    while clock() < end and not (cancel is not None and cancel.is_set()):
        sleep(min(0.5, max(0.0, end - clock())))
