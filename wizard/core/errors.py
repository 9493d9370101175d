"""Errors a person can act on: what happened, why, what to do next, under a stable code.

Expected failures are values of `WizardError`. Anything else is a bug and reaches only the log file
as a traceback. The texts may quote AWS or Terraform; they never contain a secret.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every command."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    UNCHECKED = 3
    INTERRUPTED = 130


class WizardError(Exception):
    """One expected failure.

    Args:
        code: stable identifier in `WAG-E-<AREA>-<NNN>` form; docs and tests refer to it.
        what: one sentence, what happened.
        why: the cause as far as it is known; the original words of AWS or Terraform belong here.
        next_step: what the reader should do now.
        exit_code: what a command that fails with it exits with.
        keys: for missing or bad answers, the names of the answers concerned.
        in_doubt: the change may or may not have happened (the connection was cut after the request
            was sent and reading back failed too); the journal keeps it open.
    """

    def __init__(
        self,
        code: str,
        what: str,
        *,
        why: str = "",
        next_step: str = "",
        exit_code: ExitCode = ExitCode.FAILED,
        keys: tuple[str, ...] = (),
        in_doubt: bool = False,
    ) -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.why = why
        self.next_step = next_step
        self.exit_code = exit_code
        self.keys = keys
        self.in_doubt = in_doubt

    def __str__(self) -> str:
        parts = [f"{self.what} [{self.code}]"]
        if self.why:
            parts.append(f"Why: {self.why}")
        if self.next_step:
            parts.append(f"Next: {self.next_step}")
        return "\n".join(parts)

    def as_dict(self) -> dict[str, object]:
        """The error as data, for `--json`."""
        return {
            "error": self.code,
            "what": self.what,
            "why": self.why,
            "next_step": self.next_step,
            "keys": list(self.keys),
        }


class UsageError(WizardError):
    """A missing or malformed answer, option or environment variable: exit code 2."""

    def __init__(
        self,
        code: str,
        what: str,
        *,
        why: str = "",
        next_step: str = "",
        keys: tuple[str, ...] = (),
    ) -> None:
        super().__init__(
            code, what, why=why, next_step=next_step, exit_code=ExitCode.USAGE, keys=keys
        )
