"""Receives API Gateway access logs from CloudWatch Logs and forwards them to the Wallarm node.

Standard library only. Either every deliverable event was delivered, or the handler raises, so that
AWS keeps the batch and tries again.
"""

import base64
import hashlib
import http.client
import json
import os
import re
import ssl
import sys
import time
import zlib

from parse import fields

VERSION = "0.1.0"
MAX_BYTES = 64 * 1024 * 1024
TIMEOUT = 5.0
MOST_PROOFS = 10

_PROOF = re.compile(r"wallarm-apigw-proof/([0-9a-f]{32})")
_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_connection = None


class UndeliveredError(Exception):
    """Some events did not reach the node; AWS must keep the batch."""


def lambda_handler(event, _context):
    """Handle one batch, or a probe (`{"wallarm-apigw": "probe"}`)."""
    if isinstance(event, dict) and event.get("wallarm-apigw") == "probe":
        return _probe()
    received_at = int(time.time() * 1000)
    envelope = _decode(event["awslogs"]["data"])
    if envelope.get("messageType") == "CONTROL_MESSAGE":
        return {"received": 0}
    counts = {"received": 0, "delivered": 0, "malformed": 0, "skipped": 0, "failed": 0}
    proofs = 0
    for item in envelope["logEvents"]:
        counts["received"] += 1
        line = fields(item.get("message", ""))
        if line is None:
            counts["malformed"] += 1
            continue
        if "httpMethod" not in line or "path" not in line:
            counts["skipped"] += 1
            continue
        status, outcome = _deliver(item, line)
        counts[outcome] += 1
        marker = _PROOF.fullmatch(str(line.get("userAgent", "")))
        if marker and proofs < MOST_PROOFS:
            proofs += 1
            _print_proof(marker.group(1), item, received_at, outcome, status)
    _log({"event": "batch", **counts})
    if counts["failed"]:
        raise UndeliveredError(
            f"{counts['failed']} of {counts['received']} events were not delivered"
        )
    return counts


def _decode(data):
    raw = base64.b64decode(data)
    if raw[:2] == b"\x1f\x8b":
        reader = zlib.decompressobj(31)
        raw = reader.decompress(raw, MAX_BYTES)
        if reader.unconsumed_tail:
            raise ValueError("the batch is larger than 64 MB")
    return json.loads(raw)


def _deliver(item, line):
    """Send one event. Gives the node's status (or None) and the outcome."""
    method, path = str(line["httpMethod"]), str(line["path"])
    if _CONTROL.search(method) or _CONTROL.search(path) or not path.startswith("/"):
        return None, "malformed"
    for attempt in (1, 2, 3):
        try:
            status = _send(method, path, _headers(item, line))
        except (OSError, http.client.HTTPException):
            _close()
            status = None
        if status is not None and status < 500 and status != 429:
            return status, "delivered"
        time.sleep(0.05 * attempt)
    return status, "failed"


def _headers(item, line):
    request_id = hashlib.sha256(f"{item.get('id')}".encode()).hexdigest()[:32]
    headers = {
        "Host": line.get("domainName", "-"),
        "User-Agent": line.get("userAgent", "-"),
        "X-Wallarm-Connector-Type": "aws-api-gateway",
        "X-Wallarm-Connector-Version": VERSION,
        "X-Wallarm-Request-Id": request_id,
        "X-Wallarm-Method": line["httpMethod"],
        "X-Wallarm-Forwarded-For": line.get("sourceIp", "-"),
        "X-Wallarm-Forwarded-Host": line.get("domainName", "-"),
        "X-Wallarm-Application-Id": os.environ.get("X_WALLARM_APPLICATION_ID", "-1"),
        "X-Wallarm-Response-Status": line.get("status", "-"),
    }
    return {name: re.sub(r"[^\x20-\x7e]", "?", str(value)) for name, value in headers.items()}


def _send(method, path, headers):
    global _connection
    if _connection is None:
        url, scheme = os.environ["X_NODE_URL"], os.environ.get("X_NODE_SCHEME", "http")
        if scheme == "https":
            pinned = os.environ.get("X_NODE_CA_CERTIFICATE") or None
            context = ssl.create_default_context(cadata=pinned)
            _connection = http.client.HTTPSConnection(url, timeout=TIMEOUT, context=context)
        else:
            _connection = http.client.HTTPConnection(url, timeout=TIMEOUT)
    _connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        _connection.putheader(name, value)
    _connection.endheaders()
    answer = _connection.getresponse()
    answer.read()
    return answer.status


def _close():
    global _connection
    if _connection is not None:
        _connection.close()
        _connection = None


def _print_proof(marker, item, received_at, outcome, status):
    _log(
        {
            "event": "proof",
            "id": marker,
            "log_event_id": str(item.get("id", ""))[:64],
            "received_at": received_at,
            "delivered_at": int(time.time() * 1000) if outcome == "delivered" else None,
            "outcome": outcome,
            "node_status": status,
        }
    )


def _log(entry):
    sys.stdout.write(json.dumps(entry) + "\n")


def _probe():
    began = time.monotonic()
    node = {"url": os.environ.get("X_NODE_URL", ""), "reachable": False, "status": None,
            "error": None, "latency_ms": None}  # fmt: skip
    try:
        node["status"] = _send("HEAD", "/", {"Host": node["url"]})
        node["reachable"] = True
        node["latency_ms"] = round((time.monotonic() - began) * 1000, 1)
    except (OSError, http.client.HTTPException) as error:
        _close()
        node["error"] = f"{type(error).__name__}: {error}"
    return {"version": VERSION, "config": {}, "node": node}
