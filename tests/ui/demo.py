"""The wizard on the scripted product: `python -m tests.ui.demo [--fast] [--step NAME]`."""

from __future__ import annotations

import argparse
import sys

from tests.ui.script import Script, deploy_error
from tests.ui.scripted import Scripted
from wizard.flows.context import Options
from wizard.ui.app import WizardApp


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--step", default="welcome")
    parser.add_argument("--apis", type=int, default=40)
    parser.add_argument("--fail", action="store_true")
    options = parser.parse_args()
    script = Script(apis=options.apis, slow=0.0 if options.fast else 0.6)
    if options.fail:
        script.fail["deploy"] = deploy_error()
    app = WizardApp(Options(), product=Scripted(script).begin, start=options.step)
    code = app.run()
    return 1 if code is None else code


if __name__ == "__main__":
    sys.exit(main())
