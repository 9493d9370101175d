"""Each check of the first screen that is not good can be run again by itself."""

from __future__ import annotations

import pytest
from textual.widgets import Button

from tests.ui.acting import SIZES, Session, wizard
from tests.ui.script import Script
from wizard.core.events import State
from wizard.flows.preflight import FirstCheck
from wizard.ui.widgets.lines import CheckRow

FAILED = FirstCheck(
    "terraform", "Terraform", State.FAILED, "Terraform was not found.",
    "Install it, or name one with --terraform PATH.",
)  # fmt: skip
NOBODY = FirstCheck(
    "identity", "AWS identity", State.FAILED, "No AWS credentials were found.", "Log in."
)
UNKNOWN = FirstCheck(
    "existing", "Earlier deployment", State.UNCHECKED,
    "none on this machine; the account could not be asked",
)  # fmt: skip


def script(*bad: FirstCheck) -> Script:
    return Script(hostile=False, bad_checks={c.key: [c] for c in bad})


def retry(w: Session, key: str) -> Button:
    row = next(row for row in w.app.screen.query(CheckRow) if row.check.key == key)
    return row.query_one(Button)


def offered(w: Session) -> list[str]:
    rows = w.app.screen.query(CheckRow)
    return [row.check.key for row in rows if row.query_one(Button).display]


@SIZES
async def test_what_failed_what_is_unknown_and_what_lacks_something_has_its_own_retry(
    size: tuple[int, int],
) -> None:
    async with wizard(size=size, script=script(FAILED, UNKNOWN)) as w:
        assert offered(w) == ["terraform", "permissions", "existing"]
        for key in offered(w):
            assert retry(w, key).region.right <= size[0]
        assert "Install it, or name one with --terraform PATH." in " ".join(w.text.split())


@SIZES
@pytest.mark.parametrize("how", ["enter", "r", "click"])
async def test_only_that_check_is_run_again(size: tuple[int, int], how: str) -> None:
    async with wizard(size=size, script=script(FAILED)) as w:
        w.product.calls.clear()
        if how == "click":
            await w.pilot.click(retry(w, "terraform"))
            await w.press()
        else:
            retry(w, "terraform").focus()
            await w.press(how)
        assert "✓ Terraform" in w.text
        assert w.product.calls == ["preflight", "preflight terraform"]
        assert offered(w) == ["permissions"]


@SIZES
async def test_what_hangs_on_it_is_run_again_too(size: tuple[int, int]) -> None:
    async with wizard(size=size, script=script(NOBODY, UNKNOWN)) as w:
        w.product.calls.clear()
        retry(w, "identity").focus()
        await w.press("enter")
        assert offered(w) == ["permissions"]
        assert sorted(w.product.calls) == ["identity", "preflight", "preflight identity"]
        assert w.app.session.checked.first["existing"].state is State.SKIPPED
        assert list(w.app.session.checked.first) == [
            "terraform", "identity", "region", "permissions", "cloud", "existing",
        ], "each stays in its place"  # fmt: skip


async def test_the_keyboard_reaches_each_retry_and_what_still_fails_keeps_the_focus() -> None:
    bad = Script(hostile=False, bad_checks={"terraform": [FAILED, FAILED]})
    async with wizard(script=bad) as w:
        w.app.screen.set_focus(None)
        await w.press("tab")
        while w.app.focused is not retry(w, "terraform"):
            await w.press("tab")
        await w.press("r")
        assert "Terraform was not found" in w.text
        assert w.app.focused is retry(w, "terraform")
        await w.press("r")
        assert "✓ Terraform" in w.text
        assert w.app.focused is not None, "the keys go somewhere"


async def test_r_elsewhere_runs_all_of_them() -> None:
    async with wizard(script=script(FAILED)) as w:
        w.product.calls.clear()
        await w.press("r")
        assert "preflight" in w.product.calls
        assert not [c for c in w.product.calls if c.startswith("preflight ")]
        assert "✓ Terraform" in w.text


async def test_what_a_check_says_is_never_markup() -> None:
    bad = FirstCheck(
        "cloud", "Wallarm Cloud", State.FAILED, "x [/foo] [prod]\x1b[31m", "[b]next[/b]"
    )
    async with wizard(script=script(bad)) as w:
        assert "x [/foo] [prod]" in w.text
        assert "[b]next[/b]" in w.text
