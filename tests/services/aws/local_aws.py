"""Runs the sandbox's local AWS alone, for the contract tests."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import wizard.sandbox

if __name__ == "__main__":
    from ministack.app import main

    sys.argv = sys.argv[:1]
    child = Path(wizard.sandbox.__file__).parent / "child"
    runpy.run_path(str(child / "gaps.py"))["fill"]()
    main()
