"""The checklist's report as text, one-liners, JSON and JUnit XML."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from wizard.core.checks import SECTIONS, Report, Result, Verdict
from wizard.core.report import State, glyph
from wizard.core.text import clean

_STATES = {
    Verdict.PASS: State.DONE,
    Verdict.WARN: State.WARNING,
    Verdict.FAIL: State.FAILED,
    Verdict.SKIPPED: State.SKIPPED,
    Verdict.UNCHECKED: State.UNCHECKED,
}


def as_text(report: Report, *, unicode: bool) -> str:
    """For people, and short enough to paste into a ticket."""
    lines: list[str] = []
    for section in SECTIONS:
        results = [r for r in report.results if r.check.section is section]
        if not results:
            continue
        worst = next(
            (
                v
                for v in (Verdict.FAIL, Verdict.WARN, Verdict.UNCHECKED)
                if any(r.verdict is v for r in results)
            ),
            Verdict.PASS,
        )
        good = sum(r.verdict is Verdict.PASS for r in results)
        mark = glyph(_STATES[worst], unicode=unicode)
        lines.append(f"{mark} {section.title}  ({good} of {len(results)})")
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
        lines.append(f"Next: {cause.check.hint}{command}")
    else:
        lines.append(_totals(report))
    return "\n".join(lines)


def as_short(report: Report, *, unicode: bool) -> str:
    """Only what is not fine, one line each; one line in all when everything is."""
    lines = [
        f"{glyph(_STATES[r.verdict], unicode=unicode)} {r.check.check_id} "
        f"{clean(r.finding.evidence, 160)}"
        for r in report.results
        if r.verdict in (Verdict.FAIL, Verdict.WARN)
    ]
    return "\n".join(lines) or _totals(report)


def as_json(report: Report) -> str:
    """One document."""
    cause = report.root_cause
    return json.dumps(
        {
            "root_cause": cause.check.check_id if cause else None,
            "checks": [
                {
                    "id": r.check.check_id,
                    "section": r.check.section.key,
                    "question": r.check.question,
                    "verdict": r.verdict.value,
                    "evidence": r.finding.evidence,
                    "because": r.because,
                    "hint": r.check.hint,
                    "fix": r.check.fix,
                    "seconds": round(r.seconds, 3),
                }
                for r in report.results
            ],
        },
        indent=2,
        ensure_ascii=False,
    )


def as_junit(report: Report) -> str:
    """JUnit XML: warnings pass, what was not asked or not checkable is skipped."""
    suite = ElementTree.Element(
        "testsuite",
        name="wallarm-apigw doctor",
        tests=str(len(report.results)),
        failures=str(report.count(Verdict.FAIL)),
        skipped=str(report.count(Verdict.SKIPPED) + report.count(Verdict.UNCHECKED)),
    )
    for r in report.results:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=r.check.section.key,
            name=f"{r.check.check_id} {r.check.question}",
            time=f"{r.seconds:.3f}",
        )
        evidence = clean(r.finding.evidence)
        if r.verdict is Verdict.FAIL:
            ElementTree.SubElement(case, "failure", message=evidence).text = r.check.hint
        elif r.verdict in (Verdict.SKIPPED, Verdict.UNCHECKED):
            ElementTree.SubElement(case, "skipped", message=evidence)
        elif evidence:
            ElementTree.SubElement(case, "system-out").text = evidence
    return ElementTree.tostring(suite, encoding="unicode")


def _lines(result: Result, *, unicode: bool) -> list[str]:
    mark = glyph(_STATES[result.verdict], unicode=unicode)
    tail = ""
    if result.verdict is Verdict.SKIPPED:
        tail = f"  because of {result.because}"
    lines = [f"   {mark} {result.check.check_id}  {result.check.question}{tail}"]
    if result.verdict in (Verdict.FAIL, Verdict.WARN):
        lines.append(f"       {clean(result.finding.evidence)}")
    elif result.verdict is Verdict.UNCHECKED:
        lines.append(f"       Not checked: {clean(result.finding.evidence, 150)}")
    return lines


def _totals(report: Report) -> str:
    parts = [f"{report.count(Verdict.PASS)} passed"]
    parts.extend(
        f"{number} {verdict.value}"
        for verdict in (Verdict.WARN, Verdict.FAIL, Verdict.SKIPPED, Verdict.UNCHECKED)
        if (number := report.count(verdict))
    )
    return ", ".join(parts)
