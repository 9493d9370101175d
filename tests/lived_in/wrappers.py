"""Programs that stand in for Terraform on real machines, each as its authors write it.

`{terraform}` is the real one, `{python}` an interpreter.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

WRAPPERS = {
    "shell without exec": """#!/bin/sh
"{terraform}" "$@"
""",
    "shell that goes on afterwards": """#!/bin/bash
trap 'exit 130' INT
"{terraform}" "$@"
code=$?
echo "finished" >&2
exit $code
""",
    "shell that waits for a background job": """#!/bin/bash
"{terraform}" "$@" &
wait $!
""",
    "shell that pipes through tee": """#!/bin/bash
"{terraform}" "$@" 2>&1 | tee "$HOME/last-terraform.log"
""",
    "shell that begins a session": """#!/bin/sh
exec setsid -w "{terraform}" "$@"
""",
    "python": """#!{python}
import subprocess, sys
sys.exit(subprocess.run(["{terraform}", *sys.argv[1:]]).returncode)
""",
    # As hashicorp/setup-terraform does it: all output is collected, then printed between lines of
    # its own, and `plan`'s exit code 2 becomes 0.
    "a CI action": """#!{python}
import subprocess, sys
done = subprocess.run(["{terraform}", *sys.argv[1:]], capture_output=True, text=True)
print("[command]{terraform} " + " ".join(sys.argv[1:]))
print(done.stdout, end="")
print("::debug::Terraform exited with code " + str(done.returncode))
print(done.stderr, end="", file=sys.stderr)
sys.exit(0 if done.returncode in (0, 2) else 1)
""",
    "a version manager": """#!/usr/bin/env bash
set -e
version=$(cat "$HOME/.terraform-version" 2>/dev/null || echo latest)
real="{terraform}"
echo "using $version" >&2
( "$real" "$@" )
""",
    "times before each line": """#!{python}
import datetime, subprocess, sys
run = subprocess.Popen(["{terraform}", *sys.argv[1:]], stdout=subprocess.PIPE, text=True)
for line in run.stdout:
    print(datetime.datetime.now().isoformat(), line, end="", flush=True)
sys.exit(run.wait())
""",
}
if shutil.which("node"):
    WRAPPERS["node"] = """#!/usr/bin/env node
const { spawn } = require("child_process");
const run = spawn("{terraform}", process.argv.slice(2), { stdio: "inherit" });
run.on("exit", (code) => process.exit(code));
"""


def write_wrapper(name: str, path: Path, terraform: str) -> Path:
    """Put a wrapper in place of Terraform."""
    text = WRAPPERS[name].replace("{terraform}", terraform).replace("{python}", sys.executable)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path
