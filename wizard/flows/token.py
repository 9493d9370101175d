"""The Wallarm token of a node of ours: kept in SSM as a SecureString, under the right key."""

from __future__ import annotations

from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError
from wizard.core.events import Phase
from wizard.core.journal import record
from wizard.core.permissions.commands import ROTATE
from wizard.core.secret import Secret
from wizard.core.tfvars import token_parameter_name
from wizard.flows.context import Context
from wizard.flows.deployment.model import Deployment
from wizard.flows.deployment.open import identify, open_deployment, open_session
from wizard.flows.deployment.ownership import require_own
from wizard.flows.permissions import ask_first
from wizard.services.aws import token_parameter
from wizard.services.aws.errors import explained
from wizard.services.aws.session import Session


def require_token(session: Session, answers: Answers, token: Secret | None) -> None:
    """A node needs a token: given now, or stored by an earlier run.

    Raises UsageError WAG-E-TOKEN-001 when there is none, 006 when it is under another key.
    """
    if not answers.deploys_node or token:
        return
    name = token_parameter_name(answers)
    held_by = token_parameter.key_of(session.client("ssm"), name)
    if held_by is not None:
        _same_key(name, held_by, answers.wallarm_api_token_kms_key_arn)
    else:
        raise UsageError(
            "WAG-E-TOKEN-001",
            "The Wallarm token is missing",
            next_step="Set WALLARM_API_TOKEN or use --token-file. Create one in Wallarm "
            "Console, Settings, API tokens, with usage type Node deployment.",
            keys=("WALLARM_API_TOKEN",),
        )


def store_token(deployment: Deployment, token: Secret) -> None:
    """Put it under the name that Terraform is told, recorded."""
    answers, name = deployment.answers, deployment.token_parameter
    with deployment.journal.effect(record.TOKEN_STORE, name):
        token_parameter.store_token(
            deployment.session.client("ssm"),
            name,
            token,
            tags=answers.tags,
            key=answers.wallarm_api_token_kms_key_arn,
        )


def delete_token(deployment: Deployment, name: str) -> None:
    """Take it away, recorded: no node of this deployment reads it any more."""
    with deployment.journal.effect(record.TOKEN_DELETE, name):
        token_parameter.delete_token(deployment.session.client("ssm"), name)


def _same_key(parameter: str, held_by: str, wanted: str) -> None:
    """A stored token under another key is one that the node's task could not read."""
    other = held_by != wanted if wanted else held_by.startswith("arn:")
    if other:
        raise UsageError(
            "WAG-E-TOKEN-006",
            "The stored Wallarm token is encrypted with another KMS key",
            why=f"{parameter} is encrypted with {held_by}; the answers say "
            f"{wanted or 'the key that AWS manages for SSM'}.",
            next_step="Give the token again (WALLARM_API_TOKEN or --token-file), so that it can be "
            "stored with the right key, or correct wallarm_api_token_kms_key_arn. "
            "Nothing was changed.",
            keys=("WALLARM_API_TOKEN", "wallarm_api_token_kms_key_arn"),
        )


def require_new_token(token: Secret | None) -> Secret:
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
    token = require_new_token(token)
    session = open_session(context, answers)
    identity = identify(session, answers)
    with open_deployment(context, answers, session, identity, "rotate-token") as deployment:
        name = deployment.token_parameter
        if not name:
            raise UsageError(
                "WAG-E-TOKEN-003",
                "This deployment uses a node of your own; it has no token here",
                next_step="Give the new token to that node.",
            )
        require_own(deployment)
        outputs = deployment.outputs()
        ask_first(deployment, answers, ROTATE)
        store_token(deployment, token)
        context.note("stored", subject=name)
        with (
            context.phase(Phase.DEPLOY, "Restarting the node with the new token", "2m – 4m"),
            deployment.journal.effect("node.restart", outputs.ecs_service),
            explained("Restarting the node's tasks", session.login_profile),
        ):
            session.client("ecs").update_service(
                cluster=outputs.ecs_cluster, service=outputs.ecs_service, forceNewDeployment=True
            )
        context.note("ECS replaces the tasks one by one; follow it with `wallarm-apigw status`")
