"""Stores a new Wallarm token and restarts the node's tasks, and nothing else."""

from __future__ import annotations

from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError
from wizard.core.events import Phase
from wizard.core.permissions.commands import ROTATE
from wizard.core.secret import Secret
from wizard.flows import token as token_in_ssm
from wizard.flows.context import Context
from wizard.flows.deployment.model import Deployment, identify, open_session
from wizard.flows.permissions import ask_first
from wizard.services.aws.errors import explained


def needed(token: Secret | None) -> Secret:
    """The new token. Raises UsageError where there is none."""
    if not token:
        raise UsageError(
            "WAG-E-TOKEN-001",
            "The new Wallarm token is missing",
            next_step="Set WALLARM_API_TOKEN or use --token-file.",
            keys=("WALLARM_API_TOKEN",),
        )
    return token


def rotate(context: Context, answers: Answers, token: Secret | None) -> None:
    """Put the token into SSM and force a new deployment of the ECS service.

    Raises UsageError without a token or without a node of our own, WizardError when AWS refuses, or
    would: that is asked before anything is changed.
    """
    token = needed(token)
    session = open_session(context, answers)
    identity = identify(session, answers)
    with Deployment(context, answers, session, identity, "rotate-token") as deployment:
        name = deployment.token_parameter
        if not name:
            raise UsageError(
                "WAG-E-TOKEN-003",
                "This deployment uses a node of your own; it has no token here",
                next_step="Give the new token to that node.",
            )
        outputs = deployment.outputs()
        ask_first(deployment, answers, ROTATE)
        token_in_ssm.store(deployment, token)
        context.note("stored", subject=name)
        with (
            context.phase(Phase.DEPLOY, "Restarting the node with the new token", "2m – 4m"),
            deployment.journal.effect("node.restart", outputs.ecs_service),
            explained("Restarting the node's tasks", session.profile),
        ):
            session.client("ecs").update_service(
                cluster=outputs.ecs_cluster, service=outputs.ecs_service, forceNewDeployment=True
            )
        context.note("ECS replaces the tasks one by one; follow it with `wallarm-apigw status`")
