"""Lines as API Gateway may write them, and the forwarder's reader of them.

How API Gateway puts a value into a line is not documented: as it is, escaped, or half escaped.
Every rendering here is one it could choose, and for each the reader has to hold.

`python -m benchmarks.forgeries --lines 1000000` reads so many forged lines and tells what it found.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Mapping

from benchmarks.invoking import forwarder
from wizard.core.facts import ApiType
from wizard.core.stages import log_format
from wizard.sandbox import log_lines

forwarder()
import parse  # noqa: E402 - the forwarder is not a package

Rendering = Callable[[str], str]

# The truth of one request, by variable; and by key, as it is read.
TRUTH = {
    "apiId": "a1b2c3d4e5",
    "requestId": "7f1d2c30-0001-4b4f-9a55-0f3f6f7f8a90",
    "httpMethod": "GET",
    "path": "/prod/orders/1001",
    "protocol": "HTTP/1.1",
    "status": "403",
    "responseLength": "87",
    "requestTime": "01/Aug/2026:12:00:00 +0000",
    "requestTimeEpoch": "1785585600000",
    "responseLatency": "23",
    "integrationLatency": "-",
    "integrationStatus": "-",
    "error.message": "Forbidden",
    "stage": "prod",
    "domainName": "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com",
    "identity.sourceIp": "203.0.113.7",
    "identity.userAgent": "okhttp/4.12.0",
    "resourcePath": "/orders/{id}",
    "integration.error": "-",
    "error.messageString": '"Forbidden"',
}
VARIABLES = {key: variable.removeprefix("$context.") for key, variable in log_format.FIELDS}
OF_CLIENTS = tuple(VARIABLES[key] for key in log_format.CLIENT_WRITTEN)


def values(truth: Mapping[str, str] = TRUTH) -> dict[str, object]:
    """What the reader must find of a request, by key."""
    return {
        key: int(truth[name]) if key in parse.NUMBERS else truth[name]
        for key, name in VARIABLES.items()
        if truth[name] != "-"
    }


def trusted(found: Mapping[str, object]) -> dict[str, object]:
    """What AWS writes itself, of the fields of a line."""
    return {key: found[key] for key in log_format.AWS_WRITTEN if key in found}


def as_it_is(text: str) -> str:
    """Nothing is escaped."""
    return text


def escaped(text: str) -> str:
    """As JSON wants it."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def quotes_escaped(text: str) -> str:
    """Quotes, but no backslashes."""
    return text.replace('"', '\\"')


def backslashes_escaped(text: str) -> str:
    """Backslashes, but no quotes."""
    return text.replace("\\", "\\\\")


def every_other_quote(text: str) -> str:
    """Half escaped, as no program should."""
    parts = text.split('"')
    return "".join(
        part + ("" if n == len(parts) - 1 else '\\"' if n % 2 else '"')
        for n, part in enumerate(parts)
    )


def other_quotes(text: str) -> str:
    """As a Velocity template's escapeJavaScript does: a slash and a single quote too."""
    return escaped(text).replace("/", "\\/").replace("'", "\\'")


RENDERINGS: tuple[Rendering, ...] = (
    as_it_is, escaped, quotes_escaped, backslashes_escaped, every_other_quote, other_quotes,
)  # fmt: skip


def line(layout: str, truth: Mapping[str, str], rendering: Rendering = as_it_is) -> str:
    """A line of a format, with what clients write put in by a rendering."""
    done = {k: rendering(v) if k in OF_CLIENTS else v for k, v in truth.items()}
    return log_lines.render(layout, done)


