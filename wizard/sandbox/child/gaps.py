"""Fills the gaps of ministack that would destroy what it serves.

ministack 1.5.33 answers `DeleteAccessLogSettings` of API Gateway v2 by deleting the stage. And it
closes a connection after 75 idle seconds even when a request has just come in on it: the request
is carried out, its answer is lost, the caller repeats it and is told that the thing exists already.
"""

from __future__ import annotations

import urllib.parse
from typing import Any


def fill() -> None:
    """Change ministack in this process; call it before it serves."""
    from hypercorn.config import Config
    from ministack.services import apigateway as v2

    forever = property(lambda _config: 86_400.0, lambda _config, _seconds: None)
    Config.keep_alive_timeout = forever  # type: ignore[assignment]
    original = v2.handle_request

    async def handle_request(
        method: str, path: str, headers: Any, body: Any, query_params: Any
    ) -> Any:
        parts = [urllib.parse.unquote(p) for p in path.strip("/").split("/")]
        if method == "DELETE" and len(parts) == 6 and parts[5].lower() == "accesslogsettings":
            return v2._update_stage(parts[2], parts[4], {"accessLogSettings": None})
        return await original(method, path, headers, body, query_params)

    v2.handle_request = handle_request
