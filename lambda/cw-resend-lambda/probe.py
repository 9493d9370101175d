"""Answers a probe: version, configuration, and whether the node can be reached from here."""

import http.client
import time

from node import ConfigurationError
from protocol import VERSION


def probe(node, encoder):
    """One `HEAD /` to the node. Any answer at all means that the node was reached."""
    found = {"url": node.url, "reachable": False, "status": None, "error": None,
             "latency_ms": None}  # fmt: skip
    began = time.monotonic()
    connection = None
    try:
        if node.tls:
            connection = http.client.HTTPSConnection(
                node.host, node.port, timeout=node.connect_seconds, context=node.context
            )
        else:
            connection = http.client.HTTPConnection(
                node.host, node.port, timeout=node.connect_seconds
            )
        connection.request("HEAD", "/")
        found["status"] = connection.getresponse().status
        found["reachable"] = True
        found["latency_ms"] = round((time.monotonic() - began) * 1000, 1)
    except (OSError, UnicodeError, http.client.HTTPException, ConfigurationError) as error:
        found["error"] = f"{type(error).__name__}: {error}"
    finally:
        if connection is not None:
            connection.close()
    config = {"node": f"{node.scheme}://{node.url}", "style": encoder.style,
              "connections": node.connections}  # fmt: skip
    return {"version": VERSION, "config": config, "node": found}
