"""A check of the token is followed in few files: ARCHITECTURE.md names them."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import FrameType

from wizard.core.answers.model import Answers
from wizard.core.events import State
from wizard.core.secret import Secret
from wizard.flows.context import Context, Options
from wizard.ui.product import Flows

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "http://127.0.0.1:9"  # a proxy that takes nobody: the answer is "could not check"


def test_from_the_screen_to_the_cloud_a_token_passes_seven_files() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    after = page.split("**A token, from its screen to the Wallarm Cloud.**", 1)[1]
    walk = after.partition("\n\n")[0]
    named = [f"wizard/{path}" for path in re.findall(r"`((?:ui|flows|services)/[\w/]+\.py)`", walk)]
    assert len(named) == len(set(named)) == 7
    assert all((ROOT / path).is_file() for path in named)
    options = Options(env={"https_proxy": NOWHERE}, workspace=Path("/nowhere"))
    ran: set[str] = set()

    def look(frame: FrameType, event: str, _argument: object) -> None:
        path = Path(frame.f_code.co_filename)
        loading = frame.f_code.co_name == "<module>"
        if event == "call" and not loading and ROOT / "wizard" in path.parents:
            ran.add(str(path.relative_to(ROOT)))

    flows = Flows(Context(options, lambda _: None))
    sys.setprofile(look)
    try:
        found = flows.account().checks.check_token(Answers(), Secret("A1b2" * 16))
    finally:
        sys.setprofile(None)
    assert found.state is State.UNCHECKED
    acting = {path for path in ran if not path.startswith("wizard/core/")}
    assert acting <= {*named, "wizard/flows/context.py", "wizard/services/files.py"}, acting
    assert {"wizard/services/wallarm.py", "wizard/services/http.py"} <= acting
