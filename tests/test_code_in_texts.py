"""Programs that tests start from a text are read by no type checker: their imports are checked.

Where one fails, the program ends before it began, and a test that only waits for its end passes.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
IMPORT = re.compile(r"^\s*from (wizard[\w.]*) import ([\w, ]+)$", re.MULTILINE)


def texts(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def imported() -> set[tuple[str, str, str]]:
    """`(file, module, name)`"""
    return {
        (path.name, module, name.partition(" as ")[0].strip())
        for path in HERE.rglob("*.py")
        for text in texts(path)
        for module, names in IMPORT.findall(text)
        for name in names.split(",")
    }


def is_there(module: str, name: str) -> bool:
    try:
        if hasattr(importlib.import_module(module), name):
            return True
        importlib.import_module(f"{module}.{name}")
    except ImportError:
        return False
    return True


def test_everything_that_a_program_in_a_text_imports_is_there() -> None:
    found = imported()
    assert len(found) > 25, "they are still found"
    assert sorted(one for one in found if not is_there(*one[1:])) == []
