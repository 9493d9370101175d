"""Shortens the AWS provider's pauses between two looks, so that the tests do not sleep.

Terraform's AWS provider waits before it looks whether a thing is ready: half a minute twice for a
load balancer, ten times five seconds for a bucket's lifecycle rules, ten for a network or a
cluster. Those numbers stand in the provider; no answer of a local AWS ends them sooner, and they
are four fifths of the time of an apply here, in which nothing happens.

So while the tests run, whoever is started below them as that provider gets one change in its own
memory: what its waiter (`StateChangeConf` of Terraform's plugin SDK) sleeps is divided by `TIMES`.
The provider's file stays as it is, and everything else about it: what it asks and when it gives up.
Where that can't be done (another processor, another build) it takes its time, as ever.
"""

from __future__ import annotations

import array
import contextlib
import functools
import mmap
import os
import platform
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TIMES = 16
PROGRAM = "terraform-provider-aws"
_LOOKS = 0.1  # seconds; a provider is busy with itself for longer than that before it waits
_WAITER = b"github.com/hashicorp/terraform-plugin-sdk/v2/helper/retry.(*StateChangeConf)."
_WAITS = _WAITER + b"WaitForStateContext.func1"
_TIMER = b"time.NewTimer"  # its argument, in nanoseconds, is in RAX
_DIVIDE = bytes([0x48, 0xC1, 0xF8, TIMES.bit_length() - 1])  # sar rax, 4
_CALL, _JUMP, _PADDING = b"\xe8", b"\xe9", b"\xcc"
_TABLE_OF_GO_1_20 = 0xFFFFFFF1

Change = tuple[int, bytes]  # address in memory, what to write there


@contextmanager
def hurried() -> Iterator[None]:
    """Every provider that is started below this process, while the block lasts, is made quicker."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        yield
        return
    over = threading.Event()
    watching = threading.Thread(target=_watch, args=(over,), name="hurry", daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()


def _watch(over: threading.Event) -> None:
    done: set[int] = set()
    while not over.wait(_LOOKS):
        for pid in _descendants(os.getpid()):
            if pid not in done and (binary := _provider(pid)):
                done.add(pid)
                with contextlib.suppress(OSError):  # it may have ended meanwhile
                    hurry(pid, binary)


def hurry(pid: int, binary: Path) -> bool:
    """Change a running provider; whether that could be done."""
    found = changes(binary)
    with Path(f"/proc/{pid}/mem").open("r+b", buffering=0) as memory:
        for address, data in found:
            memory.seek(address)
            memory.write(data)
    return bool(found)


def _provider(pid: int) -> Path | None:
    with contextlib.suppress(OSError):
        binary = Path(f"/proc/{pid}/exe").readlink()
        if binary.name.startswith(PROGRAM):
            return binary
    return None


def _descendants(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from _descendants(int(child))


@functools.cache
def changes(binary: Path) -> tuple[Change, ...]:
    """What has to be written into a running copy of that program; nothing if it is not understood.

    The waiter's calls of `time.NewTimer` go to a few bytes between two functions, which divide the
    argument and go on to it.
    """
    with binary.open("rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as image:
            try:
                return tuple(_changes(_Program(image)))
            except (KeyError, struct.error, ValueError):
                return ()


def _changes(program: _Program) -> Iterator[Change]:
    begin, end = program.function(_WAITS)
    timer, _ = program.function(_TIMER)
    detour = _DIVIDE + _JUMP
    place = program.gap(begin, len(detour) + 4)
    after = place + len(detour) + 4
    code = program.read(begin, end)
    calls = [
        begin + at
        for at in range(len(code) - 5)
        if code[at : at + 1] == _CALL and begin + at + 5 + _offset(code, at + 1) == timer
    ]
    if calls:
        yield place, detour + struct.pack("<i", timer - after)
    for call in calls:
        yield call + 1, struct.pack("<i", place - (call + 5))


def _offset(code: bytes, at: int) -> int:
    return int(struct.unpack_from("<i", code, at)[0])


class _Program:
    """A Go program's file: an ELF image with Go's own table of functions, which it always has."""

    def __init__(self, image: mmap.mmap) -> None:
        self._image = image
        table = image.find(struct.pack("<IHBB", _TABLE_OF_GO_1_20, 0, 1, 8))
        if table < 0:
            raise ValueError("no table of functions")
        self._table = table
        count, _, self._base, names, units, _, _, lines = struct.unpack_from(
            "<8Q", image, table + 8
        )
        self._names, self._names_end = table + names, table + units
        self._lines = table + lines
        self._functions = array.array("I", image[self._lines : self._lines + 8 * count + 4])
        self._shift = self._text_at() - self._base

    def _text_at(self) -> int:
        """Where in the file the first function is: Go has one segment of code, the first."""
        start, size, count = (
            struct.unpack_from("<Q", self._image, 0x20)[0],
            *struct.unpack_from("<HH", self._image, 0x36),
        )
        for number in range(count):
            head = struct.unpack_from("<IIQQQQ", self._image, start + number * size)
            kind, flags, offset, address, _, length = head
            if kind == 1 and flags & 1 and address <= self._base < address + length:
                return int(offset + self._base - address)
        raise ValueError("no code")

    def function(self, name: bytes) -> tuple[int, int]:
        """Addresses of its first byte and of the next function's. Raises KeyError."""
        found = self._image.find(b"\0" + name + b"\0", self._names, self._names_end)
        if found < 0:
            raise KeyError(name)
        wanted = struct.pack("<i", found + 1 - self._names)
        for number in range(0, len(self._functions) - 2, 2):
            at = self._lines + self._functions[number + 1] + 4
            if self._image[at : at + 4] == wanted:
                return (
                    self._base + self._functions[number],
                    self._base + self._functions[number + 2],
                )
        raise KeyError(name)

    def read(self, begin: int, end: int) -> bytes:
        """Code between two addresses."""
        return self._image[begin + self._shift : end + self._shift]

    def gap(self, near: int, size: int) -> int:
        """An address, not far, between two functions: nobody comes by there."""
        found = self._image.find(_PADDING * (size + 4), near + self._shift)
        if found < 0:
            raise ValueError("no room")
        return found - self._shift + 2
