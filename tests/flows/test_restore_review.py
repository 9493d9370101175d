"""What putting stages back would change, worked out from what they have now."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from tests.flows.account import GROUP, World
from wizard.core.facts import AccessLog, ApiType, StageRef, StageSettings
from wizard.core.journal.record import StageRecord
from wizard.core.stages.change import UndoAction
from wizard.core.stages.log_format import render_format
from wizard.flows.stages.switch import StageUndo, plan_restore


def test_a_stage_is_compared_with_what_it_has_now_and_one_that_is_gone_says_so(
    world: World,
) -> None:
    stage = next(s for s in world.inventory.stages if s.api.api_type is ApiType.REST)
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}"
    ours = StageSettings(AccessLog(arn, render_format(ApiType.REST)), "INFO")
    mine = StageRecord(stage.ref, "REST", stage.settings, ours)
    lost = replace(mine, ref=StageRef("nowhere123", "prod"))
    deployment: Any = SimpleNamespace(session=world.session)
    live, gone = plan_restore(deployment, [mine, lost])
    assert live.live is not None
    assert live.live.access_log == stage.settings.access_log
    assert live.undo is not None
    assert live.undo.action is UndoAction.NOTHING, "nobody has connected it"
    assert live.words == "It is as it was before."
    assert gone.undo is None
    assert gone.lines == ()
    assert "nowhere123" in gone.words


def test_nobody_looked_is_told_as_what_is_meant() -> None:
    held = StageRecord(StageRef("a", "b"), "REST", StageSettings(), StageSettings())
    assert StageUndo(held).words == "logging put back as it was"
