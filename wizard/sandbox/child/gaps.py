"""Fills the gaps of ministack that would destroy what it serves.

ministack 1.5.33 answers `DeleteAccessLogSettings` of API Gateway v2 by deleting the stage.
"""

from __future__ import annotations

import urllib.parse
from typing import Any


def fill() -> None:
    """Change ministack in this process; call it before it serves."""
    from ministack.services import apigateway as v2

    original = v2.handle_request

    async def handle_request(
        method: str, path: str, headers: Any, body: Any, query_params: Any
    ) -> Any:
        parts = [urllib.parse.unquote(p) for p in path.strip("/").split("/")]
        if method == "DELETE" and len(parts) == 6 and parts[5].lower() == "accesslogsettings":
            return v2._update_stage(parts[2], parts[4], {"accessLogSettings": None})
        return await original(method, path, headers, body, query_params)

    v2.handle_request = handle_request
