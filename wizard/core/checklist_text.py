"""The checklist itself as text: what `doctor --list` prints, and the page `docs/checks.md`."""

from __future__ import annotations

from wizard.core.checks.checklist import CHECKS
from wizard.core.checks.model import SECTIONS, Check

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
        lines += ["| id | question | looks at | asked after | if it fails | fix |",
                  "| --- | --- | --- | --- | --- | --- |"]  # fmt: skip
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