# Users' own formats: in order and out of it, nested, aliased, quoted wrongly, with foreign keys.
USERS = tuple(
    """
{}
{"requestId":"$context.requestId"}
{ "requestId":"$context.requestId", "ip": "$context.identity.sourceIp", "requestTime":"$context.requestTime", "httpMethod":"$context.httpMethod","resourcePath":"$context.resourcePath", "status":"$context.status","protocol":"$context.protocol", "responseLength":"$context.responseLength" }
{"userAgent":"$context.identity.userAgent","path":"$context.path","status":$context.status,"id":"$context.requestId"}
{"http":{"path":"$context.path","status":"$context.status","userAgent":"$context.identity.userAgent"},"requestId":"$context.requestId","sourceIp":"mine"}
{"a":[{"b":{"sourceIp":"$context.identity.sourceIp","path":"$context.resourcePath"}}],"stage":"mine","domainName":"x","requestId":"$context.requestId"}
{"error":"$context.error.messageString","latency":$context.integrationLatency,"requestId":"$context.requestId"}
{"\\u0070ath":"$context.path","a key of a hundred characters, one of those that somebody once thought would be helpful in reports":"$context.identity.userAgent","requestId":"$context.requestId"}
{"path":"$context.path","path":"$context.path","status":"1","status":"2","requestId":"$context.requestId"}
{"last":"$context.requestId","agent":$context.identity.userAgent}
""".strip().splitlines()  # noqa: E501 - a format is one line
)
MERGED = tuple(log_format.merge(theirs, ApiType.REST).format for theirs in USERS)
OWN = log_format.render_format(ApiType.REST)
WEBSOCKET = log_format.render_format(ApiType.WEBSOCKET)
_OLDER = {key: f"$context.{VARIABLES[key]}" for key in log_format.OLDER}
OLDER = json.dumps(_OLDER, separators=(",", ":"))
OLDER_SPACED = json.dumps(_OLDER)
LAYOUTS = (OWN, json.dumps(json.loads(OWN)), OLDER, OLDER_SPACED, *MERGED)

# What a forger writes: ends of values and objects, and keys, ours and others', with their values.
PIECES = (
    '"', "\\", "\\\\", '\\"', ",", ":", "{", "}", "[", "]", " ", "\n", "\t", '","', '":"', '"}',
    '":{"', "},", '"},"', "x", "-", "200", "null", "\\u0022", "\\u007d", "é", '"x":"', ',"y":{"',
    '","z":{"q":"', '"},"status":"200', '","status":"200', '","status":"200","x":"',
    '"status":200,', '","sourceIp":"9.9.9.9', '","httpMethod":"DELETE","path":"/evil',
    '","domainName":"evil.example',
    '","wallarm_status":"200', '","wallarm_end":"1","y":"', '","wallarm_end":"1"}',
    '{"wallarm_log":"http/evil","stage":"evil"', '","wallarm_log":"websocket/x","y":"', '" : "',
    '","userAgent":"x"}', '","requestId":"y', '","path":"/evil","errorMessage":"-","userAgent":"',
    '","\\u0073tatus":"200', "'", "/", "\\/", '" ,"path" : "/evil',
)  # fmt: skip


def forged_block(layout: str) -> str:
    """A whole line's fields in one client's text, as somebody who knows the format would write."""
    evil = TRUTH | {"status": "200", "identity.sourceIp": "9.9.9.9", "httpMethod": "DELETE",
                    "path": "/evil", "domainName": "evil.example", "stage": "evil"}  # fmt: skip
    return 'x","' + log_lines.render(layout, evil).strip()[2:-2]


def forgery(random_: random.Random, layout: str) -> dict[str, str]:
    """A truth in which any of a client's fields hold what a forger would write."""
    truth = dict(TRUTH)
    for name in OF_CLIENTS:
        if random_.random() < 0.6:
            parts = random_.choices(PIECES, k=random_.randint(1, 9))
            if random_.random() < 0.1:
                parts.insert(random_.randint(0, len(parts)), forged_block(layout))
            truth[name] = ("/" if name == "path" else "") + "".join(parts)
    return truth


def believed(layout: str, truth: Mapping[str, str], rendering: Rendering) -> str:
    """What is wrong with how a line is read: empty where it is the truth, or given up."""
    text = line(layout, truth, rendering)
    found = parse.read(text)
    if layout == WEBSOCKET:
        return "" if found.kind == parse.WEBSOCKET else f"{found.kind}: {text!r}"
    if found.kind == parse.MALFORMED:
        return ""
    if found.kind != parse.HTTP:
        return f"{found.kind}: {text!r}"
    wanted = trusted(values(truth))
    told = trusted(found.values)
    absent = wanted.keys() - told.keys() - set(log_format.OPTIONAL)
    if not told.items() <= wanted.items() or absent:
        return f"{told}, without {absent}: {text!r}"
    for key in log_format.CLIENT_WRITTEN:
        written = rendering(truth[VARIABLES[key]])
        if key in found.values and found.values[key] not in (written, parse._unescaped(written)):
            return f"{key} is {found.values[key]!r}: {text!r}"
    return ""


def main() -> int:
    """Read forged lines; every one that is believed is printed, and makes this fail."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forgeries", description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    layouts = (*LAYOUTS, WEBSOCKET)
    wrong = 0
    for _ in range(options.lines):
        layout = chance.choice(layouts)
        told = believed(layout, forgery(chance, layout), chance.choice(RENDERINGS))
        if told:
            wrong += 1
            print(told)
    print(f"{options.lines:,} forged lines, {wrong:,} believed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
