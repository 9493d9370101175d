"""The checklist's report as text, one-liners, JSON and JUnit XML."""

from __future__ import annotations

import json
from dataclasses import asdict
from xml.etree import ElementTree

from wizard.core.checks.checklist import CHECKS
from wizard.core.checks.model import SECTIONS, Check, Report, Result, Verdict
from wizard.core.events import State, glyph
from wizard.core.text import clean

STATES = {
    Verdict.PASS: State.DONE,
    Verdict.WARN: State.WARNING,
    Verdict.FAIL: State.FAILED,
    Verdict.SKIPPED: State.SKIPPED,
    Verdict.UNCHECKED: State.UNCHECKED,
}
FORMATS = ("text", "short", "json", "junit")
_MOST_UNCHECKED = 150  # characters of why nobody could look


def render(report: Report, output: str, *, unicode: bool, fail_on: str = "error") -> str:
    """The report in one of `FORMATS`, without the last line's end."""
    if output == "json":
        return as_json(report)
    if output == "junit":
        return as_junit(report, fail_on=fail_on)
    if output == "short":
        return as_short(report, unicode=unicode)
    return as_text(report, unicode=unicode)


def as_text(report: Report, *, unicode: bool) -> str:
    """For people, and short enough to paste into a ticket."""
    lines = [clean(str(report.about))] if report.about else []
    for section in SECTIONS:
        results = [r for r in report.results if r.check.section is section]
        if not results:
            continue
        worst = next(
            (
                v
                for v in (Verdict.FAIL, Verdict.WARN, Verdict.UNCHECKED, Verdict.SKIPPED)
                if any(r.verdict is v for r in results)
            ),
            Verdict.PASS,
        )
        good = sum(r.verdict is Verdict.PASS for r in results)
        mark = glyph(STATES[worst], unicode=unicode)
        title = section.name([r.verdict for r in results])
        lines.append(f"{mark} {title}  ({good} of {len(results)})")
        for result in results:
            lines.extend(_lines(result, unicode=unicode))
    cause = report.root_cause
    lines.append("")
    if cause:
        lines.append(
            f"Root cause: {cause.check.check_id}  {cause.check.question} "
            f"No: {clean(cause.finding.evidence)}"
        )
        command = " Run `wallarm-apigw doctor --fix`." if cause.check.fix else ""
        lines.append(f"Next: {clean(cause.next_step)}{command}")
        if cause.link:
            lines.append(f"Look: {cause.link}")
    lines.append(totals(report))
    return "\n".join(lines)


def as_short(report: Report, *, unicode: bool) -> str:
    """Only what is not fine, one line each; one line in all when everything is."""
    lines = [
        f"{glyph(STATES[r.verdict], unicode=unicode)} {r.check.check_id} "
        f"{clean(r.finding.evidence, 160)}"
        for r in report.results
        if r.verdict in (Verdict.FAIL, Verdict.WARN)
    ]
    return "\n".join(lines) or totals(report)


def as_json(report: Report) -> str:
    """One document."""
    cause = report.root_cause
    return json.dumps(
        {
            "deployment": asdict(report.about) if report.about else None,
            "root_cause": cause.check.check_id if cause else None,
            "checks": [
                {
                    "id": r.check.check_id,
                    "section": r.check.section.key,
                    "question": r.check.question,
                    "verdict": r.verdict.value,
                    "evidence": r.finding.evidence,
                    "because": r.because,
                    "hint": r.next_step,
                    "fix": r.check.fix,
                    "console": r.link,
                    "seconds": round(r.seconds, 3),
                }
                for r in report.results
            ],
        },
        indent=2,
        ensure_ascii=False,
    )


def as_junit(report: Report, *, fail_on: str = "error") -> str:
    """JUnit XML: what was not asked or not checkable is skipped.

    A warning passes, unless `fail_on` is `warning`: then it fails, as the exit code does.
    """
    fails = {Verdict.FAIL, Verdict.WARN} if fail_on == "warning" else {Verdict.FAIL}
    leaves_out = (Verdict.SKIPPED, Verdict.UNCHECKED)
    suite = ElementTree.Element(
        "testsuite",
        name="wallarm-apigw doctor",
        tests=str(len(report.results)),
        failures=str(sum(r.verdict in fails for r in report.results)),
        errors="0",
        skipped=str(sum(r.verdict in leaves_out for r in report.results)),
        time=f"{sum(r.seconds for r in report.results):.3f}",
    )
    if report.about:
        suite.set("timestamp", report.about.at.removesuffix("Z"))
        properties = ElementTree.SubElement(suite, "properties")
        for name, value in asdict(report.about).items():
            ElementTree.SubElement(properties, "property", name=name, value=_xml(value))
    for r in report.results:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=f"wallarm-apigw.{r.check.section.key}",
            name=f"{r.check.check_id} {r.check.question}",
            time=f"{r.seconds:.3f}",
        )
        evidence = _xml(r.finding.evidence)
        if r.verdict in fails:
            about = {"message": evidence, "type": r.verdict.value}
            ElementTree.SubElement(case, "failure", about).text = _xml(r.next_step)
        elif r.verdict in leaves_out:
            ElementTree.SubElement(case, "skipped", message=evidence)
        elif evidence:
            ElementTree.SubElement(case, "system-out").text = evidence
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return head + ElementTree.tostring(root, encoding="unicode")


