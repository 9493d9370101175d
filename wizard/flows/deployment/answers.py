"""The answers of a deployment, wherever its last run took place."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.core import migrations
from wizard.core.answers.model import SCHEMA_VERSION, Answers
from wizard.core.answers.parse import build_answers
from wizard.core.errors import WizardError
from wizard.core.state_place import LOCAL, StatePlace, backend_bucket
from wizard.flows.deployment.find import found_deployments
from wizard.services import files
from wizard.services.files import write_private
from wizard.services.workspace.workspace import Workspace, WorkspaceId, read_backend

if TYPE_CHECKING:
    from wizard.core.facts import Identity
    from wizard.core.known_deployment import KnownDeployment
    from wizard.flows.context import Options
    from wizard.flows.deployment.model import Deployment
    from wizard.flows.deployment.places import Folder
    from wizard.services.aws.session import Session


UNREADABLE = "WAG-E-ANSWERS-005"


def current_answers(
    options: Options,
    wanted: Mapping[str, Any],
    name_prefix: str,
    ask_code: Callable[[str], str] | None = None,
    tell: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """The answers of the last run, wherever it took place; empty when there was none.

    They come from where the deployment is opened, see `places.locate`.

    Args:
        wanted: `region`, `profile`, `role_arn` and `state_bucket` as far as they were given.
        ask_code: asks for the one-time code of a profile with MFA.
        tell: gets a sentence where the user's credential helper takes its time.
    Where AWS cannot be asked, what this machine knows counts: the flow that follows asks AWS too,
    and tells what is wrong with it.
    """
    from wizard.flows.deployment import places  # boto3 takes a moment to load
    from wizard.services.aws.session import Session

    here = saved_answers(options, wanted, name_prefix)
    region = str(here.get("region") or wanted.get("region") or Answers().region)
    profile = str(wanted.get("profile") or here.get("profile") or "")
    role = str(wanted.get("role_arn") or here.get("role_arn") or "")
    given = str(wanted.get("state_bucket") or "")
    known = _bucket_here(options, region, name_prefix)
    if not known and (given == LOCAL or (here and _holds_something(options, region, name_prefix))):
        return here
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return ask_code(prompt) if ask_code else ""

    try:
        session = Session(
            profile, region, options.env, ask if ask_code else None, role_arn=role, tell=tell
        )
        identity = session.identity()
        there = shared_answers(options, session, identity, name_prefix, given)
    except WizardError as error:
        # The flow that follows would ask for a code a second time. What lies in the bucket counts:
        # older answers of this computer must not quietly take its place.
        if asked or known or error.code in places.STOPPING:
            raise
        return here
    return {**there, "profile": profile} if there else here


def shared_answers(
    options: Options, session: Session, identity: Identity, name_prefix: str, given: str = ""
) -> dict[str, Any]:
    """The answers in the bucket from which this computer carries on; empty where in none.

    Args:
        given: the answer `state_bucket`, as far as it was given.
    Raises WizardError where the bucket cannot be read.
    """
    from wizard.flows.deployment import places
    from wizard.services.workspace.s3_state import StateStore

    folder = _folder(options, identity, name_prefix)
    further = "" if given == LOCAL else given
    bucket = places.locate(session, identity, name_prefix, folder, further).bucket
    if not bucket:
        return {}
    place = StatePlace(bucket, identity.account_id, identity.region, name_prefix)
    found = StateStore(session, place).saved_answers()
    return {**found, "state_bucket": bucket} if found else {}


def _folder(options: Options, identity: Identity, name_prefix: str) -> Folder:
    """What this computer's folder of this deployment knows; that of a new one where it has none."""
    from wizard.flows.deployment.places import Folder, folder_of
    from wizard.services.workspace.journal import Journal

    wanted = WorkspaceId(identity.account_id, identity.region, name_prefix)
    for known in found_deployments(options):
        place = WorkspaceId(known.account_id, known.region, known.name_prefix)
        if known.root and place == wanted:
            workspace = Workspace(known.root, wanted)
            return folder_of(workspace, Journal(workspace.journal_file))
    return Folder()


