"""Every screen as SVG and PNG: `python -m tests.screenshots [NAME ...]` writes screenshots/.

Those whose names begin with `sandbox-` are taken on the way of one real install: a local AWS, real
Terraform, the real forwarder, the stand-in node; what they show happened (some three minutes; left
out with a word where there is no Terraform). Of the others clock and backend are scripted, so that
two runs give equal files. PNGs are drawn with DejaVu Sans Mono where it is installed; without it
only the SVGs are written.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from textual.app import App
from textual.events import Paste
from textual.pilot import Pilot

from tests.ui.scenes import SCENES, Scene, play, press, settle, until
from wizard.core.answers.model import Answers
from wizard.flows.context import Options
from wizard.sandbox import Sandbox
from wizard.ui.app import WizardApp
from wizard.ui.screens.doctor import Doctor

OUT = Path(__file__).resolve().parent.parent / "screenshots"
FONTS = [
    Path("/usr/share/fonts/truetype/dejavu") / name
    for name in ("DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf", "DejaVuSansMono-Oblique.ttf")
]


def local_font(svg: str) -> str:
    """The SVG without web fonts and without identifiers that change from run to run."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code", "DejaVu Sans Mono")
    names = dict.fromkeys(re.findall(r"terminal-\d+", svg))
    for name in names:
        svg = svg.replace(name, "terminal")
    return svg


def draw(app: App[Any], name: str, folder: Path) -> None:
    """What the app shows now, as NAME.svg and NAME.png."""
    svg = local_font(app.export_screenshot(title="wallarm-apigw"))
    (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    fonts = [str(p) for p in FONTS if p.exists()]
    if fonts:
        import resvg_py

        png = resvg_py.svg_to_bytes(
            svg_string=svg, font_files=fonts, skip_system_fonts=True,
            monospace_family="DejaVu Sans Mono", zoom=1,
        )  # fmt: skip
        (folder / f"{name}.png").write_bytes(bytes(png))


async def shoot(scene: Scene, folder: Path) -> None:
    """One scene."""

    async def take(app: WizardApp) -> None:
        draw(app, scene.name, folder)

    await play(scene, take)


# The others show this machine: its folders, its proxy, its certificates.
SHOWN = ("stages", "review", "deploy", "proof", "home", "doctor")
Look = Callable[[str], Awaitable[None]]


async def install(app: WizardApp, pilot: Pilot[int], token: str, look: Look) -> None:
    """From the first screen to Home and its checklist by keys; each screen is looked at."""
    run, seen = app.deployment_run, ""

    def moved() -> bool:
        return app.session.at != seen

    await until(pilot, lambda: app.account.inventory.value is not None, 60)
    while True:
        await until(pilot, moved, 30)
        await settle(pilot)
        seen = app.session.at
        if seen == "review":
            break
        if seen == "stages":
            await press("slash", *"orders", "enter")(app, pilot)
            await press("space", "down", "space")(app, pilot)
        elif seen == "wallarm":
            app.screen.query_one("#token").focus()
            app.post_message(Paste(token))
            await until(pilot, lambda: app.session.checked.token is not None, 30)
        await settle(pilot)
        await look(seen)
        await pilot.press("ctrl+n")
        await pilot.pause()
    await until(pilot, lambda: run.review.value is not None, 120)
    await settle(pilot)
    await look("review")
    await pilot.press("ctrl+n")
    await until(pilot, lambda: bool(run.now.progress and run.now.progress.done > 20), 300)
    await look("deploy")
    await until(pilot, lambda: bool(run.now.ended), 600)
    if run.now.error is not None or run.now.proof is None or not run.now.proof.complete:
        raise SystemExit(f"the install did not end in a proof: {run.now.error or run.now.proof}")
    await until(pilot, lambda: app.session.at == "proof" and not app.advancing, 30)
    await settle(pilot)
    await look("proof")
    await pilot.press("ctrl+n")
    await until(pilot, lambda: app.session.at == "home", 30)
    await settle(pilot)
    await look("home")
    app.visit("doctor")
    await until(pilot, lambda: isinstance(app.screen, Doctor), 30)
    await until(pilot, lambda: isinstance(app.screen, Doctor) and not app.screen.busy, 120)
    await settle(pilot)
    await look("doctor")


async def shoot_sandbox(folder: Path, size: tuple[int, int] = (120, 36)) -> None:
    """The pictures of one install on the sandbox."""
    with tempfile.TemporaryDirectory(prefix="pictures-") as name:
        root = Path(name)
        with Sandbox.start(region="us-east-1") as box:
            env = {k: v for k, v in os.environ.items() if k not in box.unset}
            env.update(box.env, HOME=str(root), XDG_DATA_HOME=str(root / "data"))
            del env["WALLARM_API_TOKEN"]  # it is pasted
            options = Options(workspace=root / "workspace", env=env)
            app = WizardApp(options, Answers(region=box.region), unicode=True)
            app.animation_level = "none"

            async def look(step: str) -> None:
                if step not in SHOWN:
                    return
                draw(app, f"sandbox-{step}", folder)
                print(f"sandbox-{step}", flush=True)

            try:
                async with app.run_test(size=size) as pilot:
                    await install(app, pilot, box.token, look)
            finally:
                app.deployment_run.close()


def main() -> int:
    wanted = set(sys.argv[1:])
    OUT.mkdir(exist_ok=True)
    for scene in SCENES:
        if not wanted or scene.name in wanted:
            asyncio.run(shoot(scene, OUT))
            print(scene.name)
    if not wanted or any(name.startswith("sandbox-") for name in wanted):
        if shutil.which("terraform") or shutil.which("tofu"):
            asyncio.run(shoot_sandbox(OUT))
        else:
            print("no picture of the sandbox: neither terraform nor tofu is on PATH")
    return 0


if __name__ == "__main__":
    sys.exit(main())
