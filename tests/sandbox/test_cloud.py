"""The stand-in Wallarm Cloud knows good, limited and unknown tokens apart."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from typing import Any

import pytest

from wizard.sandbox import Sandbox
from wizard.sandbox.cloud import CLIENT_ID

ASKED = (
    ("POST", "/v1/user"),
    ("GET", f"/v2/node?filter%5Bclientid%5D%5B%5D={CLIENT_ID}"),
    ("GET", f"/v1/clients/{CLIENT_ID}/apid/config"),
    ("GET", f"/v4/clients/{CLIENT_ID}/rules/endpoints"),
)


def ask(sandbox: Sandbox, method: str, path: str, token: str) -> tuple[int, Any]:
    request = urllib.request.Request(
        sandbox.cloud_url + path,
        method=method,
        data=b"{}" if method == "POST" else None,
        headers={"X-WallarmApi-Token": token} if token else {},
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.loads(answer.read())["body"]
    except urllib.error.HTTPError as error:
        return error.code, None


def test_both_tokens_look_like_tokens(sandbox: Sandbox) -> None:
    for token in (sandbox.token, sandbox.deployment_token):
        assert re.fullmatch(r"[A-Za-z0-9+/]{64}", token)


@pytest.mark.parametrize(("method", "path"), ASKED)
def test_a_good_token_is_answered_others_are_refused(
    sandbox: Sandbox, method: str, path: str
) -> None:
    assert ask(sandbox, method, path, sandbox.token)[0] == 200
    assert ask(sandbox, method, path, sandbox.deployment_token)[0] == 403
    assert ask(sandbox, method, path, "A" * 64)[0] == 401
    assert ask(sandbox, method, path, "")[0] == 401


def test_the_user_has_a_client_and_the_client_has_an_active_node(sandbox: Sandbox) -> None:
    _, user = ask(sandbox, "POST", "/v1/user", sandbox.token)
    assert user["clientid"] == CLIENT_ID
    _, nodes = ask(sandbox, *ASKED[1], sandbox.token)
    assert nodes[0]["active"] is True


def test_another_clients_data_and_unknown_paths_are_not_told(sandbox: Sandbox) -> None:
    assert ask(sandbox, "GET", "/v1/clients/1/apid/config", sandbox.token)[0] == 403
    assert ask(sandbox, "GET", "/v9/anything", sandbox.token)[0] == 404


def test_the_inventory_is_made_of_what_the_node_received(sandbox: Sandbox) -> None:
    sandbox.node.reset()
    for n, status in enumerate((200, 201, 404, 404)):
        request = urllib.request.Request(
            f"http://{sandbox.node.connector}/orders/{200 if status < 300 else 404}",
            headers={
                "X-Wallarm-Request-Id": f"{n:032x}",
                "X-Wallarm-Forwarded-Host": "shop.example.com",
                "X-Wallarm-Response-Status": str(status),
            },
        )
        urllib.request.urlopen(request, timeout=5).close()
    _, inventory = ask(sandbox, *ASKED[3], sandbox.token)
    sandbox.node.reset()
    assert inventory == [
        {"domain": "shop.example.com", "method": "GET", "path": "/orders/200", "requests": 2}
    ]
