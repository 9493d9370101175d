"""A failed Terraform command as an error a person can act on: plain words, then the original."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from pathlib import Path

from wizard.core.errors import ExitCode, WizardError
from wizard.core.secret import without_logins
from wizard.core.terraform.events import Diagnostic
from wizard.core.terraform.failures import Explanation, explain, explain_diagnostics
from wizard.core.text import duration


class TerraformError(WizardError):
    """A Terraform command failed.

    Attributes:
        diagnostics: Terraform's errors and warnings, unshortened.
        interrupted: it was asked to stop, and did.
        in_doubt: it died; what it did last may be missing from the state.
        retry: the same run may simply work later.
    """

    def __init__(
        self,
        code: str,
        what: str,
        *,
        why: str = "",
        next_step: str = "",
        diagnostics: Iterable[Diagnostic] = (),
        interrupted: bool = False,
        in_doubt: bool = False,
        retry: bool = False,
    ) -> None:
        exit_code = ExitCode.INTERRUPTED if interrupted else ExitCode.FAILED
        super().__init__(code, what, why=why, next_step=next_step, exit_code=exit_code)
        self.diagnostics = tuple(diagnostics)
        self.interrupted = interrupted
        self.in_doubt = in_doubt
        self.retry = retry


_SIGNALLED = 128  # a shell adds this to the number of the signal
_CHANGING = ("apply", "refresh", "import", "state push")
# Without words of their own, or about what was seen to be there before.
_PERHAPS_A_SCRIPTS = ("WAG-E-TF-011", "WAG-E-TF-104")
_RESUME = "Run the same command again: it compares with the account and goes on where it was."


def failed(
    command: str,
    diagnostics: Iterable[Diagnostic],
    stderr: str,
    returncode: int,
    *,
    interrupted: bool = False,
    timeout: float | None = None,
    errored: tuple[Path, ...] = (),
    complete: bool = False,
    script: str = "",
) -> TerraformError:
    """The error for a command that ended with `returncode`.

    Args:
        complete: it was asked to stop, and had ended well by then.
        script: what stands on PATH as Terraform and only runs it; empty for Terraform itself.
    """
    found = tuple(diagnostics)
    stderr = without_logins(stderr)
    errors = [d for d in found if d.is_error]
    original = "\n\n".join(d.text for d in errors)
    killed_by = signal_of(returncode)
    if stderr.strip() and (not errors or killed_by):
        original = f"{original}\n\n{stderr.strip()}".strip()
    died = killed_by > 0 and not (interrupted and killed_by == signal.SIGINT)
    in_doubt = died and command in _CHANGING
    known = _told(command, found, stderr, returncode, interrupted, timeout, complete)
    next_step = known.next_step
    if script and known.code in _PERHAPS_A_SCRIPTS and not interrupted:
        next_step += (
            f" {script} is a script: where it changes the folder or the environment, name the "
            "program that it runs with --terraform PATH."
        )
    if errored:
        names = ", ".join(str(p) for p in errored)
        next_step = (
            "Terraform could not store its state and left it in a file: keep it. "
            f"The next run offers to put it back: {names}. {next_step}"
        )
    return TerraformError(
        known.code,
        known.what,
        why=original or _wordless(command, returncode, complete),
        next_step=next_step,
        diagnostics=found,
        interrupted=interrupted,
        in_doubt=in_doubt,
        retry=known.retry,
    )


def unheard(command: str, why: str) -> TerraformError:
    """The error where what stands in for Terraform does not hand on what Terraform says."""
    return TerraformError(
        "WAG-E-TF-023",
        f"What terraform {command} said does not arrive here",
        why=why,
        next_step="Something stands between: a wrapper on PATH, of a CI action or a version "
        "manager. Name the real program with --terraform PATH (for setup-terraform in GitHub "
        "Actions: `terraform_wrapper: false`). Nothing further was done.",
    )


def signal_of(returncode: int) -> int:
    """The signal that ended a program, also where a shell reports it; 0 where none did."""
    if returncode < 0:
        return -returncode
    return returncode - _SIGNALLED if returncode > _SIGNALLED else 0


def _wordless(command: str, returncode: int, complete: bool) -> str:
    if complete:
        return f"terraform {command} had ended by itself when it was to be stopped."
    return f"terraform {command} ended with exit code {returncode} and no words."


def _told(
    command: str,
    diagnostics: tuple[Diagnostic, ...],
    stderr: str,
    returncode: int,
    interrupted: bool,
    timeout: float | None,
    complete: bool,
) -> Explanation:
    changing = command in _CHANGING
    killed_by = signal_of(returncode)
    if timeout is not None:
        what = f"Terraform {command} did not end within {duration(timeout)} and was stopped"
        step = "Check the network and the proxy, then try again."
        if command == "init":
            step = (
                "The registry may be out of reach: check HTTPS_PROXY and the firewall, or name a "
                "folder that holds the provider with --plugin-mirror DIR."
            )
        return Explanation("WAG-E-TF-014", what, step, retry=True)
    if interrupted and complete:
        return Explanation(
            "WAG-E-TF-015",
            f"Stopped at your request: terraform {command} was done, nothing further was begun",
            f"What it did is recorded. {_RESUME}" if changing else "Nothing was changed.",
        )
    if interrupted and (not killed_by or killed_by == signal.SIGINT):
        return Explanation(
            "WAG-E-TF-015",
            f"Terraform {command} was stopped at your request",
            f"What was finished is recorded. {_RESUME}" if changing else "Nothing was changed.",
        )
    if killed_by:
        return Explanation(
            "WAG-E-TF-016",
            f"Terraform {command} was killed (signal {killed_by})",
            "What it was doing at that moment may be missing from its state. " + _RESUME
            if changing
            else "Nothing was changed. Too little memory is the usual cause.",
            retry=True,
        )
    known = explain_diagnostics(diagnostics) or explain(stderr)
    if known is not None:
        return known
    first = next((d.summary for d in diagnostics if d.is_error), "")
    what = f"Terraform {command} failed" + (f": {first}" if first else "")
    step = _RESUME if changing else "Fix what the text above names, then try again."
    return Explanation("WAG-E-TF-011", what, step)
