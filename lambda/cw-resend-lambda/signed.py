"""Signed requests to AWS with the standard library: Signature Version 4, as AWS documents it.

Only the replay on a schedule asks AWS for anything; the forwarder does not load this.
"""

import hashlib
import hmac
import http.client
import os
import re
import ssl
import time
from urllib.parse import quote, urlsplit

MOST_BODY = 8 * 1024 * 1024
# S3 answers in XML, Lambda in JSON. Of the rest of an error nothing is told: it may hold keys' ids.
_WORDS = re.compile(rb'<(?:Code|Message)>([^<]{1,200})|"[Mm]essage"\s*:\s*"([^"]{1,200})')


class RefusedError(Exception):
    """AWS's own answer to a request, in its words; `status` is HTTP's."""

    def __init__(self, status, what, body):
        words = [(one or other).decode("utf-8", "replace") for one, other in _WORDS.findall(body)]
        super().__init__(": ".join([f"{what}: status {status}", *words[:2]]))
        self.status = status


def ask(service, method, url, *, query=(), body=b"", headers=(), seconds=30.0):
    """(headers of the answer, its body) of one signed request.

    Args:
        service: as it is signed for, `s3` or `lambda`.
        url: address and path, without a query.
        query, headers: pairs.
        seconds: how long connecting, and each wait for more of the answer, may take.

    Raises RefusedError for any status but 2xx, OSError or HTTPException where there is no answer.
    """
    place = urlsplit(url)
    signed = sign(service, method, url, query, body, headers, os.environ, time.gmtime())
    if place.scheme == "https":
        connection = http.client.HTTPSConnection(
            place.netloc, timeout=seconds, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(place.netloc, timeout=seconds)
    try:
        target = _escaped(place.path) + (f"?{_joined(query)}" if query else "")
        connection.request(method, target, body=body, headers=signed)
        answer = connection.getresponse()
        data = answer.read(MOST_BODY + 1)
        if not 200 <= answer.status < 300:
            raise RefusedError(answer.status, f"{service} {method}", data)
        if len(data) > MOST_BODY:
            raise OSError(f"{service} answered more than {MOST_BODY:,} bytes")
        return answer.headers, data
    finally:
        connection.close()


def sign(service, method, url, query, body, headers, env, moment):
    """The headers of a request with those that sign it, by the keys of the environment.

    Args:
        moment: UTC, as `time.gmtime` gives it.
    """
    place, day = urlsplit(url), time.strftime("%Y%m%d", moment)
    scope = f"{day}/{env['AWS_REGION']}/{service}/aws4_request"
    sent = {name.lower(): value for name, value in headers}
    sent["host"] = place.netloc
    sent["x-amz-date"] = time.strftime("%Y%m%dT%H%M%SZ", moment)
    sent["x-amz-content-sha256"] = hashlib.sha256(body).hexdigest()
    if env.get("AWS_SESSION_TOKEN"):
        sent["x-amz-security-token"] = env["AWS_SESSION_TOKEN"]
    names = ";".join(sorted(sent))
    canonical = "\n".join(
        (
            method,
            _escaped(place.path),
            _joined(query),
            *(f"{name}:{sent[name]}" for name in sorted(sent)),
            "",
            names,
            sent["x-amz-content-sha256"],
        )
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{sent['x-amz-date']}\n{scope}\n{digest}"
    key = f"AWS4{env['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    sent["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={env['AWS_ACCESS_KEY_ID']}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return sent


def _escaped(path):
    return quote(path, safe="/~") or "/"


def _joined(query):
    pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in query)
    return "&".join(f"{name}={value}" for name, value in pairs)
