"""Answers a probe: version, configuration, whether the node can be reached, what it counted."""

import http.client
import os
import time

from counters import read_counters
from dialect import marked
from node import ConfigurationError
from protocol import VERSION

PATH = "/wallarm-apigw-probe"
MOST_BODY = 65536


def probe(node, encoder, *, ask_node=True, host=""):
    """The node's counters, then one marked event. Any answer at all means that it was reached.

    The event is spoken as every other is, so that a node which counts what it cannot read has
    nothing to count because of us. Its status is 404: API Discovery does not list it.

    Args:
        ask_node: without it nothing is sent to the node.
        host: the API's host name, which the event carries; a node may take no other.
    """
    counters = read_counters(os.environ)  # before the event, which the node counts
    found = {"url": node.url, "reachable": False, "status": None, "error": None, "latency_ms": None}
    if ask_node:
        ident, line = marked(PATH, host)
        _ask(node, encoder.messages(line, ident), found)
    else:
        found["error"] = "not asked"
    config = {"node": f"{node.scheme}://{node.url}", "connections": node.connections,
              **encoder.dialect}  # fmt: skip
    return {"version": VERSION, "config": config, "node": found, "counters": counters}


def _ask(node, messages, found):
    """Tell `found` what the node answered to the first message."""
    connection = None
    try:
        for message in filter(None, messages):
            began = time.monotonic()
            if connection is None:
                connection = _connect(node)
            connection.sock.sendall(message)
            answer = http.client.HTTPResponse(connection.sock)
            answer.begin()
            if not found["reachable"]:
                found["latency_ms"] = round((time.monotonic() - began) * 1000, 1)
                found["status"], found["reachable"] = answer.status, True
            answer.read(MOST_BODY)
            if answer.will_close or not answer.isclosed():
                connection.close()
                connection = None
    except (OSError, ValueError, http.client.HTTPException, ConfigurationError) as error:
        if not found["reachable"]:
            found["error"] = f"{type(error).__name__}: {error}"
    finally:
        if connection is not None:
            connection.close()


def _connect(node):
    if node.tls:
        connection = http.client.HTTPSConnection(
            node.host, node.port, timeout=node.connect_seconds, context=node.context
        )
    else:
        connection = http.client.HTTPConnection(node.host, node.port, timeout=node.connect_seconds)
    connection.connect()
    return connection
