"""The modelled node counts what it understood, and why it did not, as the documented one does."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from wizard.sandbox.node_model import Behaviour, NodeModel
from wizard.sandbox.records import pair
from wizard.sandbox.web import Request

ID = "0f9ae3de4db141a8ad1eb5d1d756976e"
SERVER = "wallarm_gonode_http_connector_server_"
BOUNDARY = "multipart/form-data; boundary=cut"


def message(
    request_id: str = ID, *, status: int | None = None, prefix: str = "X-Wallarm-", **more: str
) -> Request:
    headers = [
        ("Host", "api.example.com"),
        (f"{prefix}Connector-Type", "aws-api-gateway"),
        (f"{prefix}Connector-Version", "0.1.0"),
        (f"{prefix}Request-Id", request_id),
        (f"{prefix}Forwarded-For", "203.0.113.7"),
        (f"{prefix}Forwarded-Host", "api.example.com"),
    ]
    if status is not None:
        headers.append((f"{prefix}Response-Status", str(status)))
    headers += [(name.replace("_", "-"), value) for name, value in more.items()]
    return Request("GET", "/prod/orders", headers, b"", "127.0.0.1", 1.0)


def multipart(
    *, status: int | None = None, parts: tuple[str, ...] = ("headers", "body")
) -> Request:
    whole = message(status=status, X_Wallarm_Method="GET", Content_Type=BOUNDARY)
    text = "".join(
        f'--cut\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        f"{'User-Agent: curl/8' if name == 'headers' else ''}\r\n"
        for name in parts
    )
    return Request("POST", whole.target, whole.headers, f"{text}--cut--\r\n".encode(), "::1", 1.0)


def counted(node: NodeModel) -> dict[str, float]:
    """Every counter that is not 0, by its short name and its last label."""
    found = {}
    for line in node.metrics().splitlines():
        match = re.fullmatch(r'(\w+)(?:\{.*?(?:type|reason)="(\w+)"\})? (\d+)', line)
        if match and int(match[3]):
            found["/".join(filter(None, (match[1].removeprefix(SERVER), match[2])))] = int(match[3])
    return found


def node(**behaviour: object) -> NodeModel:
    made = NodeModel()
    made.behaviour = Behaviour.of(behaviour)
    return made


INSPECTOR = "wallarm_gonode_http_inspector_errors_total"
EXPORTED = "wallarm_gonode_postanalytics_exporter_serialized_requests_exported_total"
PAIRED = {
    "messages_seen_total/total": 2,
    "messages_seen_total/request": 1,
    "messages_seen_total/response": 1,
    "messages_processed_total/request": 1,
    "messages_processed_total/response": 1,
    EXPORTED: 1,
}


@pytest.mark.parametrize("make", [message, multipart])
def test_a_request_and_its_response_are_processed_and_exported(
    make: Callable[..., Request],
) -> None:
    model = node()
    assert model.receive(make()).status == 200
    assert model.receive(make(status=200)).understood
    assert counted(model) == PAIRED


def test_one_message_holds_both() -> None:
    model = node(styles=["one-message"])
    assert model.receive(message(status=200)).understood
    assert counted(model) == {**PAIRED, "messages_seen_total/total": 1}


TOTAL = "messages_seen_total/total"
MOODS = {
    "a type it does not know": (
        {"connector_types": ["azure-apim"]}, [message()], [200],
        {TOTAL: 1, "messages_rejected_total/connector_info": 1},
    ),
    "a version it does not know, and says so": (
        {"connector_versions": ["1.0"], "refused_status": 400}, [message()], [400],
        {TOTAL: 1, "messages_rejected_total/connector_info": 1},
    ),
    "other header names": (
        {"header_prefix": "X-Other-", "connector_types": ["aws-api-gateway"]}, [message()], [200],
        {TOTAL: 1, "messages_rejected_total/connector_info": 1},
    ),
    "a host it may not take": (
        {"allowed_hosts": ["other.example.com"]}, [message()], [415],
        {TOTAL: 1, "messages_rejected_total/host": 1},
    ),
    "an address it may not take": (
        {"allowed_networks": ["10.0.0.0/8"]}, [message()], [403],
        {TOTAL: 1, "messages_rejected_total/remote_address": 1},
    ),
    "a shape it does not read": (
        {"styles": ["multipart"]}, [message()], [200],
        {TOTAL: 1, "errors_total/MsgDataFormat": 1},
    ),
    "a multipart message without its parts": (
        {}, [multipart(parts=("headers",))], [200], {TOTAL: 1, "errors_total/MsgDataFormat": 1},
    ),
    "an id that is not 32 hex digits": (
        {"hex_ids": True}, [message("c6af9ac6-7b61-11e6-9a41-93e8deadbeef")], [200],
        {TOTAL: 1, "errors_total/MsgDataFormat": 1},
    ),
    "too much at once": (
        {"overloaded": True}, [message()], [503], {TOTAL: 1, "errors_total/DroppedOnOverload": 1},
    ),
    "the same request twice": (
        {}, [message(), message(status=200), message()], [200, 200, 200],
        {**PAIRED, TOTAL: 3, "messages_seen_total/request": 2, "errors_total/DuplicateReqId": 1},
    ),
    "a response without its request": (
        {"styles": ["two-messages"]}, [message(status=200)], [200],
        {TOTAL: 1, "messages_seen_total/response": 1, f"{INSPECTOR}/FlowIsMissingRequest": 1},
    ),
    "a request without its response": (
        {"response_seconds": 0}, [message()], [200],
        {TOTAL: 1, "messages_seen_total/request": 1, "messages_processed_total/request": 1,
         f"{INSPECTOR}/FlowIsMissingResponse": 1, EXPORTED: 1},
    ),
    "its mode is off": (
        {"mode_off": True}, [message(), message(status=200)], [200, 200],
        {**{k: v for k, v in PAIRED.items() if k != EXPORTED},
         "requests_bypassed_total/mode_off": 1},
    ),
    "a path that is filtered": (
        {"filtered": ["/prod"]}, [message(), message(status=200)], [200, 200],
        {**PAIRED, "requests_bypassed_total/input_filters": 1},
    ),
    "a caller on the deny list, while it blocks": (
        {"blocking": True, "denied": ["203.0.113.7"]}, [message(), message(status=200)], [403, 200],
        {**PAIRED, "requests_blocked_total": 1},
    ),
    "a caller on the deny list, while it does not block": (
        {"denied": ["203.0.113.7"]}, [message(), message(status=200)], [200, 200], PAIRED,
    ),
}  # fmt: skip


@pytest.mark.parametrize("mood", MOODS)
def test_what_it_makes_of_a_message_is_answered_and_counted(mood: str) -> None:
    behaviour, messages, statuses, counts = MOODS[mood]
    model = node(**behaviour)
    assert [model.receive(one).status for one in messages] == statuses
    assert counted(model) == counts


def test_a_late_response_is_counted_once_and_a_restart_forgets_all() -> None:
    now = [0.0]
    model = NodeModel(lambda: now[0])
    model.receive(message())
    now[0] = 29.0
    assert f"{INSPECTOR}/FlowIsMissingResponse" not in counted(model)
    now[0] = 30.0
    assert counted(model)[f"{INSPECTOR}/FlowIsMissingResponse"] == 1
    assert counted(model)[f"{INSPECTOR}/FlowIsMissingResponse"] == 1
    model.restart()
    assert counted(model) == {}
    model.receive(message())
    assert counted(model)["messages_processed_total/request"] == 1, "ids are forgotten too"


def test_it_says_that_it_is_a_model_and_a_version_may_lack_a_family() -> None:
    text = node(version="0.22.0", left_out=[f"{SERVER}errors_total"]).metrics()
    assert 'deployment_type="stand-in-model",mode="connector-server",version="0.22.0"} 1' in text
    assert "A model, not a Wallarm node." in text
    assert f"{SERVER}errors_total" not in text


@pytest.mark.parametrize("wrong", [{"moods": 1}, {"mode_off": "yes"}, {"styles": "multipart"}])
def test_a_setting_it_has_not_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        Behaviour.of(wrong)


def test_a_record_is_made_of_a_multipart_message_and_of_other_header_names_too() -> None:
    def kept(request: Request) -> dict[str, object]:
        return {
            "method": request.method, "target": request.target, "headers": request.headers,
            "body": request.body.decode(), "received_at": 1.0, "answered": 200, "understood": True,
        }  # fmt: skip

    [record] = pair([kept(multipart()), kept(multipart(status=201))])
    assert (record["method"], record["user_agent"], record["status"]) == ("GET", "curl/8", 201)
    [record] = pair([kept(message(prefix="X-Other-", status=204))], "X-Other-")
    assert (record["host"], record["status"]) == ("api.example.com", 204)


@pytest.mark.parametrize(
    ("answered", "understood", "kept"),
    [(200, True, 1), (200, False, 1), (403, True, 1), (403, False, 0), (503, False, 0)],
)
def test_a_verdict_on_a_request_is_no_refusal_of_the_message(
    answered: int, understood: bool, kept: int
) -> None:
    one = {
        "method": "GET", "target": "/a", "headers": message().headers, "body": "",
        "received_at": 1.0, "answered": answered, "understood": understood,
    }  # fmt: skip
    records = pair([one])
    assert [r["understood"] for r in records] == [understood] * kept
