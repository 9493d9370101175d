"""The scenes that are photographed and compared: one per screen and size, always the same."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from textual.pilot import Pilot
from textual.screen import ModalScreen

from tests.ui.screen_text import screen_text
from tests.ui.script import TOKEN, Script, deploy_error
from tests.ui.scripted import Scripted
from tests.ui.scripted_account import certificates
from wizard.core.answers.model import Answers
from wizard.core.events import State
from wizard.core.journal.unfinished import Unfinished
from wizard.core.known_deployment import KnownDeployment
from wizard.core.secret import Secret
from wizard.flows.context import Options
from wizard.flows.preflight import FirstCheck
from wizard.ui.app import WizardApp

CHOSEN = ("0000b2c3d4/prod", "0001b2c3d4/prod", "0001b2c3d4/staging")
SMALL, LARGE = (80, 24), (120, 36)
HTTPS = Answers(
    stages=CHOSEN, r53_domain_name="acme.example", node_dns_name="wallarm-node",
    certificate_arn=certificates("us-east-1")[0].arn,
)  # fmt: skip
Act = Callable[[WizardApp, Pilot[int]], Awaitable[None]]


class Clock:
    """A clock that only moves when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def tick(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class Scene:
    """A name, where to start, the script, and what to press."""

    name: str
    start: str
    size: tuple[int, int] = LARGE
    script: Script = field(default_factory=lambda: Script(hostile=False))
    act: Act | None = None
    answers: Answers = field(default_factory=lambda: Answers(stages=CHOSEN))
    light: bool = False
    no_color: bool = False
    unicode: bool = True
    token: bool = True


async def settle(pilot: Pilot[int], seconds: float = 15.0) -> None:
    """Wait until no worker runs (but no longer than that), then until all is drawn."""
    app = pilot.app
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await pilot.pause(0.02)
        if isinstance(app.screen, ModalScreen) or all(
            w.is_finished or w.name == "run" for w in app.workers
        ):
            break
    await pilot.pause()
    await pilot.pause()


async def until(pilot: Pilot[int], fact: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > end:
            raise AssertionError(f"not true in {seconds} s:\n{screen_text(pilot.app)}")
        await asyncio.sleep(0.02)
        await pilot.pause()
    await pilot.pause()


def build(scene: Scene) -> WizardApp:
    """The app of a scene, before anything happened."""
    clock = Clock()
    product = Scripted(replace(scene.script, clock=clock, tick=clock.tick))
    if scene.no_color:
        os.environ["NO_COLOR"] = "1"
    else:
        os.environ.pop("NO_COLOR", None)
    app = WizardApp(
        Options(env={}),
        scene.answers,
        product=product.begin,
        unicode=scene.unicode,
        start=scene.start,
        clock=clock,
    )
    app.animation_level = "none"
    app.follow_seconds = 0.05
    if scene.token:
        app.session.token = Secret(TOKEN)
    return app


async def perform(scene: Scene, pilot: Pilot[int]) -> None:
    """Bring the app to the moment that is looked at."""
    app = pilot.app
    assert isinstance(app, WizardApp)
    if scene.start not in ("welcome", "aws"):
        app.account.identify()
    await settle(pilot)
    order = ("welcome", "aws", "stages", "logs", "wallarm", "node", "options", "review")
    for name in order:
        app.session.seen.add(name)
        if name == scene.start:
            break
    app.account.rows_changed.publish(app.account.book)
    app.session.answered.publish(frozenset())
    if scene.light:
        app.action_switch_theme()
        await settle(pilot)
    if scene.act is not None:
        await scene.act(app, pilot)
        await settle(pilot)


async def play(scene: Scene, then: Callable[[WizardApp], Awaitable[None]]) -> None:
    """Act a scene, then hand over the app."""
    app = build(scene)
    async with app.run_test(size=scene.size) as pilot:
        await perform(scene, pilot)
        await then(app)
        if scene.script.hold is not None:
            scene.script.hold.set()


def press(*keys: str) -> Act:
    """Press keys one after another."""

    async def act(app: WizardApp, pilot: Pilot[int]) -> None:
        for key in keys:
            await pilot.press(key)
            await pilot.pause()

    return act


async def _home(app: WizardApp, pilot: Pilot[int]) -> None:
    app.account.find_here()


async def run_to_end(app: WizardApp, pilot: Pilot[int]) -> None:
    """Deploy and wait until the run ended."""
    await pilot.press("ctrl+n")
    await until(pilot, lambda: bool(app.deployment_run.now.ended))


async def run_and_show(app: WizardApp, pilot: Pilot[int], step: str) -> None:
    await run_to_end(app, pilot)
    goal = "logging" if app.deployment_run.now.failed_stages else "proof"
    await until(pilot, lambda: app.session.at == goal)  # it goes there by itself
    app.go(step)
    await settle(pilot)


async def _lambda_log(app: WizardApp, pilot: Pilot[int]) -> None:
    await pilot.press("l", "l")
    await until(pilot, lambda: '"received": 12' in screen_text(app))
    await settle(pilot)


async def _half(app: WizardApp, pilot: Pilot[int]) -> None:
    await pilot.press("ctrl+n")
    await until(
        pilot,
        lambda: bool(
            app.deployment_run.now.progress and app.deployment_run.now.progress.done >= 15
        ),
    )


async def _logging(app: WizardApp, pilot: Pilot[int]) -> None:
    await run_and_show(app, pilot, "logging")


async def _proof(app: WizardApp, pilot: Pilot[int]) -> None:
    await run_and_show(app, pilot, "proof")


async def _confirm(app: WizardApp, pilot: Pilot[int]) -> None:
    await _half(app, pilot)
    await pilot.press("c")


async def _token(app: WizardApp, pilot: Pilot[int]) -> None:
    await pilot.press("ctrl+k")


async def _certificates(app: WizardApp, pilot: Pilot[int]) -> None:
    app.screen.query_one("#certificates ItemRows").focus()
    await settle(pilot)


def _held() -> Script:
    import threading

    return Script(hostile=False, hold=threading.Event())


UNFINISHED = Unfinished(
    "install", "2026-08-24T09:12:00+00:00", "",
    done=("storing the token (/wallarm-apigw/api-gw-discovery/token)",
          "deploying the infrastructure (123456789012/us-east-1/api-gw-discovery)",
          "switching access logging on (a1b2c3d4e5/prod)"),
    failed=(),
    in_doubt=("switching access logging on (f6g7h8i9j0/prod)",),
    not_begun=("switching access logging on (k1l2m3n4o5/v1)", "following one request to the node"),
)  # fmt: skip


def _unready() -> Script:
    """A computer and an account that are not ready yet."""
    found = (
        FirstCheck("terraform", "Terraform", State.FAILED, "Terraform was not found.",
              "Install it, or name one with --terraform PATH."),
        FirstCheck("existing", "Earlier deployment", State.UNCHECKED,
              "none on this machine; the account could not be asked"),
    )  # fmt: skip
    return Script(hostile=False, bad_checks={check.key: [check] for check in found})


def scenes() -> tuple[Scene, ...]:
    """All of them anew: a scene that was played holds nothing back a second time."""
    existing = KnownDeployment("api-gw-discovery", "123456789012", "us-east-1", 52, 1_790_000_000.0)
    both = [
        Scene("01-welcome", "welcome", token=False),
        Scene("01-checks", "welcome", script=_unready(), token=False, act=press("tab", "tab")),
        Scene("02-aws", "aws"),
        Scene("03-stages", "stages"),
        Scene("04-logs", "logs"),
        Scene("05-wallarm", "wallarm", act=_token),
        Scene("06-node", "node"),
        Scene("06-node-https", "node", answers=HTTPS, act=_certificates),
        Scene("07-options", "options"),
        Scene("08-review", "review"),
        Scene("09-deploy", "review", script=_held(), act=_half),
        Scene("10-logging", "review", act=_logging,
              script=Script(hostile=False, failing_stage=2)),
        Scene("11-proof", "review", act=_proof),
        Scene("12-home", "home", act=_home, script=Script(hostile=False, existing=(existing,))),
        Scene("12-unfinished", "welcome", act=_home, token=False,
              script=Script(hostile=False, existing=(replace(existing, unfinished=UNFINISHED),))),
        Scene("12-remove", "remove", act=press("space", "down", "space")),
        Scene("12-doctor", "doctor"),
        Scene("12-doctor-log", "doctor", act=_lambda_log),
        Scene("12-uninstall", "uninstall"),
        Scene("13-failure", "review", act=run_to_end,
              script=Script(hostile=False, fail={"deploy": deploy_error()})),
        Scene("14-stop", "review", script=_held(), act=_confirm),
        Scene("15-details", "stages", act=press("d")),
        Scene("16-help", "stages", act=press("question_mark")),
        Scene("17-hostile", "stages", script=Script()),
        Scene("18-destroy", "review", script=Script(hostile=False, destroys=True)),
    ]  # fmt: skip
    out = []
    for scene in both:
        out.append(scene)
        script = scene.script
        if script.hold is not None:
            script = _held()
        elif script.bad_checks:
            script = _unready()
        elif script.fail:
            script = Script(hostile=False, fail={"deploy": deploy_error()})
        out.append(replace(scene, name=scene.name + "-80x24", size=SMALL, script=script))
    out += [
        Scene("20-light-stages", "stages", light=True),
        Scene("21-light-review", "review", light=True),
        Scene("22-no-colour-stages", "stages", no_color=True),
        Scene("23-ascii-stages", "stages", size=SMALL, unicode=False),
        Scene("24-token-refused", "wallarm", act=_token,
              script=Script(hostile=False, token_state=State.FAILED)),
        Scene("25-too-small", "stages", size=(70, 20)),
    ]  # fmt: skip
    return tuple(out)


SCENES = scenes()
