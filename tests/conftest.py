"""What every test relies on."""

from __future__ import annotations

import signal
import threading

# A shell that starts the suite in the background lets it ignore Ctrl-C, and every program that a
# test starts would inherit that.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
