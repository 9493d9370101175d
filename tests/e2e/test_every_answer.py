"""No single answer of AWS ends doctor, status or the support bundle: the rest is told all the same.

One healthy deployment is looked at, and every call is remembered with its answer. Then each look is
taken again from memory, with one call after another raising what such a call raises in the field.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from tests.e2e.doctor_patient import Patient, healthy
from wizard.core.checks.model import Report, Verdict
from wizard.core.errors import WizardError
from wizard.flows.doctor import bundle
from wizard.flows.doctor import examine as diagnose
from wizard.flows.status import Status, read_status

pytestmark = pytest.mark.e2e


def _client_error(code: str, message: str, status: int) -> Callable[[str], Exception]:
    def make(operation: str) -> Exception:
        answer: Any = {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }
        return ClientError(answer, operation)

    return make


HTML = "<html><body>Please log in to the proxy</body></html>"
RAISES: dict[str, Callable[[str], Exception]] = {
    "a page with status 500": _client_error("500", HTML, 500),
    "a time-out": lambda _: ReadTimeoutError(endpoint_url="https://aws.example"),
    "access denied": _client_error("AccessDeniedException", "not authorized to perform: it", 403),
    "what is no XML": lambda _: ResponseParserError(f"Unable to parse response: {HTML}"),
    "an error of a library": lambda _: ValueError("not enough values to unpack"),
}
NOTHING = "an empty answer"


class Memory:
    """What AWS answers: asked once, told again; one call of a look raises or answers nothing."""

    def __init__(self) -> None:
        self._ask: Callable[..., Any] = BaseClient._make_api_call
        self._lock = threading.Lock()
        self._known: dict[str, Any] = {}
        self.asked: list[str] = []  # of this look
        self.wrong, self.how = "", ""

    def answer(self, client: Any, operation: str, request: dict[str, Any]) -> Any:
        call = f"{client.meta.service_model.service_name}:{operation}"
        # Times are other ones in every look.
        timeless = {k: v for k, v in request.items() if "time" not in k.lower()}
        key = call + json.dumps(timeless, sort_keys=True, default=str)
        with self._lock:
            self.asked.append(call)
            found = self._known.get(key)
        if call == self.wrong:
            if self.how == NOTHING:
                return {"ResponseMetadata": {"HTTPStatusCode": 200}}
            raise RAISES[self.how](operation)
        if found is None:
            try:
                found = self._ask(client, operation, request)
            except ClientError as error:
                found = error
            if hasattr(found, "get") and hasattr(found.get("Body"), "read"):
                return found  # a stream can be read once
            if hasattr(found, "get") and hasattr(found.get("Payload"), "read"):
                found = {**found, "Payload": found["Payload"].read()}
            with self._lock:
                self._known[key] = found
        if isinstance(found, ClientError):
            raise found
        if isinstance(found.get("Payload"), bytes):
            return {**found, "Payload": io.BytesIO(found["Payload"])}
        return found


@pytest.fixture(scope="module")
def patient(deployed: Any) -> Iterator[Patient]:
    with healthy(deployed) as it:
        yield it


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    it = Memory()
    monkeypatch.setattr(
        BaseClient, "_make_api_call", lambda client, *words: it.answer(client, *words)
    )
    return it


def look_with_doctor(patient: Patient) -> Report:
    return diagnose.run(patient.context, patient.deployed.answers)


def look_at_status(patient: Patient) -> Status:
    return read_status(patient.context, patient.deployed.answers)


def look_for_support(patient: Patient) -> dict[str, str]:
    return bundle.collect(patient.context, patient.deployed.answers)


def judge(found: Any, healthy_one: Any) -> str:
    """What is wrong with what was told; empty where all is well."""
    if isinstance(found, Report):
        verdicts = [r.verdict for r in found.results]
        if len(verdicts) != len(healthy_one.results):
            return "checks are missing"
        passed = verdicts.count(Verdict.PASS)
        return "" if passed * 2 > len(verdicts) else f"only {passed} of {len(verdicts)} passed"
    if isinstance(found, dict):
        return "" if found.keys() >= healthy_one.keys() else "files are missing"
    return "" if found.outputs == healthy_one.outputs else "other outputs"


# Without who we are and where the deployment's claim is read, nothing can be told of it: these may
# end a look, with the sentence that says so.
FIRST = ("sts:GetCallerIdentity", "ssm:GetParameter")


def some(number: int, most: int) -> list[str]:
    """So many of the ways in which a call goes wrong: others for each call, all of them in turn."""
    kinds = [*RAISES, NOTHING]
    return [kinds[(number * most + n) % len(kinds)] for n in range(most)]


@pytest.mark.parametrize(
    ("look", "most"),
    [(look_with_doctor, 2), (look_at_status, 6), (look_for_support, 1)],
    ids=["doctor", "status", "support-bundle"],
)
def test_no_single_answer_ends_a_look(
    patient: Patient, memory: Memory, look: Callable[[Patient], Any], most: int
) -> None:
    fine = look(patient)
    calls = sorted(set(memory.asked))
    assert len(calls) > 5, calls
    wrong = []
    for number, call in enumerate(calls):
        for how in some(number, most):
            memory.wrong, memory.how = call, how
            try:
                found = look(patient)
            except WizardError as error:
                if call not in FIRST or "unexpected" in str(error):
                    wrong.append(f"{call}, {how}: ended by {error}")
            except Exception as error:  # noqa: BLE001  # this is what is looked for
                wrong.append(f"{call}, {how}: {type(error).__name__}: {error}")
            else:
                problem = judge(found, fine) if call not in FIRST else ""
                if problem or "unexpected" in str(found):
                    wrong.append(f"{call}, {how}: {problem or 'unexpected'}")
    assert not wrong, "\n".join(wrong)
