"""Writes what would be applied into a folder for Git, instead of applying it.

The folder holds the Terraform module as it ships, the variables of these answers, the backend of a
shared state, the log settings of each chosen stage for its owner's template, and the policy to run
it with. It holds no secret: the token is stored in SSM by whoever applies it.

Or it holds a configuration that calls the module, which has no provider block then. A state that
exists moves there by `moved` blocks: one plan, with other addresses and without a change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError, WizardError
from wizard.core.events import State
from wizard.core.facts import Identity
from wizard.core.installation import Installation
from wizard.core.journal.record import Record
from wizard.core.permissions.documents import documents
from wizard.core.stages.change import StageChange
from wizard.core.stages.log_format import render_format
from wizard.core.stages.rules import chosen_stages
from wizard.core.state_place import LOCAL, StatePlace
from wizard.core.text import clean
from wizard.core.tfvars import own_tags, token_parameter_name, variables
from wizard.flows.context import Context
from wizard.flows.deployment.open import (
    identify,
    open_session,
    read_deployment,
    read_inventory,
)
from wizard.flows.deployment.ownership import describe_standing, read_ownership
from wizard.flows.stages import switch
from wizard.services.workspace.module import forwarder_package, module_files, terraform_module

PACKAGE, VARIABLES = "cw-resend-lambda.zip", "terraform.tfvars.json"
# Of the module that other configurations call: its folder, the file that stands in it for the root
# module's provider, and the name of the call.
CALLED, CALLER, PROVIDER, CALL = "connector", "caller.tf", "provider.tf", "wallarm"
_NOTHING_DONE = Record()
_MOVES = """
`moved.tf` takes what is deployed into the module's addresses: the first plan says for each resource
that it has moved, and 0 to add, to change and to destroy. Where the state is a file on the computer
of whoever deployed it, copy it here first (`terraform.tfstate` of the workspace that `wallarm-apigw
status` is about). Delete `moved.tf` once every state has moved. From then on the wizard leaves this
deployment to your configuration.
"""


def export_configuration(
    context: Context, answers: Answers, target: Path, *, as_module: bool = False
) -> tuple[str, ...]:
    """Write the folder; returns the files' names in it, sorted.

    Args:
        as_module: a configuration that calls the module, instead of the module with its variables.
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
    deployment = read_deployment(context, answers, session, identity, "export")
    owned = read_ownership(deployment)
    if told := describe_standing(owned, answers.name_prefix, identity.region):
        context.note(told, State.WARNING, answers.name_prefix)
    if answers.stages or answers.stage_rules:
        chosen = chosen_stages(read_inventory(context, session, identity), answers)
        changes, skipped = switch.plan_changes(
            session, chosen, answers, switch.future_log_group(deployment)
        )
        for stage, reason in skipped:
            context.note(f"left out: {reason}", State.SKIPPED, f"{stage.api.name} / {stage.name}")
    files = configuration(
        answers, identity, changes, deployment.journal.record, as_module=as_module
    )
    _write(target, files)
    return tuple(sorted(files))


def configuration(
    answers: Answers,
    identity: Identity,
    changes: tuple[StageChange, ...],
    record: Record = _NOTHING_DONE,
    *,
    as_module: bool = False,
) -> dict[str, bytes]:
    """Everything that is written, by name. `record` is of a deployment that exists."""
    files = exported_files(answers, identity, changes, record)
    module = {name: path.read_bytes() for name, path in module_files(terraform_module())}
    module[PACKAGE] = forwarder_package()
    if as_module:
        module = _called(module, json.loads(files.pop(VARIABLES)), record)
        if record.applied:
            files["README.md"] += _MOVES.encode()
    return files | module


