"""Threads that look at something: nobody waits for one that is no longer wanted.

Python waits for every thread of a pool when the pool is left, and again when the program ends. One
that waits for an answer of the network would keep the shell waiting for a minute after Ctrl-C.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import TracebackType


class ReadingPool(ThreadPoolExecutor):
    """Threads that only read. Left by Ctrl-C, it waits for none of them, and begins nothing more;
    what they read is lost, and nothing else.
    """

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        stopped = kind is not None and not issubclass(kind, Exception)
        self.shutdown(wait=not stopped, cancel_futures=kind is not None)


class AbandonedPool(ThreadPoolExecutor):
    """For an event loop: when that ends, threads at work are left to themselves. Whoever has
    something in it that must be finished waits for that.
    """

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Begin nothing further; wait for nothing, whatever `wait` says."""
        del wait, cancel_futures
        super().shutdown(wait=False, cancel_futures=True)
