"""What is known of API Discovery before paying for it, and by which rules it counts."""

from __future__ import annotations

import pytest

from wizard.core.expectations import (
    EXPECTATIONS,
    LEAST_REQUESTS,
    SPREAD_SECONDS,
    countable,
    why_not_counted,
)


def test_each_has_one_line_for_a_screen_and_a_text_for_a_page() -> None:
    assert len({one.key for one in EXPECTATIONS}) == len(EXPECTATIONS) == 5
    for one in EXPECTATIONS:
        assert len(one.short) <= 74
        assert len(one.text) > len(one.short)
    assert "Advanced API Security" in EXPECTATIONS[0].text


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("/", True), ("", True), ("/prod/orders/1001", True), ("/prod/orders/{id}", True),
        ("/v1/users@example.com", True), ("/a.b.c/d", True), ("/with blank/x", True),
        ("/größe", True), ("/a_b-c", True), ("/x?y=:", True),
        ("/v1/users:batch", False), ("/~joe", False), ("/a+b", False), ("/a,b", False),
        ("/a..b", False), ("/.well-known/x", False), ("/a.", False), ("/a%20b", False),
        ("/" + "a" * 2000, True), ("/" + "a" * 2001, False),
    ],
)  # fmt: skip
def test_which_path_names_are_counted(path: str, counts: bool) -> None:
    assert countable(path) is counts


@pytest.mark.parametrize(
    ("method", "status", "host", "path", "why"),
    [
        ("GET", "200", "api.example.com", "/a", ""),
        ("get", "204", "", "/a", ""),
        ("OPTIONS", "200", "x", "/a", "OPTIONS"),
        ("head", "200", "x", "/a", "HEAD"),
        ("", "200", "x", "/a", "without a method"),
        ("GET", "404", "x", "/a", "answered 404"),
        ("GET", "", "x", "/a", "answered nothing"),
        ("GET", "200", "localhost:8080", "/a", "host localhost:8080"),
        ("GET", "200", "127.0.0.1", "/a", "host 127.0.0.1"),
        ("GET", "200", "[::1]", "/a", "host [::1]"),
        ("GET", "200", "127.0.0." + "1" * 60, "/a", "host 127.0.0." + "1" * 52),
        ("GET", "200", "localhost.example.com", "/a", ""),
        ("GET", "200", "x", "/v1/users:batch", "a path name that is not counted"),
    ],
)
def test_why_a_request_is_not_counted(
    method: str, status: str, host: str, path: str, why: str
) -> None:
    assert why_not_counted(method, status, host, path) == why


def test_after_how_many_requests_an_endpoint_shows_is_what_wallarm_documents() -> None:
    """Both texts: that of the first screen is written out, as it has to be short."""
    counted = next(one for one in EXPECTATIONS if one.key == "counted")
    assert (LEAST_REQUESTS, SPREAD_SECONDS) == (2, 5 * 60)
    assert "after 2 requests over 5 minutes" in counted.short
    assert "after 2 requests, one of them more than 300 seconds after the first" in counted.text
