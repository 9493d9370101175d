"""No input of the module is left out of the real applies (`make modes`)."""

from __future__ import annotations

import re

from tests.docs import module
from tests.terraform.modes import MODES, NOT_UPDATED, out_of_order


def test_every_input_of_the_module_is_changed_in_a_running_deployment() -> None:
    changed = {name for mode in MODES.values() for update in mode.updates for name in update}
    assert set(module.variables()) - changed == NOT_UPDATED


def test_the_page_of_the_module_has_a_row_for_every_mode_and_every_row_is_good() -> None:
    part = module.README.read_text(encoding="utf-8").partition("## What was applied")[2]
    rows = re.findall(r"^\| ([^|]+) \| \d+ \| \d+ s \| (\d+|–) \| \d+ s \| yes \|$", part, re.M)
    told = {title: 0 if updates == "–" else int(updates) for title, updates in rows}
    assert told == {mode.title: len(mode.updates) for mode in MODES.values()}


def test_what_begins_too_early_is_noticed() -> None:
    group, right = "aws_security_group.forwarder[0]", "aws_iam_role_policy.forwarder_vpc[0]"
    order = [f"start delete {group}", f"start delete {right}", f"complete delete {group}"]
    assert out_of_order(order) == [f"start delete {right} before complete delete {group}"]
    assert out_of_order([order[0], order[2], order[1]]) == []
    assert out_of_order([]) == []
