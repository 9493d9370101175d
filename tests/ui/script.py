"""What a script says about the account and about what goes wrong, and how it is played."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from wizard.core.errors import WizardError
from wizard.core.events import FlowEvent, State
from wizard.core.known_deployment import KnownDeployment
from wizard.flows.context import Context, Options
from wizard.flows.preflight import FirstCheck

TOKEN = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789+/AbCdEfGhIjKlMnOpQrStUvWxYz"
EPOCH = 1_791_201_871.22  # the scripted now


@dataclass
class Script:
    """What the scripted account holds, and what goes wrong in it."""

    apis: int = 40
    stages_per_api: int = 2
    hostile: bool = True
    slow: float = 0.0  # seconds of every scripted wait; 0 for tests
    fail: dict[str, WizardError] = field(default_factory=dict)  # by method name, raised once
    failing_stage: int = -1  # the number of the stage that cannot be switched the first time
    # Of the first looks, in turn.
    bad_checks: dict[str, list[FirstCheck]] = field(default_factory=dict)
    existing: tuple[KnownDeployment, ...] = ()
    elsewhere: tuple[KnownDeployment, ...] = ()
    settled_since: bool = False  # a colleague went on with the run that did not end
    removed_before: bool = False  # all but the log data
    token_state: State = State.UNCHECKED
    mfa: bool = False
    bundles: tuple[str, ...] = ()  # downloads that look like Wallarm's forwarder
    cached: float = 0.0  # seconds since the list of stages was read; 0 for never
    destroys: bool = False
    hold: threading.Event | None = None  # deploy waits for it half-way
    settles: bool = True  # a graceful stop lets go of `hold`; else only a harder one does
    clock: Callable[[], float] = time.monotonic
    tick: Callable[[float], None] = lambda seconds: None


def deploy_error() -> WizardError:
    """A failure as the deployer explains it."""
    return WizardError(
        "WAG-E-TF-021",
        "AWS refused to create the load balancer",
        why="Error: creating ELBv2 application Load Balancer (api-gw-discovery): operation error "
        "Elastic Load Balancing v2: CreateLoadBalancer, https response error StatusCode: 403, "
        "AccessDenied: User is not authorized to perform: elasticloadbalancing:CreateLoadBalancer",
        next_step="Give the role platform-admin the deploy policy (IAM policy tab of Review), "
        "then Retry. What is there already is kept.",
    )


class Player:
    """Plays a script: counts calls, waits, and fails once where the script says so.

    What a test wants to know of all flows together is kept here.
    """

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or Script()
        self.context = Context(Options(env={}), lambda event: None)
        self.calls: list[str] = []
        self.tried: list[tuple[str, ...]] = []  # which stages, each time they were switched
        self.deleted_logs: bool | None = None
        self.cancelled, self.killed = threading.Event(), threading.Event()

    def wait(self, units: float = 1.0) -> None:
        if self.script.slow:
            time.sleep(self.script.slow * units)

    def enter(self, name: str) -> None:
        self.calls.append(name)
        error = self.script.fail.pop(name, None)
        if error is not None:
            raise error

    def tell(self, event: FlowEvent) -> None:
        self.context.emit(event)
