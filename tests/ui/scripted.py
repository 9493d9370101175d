"""A backend that plays a script: realistic data, hostile names, delays and failures on demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.ui.script import Script
from tests.ui.scripted_account import ACCOUNT, HOSTILE
from tests.ui.scripted_home import ScriptedHome
from tests.ui.scripted_logs import ScriptedLog, scripted_logs
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
from wizard.core.secret import Secret
from wizard.flows.doctor.bundle import shown


class Scripted(ScriptedHome):
    """Implements `wizard.ui.backend.Backend` without AWS or Terraform."""

    def __init__(self, script: Script | None = None) -> None:
        super().__init__(script)
        self.saved_answers: list[Answers] = []
        self.asked_with: Secret | None = None  # the token of the last examination
        self.broken = True  # one link, until it is mended
        self.followers = scripted_logs(self.script.hostile, HOSTILE)

    def diagnose(
        self,
        answers: Answers,
        token: Secret | None,
        only: tuple[str, ...],
        on_result: Callable[[Result], None],
    ) -> Report:
        self._enter("diagnose")
        self.asked_with = token
        results = []
        for check in selected(CHECKS, only, (), with_node=True):
            self._wait(0.2)
            finding = passed("seen")
            because = ""
            if check.check_id == "WAG-LOG-005" and self.broken:
                finding = failed(
                    "logs.DescribeSubscriptionFilters of /aws/apigateway/x: none [/found]"
                    + (" ".join(HOSTILE) if self.script.hostile else ""),
                    "x",
                )
            elif check.check_id == "WAG-LOG-006" and self.broken:
                because = "WAG-LOG-005"
                finding = Finding(Verdict.SKIPPED, f"because of {because}")
            elif check.check_id == "WAG-NOD-009":
                finding = unchecked("AccessDenied: ec2:DescribeRouteTables")
            elif check.check_id == "WAG-API-006":
                finding = warned("12 of 40 events are OPTIONS")
            link = f"https://{answers.region}.console.aws.amazon.com/?about={check.check_id}"
            result = Result(check, finding, because, link=link)
            on_result(result)
            results.append(result)
        about = About("api-gw-discovery", ACCOUNT, answers.region, "1.0.0", "2026-10-04T12:31:11Z")
        return Report(tuple(results), about)

    def fix_preview(self, answers: Answers, found: Result) -> str:
        self._enter("fix_preview")
        return "Put the subscription filter of /aws/apigateway/x back"

    def fix(self, answers: Answers, found: Result) -> None:
        self._enter("fix")
        self.broken = False

    def logs(self, answers: Answers) -> tuple[ScriptedLog, ...]:
        self._enter("logs")
        return self.followers

    def collect_bundle(self, answers: Answers) -> Mapping[str, str]:
        self._enter("collect_bundle")
        said = HOSTILE[0] if self.script.hostile else "pass"
        return {"versions.txt": "wallarm-apigw 1.0.0\n", "report.txt": f"WAG-LOG-005 {said}\n"}

    def show_bundle(self, files: Mapping[str, str]) -> str:
        return shown(files)

    def write_bundle(self, name: str, files: Mapping[str, str]) -> str:
        self._enter("write_bundle")
        self.bundle = (name, dict(files))
        return f"/home/jane/{name}"

    def save(self, answers: Answers) -> str:
        self.saved_answers.append(answers)
        return "~/.local/share/wallarm-apigw/answers.json"

    def export(self, name: str, text: str) -> str:
        self._enter("export")
        self.exported = (name, text)
        return f"/home/jane/{name}"

    def close(self) -> None:
        self.calls.append("close")
