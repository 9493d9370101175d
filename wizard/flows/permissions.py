"""Asks IAM, while Terraform plans, whether this principal may do what the run is about to do.

What is missing is listed with who stands in the way, and the policy that would mend it lies beside
the answers. A run that lacks what every run needs stops before it changes anything, because it
would stop halfway otherwise; `--preflight warn` goes on all the same, `skip` does not ask.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError, WizardError
from wizard.core.events import State
from wizard.core.facts import Identity
from wizard.core.permissions.documents import needs
from wizard.core.text import clean, count
from wizard.flows.deployment.model import Deployment
from wizard.services.aws import permissions
from wizard.services.aws.permissions import Decision, Permissions
from wizard.services.aws.session import Session
from wizard.services.files import write_private

STOP, WARN, SKIP = "stop", "warn", "skip"
CHOICES = (STOP, WARN, SKIP)
FILE = "missing-permissions.json"
MOST_SHOWN = 8


class Forecast:
    """Starts asking at once; `result` waits for the answer."""

    def __init__(
        self,
        session: Session,
        identity: Identity,
        answers: Answers,
        purpose: str,
        *,
        mode: str,
        log_groups: tuple[str, ...] | None = None,
        before: Answers | None = None,
    ) -> None:
        if mode and mode not in CHOICES:
            raise UsageError(
                "WAG-E-CLI-010",
                f"There is no preflight {mode!r}",
                next_step=f"Choose one of: {', '.join(CHOICES)}.",
                keys=("preflight",),
            )
        self._found = Permissions(Decision.UNKNOWN, reason="It was not asked about.")
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._mode = mode
        if mode == SKIP:
            return
        wanted = needs(
            answers, purpose, identity.account_id, identity.partition, log_groups, before
        )

        def ask() -> None:
            try:
                self._found = permissions.check_permissions(session, wanted, identity)
            except WizardError as error:
                self._found = Permissions(Decision.UNKNOWN, reason=error.what)
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                self._failure = error

        self._thread = threading.Thread(target=ask, name="permissions", daemon=True)
        self._thread.start()

    @contextlib.contextmanager
    def told(self, folder: Path) -> Iterator[None]:
        """A plan that fails inside the block may lack permissions itself: then all are told."""
        try:
            yield
        except WizardError as error:
            found = self.result()
            sentences(found, folder)
            try:
                require(found, self._mode, folder)
            except WizardError as told:
                raise told from error
            raise

    def result(self) -> Permissions:
        """What IAM said. Blocks."""
        if self._thread is not None:
            self._thread.join()
        if self._failure is not None:
            raise self._failure
        return self._found


def sentences(found: Permissions, folder: Path) -> tuple[str, ...]:
    """What to tell before the consent; the policy to attach is written into `folder`."""
    file = folder / FILE
    if found.state is not Decision.DENIED:
        file.unlink(missing_ok=True)
        return ()
    lines = [str(item) for item in (*found.required, *_others(found))]
    verb = "is" if len(lines) == 1 else "are"
    total = f"{count(len(lines), 'permission')} of {found.principal} {verb} missing"
    out = [f"{total}, {len(found.required)} of them needed by every run"]
    out += [clean(line, 160) for line in lines[:MOST_SHOWN]]
    if len(lines) > MOST_SHOWN:
        out.append(f"… and {len(lines) - MOST_SHOWN} more")
    policy = found.to_attach()
    if policy:
        write_private(file, policy + "\n")
        out.append(f"The policy to attach is in {file}")
    return tuple(out)


def require(found: Permissions, mode: str, folder: Path) -> None:
    """Raise WizardError WAG-E-AWS-024 where the run is sure to stop halfway."""
    if (mode or STOP) != STOP or not found.required:
        return
    attach = (folder / FILE).exists()
    raise WizardError(
        "WAG-E-AWS-024",
        f"{count(len(found.required), 'permission')} that this run needs "
        f"{'is' if len(found.required) == 1 else 'are'} missing",
        why="\n".join(clean(str(item)) for item in found.required),
        next_step=(
            f"Have the policy in {folder / FILE} attached to {found.principal}; "
            if attach
            else "Ask whoever owns what stands in the way; "
        )
        + "to go on all the same, add --preflight warn. Nothing was changed.",
    )


def ask_first(deployment: Deployment, answers: Answers, purpose: str) -> None:
    """Ask, tell what is missing, and raise as `require` does: for commands without a review."""
    context, folder = deployment.context, deployment.workspace.root
    mode = context.options.preflight
    found = Forecast(deployment.session, deployment.identity, answers, purpose, mode=mode).result()
    if found.state is Decision.UNKNOWN:
        context.note(found.reason, State.UNCHECKED, subject="Permissions")
    for text in sentences(found, folder):
        context.note(text, State.WARNING)
    require(found, mode, folder)


def _others(found: Permissions) -> tuple[permissions.Missing, ...]:
    return tuple(m for m in found.missing if not m.required)
