"""Sends many events over a few kept connections, and knows of every event what became of it.

One thread, non-blocking sockets: on a Lambda's share of a core that is several times faster than a
thread or a library call for each message (benchmarks/forwarder.py). The two messages of an event go
one after the other over the same connection.
"""

import heapq
import os
import time
from collections import deque

from connection import Broken, Connection
from job import DELIVERED, FAILED, REFUSED
from poll import Poll

VERDICT = 403  # where the node blocks, that is its verdict on a request, not a refusal of ours
MOST_ATTEMPTS = 6
MOST_CONNECT_FAILURES = 8
BASE_SECONDS = 0.1
CAP_SECONDS = 5.0
IDLE_SECONDS = 45.0  # below the 60 s after which a load balancer drops an idle connection
FIRST_CONNECTIONS = 32
SCAN_SECONDS = 0.1


class Sender:
    """Keeps its connections between calls, as long as the environment is warm."""

    def __init__(self, node):
        self.node = node
        self.retried = 0
        self._idle = []
        self._active = {}
        self._poll = None
        self._allowed = min(FIRST_CONNECTIONS, node.connections)

    def send(self, jobs, seconds):
        """Settle as many of `jobs` as fit into `seconds`; the others are `failed` with a reason."""
        self.retried = 0
        if not jobs:
            return
        end = time.monotonic() + seconds
        self._poll = Poll()
        try:
            _Round(self, jobs, end).run()
        finally:
            for connection in self._active.values():
                connection.close()
            self._active.clear()
            self._poll.close()

    def take(self, now):
        """An idle connection that is still good, or None."""
        while self._idle:
            connection = self._idle.pop()
            if now - connection.idle_since < IDLE_SECONDS and not connection.stale():
                return connection
            connection.close()
        return None

    def keep(self, connection, now):
        """Put a connection back for the next event."""
        connection.job = None
        connection.idle_since = now
        self._idle.append(connection)


