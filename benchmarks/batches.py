"""Batches of access-log events as CloudWatch Logs delivers them, always the same ones."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0"


def line(number: int) -> str:
    """One line of about 550 bytes in the connector's format."""
    return json.dumps(
        {
            "wallarm_log": "http/a1b2c3d4e5",
            "stage": "prod",
            "status": "200",
            "responseLength": str(100 + number),
            "requestTime": "01/Aug/2026:12:00:00 +0000",
            "requestTimeEpoch": "1785585600000",
            "responseLatency": "23",
            "integrationLatency": "19",
            "integrationStatus": "200",
            "sourceIp": "203.0.113.7",
            "protocol": "HTTP/1.1",
            "httpMethod": ("GET", "POST", "PUT", "DELETE")[number % 4],
            "requestId": f"7f1d2c30-{number:04x}-4b4f-9a55-0f3f6f7f8a90",
            "domainName": "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com",
            "path": f"/p/{number}",
            "errorMessage": "-",
            "userAgent": AGENT,
            "wallarm_end": "1",
        },
        separators=(",", ":"),
    )


def batch(count: int, stream: str = "stream") -> dict[str, Any]:
    """The invocation's event for `count` lines."""
    envelope = {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": "/aws/apigateway/wallarm-api-discovery-00000000",
        "logStream": stream,
        "subscriptionFilters": ["wallarm-cw-resend-00000000"],
        "logEvents": [
            {"id": f"{n:056d}", "timestamp": 1785585600000 + n, "message": line(n)}
            for n in range(count)
        ],
    }
    data = base64.b64encode(gzip.compress(json.dumps(envelope).encode(), mtime=0))
    return {"awslogs": {"data": data.decode()}}
