"""Writes what would be applied into a folder for Git, instead of applying it.

The folder holds the Terraform module as it ships, the variables of these answers, the backend of a
shared state, the log settings of each chosen stage for its owner's template, and the policy to run
it with. It holds no secret: the token is stored in SSM by whoever applies it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError, WizardError
from wizard.core.events import Phase, State
from wizard.core.facts import Identity
from wizard.core.permissions.documents import render
from wizard.core.stages.change import StageChange
from wizard.core.stages.log_format import render_format
from wizard.core.stages.selection import chosen_stages
from wizard.core.state_place import LOCAL, StatePlace
from wizard.core.tfvars import token_parameter_name, variables
from wizard.flows.context import Context
from wizard.flows.deployment.open import identify, open_session, read_deployment
from wizard.flows.deployment.ownership import describe_standing, read_ownership
from wizard.flows.stages import switch
from wizard.services.aws.discovery import discover
from wizard.services.workspace.module import forwarder_package, module_files, terraform_module

PACKAGE = "cw-resend-lambda.zip"


def export_configuration(context: Context, answers: Answers, target: Path) -> tuple[str, ...]:
    """Write the folder; returns the files' names in it, sorted.

    Raises UsageError WAG-E-EXPORT-001 where the folder holds something already: nothing is ever
    overwritten.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(
            "WAG-E-EXPORT-001",
            f"{target} holds something already",
            why="An export never overwrites what is there.",
            next_step="Name a new folder, or empty this one first.",
        )
    session = open_session(context, answers)
    identity = identify(session, answers)
    changes: tuple[StageChange, ...] = ()
    if answers.stages or answers.stage_rules:
        deployment = read_deployment(context, answers, session, identity, "export")
        owned = read_ownership(deployment)
        if told := describe_standing(owned, answers.name_prefix, identity.region):
            context.note(told, State.WARNING, answers.name_prefix)
        with context.phase(Phase.DISCOVER, f"Reading the APIs of {identity.region}"):
            chosen = chosen_stages(discover(session, identity), answers)
        changes, skipped = switch.plan(
            session, chosen, answers, switch.future_log_group(deployment)
        )
        for stage, reason in skipped:
            context.note(f"left out: {reason}", State.SKIPPED, f"{stage.api.name} / {stage.name}")
    files = exported_files(answers, identity, changes)
    for name, path in module_files(terraform_module()):
        files[name] = path.read_bytes()
    files[PACKAGE] = forwarder_package()
    _write(target, files)
    return tuple(sorted(files))


def exported_files(
    answers: Answers, identity: Identity, changes: tuple[StageChange, ...]
) -> dict[str, bytes]:
    """What is written beside the module, by name."""
    token = token_parameter_name(answers) if answers.deploys_node else ""
    kept = switch.kept_groups(changes)
    deployment_id = f"{identity.account_id}-{identity.region}-{answers.name_prefix}"
    values = variables(
        answers,
        token_parameter=token,
        further_log_groups=kept,
        deployment_id=deployment_id,
    )
    files = {
        "terraform.tfvars.json": _json(values),
        "iam-policy.json": render(answers, "deploy", "json", identity.account_id).encode(),
        "answers.json": answers.to_json().encode(),
        "README.md": _readme(answers, identity, token, changes).encode(),
    }
    if answers.state_bucket not in ("", LOCAL):
        place = StatePlace(
            answers.state_bucket, identity.account_id, identity.region, answers.name_prefix
        )
        files["backend.tf.json"] = _json({"terraform": {"backend": {"s3": place.backend}}})
    for change in changes:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{change.api_name}-{change.ref.stage}").strip("-.")
        files[f"stages/{name or 'stage'}-{change.ref.api_id}.md"] = _stage(change).encode()
    return files


def _stage(change: StageChange) -> str:
    """One stage's page: what it logs to, in which format, and its owner's snippet."""
    log = change.after.access_log
    lines = [
        f"# {change.api_name} / {change.ref.stage} ({change.ref})",
        "",
        f"- Destination: `{log.destination_arn}`",
        f"- Execution log level: {change.after.logging_level or 'as it is'}",
        "",
        "```json",
        log.format or render_format(change.api_type),
        "```",
    ]
    if change.snippet:
        lines += [
            "",
            f"For the template of {change.owner}:",
            "",
            "```",
            change.snippet.rstrip(),
            "```",
        ]
    return "\n".join(lines) + "\n"


def _readme(
    answers: Answers, identity: Identity, token: str, changes: tuple[StageChange, ...]
) -> str:
    """How the folder is applied."""
    lines = [
        f"# Wallarm connector {answers.name_prefix}",
        "",
        f"For account {identity.account_id}, Region {identity.region}. `iam-policy.json` is the",
        "least policy to apply it with.",
        "",
        "```sh",
    ]
    if token:
        lines += [
            "# The Wallarm token, read from standard input so that no command line holds it:",
            f"aws ssm put-parameter --region {identity.region} --type SecureString \\",
            f"  --name {token} --value file:///dev/stdin",
        ]
    lines += ["terraform init", "terraform plan", "terraform apply", "```"]
    if changes:
        lines += [
            "",
            "The access logs of the stages are their owners': `stages/` has the settings of each.",
            "The log group's name is what the first apply prints as `api_gateway_log_group`.",
        ]
    return "\n".join(lines) + "\n"


def _json(data: Mapping[str, object]) -> bytes:
    return (json.dumps(dict(data), indent=2, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _write(target: Path, files: Mapping[str, bytes]) -> None:
    """Files for Git are for colleagues: written with the rights that this user gives new files."""
    try:
        for name, data in sorted(files.items()):
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    except OSError as error:
        raise WizardError(
            "WAG-E-EXPORT-002",
            f"The export could not be written to {target}",
            why=error.strerror or str(error),
            next_step="Free space or name another folder; nothing in the account was changed.",
        ) from error
