"""The services behind the sample APIs: HTTP integrations of the sandbox end here.

Deterministic: the same request gets the same answer. Paths decide: an id that ends in 404 is not
found, one that ends in 500 breaks, `/slow` takes a while.
"""

from __future__ import annotations

import asyncio
import hashlib

from wizard.sandbox.web import Request, Response, Server, as_json

SLOW_SECONDS = 0.3


def make() -> Server:
    """The backend's server, not yet started."""
    return Server(_answer)


async def _answer(request: Request) -> Response:
    last = request.path.rstrip("/").rpartition("/")[2]
    if last == "slow":
        await asyncio.sleep(SLOW_SECONDS)
    if last.endswith("404"):
        return as_json({"error": "no such item", "id": last}, 404)
    if last.endswith("500"):
        return as_json({"error": "the service broke"}, 500)
    if request.method == "POST":
        name = hashlib.sha256(request.body + request.target.encode()).hexdigest()[:8]
        return as_json({"id": name, "created": True}, 201)
    if request.method == "DELETE":
        return Response(204)
    return as_json({"id": last, "items": [f"{last}-{n}" for n in range(3)]})
