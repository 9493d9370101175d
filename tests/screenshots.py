"""Every screen as SVG and PNG: `python -m tests.screenshots [NAME ...]` writes screenshots/.

Those whose names begin with `sandbox-` are taken on the way of one real install: a local AWS, real
Terraform, the real forwarder, the stand-in node; what they show happened (some three minutes; left
out with a word where there is no Terraform). `sandbox-fleet` is the table of a fleet of three
accounts and two Regions there (as long once more). Of the others clock and backend are scripted,
so that two runs give equal files. PNGs are drawn with DejaVu Sans Mono where it is installed;
without it only the SVGs are written.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.events import Paste
from textual.pilot import Pilot

from tests.e2e.accounts import PREFIX, REGIONS, ROLE, organization
from tests.ui.scenes import SCENES, Scene, play, press, settle, until
from wizard.core.answers.model import Answers
from wizard.core.fleet import parse_fleet
from wizard.flows.context import Options
from wizard.flows.fleet import FleetRun
from wizard.sandbox import Sandbox
from wizard.ui.app import WizardApp
from wizard.ui.fleet import FleetApp
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


async def shoot_fleet(folder: Path, size: tuple[int, int] = (120, 30)) -> None:
    """The table of a fleet: four targets are installed, and not all of them are well."""
    with organization() as world:
        desk = world.desk
        described = json.loads(
            desk.cli("fleet", "discover", "--role", ROLE, "--region", REGIONS[0]).stdout
        )
        described["common"] = {
            "node_url": desk.box.node.connector, "node_scheme": "http", "proof": "skip",
            "stage_rules": ["stage:prod"], "wallarm_api_host": "us1.api.wallarm.com",
        }  # fmt: skip
        targets = described["targets"]
        *installed, _nothing_yet, refused = targets
        refused["role_arn"] += "-that-is-gone"
        world.file.write_text(json.dumps(described), encoding="utf-8")
        only = [word for one in installed for word in ("--only", one["name"])]
        code, said = world.fleet("--concurrency", "3", *only, action="install")
        if code:
            raise SystemExit(f"not every target was installed: {said}")
        waits, changed = ((one["account_id"], one["region"]) for one in installed[1:3])
        s3 = world.client(waits, "s3")
        bucket = next(b["Name"] for b in s3.list_buckets()["Buckets"]
                      if f"{PREFIX}-undelivered-" in b["Name"])  # fmt: skip
        function = next(f["FunctionName"] for f in world.client(waits, "lambda").list_functions()
                        ["Functions"] if "cw-resend" in f["FunctionName"])  # fmt: skip
        key = f"aws/lambda/async/{function}/2026/08/01/2026-08-01T00.00.00-kept"
        s3.put_object(Bucket=bucket, Key=key, Body=b"{}")
        log = {"DestinationArn": world.holds(changed)[1], "Format": "$context.requestId"}
        world.client(changed, "apigatewayv2").update_stage(
            ApiId=world.places[changed], StageName="prod", AccessLogSettings=log
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_DATA_HOME", desk.env["XDG_DATA_HOME"])  # logs of the runs
            fleet = parse_fleet(world.file.read_text(encoding="utf-8"), "fleet.json")
            app = FleetApp(
                fleet, "fleet.json",
                lambda part, action, hear: FleetRun(part, action, desk.env, on_change=hear),
                {}, unicode=True,
            )  # fmt: skip
            app.animation_level = "none"
            async with app.run_test(size=size) as pilot:
                await until(pilot, lambda: len(app.home.runs) == len(targets), 60)
                await until(
                    pilot, lambda: all(r.exit_code is not None for r in app.home.runs.values()), 120
                )
                await pilot.press("down", "down")
                await pilot.pause(1.0)
                draw(app, "sandbox-fleet", folder)
                print("sandbox-fleet", flush=True)


def main() -> int:
    wanted = set(sys.argv[1:])
    OUT.mkdir(exist_ok=True)
    for scene in SCENES:
        if not wanted or scene.name in wanted:
            asyncio.run(shoot(scene, OUT))
            print(scene.name)
    if not wanted or any(name.startswith("sandbox-") for name in wanted):
        if shutil.which("terraform") or shutil.which("tofu"):
            if not wanted or wanted - {"sandbox-fleet"}:
                asyncio.run(shoot_sandbox(OUT))
            if not wanted or "sandbox-fleet" in wanted:
                asyncio.run(shoot_fleet(OUT))
        else:
            print("no picture of the sandbox: neither terraform nor tofu is on PATH")
    return 0


if __name__ == "__main__":
    sys.exit(main())
