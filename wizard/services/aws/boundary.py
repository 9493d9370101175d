"""The one boundary around every call to AWS: what is raised behind it becomes what callers know.

botocore lets much through that is not its own: what a proxy's HTML does to its parsers, what
urllib3 thinks of an address, what a file or a helper of the user's does. Callers expect
`BotoCoreError` and `ClientError`, so everything else is dressed as the former, the original inside.

Imports botocore: import it only where AWS is asked.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Sequence
from typing import Any

from botocore.credentials import ProcessProvider
from botocore.exceptions import BotoCoreError, ClientError

from wizard.core.errors import WizardError
from wizard.core.redact import without_logins
from wizard.core.text import clean, duration

HELPER_SECONDS = 120.0  # a helper may wait for somebody at a browser, not for ever


class UnforeseenError(BotoCoreError):
    """What a call to AWS raised that is neither AWS's nor botocore's. `original` is that error."""

    fmt = "{kind}: {words}"

    def __init__(self, error: Exception) -> None:
        super().__init__(kind=type(error).__name__, words=str(error))
        self.original = error


def guard(client: Any) -> None:
    """Have a client raise nothing but `ClientError`, `BotoCoreError` and `WizardError`."""
    call = client._make_api_call  # what every method, page and waiter of a client goes through

    def guarded(operation: str, request: Any) -> Any:
        try:
            return call(operation, request)
        except (BotoCoreError, ClientError, WizardError):
            raise
        except Exception as error:  # only botocore's and urllib3's code runs in it
            raise UnforeseenError(error) from error

    client._make_api_call = guarded


def guard_helpers(core: Any) -> None:
    """Have a botocore session start credential helpers (`credential_process`) as `Helper` does,
    those of source profiles among them."""
    resolver = core.get_component("credential_provider")

    def make(profile_name: str) -> ProcessProvider:
        return ProcessProvider(profile_name, lambda: core.full_config, popen=Helper)

    for provider in resolver.providers:
        if provider.METHOD == ProcessProvider.METHOD:
            provider._popen = Helper
        builder = getattr(provider, "_profile_provider_builder", None)
        if builder is not None:
            builder._create_process_provider = make


class Helper:
    """A credential helper: without a terminal to take, for a bounded time, its words kept.

    Stands where botocore expects a `subprocess.Popen`. The program is named in errors, its
    arguments are not: they may hold secrets.
    """

    def __init__(self, words: Sequence[str], **options: Any) -> None:
        self.name = words[0] if words else ""
        try:
            self._process = subprocess.Popen(
                list(words), stdin=subprocess.DEVNULL, start_new_session=True, **options
            )
        except (OSError, ValueError, IndexError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise self._failed(f"it cannot be started: {reason}") from error

    @property
    def returncode(self) -> int:
        """How it ended."""
        return int(self._process.returncode)

    def communicate(self, seconds: float = 0.0) -> tuple[bytes, bytes]:
        """What it printed. Raises WizardError where that is no answer."""
        limit = seconds or HELPER_SECONDS
        try:
            out, err = self._process.communicate(timeout=limit)
        except subprocess.TimeoutExpired as error:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            raise self._failed(f"it did not end within {duration(limit)}") from error
        said = without_logins(clean(err.decode("utf-8", errors="replace"))).strip()[-500:]
        if self._process.returncode != 0:
            words = f"exit code {self._process.returncode}" + (f": {said}" if said else "")
            raise self._failed(words)
        try:
            answer = json.loads(out)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._failed("it did not print JSON" + (f": {said}" if said else ""))
        return out, err

    def _failed(self, why: str) -> WizardError:
        return WizardError(
            "WAG-E-AWS-029",
            "The credential helper of the AWS profile gave no credentials",
            why=f"{self.name} (credential_process): {why}.",
            next_step="It runs without a terminal, so it can ask for nothing here: log in with it "
            "first, repair credential_process in the AWS configuration, or name another profile "
            "with --profile.",
        )
