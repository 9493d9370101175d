"""Replays what could not be delivered, on a schedule: a function of its own beside the forwarder.

It does what `wallarm-apigw redrive` does: each batch that AWS kept goes through the forwarder once
more, and is deleted only after the forwarder has answered without an error. A batch that fails
again stays as it is; nothing is written, so nothing is ever queued anew. Bounded: so many batches,
so many failures, and the function's own time.

Of its own, because a forwarder inside a VPC reaches the node and nothing else, may be a bundle of
the user's that knows nothing of this, and should not be able to read or delete what is kept.
"""

import http.client
import json
import os
import random
import re
from html import unescape

from observe import MOST_NAMED, say
from protocol import VERSION
from signed import RefusedError, ask

MOST_LISTED = 10_000
MOST_BATCHES = 2_000
# The node is away, most likely: what is left waits for the next time.
MOST_FAILURES = 5
MOST_BYTES = 6 * 1024 * 1024  # what AWS takes for an invocation that is waited for
MARGIN_SECONDS = 15.0
LONGEST_SECONDS = 900.0  # of any function

EVENT = {"wallarm-apigw": "replay"}
DELIVERED, FAILED, UNREADABLE, GONE = "delivered", "failed", "unreadable", "gone"
COUNTS = (DELIVERED, FAILED, UNREADABLE)

_OBJECT = re.compile(r"<Contents>(.*?)</Contents>", re.DOTALL)
_KEY = re.compile(r"<Key>([^<]*)</Key>")
_SIZE = re.compile(r"<Size>([0-9]{1,15})</Size>")
_NAMED = "[0-9]{4}/[0-9]{2}/[0-9]{2}/[A-Za-z0-9_.:-]{1,200}"  # as AWS Lambda calls it
_NEXT = re.compile(r"<NextContinuationToken>([^<]+)</NextContinuationToken>")


class ThrottledError(Exception):
    """The forwarder has no room: traffic that comes in goes first."""


def lambda_handler(event, context):
    """Replay what waits; `{"waiting", "delivered", "failed", "unreadable", "left", "ended"}`.

    `left` counts what was not tried, and `ended` says why.
    """
    if event != EVENT:
        raise ValueError("this function is for its schedule, whose event is " + json.dumps(EVENT))
    place = Place(os.environ)
    batches = place.list()
    # Batches that fail every time must not be all that is ever tried.
    random.shuffle(batches)
    counts = dict.fromkeys(COUNTS, 0)
    tried, ended = 0, ""
    for key, size in batches:
        ended = _enough(tried, counts[FAILED], context, place)
        if ended:
            break
        try:
            outcome, reason = place.replay(key, size, _left(context) - MARGIN_SECONDS / 3)
        except ThrottledError:
            ended = "the forwarder is busy"
            break
        tried += 1
        if outcome != GONE:
            counts[outcome] += 1
        if reason and counts[FAILED] + counts[UNREADABLE] <= MOST_NAMED:
            say({"event": "still waiting", "key": key, "reason": reason[:300]})
    told = {"waiting": len(batches), **counts, "left": len(batches) - tried, "ended": ended}
    say({"event": "replay", "version": VERSION, **told})
    return told


def _enough(tried, failed, context, place):
    """Why no further batch is begun; empty where one may be."""
    if failed >= MOST_FAILURES:
        return f"{failed} batches failed again"
    if tried >= MOST_BATCHES:
        return f"{tried} batches are enough for once"
    # The first is always tried: a forwarder may have as much time as this function has.
    if tried and _left(context) < place.patience + MARGIN_SECONDS:
        return "the time is over"
    return ""


def _left(context):
    return context.get_remaining_time_in_millis() / 1000


