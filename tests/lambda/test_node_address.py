"""Where the node is: read from the environment, refused when unclear, and never less than asked."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from pathlib import Path

import pytest
import trustme

from benchmarks.bad_node import BadNode
from benchmarks.batches import batch
from benchmarks.invoking import environment, forwarder, invoke

forwarder()
import node  # noqa: E402 - the forwarder is not a package


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port"),
    [
        ("node.example.com", "http", "node.example.com", 80),
        ("node.example.com", "https", "node.example.com", 443),
        ("node.example.com:5050", "https", "node.example.com", 5050),
        ("10.0.0.1:80", "http", "10.0.0.1", 80),
        ("[2001:db8::1]", "https", "2001:db8::1", 443),
        ("[::1]:5050", "http", "::1", 5050),
        (" node:1 ", "HTTPS", "node", 1),
        ("internal_alb-1.elb.amazonaws.com", "", "internal_alb-1.elb.amazonaws.com", 80),
    ],
)
def test_host_port_and_scheme_are_read(url: str, scheme: str, host: str, port: int) -> None:
    found = node.Node({"X_NODE_URL": url, "X_NODE_SCHEME": scheme})
    assert (found.host, found.port) == (host, port)
    assert found.tls == (scheme.lower() == "https")


@pytest.mark.parametrize(
    "url",
    ["", ":80", "http://node", "node/path", "node:", "node:0", "node:65536", "node:port", "::1",
     "[::1", "[::1]80", "a b", "node\r\nX: 1", "user@node", "[node]:80"],
)  # fmt: skip
def test_an_address_that_is_none_is_refused_and_the_batch_is_kept(url: str) -> None:
    with pytest.raises(node.ConfigurationError, match="X_NODE_URL"):
        node.Node({"X_NODE_URL": url})
    with environment(X_NODE_URL=url), pytest.raises(node.ConfigurationError, match="X_NODE_URL"):
        invoke(batch(1), 10)


@pytest.mark.parametrize("scheme", ["htps", "tls", "https://", "ftp"])
def test_a_scheme_that_is_none_never_ends_in_plain_http(scheme: str) -> None:
    with pytest.raises(node.ConfigurationError, match="X_NODE_SCHEME"):
        node.Node({"X_NODE_URL": "node", "X_NODE_SCHEME": scheme})


@pytest.mark.parametrize(
    ("text", "used"),
    [("12", 12), ("0", 1), ("-5", 1), ("9999", 512), ("", 96), ("many", 96), ("1e2", 96)],
)
def test_the_number_of_connections_stays_within_bounds(text: str, used: int) -> None:
    found = node.Node({"X_NODE_URL": "node", "X_NODE_CONNECTIONS": text})
    assert found.connections == used


@pytest.mark.parametrize(
    ("text", "used"), [("0.5", 0.5), ("0", 0.1), ("inf", 300.0), ("nan", 10.0), ("", 10.0)]
)
def test_a_timeout_is_always_one(text: str, used: float) -> None:
    found = node.Node({"X_NODE_URL": "node", "X_NODE_READ_SECONDS": text})
    assert found.read_seconds == used


def test_never_more_connections_than_allowed_even_an_odd_number() -> None:
    with BadNode() as bad, environment(X_NODE_URL=bad.url, X_NODE_CONNECTIONS="33"):
        invoke(batch(300), 20)
    assert bad.connections == 33


def test_a_node_that_takes_few_connections_is_not_stormed() -> None:
    """Those it takes carry the batch; it is not asked for another one with each event."""
    with BadNode(most=4) as bad, environment(X_NODE_URL=bad.url):
        counts, raised, _ = invoke(batch(600), 60)
    assert (counts["delivered"], raised) == (600, "")
    assert bad.connections < 400


@needs_ipv6
def test_a_node_with_an_ipv6_address_is_reached() -> None:
    with BadNode(host="::1") as bad, environment(X_NODE_URL=bad.url):
        counts, raised, _ = invoke(batch(5), 20)
    assert (counts["delivered"], raised) == (5, "")


def test_a_connection_that_nobody_takes_is_given_up_in_time() -> None:
    """A listener whose queue is full: the handshake of TCP itself hangs."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        with contextlib.ExitStack() as fillers:
            for _ in range(4):
                filler = fillers.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(address)
            env = {"X_NODE_CONNECT_SECONDS": "0.1", "X_NODE_CONNECTIONS": "2"}
            with environment(X_NODE_URL=f"127.0.0.1:{address[1]}", **env):
                _, raised, _ = invoke(batch(3), 3.5)
    assert "3 of 3 events undelivered: no connection in time" in raised


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=needs_ipv6)])
def test_a_private_ca_from_a_file_is_the_only_one_trusted(host: str, tmp_path: Path) -> None:
    authority, other = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    for name, ca in (("ours.pem", authority), ("other.pem", other)):
        ca.cert_pem.write_to_path(str(tmp_path / name))
    with BadNode(tls=context, host=host) as bad:
        env = {"X_NODE_URL": bad.url, "X_NODE_SCHEME": "https"}
        with environment(**env, X_NODE_CA_FILE=str(tmp_path / "ours.pem")):
            counts, raised, _ = invoke(batch(5), 20)
        assert (counts["delivered"], raised) == (5, "")
        seen = bad.seen
        with environment(**env, X_NODE_CA_FILE=str(tmp_path / "other.pem")):
            _, raised, _ = invoke(batch(5), 20)
        assert "5 of 5 events undelivered: certificate" in raised
        assert bad.seen == seen


@pytest.mark.parametrize("pem", ["no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END"])
def test_a_pinned_ca_that_cannot_be_read_never_falls_back_to_another(pem: str) -> None:
    with BadNode() as bad:
        env = {"X_NODE_URL": bad.url, "X_NODE_SCHEME": "https"}
        for name in ("X_NODE_CA_CERTIFICATE", "X_NODE_CA_FILE"):
            with environment(**env, **{name: pem}):
                with pytest.raises(node.ConfigurationError, match="cannot be read"):
                    invoke(batch(2), 20)
                found = forwarder().lambda_handler({"wallarm-apigw": "probe"}, None)
                assert "cannot be read" in found["node"]["error"]
    assert bad.connections == 0


def test_old_tls_is_refused() -> None:
    found = node.Node({"X_NODE_URL": "node", "X_NODE_SCHEME": "https"})
    assert found.context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert found.context.verify_mode == ssl.CERT_REQUIRED
    assert found.context.check_hostname


def test_a_name_that_no_resolver_would_take_fails_the_batch_and_waits_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import sender

    monkeypatch.setattr(sender, "BASE_SECONDS", 0.001)
    began = time.monotonic()
    with environment(X_NODE_URL="a" * 70 + ".example.com"):
        _, raised, _ = invoke(batch(2), 600)
        found = forwarder().lambda_handler({"wallarm-apigw": "probe"}, None)
    assert "2 of 2 events undelivered: Unicode" in raised
    assert "Unicode" in found["node"]["error"]
    assert time.monotonic() - began < 300, "AWS would charge for every second of it"