def _bucket_here(options: Options, region: str, name_prefix: str) -> str:
    for found in found_deployments(options):
        if found.root and (found.region, found.name_prefix) == (region, name_prefix):
            return backend_bucket(read_backend(found.root))
    return ""


def _holds_something(options: Options, region: str, name_prefix: str) -> bool:
    """Whether a folder here holds a deployment, or a state that cannot be read."""
    return any(
        found.resources != 0
        for found in found_deployments(options)
        if (found.region, found.name_prefix) == (region, name_prefix)
    )


_DRAFT = "draft-answers.json"


def draft_file(options: Options) -> Path:
    """Where answers are kept until the first deployment: they may be unfinished."""
    from wizard.services.workspace.workspace import data_dir

    return (options.workspace or data_dir()) / _DRAFT


def save_draft(options: Options, answers: Answers) -> Path:
    """Keep unfinished answers, 0600."""
    from wizard.services.files import private_dir

    path = draft_file(options)
    private_dir(path.parent)
    keep_answers(path, answers)
    return path


def load_draft(options: Options) -> dict[str, object]:
    """Unfinished answers of an earlier start; empty where there are none or they are unreadable."""
    path = draft_file(options)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return migrations.migrate_answers(data, str(path)) if isinstance(data, dict) else {}
    except (OSError, ValueError, WizardError):
        return {}


def drop_draft(options: Options) -> None:
    """They are deployed: the workspace holds them from now on."""
    draft_file(options).unlink(missing_ok=True)


def saved_answers(
    options: Options, wanted: Mapping[str, Any], name_prefix: str | None
) -> dict[str, Any]:
    """The answers that an earlier run of this deployment saved; empty when there was none.

    Only an unambiguous match counts: the same Region and name prefix in exactly one account.
    """
    matches = _matching(options, wanted, name_prefix)
    if len(matches) != 1:
        return {}
    return answers_of(matches[0])


def _matching(options: Options, wanted: Mapping[str, Any], name_prefix: str | None) -> list[Path]:
    return [
        found.root
        for found in found_deployments(options)
        if (not wanted.get("region") or found.region == wanted["region"])
        and (name_prefix is None or found.name_prefix == name_prefix)
        and found.root is not None
        and (found.root / "answers.json").exists()
    ]


_BEFORE = "answers.before.json"


def deployed_answers(
    options: Options, wanted: Mapping[str, Any], name_prefix: str
) -> Answers | None:
    """What this computer last deployed under this name; None where it knows of nothing.

    While a change has not ended, that is what was deployed before it began.
    """
    roots = _matching(options, wanted, name_prefix)
    gone = {d.root for d in found_deployments(options) if d.resources == 0}
    return answers_before(roots[0]) if len(roots) == 1 and roots[0] not in gone else None


def kept_log_groups(
    options: Options, wanted: Mapping[str, Any], name_prefix: str
) -> tuple[str, ...]:
    """The log groups of others that this deployment is subscribed to, as far as this computer
    knows: those that stages keep, and what Terraform's state holds besides."""
    from wizard.services.workspace.journal import Journal
    from wizard.services.workspace.state import LocalState

    roots = _matching(options, wanted, name_prefix)
    if len(roots) != 1:
        return ()
    found = {*Journal(roots[0] / "journal.jsonl").record.kept_log_groups}
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        state = LocalState(roots[0] / "state").facts()
        told = state.outputs.get("api_gateway_log_groups", {}).get("value") if state else None
        found |= {str(name) for name in told} if isinstance(told, list) else set()
    return tuple(sorted(found))