class Place:
    """The bucket of undelivered batches and the forwarder they are for, by the environment.

    AWS_ENDPOINT_URL leads to another AWS, as it does for every SDK.
    """

    def __init__(self, env):
        region, self.function = env["AWS_REGION"], env["X_FORWARDER"]
        other = env.get("AWS_ENDPOINT_URL", "").rstrip("/")
        self.bucket = f"{other}/{env['X_BUCKET']}" if other else f"https://{env['X_BUCKET_HOST']}"
        functions = other or f"https://lambda.{region}.{env['X_DNS_SUFFIX']}"
        self.invocations = f"{functions}/2015-03-31/functions/{self.function}/invocations"
        # A deleted bucket's name is free for anybody: what lies in somebody else's is not ours.
        self.owned = (("x-amz-expected-bucket-owner", env["X_ACCOUNT"]),)
        self.patience = min(float(env["X_FORWARDER_SECONDS"]), LONGEST_SECONDS)
        self.prefix = f"aws/lambda/async/{self.function}/"
        self._named = re.compile(re.escape(self.prefix) + _NAMED)

    def list(self):
        """(key, size in bytes) of what AWS Lambda kept of this function's, oldest first."""
        found, after = [], ()
        while len(found) < MOST_LISTED:
            query = (("list-type", "2"), ("prefix", self.prefix), *after)
            _, body = ask("s3", "GET", self.bucket + "/", query=query, headers=self.owned)
            text = body.decode("utf-8", "replace")
            for one in _OBJECT.findall(text):
                key, size = _KEY.search(one), _SIZE.search(one)
                # What is called otherwise was not put there by AWS Lambda.
                if key and size and self._named.fullmatch(key[1]):
                    found.append((key[1], int(size[1])))
            more = _NEXT.search(text)
            if more is None:
                break
            after = (("continuation-token", unescape(more[1])),)
        return found[:MOST_LISTED]

    def replay(self, key, size, seconds):
        """(what became of a batch, why it was not delivered).

        Raises ThrottledError; RefusedError where a batch that was delivered cannot be deleted, for
        the next one could not either, and each would be delivered again and again.
        """
        if size > MOST_BYTES:
            return UNREADABLE, f"it has {size:,} bytes"
        try:
            _, body = ask("s3", "GET", f"{self.bucket}/{key}", headers=self.owned)
        except RefusedError as error:
            return (GONE, "") if error.status == 404 else (FAILED, str(error))
        except (OSError, http.client.HTTPException) as error:
            return FAILED, f"{type(error).__name__}: {error}"
        payload = payload_of(body)
        if payload is None:
            return UNREADABLE, "it is not AWS Lambda's record of an event of CloudWatch Logs"
        reason = self._deliver(payload, seconds)
        if reason:
            return FAILED, reason
        ask("s3", "DELETE", f"{self.bucket}/{key}", headers=self.owned)
        return DELIVERED, ""

    def _deliver(self, payload, seconds):
        """Why the forwarder did not deliver it; empty where it did."""
        try:
            headers, body = ask(
                "lambda",
                "POST",
                self.invocations,
                body=json.dumps(payload).encode(),
                headers=(("x-amz-invocation-type", "RequestResponse"),),
                seconds=seconds,
            )
        except RefusedError as error:
            if error.status == 429:
                raise ThrottledError from error
            return str(error)
        except (OSError, http.client.HTTPException) as error:
            return f"{type(error).__name__}: {error}"
        if "x-amz-function-error" not in headers:
            return ""
        return "the forwarder: " + _message(body)


def payload_of(body):
    """What the forwarder was to be told by this record; None where no forwarder could read it.

    Only an event of CloudWatch Logs goes on: whoever puts an object into the bucket can have
    nothing else invoked, such as a question.
    """
    try:
        payload = json.loads(body)["requestPayload"]
        known = set(payload) == {"awslogs"} and isinstance(payload["awslogs"]["data"], str)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return {"awslogs": {"data": payload["awslogs"]["data"]}} if known else None


def _message(body):
    try:
        return str(json.loads(body)["errorMessage"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return body[:300].decode("utf-8", "replace")