def _called(
    module: Mapping[str, bytes], values: dict[str, object], record: Record
) -> dict[str, bytes]:
    """A configuration that calls the module, beside the module itself, by name."""
    inner = {name: data for name, data in module.items() if name not in (PROVIDER, PACKAGE)}
    inner[CALLER] = (terraform_module() / "modules" / CALLED / CALLER).read_bytes()
    region = values.pop("region")
    # Where the state has it: in another place it would be an update of the function.
    values["lambda_package"] = values["lambda_package"] or f"./{PACKAGE}"
    whole = {
        "terraform": {"required_version": ">= 1.1"},  # `moved` came with it
        "provider": {
            "aws": {"region": region, "default_tags": {"tags": _literal(own_tags(values))}}
        },
        "module": {CALL: {"source": f"./{CALLED}", **_literal(values)}},
        "output": {
            name: {"value": f"${{module.{CALL}.{name}}}"} for name in _named("output", inner)
        },
    }
    files = {f"{CALLED}/{name}": data for name, data in inner.items()}
    # A second time inside: the replay on a schedule is of this product's own code, always.
    files |= {
        "main.tf.json": _json(whole),
        **dict.fromkeys((PACKAGE, f"{CALLED}/{PACKAGE}"), module[PACKAGE]),
    }
    if record.applied:
        moved = [
            f"moved {{\n  from = {address}\n  to   = module.{CALL}.{address}\n}}\n"
            for address in _named("resource", inner)
        ]
        files["moved.tf"] = "\n".join(moved).encode()
    return files


def _literal(value: Any) -> Any:
    """The same as Terraform's JSON reads it: in a configuration, unlike in a file of variables,
    every text is a template."""
    if isinstance(value, dict):
        return {_literal(key): _literal(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_literal(item) for item in value]
    if isinstance(value, str):
        return value.replace("${", "$${").replace("%{", "%%{")
    return value


def _named(kind: str, files: Mapping[str, bytes]) -> list[str]:
    """What the blocks of a kind in these Terraform files are called: `NAME`, or `TYPE.NAME`."""
    pattern = re.compile(rf'^{kind} "(\w+)"(?: "(\w+)")?', re.MULTILINE)
    return sorted(
        ".".join(filter(None, found.groups()))
        for name, data in files.items()
        if name.endswith(".tf")
        for found in pattern.finditer(data.decode())
    )


def exported_files(
    answers: Answers,
    identity: Identity,
    changes: tuple[StageChange, ...],
    record: Record = _NOTHING_DONE,
) -> dict[str, bytes]:
    """What is written beside the module, by name. `record` is of a deployment that exists."""
    token = token_parameter_name(answers) if answers.deploys_node else ""
    kept = tuple(sorted({*record.kept_log_groups, *switch.kept_groups(changes)}))
    made = record.installation or Installation("")
    deployment_id = f"{identity.account_id}-{identity.region}-{answers.name_prefix}"
    values = variables(
        answers,
        token_parameter=token,
        further_log_groups=kept,
        deployment_id=deployment_id,
        installation_id=made.id,
        made_by=made.by,
        made_at=made.at,
    )
    files = {
        VARIABLES: _json(values),
        "answers.json": answers.to_json().encode(),
        "README.md": _readme(answers, identity, token, changes).encode(),
    }
    # As many as AWS's limit of a policy's size makes necessary, each to be taken as it is.
    policies = documents(answers, "deploy", identity.account_id, identity.partition)
    files |= {f"iam-policy-{n}.json": _json(one) for n, one in enumerate(policies, 1)}
    if answers.state_bucket not in ("", LOCAL):
        place = StatePlace(
            answers.state_bucket, identity.account_id, identity.region, answers.name_prefix
        )
        files["backend.tf.json"] = _json({"terraform": {"backend": {"s3": place.backend}}})
    for change in changes:
        # An API's name may be longer than a file's, and hold what no file's name can.
        name = f"{change.api_name[:100]}-{change.ref.stage[:64]}"
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")
        files[f"stages/{name or 'stage'}-{change.ref.api_id}.md"] = _stage(change).encode()
    return files


def _stage(change: StageChange) -> str:
    """One stage's page: what it logs to, in which format, and its owner's snippet."""
    log = change.after.access_log
    lines = [
        f"# {_plain(change.api_name)} / {change.ref.stage} ({change.ref})",
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
            f"For the template of {_plain(str(change.owner))}:",
            "",
            "```",
            change.snippet.rstrip(),
            "```",
        ]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Foreign text in a page of Markdown: one line, and nothing of it is markup."""
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", clean(text))


def _readme(
    answers: Answers, identity: Identity, token: str, changes: tuple[StageChange, ...]
) -> str:
    """How the folder is applied."""
    lines = [
        f"# Wallarm connector {answers.name_prefix}",
        "",
        f"For account {identity.account_id}, Region {identity.region}. The `iam-policy-*.json` are",
        "together the least that it can be applied with: attach all of them.",
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
