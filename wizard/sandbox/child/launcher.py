"""Runs the local AWS so that it cannot outlive the sandbox, whatever happens to its parent.

Standard input is a pipe that only the parent holds. When it ends, because the parent stopped or was
killed, this process group is killed: the local AWS and every Lambda worker it started. That works
on every POSIX system; the parent has made this process the leader of a group of its own.
"""

import os
import runpy
import signal
import sys
import threading
from pathlib import Path


def _end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    if os.getpgrp() != os.getpid():
        sys.exit("this launcher must lead its own process group")
    # This folder must not hide anybody's modules.
    here = str(Path(__file__).resolve().parent)
    sys.path[:] = [p for p in sys.path if p != here]
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.argv = ["ministack"]
    runpy.run_path(str(Path(__file__).with_name("gaps.py")))["fill"]()
    runpy.run_path(str(Path(__file__).with_name("answers.py")))["remember"]()
    runpy.run_module("ministack", run_name="__main__")