class _Round:
    """One call of `Sender.send`."""

    def __init__(self, sender, jobs, end):
        self.sender = sender
        self.node = sender.node
        self.poll = sender._poll
        self.active = sender._active
        self.end = end
        self.ready = deque(jobs)
        self.later = []
        self.open = len(self.ready)
        self.connect_failures = 0
        self.not_before = 0.0
        self.given_up = ""
        self.trouble = ""  # why the last connection could not be opened
        self.jobs = jobs

    def run(self):
        """Until every job is settled, the time is over, or the node is given up."""
        next_scan = 0.0
        while self.open and not self.given_up:
            now = time.monotonic()
            if now >= self.end:
                self.given_up = self.trouble or "the time is over"
                break
            while self.later and self.later[0][0] <= now:
                self.ready.append(heapq.heappop(self.later)[2])
            self._start(now)
            if self.given_up:
                break
            for fd, mask in self.poll.wait(self._patience(now)):
                connection = self.active.get(fd)
                if connection is not None:
                    self._step(connection, mask)
            now = time.monotonic()
            if now >= next_scan:
                next_scan = now + SCAN_SECONDS
                self._scan(now)
        for job in self.jobs:
            if job.outcome is None:
                job.outcome = FAILED
                job.reason = job.reason or self.given_up or "not tried"

    def _start(self, now):
        while self.ready and len(self.active) < self.sender._allowed:
            connection = self.sender.take(now)
            if connection is None:
                if now < self.not_before:
                    return
                connection = self._connect(now)
                if connection is None:
                    return
            self.poll.add(connection.fd, connection.wants)
            self.active[connection.fd] = connection
            self._begin(connection, self.ready.popleft(), now)

    def _connect(self, now):
        try:
            return Connection(self.node, now)
        except Broken as error:
            self._not_connected(error, now)
        except (OSError, UnicodeError) as error:  # no such name, or none at all; no socket left
            self._not_connected(Broken(f"{type(error).__name__}: {error}"), now)
        return None

    def _begin(self, connection, job, now):
        connection.job = job
        job.stage = 0
        if not job.began:
            job.began = now
        self._say(connection, job.first)

    def _say(self, connection, data):
        try:
            connection.send(data, head_only=connection.job.head_only)
        except Broken as error:
            self._broken(connection, error)
        else:
            self.poll.change(connection.fd, connection.wants)

    def _step(self, connection, mask):
        try:
            answer = connection.step(mask)
        except Broken as error:
            self._broken(connection, error)
            return
        if answer is None:
            self.poll.change(connection.fd, connection.wants)
            return
        self._answered(connection, answer)

    def _answered(self, connection, answer):
        job, now = connection.job, time.monotonic()
        job.status = answer.status
        self.connect_failures, self.trouble = 0, ""
        good = 200 <= answer.status < 300
        heard = job.stage == 0 and job.second is not None and (good or answer.status == VERDICT)
        if heard and answer.keep:
            job.stage = 1
            self._say(connection, job.second)
            return
        if heard:
            # The node closes after each answer: the second message needs a connection of its own.
            self._drop(connection)
            job.halve()
            self.ready.appendleft(job)
            return
        self._release(connection, answer.keep, now)
        if good:
            self._settle(job, DELIVERED, now)
        elif answer.status in (408, 425, 429) or answer.status >= 500:
            self._again(job, f"status {answer.status}", now, answer.retry_after)
        else:
            job.reason = f"status {answer.status}"
            self._settle(job, REFUSED, now)

    def _release(self, connection, keep, now):
        """The connection's next event at once, if there is one."""
        if not keep:
            self._drop(connection)
            return
        # It answers: a few more at a time.
        if self.sender._allowed < self.node.connections and now >= self.not_before:
            self.sender._allowed = min(self.sender._allowed + 2, self.node.connections)
        if self.ready:
            self._begin(connection, self.ready.popleft(), now)
            return
        del self.active[connection.fd]
        self.poll.remove(connection.fd)
        self.sender.keep(connection, now)

    def _settle(self, job, outcome, now):
        job.outcome = outcome
        job.seconds = now - job.began
        self.open -= 1

    def _again(self, job, reason, now, wait=0.0):
        """Later, with full jitter; after the last attempt, or with no time for one, it has failed.

        Args:
            wait: how long the node wants to be left alone, in seconds.
        """
        job.reason = reason
        job.attempts += 1
        ceiling = min(CAP_SECONDS, BASE_SECONDS * 2**job.attempts)
        due = now + max(wait, _jitter(ceiling))
        if job.attempts >= MOST_ATTEMPTS or due >= self.end:
            self._settle(job, FAILED, now)
            return
        self.sender.retried += 1
        heapq.heappush(self.later, (due, id(job), job))

    def _broken(self, connection, error):
        job, was_open, now = connection.job, connection.open, time.monotonic()
        self._drop(connection)
        if not was_open:
            self.ready.appendleft(job)
            self._not_connected(error, now)
        elif error.stale and job.stale < 3:
            job.stale += 1  # closed while it was idle: nobody's fault, no pause
            if job.stage == 1 and job.stale > 1:
                job.halve()  # closed after each answer, without a word
            self.ready.appendleft(job)
        else:
            if not connection.used and self._working():
                self._enough(now)
            self._again(job, error.reason, now)

    def _working(self):
        return any(connection.used for connection in self.active.values())

    def _enough(self, now):
        """The node serves no more connections than these, for now."""
        self.sender._allowed = len(self.active)
        if now >= self.not_before:  # else it is one of a burst
            self._pause(now)

    def _pause(self, now):
        """No new connection for a while."""
        self.connect_failures += 1
        self.not_before = now + _jitter(min(CAP_SECONDS, BASE_SECONDS * 2**self.connect_failures))

    def _not_connected(self, error, now):
        """No connection at all: that is about the node, not about one event."""
        self.node.forget_address()
        self.trouble = error.reason
        if now < self.not_before and not error.permanent:
            return  # of the same burst, and counted already
        if self._working() and not error.permanent:
            self._enough(now)
            return
        self._pause(now)
        if error.permanent or self.connect_failures >= MOST_CONNECT_FAILURES:
            self.given_up = error.reason

    def _drop(self, connection):
        del self.active[connection.fd]
        self.poll.remove(connection.fd)
        connection.close()

    def _scan(self, now):
        """What hangs, and what drips so slowly that it might as well."""
        for connection in [c for c in self.active.values() if now > c.by]:
            self._broken(connection, Broken("no connection in time" if not connection.open
                                            else "no answer in time"))  # fmt: skip

    def _patience(self, now):
        wait = SCAN_SECONDS if self.active else self.end - now
        if self.later:
            wait = min(wait, self.later[0][0] - now)
        if self.ready and not self.active:
            wait = min(wait, self.not_before - now)
        return max(0.0, min(wait, self.end - now))


def _jitter(ceiling):
    return ceiling * int.from_bytes(os.urandom(2), "big") / 65535
