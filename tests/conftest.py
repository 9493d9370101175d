"""What every test relies on."""

from __future__ import annotations

import gc
import os
import signal
import threading

from hypothesis import HealthCheck, settings

# A shell that starts the suite in the background lets it ignore Ctrl-C, and every program that a
# test starts would inherit that.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
# A busy machine makes an example slow, not wrong. The same examples each time, so that a change
# that breaks nothing fails nowhere; `make soak` looks for new ones.
settings.register_profile(
    "busy",
    deadline=None,
    derandomize="SOAK_SEEDS" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("busy")
# To look through all objects again after every few hundred new ones is a quarter of the time of a
# test that runs a screen.
gc.set_threshold(50_000, 20, 50)
# Terraform and its provider build a schema of a thousand resources at each start and end soon.
os.environ.setdefault("GOGC", "400")


def pytest_collection_finish() -> None:
    """Thousands of tests stay until the end: nothing of them is garbage."""
    gc.collect()
    gc.freeze()
