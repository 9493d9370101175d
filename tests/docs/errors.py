"""Every error a user can meet, read out of the code that raises it: docs/errors.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import wizard
from wizard.core.terraform import failures as terraform_errors

PACKAGE = Path(wizard.__file__).parent
RAISED = ("WizardError", "UsageError", "TerraformError")
HEAD = """# Errors by code

Every error ends with its code in brackets: `[WAG-E-AWS-002]`. Codes are stable and never reused;
`…` stands for a name or for AWS's own words. A code can have several texts, one for each cause.
[Questions, and errors by their text](faq.md) says more about the frequent ones, and the checklist's
own codes (`WAG-LOG-004`) are in [checks](checks.md).

| code | what happened | what to do next |
| --- | --- | --- |
"""


class Row(NamedTuple):
    """One error: its code, what happened, what to do next."""

    code: str
    what: str
    next_step: str


def rows() -> list[Row]:
    """Every error with a text of its own, by code; Terraform's from the table of its messages."""
    found = {Row(e.code, _blank(e.what), _blank(e.next_step)) for e in terraform_errors._ROWS}
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = dict(_constants(tree))
        found.update(row for call in _calls(tree) if (row := _row(call, named)))
    return sorted(found)


def page() -> str:
    """The whole page."""
    return HEAD + "".join(f"| `{code}` | {_cell(what)} | {_cell(step)} |\n"
                          for code, what, step in rows())  # fmt: skip


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in RAISED and isinstance(node.args[0], ast.Constant):
            yield node


def _constants(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value


def _row(call: ast.Call, named: dict[str, ast.expr]) -> Row | None:
    code, *rest = call.args
    assert isinstance(code, ast.Constant)
    what = _text(rest[0], named) if rest else "…"
    steps = [_text(k.value, named) for k in call.keywords if k.arg == "next_step"]
    return Row(str(code.value), what, steps[0] if steps else "…") if what.strip("…: ") else None


def _text(node: ast.expr, named: dict[str, ast.expr]) -> str:
    """The text an expression makes, with `…` for what only a run knows."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, named) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left, named) + _text(node.right, named)
    if isinstance(node, ast.IfExp):
        return " / ".join(t for t in (_text(node.body, named), _text(node.orelse, named)) if t)
    if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.Name | ast.IfExp):
        return _text(node.value, named)
    if isinstance(node, ast.Name) and node.id in named:
        return _text(named[node.id], {})
    return "…"


def _blank(text: str) -> str:
    """A template without the names of its gaps."""
    return re.sub(r"\{\w+\}", "…", text)


def _cell(text: str) -> str:
    text = re.sub(r"…(\s*…)+", "… ", text)
    return " ".join(text.replace("|", "\\|").split()) or "–"
