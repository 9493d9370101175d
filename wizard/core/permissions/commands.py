"""What the shorter commands need, asked of IAM before they change anything.

Each is a part of the policy for deploying, on the resources that this command touches and no
others. What it has read by the time it asks is left out: reading has shown that it may.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from wizard.core.permissions.connector import FORWARDER, STAGES, STATE
from wizard.core.permissions.grants import DEPLOY, Grant, Scope, own_node

ADD, SUBSCRIBE, ROTATE, REDRIVE = "stages add", "stages add, log groups", "rotate-token", "redrive"

_BY_SID = {grant.sid: grant for grant in (*STAGES, *FORWARDER, *STATE)}
_FUNCTION = ("arn:{p}:lambda:{r}:{a}:function:wallarm-cw-resend-*",)


def _also(*sids: str) -> tuple[Grant, ...]:
    """Needed by this command under circumstances of the account or of a stage."""
    return tuple(replace(_BY_SID[sid], sometimes=True) for sid in sids)


def _always(*sids: str) -> tuple[Grant, ...]:
    """Needed by this command every time."""
    return tuple(replace(_BY_SID[sid], sometimes=False) for sid in sids)


def _further_log_groups(scope: Scope) -> tuple[str, ...]:
    names = ("*",) if scope.log_groups is None else scope.log_groups
    return tuple("arn:{p}:logs:{r}:{a}:log-group:" + name for name in names)


_STATE = _always("WriteState")
_ADD = (
    *_always("ChangeStages"),
    *_also(
        "SetGatewayRole",
        "MakeGatewayRole",
        "TagGatewayRole",
        "EquipGatewayRole",
        "PassGatewayRole",
        "LetLogsBeDelivered",
        "MakeLogDeliveries",
    ),
    *_STATE,
)

FLOWS: Mapping[str, tuple[Grant, ...]] = {
    ADD: _ADD,
    SUBSCRIBE: (
        *_ADD,
        Grant(
            "SubscribeToMore",
            ("logs:PutSubscriptionFilter",),
            _further_log_groups,
            "Send a further log group's events to the forwarder.",
            (DEPLOY,),
        ),
        Grant(
            "LetMoreInvoke",
            ("lambda:AddPermission",),
            _FUNCTION,
            "Let that log group call it.",
            (DEPLOY,),
        ),
    ),
    ROTATE: (
        *_always("StoreToken", "EncryptToken", "TagToken"),
        Grant(
            "RestartNode",
            ("ecs:UpdateService",),
            ("arn:{p}:ecs:{r}:{a}:service/{n}-*",),
            "Start the node's tasks anew, with the new token.",
            (DEPLOY,),
            own_node,
        ),
        *_STATE,
    ),
    REDRIVE: (
        *_always("ReplayUndelivered"),
        Grant(
            "ReplayThroughForwarder",
            ("lambda:InvokeFunction",),
            _FUNCTION,
            "Hand it the kept events.",
            (DEPLOY,),
        ),
        *_STATE,
    ),
}
