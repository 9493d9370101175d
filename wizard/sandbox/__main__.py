"""`python -m wizard.sandbox`: the sandbox in the foreground, its environment on standard output."""

from __future__ import annotations

import sys

from wizard.core.errors import WizardError
from wizard.sandbox.foreground import run_foreground

if __name__ == "__main__":
    try:
        sys.exit(run_foreground())
    except WizardError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(int(error.exit_code))
