"""The checks of the first screen: what hangs on the AWS identity is not asked without one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.events import State
from wizard.flows.context import Options
from wizard.flows.preflight import FirstCheck, Preflight
from wizard.services.aws.discovery import prepare_clients
from wizard.services.aws.session import Session


def test_whoever_gives_no_code_for_the_identity_is_not_asked_again_by_the_other_checks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []

    def no_session(_: Answers) -> Any:
        asked.append("session")
        raise WizardError("WAG-E-AWS-021", "No MFA code was given", next_step="Retry.")

    preflight = Preflight(Options(env={"HOME": str(tmp_path)}), no_session)
    fine = FirstCheck("x", "x", State.DONE, "")
    monkeypatch.setattr(preflight, "_terraform", lambda: fine)
    monkeypatch.setattr(preflight, "_cloud", lambda _: fine)
    seen: dict[str, FirstCheck] = {}
    preflight.run(Answers(), lambda check: seen.update({check.key: check}))

    assert asked == ["session"], "once, for the identity"
    assert seen["identity"].state is State.FAILED
    assert "No MFA code was given" in seen["identity"].answer
    assert seen["permissions"].state is State.UNCHECKED
    assert seen["existing"].state is State.UNCHECKED
    assert "could not be asked" in seen["existing"].answer


def test_what_the_list_of_stages_needs_is_made_ready_while_the_first_screen_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    session = Session(env={"HOME": str(tmp_path), "AWS_DEFAULT_REGION": "us-east-1"})
    preflight = Preflight(Options(env={"HOME": str(tmp_path)}), lambda _: session)
    fine = FirstCheck("x", "x", State.DONE, "")
    for name in ("_terraform", "_cloud", "_identity", "_permissions", "_existing"):
        monkeypatch.setattr(preflight, name, lambda *_, **__: fine)
    preflight.run(Answers(), lambda _: None)
    made = len(session._clients)
    prepare_clients(session)
    assert made == 2 == len(session._clients)
