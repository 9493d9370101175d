"""Lines that are made to be slow to read, of any length, beside one of plain text.

Times are of the processor alone, the least of several: other work on the machine does not count.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from benchmarks.batches import line
from benchmarks.figure import Figure, figure
from benchmarks.invoking import forwarder

forwarder()
import parse  # noqa: E402 - the forwarder is not a package

MEGABYTE = 1_000_000
ROUNDS = 5
PLAIN = "plain text"
# What a user agent is filled with; `o` begins with it where the older format is meant.
FILLINGS = {
    PLAIN: "Mozilla/5.0 (X11; Linux x86_64) ",
    "quotes": '"',
    "backslashes": "\\",
    "escaped quotes": '\\"',
    "commas": ",",
    "quotes and commas": '",',
    "commas between quotes": '","',
    "colons between quotes": '":"',
    "quotes and blanks": '" ',
    "blanks": " ",
    "tabs and line breaks": "\t\n",
    "opening braces": "{",
    "opening brackets": "[",
    "objects": '{"a":',
    "half a key": '","pat',
    "keys of ours": '","path":"',
    "keys of ours, spaced": '" , "path" : "',
    "ends of ours": '","wallarm_end":"1',
    "keys of others": '","a":"b',
    "markers": '{"wallarm_log":"http/x",',
    "escapes": "\\u0022",
    "other letters": "é",
}


def shapes() -> dict[str, Callable[[int], str]]:
    """By name, what makes a line of so many characters; each format, each filling."""
    ours = json.loads(line(1))
    older = {key: ours[key] for key in parse.OLDER}
    made: dict[str, Callable[[int], str]] = {}
    for name, filling in FILLINGS.items():
        for layout, values in (("", ours), (", older format", older)):
            made[name + layout] = _filled(values, filling)
    made["no object"] = lambda size: '"' * size
    made["an object that never ends"] = lambda size: '{"requestId":"' + " " * size
    made["blanks ahead"] = lambda size: " " * size + line(1)
    made["blanks after the marker"] = lambda size: (
        '{"wallarm_log":"http/x"' + " " * size + ',"y":1}'
    )
    made["blanks among AWS's own"] = lambda size: line(1).replace(
        '"status":', '"status":' + " " * size, 1
    )
    made["a long value of AWS's own"] = lambda size: line(1).replace(
        '"status":"', '"status":"' + "2" * size, 1
    )
    return made


def _filled(values: dict[str, str], filling: str) -> Callable[[int], str]:
    def make(size: int) -> str:
        # A quote first, so that it is not the plain way that is measured.
        agent = 'x "' + filling * (size // len(filling))
        parts = [f'"{key}":"{agent if key == "userAgent" else v}"' for key, v in values.items()]
        return "{" + ",".join(parts) + "}"

    return make


def run() -> list[Figure]:
    """The slowest of the shapes, and how it does at twice the size."""
    times = {name: _milliseconds(make(MEGABYTE)) for name, make in shapes().items()}
    plain = times[PLAIN]
    slowest = max(times, key=lambda name: times[name])
    twice = _milliseconds(shapes()[slowest](2 * MEGABYTE))
    return [
        figure("a line of 1 MB: plain text", plain, "ms", ratio=1.0),
        figure(
            f"a line of 1 MB: the slowest of {len(times)} shapes ({slowest})",
            times[slowest], "ms", ratio=times[slowest] / plain,
        ),
        figure("the same, 2 MB", twice, "ms", ratio=twice / times[slowest], target="≤2.5× 1 MB"),
    ]  # fmt: skip


def _milliseconds(text: str) -> float:
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        parse.read(text)
        spent.append(time.process_time() - began)
    return min(spent) * 1000


if __name__ == "__main__":
    for name, make in shapes().items():
        one, two = _milliseconds(make(MEGABYTE)), _milliseconds(make(2 * MEGABYTE))
        print(f"{one:8.1f} ms {two / one:5.1f}×  {name}")
