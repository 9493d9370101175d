"""An answer that its caller lost is given once more, and what was asked for is not done twice.

The Go SDK inside Terraform's AWS provider now and then closes a connection while it reads an
answer from it (aws-sdk-go-v2, issue 2737) and asks again. Between two processes of one machine
that is not as rare as on a network: some thousand requests apart, when the processors are busy. A
thing that is made under a fixed name then "exists already", and a deployment stops that nothing was
wrong with. The product can cope with it (the next run takes over what is there, and the fault tests
lose answers on purpose), but who tries it out, or tests something else, should not have to.

All attempts of one call carry the same id, and their number.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

KEPT = 500  # answers
LARGEST = 1 << 20  # bytes of an answer that is kept
NOT_HERE = b"x-answers-may-be-lost"  # a request with this header is one whose loss is wanted


class Answers:
    """`app`, an ASGI application, with a memory for the calls that it answered with success."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._kept: OrderedDict[bytes, list[dict[str, Any]]] = OrderedDict()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """As ASGI has it."""
        call, attempt = _call(scope)
        if not call:
            await self._app(scope, receive, send)
        elif attempt > 1 and call in self._kept:
            while (await receive()).get("more_body"):
                pass  # the request is taken in whole, or the connection could not be used again
            for message in self._kept[call]:
                await send(message)
        else:
            await self._app(scope, receive, self._keeping(call, send))

    def _keeping(self, call: bytes, send: Any) -> Any:
        said: list[dict[str, Any]] = []

        async def keep_and_send(message: dict[str, Any]) -> None:
            said.append(dict(message))
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self._keep(call, said)  # before it is sent: it is the sending that goes wrong
            await send(message)

        return keep_and_send

    def _keep(self, call: bytes, said: list[dict[str, Any]]) -> None:
        size = sum(len(message.get("body", b"")) for message in said)
        if said[0].get("status", 500) >= 300 or size > LARGEST:
            return  # what was refused may well be tried again
        self._kept[call] = said
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)


def _call(scope: Any) -> tuple[bytes, int]:
    """The id of an SDK's call, and the number of this attempt; empty for everything else."""
    if scope["type"] != "http":
        return b"", 0
    headers = dict(scope["headers"])
    number = headers.get(b"amz-sdk-request", b"").partition(b"attempt=")[2].partition(b";")[0]
    if NOT_HERE in headers or not number.isdigit():
        return b"", 0
    return headers.get(b"amz-sdk-invocation-id", b""), int(number)


def remember() -> None:
    """Change the server in this process; call it before ministack is loaded."""
    import hypercorn.asyncio

    serve = hypercorn.asyncio.serve

    def serve_with_memory(app: Any, *arguments: Any, **options: Any) -> Any:
        return serve(Answers(app), *arguments, **options)

    hypercorn.asyncio.serve = serve_with_memory
