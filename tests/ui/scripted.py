"""A product that plays a script: realistic data, hostile names, delays and failures on demand."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.ui.script import Player, Script
from tests.ui.scripted_account import ACCOUNT, HOSTILE, ScriptedAccount
from tests.ui.scripted_logs import ScriptedLog, scripted_logs
from tests.ui.scripted_run import (
    CONNECTED,
    OUTPUTS,
    ScriptedInstall,
    ScriptedStages,
    ScriptedUninstall,
)
from wizard.core.answers.model import Answers
from wizard.core.checks.checklist import CHECKS
from wizard.core.checks.model import (
    About,
    Finding,
    Report,
    Result,
    Verdict,
    failed,
    passed,
    selected,
    unchecked,
    warned,
)
from wizard.core.facts import StageRef
from wizard.core.journal.unfinished import Unfinished
from wizard.core.known_deployment import KnownDeployment
from wizard.core.secret import Secret
from wizard.core.stages.lines import LastEvent, LineCounts
from wizard.flows.context import Context
from wizard.flows.deployment.remote import NEXT_STEP
from wizard.flows.doctor.bundle import shown
from wizard.flows.status import StageStatus, Status


class ScriptedDeployments:
    """Those of the script, and how they do."""

    def __init__(self, player: Scripted) -> None:
        self.p = player

    def here(self) -> tuple[KnownDeployment, ...]:
        self.p.enter("existing")
        return self.p.script.existing

    def in_account(self, answers: Answers) -> tuple[KnownDeployment, ...]:
        self.p.enter("elsewhere")
        return self.p.script.elsewhere

    def unfinished(self, answers: Answers) -> Unfinished | None:
        self.p.enter("unfinished")
        mine = [one for one in self.p.script.existing if one.name_prefix == answers.name_prefix]
        return mine[0].unfinished if mine and not self.p.script.settled_since else None

    def answers_of(self, known: KnownDeployment) -> Answers | None:
        self.p.enter("answers_of")
        return Answers(name_prefix=known.name_prefix, region=known.region)

    def status(self, answers: Answers) -> Status:
        self.p.enter("status")
        script, stages, notes, where = self.p.script, self._stages(), (), ""
        if any(one.remote and one.name_prefix == answers.name_prefix for one in script.elsewhere):
            stages = tuple(
                StageStatus(StageRef(f"a{n}", "prod"), "ours", OUTPUTS.api_gateway_log_group, None)
                for n in range(3)
            )
            where, notes = "not here, but on the computer it was installed from", (NEXT_STEP,)
        if script.hostile:
            where, notes = HOSTILE[0], HOSTILE
        return Status(
            ACCOUNT, answers.region, answers.name_prefix, OUTPUTS, stages, 52, 18_204, 0, 118.7,
            None, "", "" if where else "0.25.5", "" if where else "1.11.4", (), notes, where,
        )  # fmt: skip

    def _stages(self) -> tuple[StageStatus, ...]:
        group = OUTPUTS.api_gateway_log_group
        if self.p.script.hostile:
            return tuple(
                StageStatus(StageRef(f"{n:04x}b2c3d4", "prod"), "ours", name, False, name)
                for n, name in enumerate(HOSTILE, 3)
            )
        one, two, three = map(StageRef.parse, CONNECTED)
        return (
            StageStatus(one, "ours", group, True, lines=LineCounts(1200, 0)),
            StageStatus(two, "keep", "/acme/access-logs", True, lines=LineCounts(40, 8)),
            StageStatus(three, "ours", group, False, "somebody changed its logging since"),
        )

    def last_events(self, answers: Answers) -> dict[StageRef, LastEvent]:
        self.p.enter("last_events")
        if self.p.script.hostile:
            return {one.ref: LastEvent(problem=HOSTILE[0]) for one in self._stages()}
        one, two, three = map(StageRef.parse, CONNECTED)
        now = time.time()
        return {
            one: LastEvent(now - 3 * 3600 - 20, now - 86_400),
            two: LastEvent(None, now - 7 * 86_400),
            three: LastEvent(problem="AccessDenied: no logs:FilterLogEvents"),
        }

    def rotate_token(self, answers: Answers, token: Secret) -> None:
        self.p.enter("rotate_token")
        self.p.rotated = token

    def draft(self) -> Answers | None:
        return None

    def draft_file(self) -> str:
        return "~/.local/share/wallarm-apigw/answers.json"

    def save_draft(self, answers: Answers) -> str:
        self.p.saved_answers.append(answers)
        return self.draft_file()

    def drop_draft(self) -> None:
        return None


class ScriptedDoctor:
    """One link is broken until it is mended."""

    def __init__(self, player: Scripted, answers: Answers) -> None:
        self.p, self.answers = player, answers

    def examine(
        self, only: tuple[str, ...], token: Secret | None, on_result: Callable[[Result], None]
    ) -> Report:
        self.p.enter("diagnose")
        self.p.asked_with = token
        results = []
        for check in selected(CHECKS, only, (), with_node=True):
            self.p.wait(0.2)
            finding = passed("seen")
            because = ""
            if check.check_id == "WAG-LOG-005" and self.p.broken:
                finding = failed(
                    "logs.DescribeSubscriptionFilters of /aws/apigateway/x: none [/found]"
                    + (" ".join(HOSTILE) if self.p.script.hostile else ""),
                    "x",
                )
            elif check.check_id == "WAG-LOG-006" and self.p.broken:
                because = "WAG-LOG-005"
                finding = Finding(Verdict.SKIPPED, f"because of {because}")
            elif check.check_id == "WAG-NOD-009":
                finding = unchecked("AccessDenied: ec2:DescribeRouteTables")
            elif check.check_id == "WAG-API-006":
                finding = warned("12 of 40 events are OPTIONS")
            link = f"https://{self.answers.region}.console.aws.amazon.com/?about={check.check_id}"
            result = Result(check, finding, because, link=link)
            on_result(result)
            results.append(result)
        region = self.answers.region
        about = About("api-gw-discovery", ACCOUNT, region, "1.0.0", "2026-10-04T12:31:11Z")
        return Report(tuple(results), about)

    def preview(self, found: Result) -> str:
        self.p.enter("fix_preview")
        return "Put the subscription filter of /aws/apigateway/x back"

    def repair(self, found: Result) -> None:
        self.p.enter("fix")
        self.p.broken = False

    def logs(self) -> tuple[ScriptedLog, ...]:
        self.p.enter("logs")
        return self.p.followers

    def collect_bundle(self) -> Mapping[str, str]:
        self.p.enter("collect_bundle")
        said = HOSTILE[0] if self.p.script.hostile else "pass"
        return {"versions.txt": "wallarm-apigw 1.0.0\n", "report.txt": f"WAG-LOG-005 {said}\n"}

    def show_bundle(self, files: Mapping[str, str]) -> str:
        return shown(files)

    def write_bundle(self, name: str, files: Mapping[str, str]) -> str:
        self.p.enter("write_bundle")
        self.p.bundle = (name, dict(files))
        return f"/home/jane/{name}"

    def export(self, name: str, text: str) -> str:
        self.p.enter("export")
        self.p.exported = (name, text)
        return f"/home/jane/{name}"


class Scripted(Player):
    """Implements `wizard.ui.product.Product` without AWS or Terraform."""

    def __init__(self, script: Script | None = None) -> None:
        super().__init__(script)
        self.saved_answers: list[Answers] = []
        self.asked_with: Secret | None = None  # the token of the last examination
        self.broken = True  # one link, until it is mended
        self.followers = scripted_logs(self.script.hostile, HOSTILE)
        self.bundle: tuple[str, dict[str, str]] = ("", {})
        self.exported = ("", "")
        self.rotated: Secret | None = None
        self.accounts = ScriptedAccount(self)

    def begin(self, context: Context) -> Scripted:
        """What the app calls to get its product."""
        self.context = context
        return self

    def account(self) -> ScriptedAccount:
        return self.accounts

    def install(self, answers: Answers, token: Secret | None) -> ScriptedInstall:
        return ScriptedInstall(self, answers)

    def stages(self, answers: Answers) -> ScriptedStages:
        return ScriptedStages(self, answers)

    def uninstall(self, answers: Answers, ask: Any = None) -> ScriptedUninstall:
        job = ScriptedUninstall(self, answers)
        job.ask = ask
        return job

    def doctor(self, answers: Answers) -> ScriptedDoctor:
        return ScriptedDoctor(self, answers)

    def deployments(self) -> ScriptedDeployments:
        return ScriptedDeployments(self)
