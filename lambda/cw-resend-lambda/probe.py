"""Answers a probe: version, configuration, whether the node can be reached, what it counted."""

import http.client
import os
import time

from counters import read_counters
from node import ConfigurationError
from protocol import VERSION


def probe(node, encoder, *, ask_node=True):
    """The node's counters, then one `HEAD /`. Any answer at all means that it was reached.

    Args:
        ask_node: without it nothing is sent to the node, which may count the HEAD as a message
            that it cannot read.
    """
    counters = read_counters(os.environ)  # before the HEAD, which the node may count
    found = {"url": node.url, "reachable": False, "status": None, "error": None, "latency_ms": None}
    if ask_node:
        _ask(node, found)
    else:
        found["error"] = "not asked"
    config = {"node": f"{node.scheme}://{node.url}", "connections": node.connections,
              **encoder.dialect}  # fmt: skip
    return {"version": VERSION, "config": config, "node": found, "counters": counters}


def _ask(node, found):
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
