"""One non-blocking connection to the node that carries one message at a time."""

import socket
import time

from answers import MOST_BODY, MOST_HEAD, GarbageError, read

MOST_KEPT = MOST_HEAD + MOST_BODY + 65536  # of an answer; a node that says more is not heard out
READ, WRITE = 1, 4  # EPOLLIN and EPOLLOUT, which are POLLIN and POLLOUT too


class Broken(Exception):  # noqa: N818 - a state of the connection, told to the sender
    """The connection cannot go on. `stale`: it had been idle and the node had closed it."""

    def __init__(self, reason, *, stale=False, permanent=False):
        super().__init__(reason)
        self.reason = reason
        self.stale = stale
        self.permanent = permanent


class Connection:
    """Opens at once, without waiting. `by` is when whatever it does now must be done.

    `used`: it has had an answer.
    """

    __slots__ = ("_buffer", "_handshake", "_out", "_seconds", "_sock", "by", "fd", "head_only",
                 "idle_since", "job", "open", "used", "wants")  # fmt: skip

    def __init__(self, node, now):
        context = node.context if node.tls else None
        family, address = node.address(now)
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = sock.connect_ex(address)
        if context is not None:
            sock = context.wrap_socket(
                sock, server_hostname=node.host, do_handshake_on_connect=False
            )
        self._sock = sock
        self._handshake = node.tls
        self._seconds = node.read_seconds
        self._buffer = b""
        self._out = b""
        self.used = False
        self.open = False
        self.fd = sock.fileno()
        self.wants = WRITE
        self.job = None
        self.head_only = False
        self.idle_since = now
        self.by = now + node.connect_seconds
        if code not in (0, 115, 36, 10035):  # EINPROGRESS here and elsewhere
            self.close()
            raise Broken(f"connect: {_errno(code)}")

    def send(self, data, *, head_only):
        """Begin a message; what the socket does not take now is sent when it can."""
        self.head_only = head_only
        self._buffer = b""
        if self.open:
            self.by = time.monotonic() + self._seconds
            self._write(data)
        else:
            self._out = data

    def step(self, mask):
        """Go on as far as possible. Gives an Answer when one is complete, else None."""
        if not self.open and not self._opened():
            return None
        if self._out:
            self._write(self._out)
            if self._out:
                return None
        return self._read() if mask & ~WRITE or self.wants == READ else None

    def close(self):
        """Close it; never fails."""
        self._sock.close()

    def stale(self):
        """Whether the node has closed this idle connection, or said something unasked."""
        try:
            self._sock.recv(1)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            return not _would_block(error)
        return True

    def _opened(self):
        if not self._handshake:
            code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise Broken(f"connect: {_errno(code)}")
        else:
            try:
                self._sock.do_handshake()
            except OSError as error:
                direction = _would_block(error)
                if direction:
                    self.wants = direction
                    return False
                raise _refused(error) from None
        self.open = True
        self.by = time.monotonic() + self._seconds
        if not self._out:
            self.wants = READ
        return True

    def _write(self, data):
        try:
            sent = self._sock.send(data)
        except OSError as error:
            if not _would_block(error):
                raise Broken(f"send: {type(error).__name__}", stale=self.used) from None
            sent = 0
        self._out = data[sent:]
        self.wants = READ | WRITE if self._out else READ

    def _read(self):
        closed = False
        while True:
            try:
                data = self._sock.recv(65536)
            except OSError as error:
                if _would_block(error):
                    break
                raise Broken(f"receive: {type(error).__name__}", stale=self._fresh()) from None
            if not data:
                closed = True
                break
            self._buffer = self._buffer + data if self._buffer else data
            if (len(data) < 65536 and not self._pending()) or len(self._buffer) > MOST_KEPT:
                break
        return self._answer(closed)

    def _answer(self, closed):
        try:
            answer = read(self._buffer, head_only=self.head_only, closed=closed)
            while answer is not None and answer.status < 200:  # 100 Continue and the like
                self._buffer = self._buffer[answer.size :]
                answer = read(self._buffer, head_only=self.head_only, closed=closed)
        except GarbageError:
            raise Broken("the answer is not HTTP") from None
        if answer is None:
            if closed:
                raise Broken("closed before an answer", stale=self._fresh())
            return None
        # More than one answer to one message: whatever it means, this connection is confused.
        answer.keep = answer.keep and not closed and answer.size == len(self._buffer)
        self.used = True
        return answer

    def _fresh(self):
        """Nothing of an answer has come, and an earlier message went well here."""
        return self.used and not self._buffer

    def _pending(self):
        pending = getattr(self._sock, "pending", None)
        return pending is not None and pending() > 0


def _would_block(error):
    """What a socket waits for, or 0 when the error is a real one."""
    if isinstance(error, (BlockingIOError, InterruptedError)):
        return READ
    name = type(error).__name__
    if name == "SSLWantReadError":
        return READ
    return WRITE if name == "SSLWantWriteError" else 0


def _refused(error):
    name = type(error).__name__
    if name == "SSLCertVerificationError":
        return Broken(f"certificate: {getattr(error, 'verify_message', '')}", permanent=True)
    return Broken(f"TLS: {name}")


def _errno(code):
    import errno

    return errno.errorcode.get(code, str(code))