def answers_before(root: Path) -> Answers | None:
    """What is deployed from this workspace by now; None where nothing is, or it cannot be read."""
    for name in (_BEFORE, "answers.json"):
        try:
            data = json.loads((root / name).read_text(encoding="utf-8"))
            return build_answers(migrations.migrate_answers(data, name), check=False)
        except (OSError, ValueError, WizardError):
            continue
    return None


def deployed_before(deployment: Deployment) -> Answers | None:
    """The same for an open deployment, whose answers may lie in S3 alone."""
    facts = deployment.state_facts()
    if facts is None or not facts.resources:
        return None  # nothing is there that a change could take back
    found = answers_before(deployment.workspace.root)
    if found is None and deployment.store is not None:
        shared = deployment.store.saved_answers()
        return build_answers(shared, check=False) if shared else None
    return found


def keep_before(root: Path, before: Answers | None) -> None:
    """Keep what is deployed until the change that begins now has ended: a second try has to take
    back the same."""
    if before is not None and not (root / _BEFORE).exists():
        write_private(root / _BEFORE, before.to_json())


def drop_before(root: Path) -> None:
    """The change has ended: the answers are what is deployed."""
    (root / _BEFORE).unlink(missing_ok=True)


def keep_answers(path: Path, answers: Answers, installation_id: str = "") -> None:
    """Store them; those of another version of this product stay beside them as they were."""
    files.keep_copy(path, "schema_version", SCHEMA_VERSION)
    write_private(path, migrations.saved_by(answers.to_json(), installation_id))


def save_stages(deployment: Deployment) -> None:
    """Keep which stages are connected now; every other saved answer stays as it was.

    What was chosen for one stage (switch, keep or skip its logging) is that stage's alone.
    """
    stages = tuple(str(ref) for ref in deployment.journal.record.stages)
    store, root = deployment.store, deployment.workspace.root
    data = (store.saved_answers() if store is not None else {}) or answers_of(root)
    kept = build_answers(data, check=False) if data else deployment.answers
    deployment.answers = deployment.answers.with_(stages=stages)
    save_answers(deployment, kept.with_(stages=stages, profile=deployment.answers.profile))


def save_answers(deployment: Deployment, answers: Answers | None = None) -> Path:
    """Keep a deployment's answers for the next run, beside a shared state for colleagues as well.

    The account they were used with is part of them; the profile is a matter of this computer.

    Args:
        answers: others than those of this run.
    """
    chosen = answers if answers is not None else deployment.answers
    kept = chosen.with_(account_id=deployment.identity.account_id, node_place=chosen.place)
    made = deployment.journal.record.installation
    by = made.id if made is not None else ""
    keep_answers(deployment.workspace.answers_file, kept, by)
    if deployment.store is not None:
        deployment.store.save_answers(answers_to_share(deployment, kept))
    return deployment.workspace.answers_file


def answers_to_share(deployment: Deployment, answers: Answers) -> str:
    """The text that is kept for colleagues; a profile is a matter of each computer."""
    made = deployment.journal.record.installation
    shared = answers.with_(
        account_id=deployment.identity.account_id, node_place=answers.place, profile=""
    )
    return migrations.saved_by(shared.to_json(), made.id if made is not None else "")


def answers_of(root: Path) -> dict[str, Any]:
    """The answers that were saved in a workspace; empty when there are none."""
    path = root / "answers.json"
    if not path.exists():
        return {}
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WizardError(
            UNREADABLE,
            "The saved answers of this deployment cannot be read",
            why=f"{path}: {error}",
            next_step="Repair or remove the file; Terraform's state and the journal are unharmed.",
        ) from error
    return migrations.migrate_answers(data, str(path))


def read_shared_answers(session: Session, one: KnownDeployment) -> dict[str, Any]:
    """The answers of a deployment whose state is in S3; empty when there are none."""
    from wizard.services.workspace.s3_state import StateStore

    place = StatePlace(one.bucket, one.account_id, one.region, one.name_prefix)
    held = StateStore(session, place).saved_answers()
    return {**held, "state_bucket": one.bucket} if held else {}
