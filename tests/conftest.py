"""What every test relies on."""

from __future__ import annotations

import signal
import threading

from hypothesis import HealthCheck, settings

# A shell that starts the suite in the background lets it ignore Ctrl-C, and every program that a
# test starts would inherit that.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
# A busy machine makes an example slow, not wrong.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")
