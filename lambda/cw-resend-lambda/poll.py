"""Waits for many sockets at once."""

import select


class Poll:
    """epoll where there is one, poll elsewhere."""

    def __init__(self):
        self._edge = hasattr(select, "epoll")
        self._poll = select.epoll() if self._edge else select.poll()
        self._masks = {}

    def add(self, fd, mask):
        """Wait for `mask` on a socket from now on."""
        self._masks[fd] = mask
        self._poll.register(fd, mask)

    def change(self, fd, mask):
        """Wait for something else on it; no system call when it is the same."""
        if self._masks.get(fd, mask) != mask:
            self._masks[fd] = mask
            self._poll.modify(fd, mask)

    def remove(self, fd):
        """Wait for it no more."""
        if self._masks.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def wait(self, seconds):
        """Pairs of socket and mask for what is ready, after at most so many seconds."""
        return self._poll.poll(seconds if self._edge else seconds * 1000)

    def close(self):
        """Give the descriptor back."""
        if self._edge:
            self._poll.close()