def totals(report: Report) -> str:
    """How many of each verdict, in one line."""
    parts = [f"{report.count(Verdict.PASS)} passed"]
    parts.extend(
        f"{number} {verdict.value}"
        for verdict in (Verdict.WARN, Verdict.FAIL, Verdict.SKIPPED, Verdict.UNCHECKED)
        if (number := report.count(verdict))
    )
    return ", ".join(parts)


def _xml(text: str) -> str:
    """Foreign text as XML 1.0 may hold it; two code points of the first plane it may not."""
    return clean(text).replace("\ufffe", "").replace("\uffff", "")


def _lines(result: Result, *, unicode: bool) -> list[str]:
    mark = glyph(STATES[result.verdict], unicode=unicode)
    tail = ""
    if result.verdict is Verdict.SKIPPED:
        tail = f"  because of {result.because}"
    lines = [f"   {mark} {result.check.check_id}  {result.check.question}{tail}"]
    if result.verdict in (Verdict.FAIL, Verdict.WARN):
        lines.append(f"       {clean(result.finding.evidence)}")
        if result.finding.next_step:
            lines.append(f"       {clean(result.finding.next_step)}")
    elif result.verdict is Verdict.UNCHECKED:
        lines.append(f"       Not checked: {clean(result.finding.evidence, _MOST_UNCHECKED)}")
    return lines


_DOCUMENT = """# The checklist

Every check of `wallarm-apigw doctor`, made from the data that runs (`wallarm-apigw doctor --list`
prints it shorter). A check is asked when nothing in "asked after" has failed; otherwise it is
skipped because of the first cause, so the first failure is the one to mend.

- Verdicts are never mixed up: passed, warning, failed, skipped (because of a cause), not checked
  (nobody could look: offline, denied, or nothing to see yet).
- Looking changes nothing. The one thing it sets in motion is a probe: the forwarder is invoked with
  `{"wallarm-apigw": "probe"}`, sends one `HEAD /` to the node and says what came back.
- A fix is offered by `doctor --fix` and on screen (`f`): previewed, asked for, written to the
  journal, and then the checks run again. Checks without one say what to do.
- `--wait SECONDS` looks again at what failed or may settle by itself.
- A slow check runs by its name, or with `--deep`.

"Looks at" names AWS's operations as `service.Operation`; each is in the policy that
`wallarm-apigw iam-policy doctor` prints. What the Wallarm Cloud answers, and the addresses that
"open in console" opens, could not be tried against the real services.
"""


def listing() -> str:
    """Every check on a line of its own, by section."""
    lines: list[str] = []
    for section in SECTIONS:
        lines += ["", f"{section.title}  (--only {section.key})"]
        lines += [
            f"  {check.check_id}  {check.question}{_marks(check)}"
            for check in CHECKS
            if check.section is section
        ]
    return "\n".join(lines[1:])


def document() -> str:
    """The page `docs/checks.md`."""
    lines = [_DOCUMENT.rstrip("\n")]
    for section in SECTIONS:
        lines += ["", f"## {section.title}", ""]
        lines += [
            "| id | question | looks at | asked after | if it fails | fix |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        lines += [_row(check) for check in CHECKS if check.section is section]
    return "\n".join(lines) + "\n"


def _row(check: Check) -> str:
    where = ", ".join(f"`{p}`" if "." in p else p for p in check.looks_at)
    after = ", ".join(f"`{cause}`" for cause in check.depends_on) or "–"
    notes = "".join(f" *({note})*" for note in _notes(check))
    return (
        f"| `{check.check_id}` | {check.question}{notes} | {where} | {after} | {check.hint} "
        f"| {check.fix or '–'} |"
    )


def _notes(check: Check) -> list[str]:
    notes = ["slow: by name or with `--deep`"] if check.deep else []
    return notes + (["only with a node of ours"] if check.node_only else [])


def _marks(check: Check) -> str:
    marks = [word for word, there in (("fix", check.fix), ("slow", check.deep)) if there]
    return f"  [{', '.join(marks)}]" if marks else ""
