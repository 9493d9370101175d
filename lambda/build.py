"""Packs the forwarder: `python lambda/build.py terraform/cw-resend-lambda.zip`.

The same source gives the same bytes on any machine: names sorted, one date, one mode. Compressors
differ between builds of zlib, so this one is written out: matches of the last place seen, and the
fixed codes of RFC 1951, 3.2.6. It halves the package, which is all that is asked of it.
"""

import struct
import sys
import zlib
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "cw-resend-lambda"
DATE = 0x0021  # 1 January 1980, the first day a zip file knows
MODE = 0o100644 << 16
UNIX_2_0, DEFLATED = 3 << 8 | 20, 8

WINDOW, LEAST, MOST = 32768, 3, 258


def build(target):
    """Write the package to `target`, a path or a binary file."""
    files = {path.name: path.read_bytes() for path in sorted(SOURCE.glob("*.py"))}
    body, directory = b"", b""
    for name, data in files.items():
        packed, label = deflate(data), name.encode()
        # Version needed, flags, method, time, date, sums and sizes, length of name and of extra.
        head = struct.pack("<HHHHHLLLHH", 20, 0, DEFLATED, 0, DATE, zlib.crc32(data),
                           len(packed), len(data), len(label), 0)  # fmt: skip
        directory += b"PK\1\2" + struct.pack("<H", UNIX_2_0) + head
        # No comment, first disk, no text flag, the file's mode, where it is.
        directory += struct.pack("<HHHLL", 0, 0, 0, MODE, len(body)) + label
        body += b"PK\3\4" + head + label + packed
    end = struct.pack("<HHHHLLH", 0, 0, len(files), len(files), len(directory), len(body), 0)
    whole = body + directory + b"PK\5\6" + end
    if hasattr(target, "write"):
        target.write(whole)
    else:
        Path(target).write_bytes(whole)


def deflate(data):
    """One raw DEFLATE block of fixed codes."""
    bits, size = 0b011, 3  # the last block, fixed codes
    out, seen, at = bytearray(), {}, 0
    while at < len(data):
        start = seen.get(data[at : at + LEAST], -WINDOW - 1)
        length = _matching(data, start, at) if at - start <= WINDOW else 0
        for place in range(at, at + (length or 1)):
            seen[data[place : place + LEAST]] = place
        code, count = _copy(length, at - start) if length else _symbol(data[at])
        bits |= code << size
        size += count
        at += length or 1
        while size >= 8:
            out.append(bits & 255)
            bits >>= 8
            size -= 8
    code, count = _symbol(256)
    bits |= code << size
    return bytes(out) + bits.to_bytes((size + count + 7) // 8, "little")


def _matching(data, start, at):
    """How many bytes from `at` on repeat those from `start` on; 0 for too few."""
    length = 0
    while length < MOST and at + length < len(data) and data[start + length] == data[at + length]:
        length += 1
    return length if length >= LEAST else 0


def _symbol(value):
    """(code, bits) of a literal, the end or a length; codes are sent from their highest bit on."""
    if value < 144:
        return _reversed(0x30 + value, 8)
    if value < 256:
        return _reversed(0x190 + value - 144, 9)
    return _reversed(value - 256, 7) if value < 280 else _reversed(0xC0 + value - 280, 8)


def _copy(length, distance):
    """(code, bits) of a match."""
    if length == MOST:
        code, count = _symbol(285)
    else:
        symbol, extra, rest = _stepped(length - LEAST, 4)
        code, count = _symbol(257 + symbol)
        code, count = code | rest << count, count + extra
    symbol, extra, rest = _stepped(distance - 1, 2)
    near, _ = _reversed(symbol, 5)
    return code | (near | rest << 5) << count, count + 5 + extra


def _stepped(value, each):
    """(symbol, extra bits, their value) where each power of two is cut into `each` steps."""
    extra = max(0, value.bit_length() - each.bit_length())
    return value // 2**extra + each * extra, extra, value % 2**extra


def _reversed(code, count):
    return int(f"{code:0{count}b}"[::-1], 2), count


if __name__ == "__main__":
    build(Path(sys.argv[1]))
