"""Where the node is and how a connection to it is opened: name, port, TLS, limits."""

import math
import os
import re
import socket

CONNECTIONS = 96
CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0
NAME_SECONDS = 30.0  # a load balancer's addresses change; AWS gives its names 60 seconds


_URL = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9][A-Za-z0-9._-]*))(?::([0-9]{1,5}))?")


class ConfigurationError(Exception):
    """The environment names no node that could be called; every batch is kept until it does."""


class Node:
    """The node that the environment names; raises ConfigurationError."""

    def __init__(self, env=None):
        env = os.environ if env is None else env
        self.url = env.get("X_NODE_URL", "").strip()
        self.scheme = env.get("X_NODE_SCHEME", "").strip().lower() or "http"
        if self.scheme not in ("http", "https"):
            # Anything else must not end in plain HTTP by accident.
            raise ConfigurationError("X_NODE_SCHEME is neither http nor https")
        self.tls = self.scheme == "https"
        self.host, self.port = _split(self.url, 443 if self.tls else 80)
        self.connections = _number(env, "X_NODE_CONNECTIONS", CONNECTIONS, 1, 512)
        self.connect_seconds = _number(env, "X_NODE_CONNECT_SECONDS", CONNECT_SECONDS, 0.1, 60)
        self.read_seconds = _number(env, "X_NODE_READ_SECONDS", READ_SECONDS, 0.1, 300)
        self._certificate = env.get("X_NODE_CA_CERTIFICATE", "")
        self._certificate_file = env.get("X_NODE_CA_FILE", "")
        self._context = None
        self._known = None
        self._known_until = 0.0

    @property
    def context(self):
        """The TLS context. With a pinned CA the system's are not even read: that saves 30 ms.

        Raises ConfigurationError where the pinned one cannot be read; there is no other to fall
        back to.
        """
        if self._context is None:
            import ssl  # not needed, and not paid for, over plain HTTP

            if self._certificate or self._certificate_file:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                try:
                    context.load_verify_locations(
                        cafile=self._certificate_file or None, cadata=self._certificate or None
                    )
                except (OSError, ValueError) as error:
                    raise ConfigurationError(
                        f"the CA certificate of the node cannot be read: {type(error).__name__}"
                    ) from None
            else:
                context = ssl.create_default_context()
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            self._context = context
        return self._context

    def address(self, now):
        """(family, address) of the node; asked again after a while or a failure."""
        if self._known is None or now > self._known_until:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
            self._known = [(family, address) for family, _, _, _, address in found]
            self._known_until = now + NAME_SECONDS
        self._known.append(self._known.pop(0))  # each of its addresses in turn
        return self._known[-1]

    def forget_address(self):
        """The node moved, perhaps."""
        self._known = None


def _split(url, port):
    found = _URL.fullmatch(url)
    if found is None or not 0 < int(found[3] or port) < 65536:
        raise ConfigurationError("X_NODE_URL is not host, host:port or [IPv6 address]:port")
    return found[1] or found[2], int(found[3] or port)


def _number(env, name, otherwise, least, most):
    try:
        value = type(otherwise)(env.get(name, ""))
    except ValueError:
        return otherwise
    return otherwise if math.isnan(value) else min(max(value, least), most)
