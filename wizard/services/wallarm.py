"""Asks the Wallarm Cloud what a token is good for.

Header, paths and envelopes follow Wallarm's public Go client. What a deployment token may read is
unverified: it may be refused everything and still register a node, so a refusal of such a token
means "could not check" and never "wrong token".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import requests

from wizard.core.answers.rules import token_problem
from wizard.core.secret import Secret
from wizard.core.text import duration
from wizard.services.http import open_session

TIMEOUT_SECONDS = (5.0, 10.0)
"""Connect and read."""

DOMAIN = ".wallarm.com"

VALID = "valid"
REFUSED = "refused"
UNCHECKED = "unchecked"


@dataclass(frozen=True)
class TokenVerdict:
    """What the cloud said of a token.

    Args:
        state: `valid`, `refused` or `unchecked`.
        detail: why, in a sentence without a full stop.
        client_id: the Wallarm account the token belongs to; None when not told.
    """

    state: str
    detail: str = ""
    client_id: int | None = None


def base_url(host: str, env: Mapping[str, str]) -> str:
    """Where the cloud answers; the sandbox puts its stand-in there."""
    return env.get("WALLARM_APIGW_CLOUD_URL") or f"https://{host}"


def check_token(
    host: str, token: Secret, env: Mapping[str, str], *, deployment: bool = True
) -> TokenVerdict:
    """Whether the cloud knows this token.

    Args:
        host: `us1.api.wallarm.com`, `api.wallarm.com`, or a host of one's own.
        deployment: the token is one for node deployment; a refusal then proves nothing.
    """
    problem = token_problem(token.reveal())
    if problem:
        return TokenVerdict(REFUSED, f"the token {problem}")
    if not host.endswith(DOMAIN) and not env.get("WALLARM_APIGW_CLOUD_URL"):
        return TokenVerdict(
            UNCHECKED, f"{host} is no host of Wallarm's ({DOMAIN}), so it was not sent the token"
        )
    url = f"{base_url(host, env)}/v1/user"
    with open_session(env) as session:
        try:
            answer = session.post(
                url,
                json={},
                headers={"X-WallarmApi-Token": token.reveal()},
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return TokenVerdict(UNCHECKED, f"{host} did not answer: {reason(error)}")
    if answer.status_code == 200:
        return TokenVerdict(VALID, f"{host} accepted it", _client_id(answer))
    if answer.status_code in (401, 403):
        if deployment:
            return TokenVerdict(
                UNCHECKED,
                f"{host} answered {answer.status_code}, as it may to a good deployment token; "
                "the node's own log tells after the deployment",
            )
        return TokenVerdict(REFUSED, f"{host} answered {answer.status_code}")
    return TokenVerdict(UNCHECKED, f"{host} answered {answer.status_code}")


def _client_id(answer: requests.Response) -> int | None:
    try:
        body = answer.json().get("body", {})
        return int(body.get("clientid") or body.get("client_id"))
    except (ValueError, TypeError, AttributeError):
        return None


def reason(error: requests.RequestException) -> str:
    """The kind of failure in words; the library's own text repeats the whole request."""
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy refused the connection"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted here"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"no connection within {duration(TIMEOUT_SECONDS[0])}"
    if isinstance(error, requests.exceptions.ReadTimeout):
        return f"no answer within {duration(TIMEOUT_SECONDS[1])}"
    words = str(error)
    if "NameResolutionError" in words or "getaddrinfo" in words:
        return "its name is not known here (DNS)"
    if "Connection refused" in words:
        return "the connection was refused"
    return "no connection"
