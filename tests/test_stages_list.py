"""`stages list`: what could not be read is never taken for what is not there."""

from __future__ import annotations

import json

import pytest

from wizard import cli
from wizard.core.facts import Api, ApiType, Identity, Inventory, Problem, Stage

ONE, OTHER = Api("a1", "orders", ApiType.REST), Api("b2", "payments", ApiType.HTTP)
REFUSED = "AccessDeniedException: apigateway:GET"
LISTS = tuple(Problem(f"{kind} APIs", REFUSED) for kind in ("REST", "HTTP and WebSocket"))


def listed(
    monkeypatch: pytest.MonkeyPatch,
    apis: tuple[Api, ...],
    problems: tuple[Problem, ...],
    *more: str,
) -> int:
    unread = {problem.subject for problem in problems}
    stages = tuple(Stage(api, "prod") for api in apis if api.label not in unread)
    found = Inventory(Identity("123456789012", "", "us-east-1"), stages, apis, problems)
    monkeypatch.setattr(
        "wizard.flows.stages.connect.inventory", lambda context, answers: (found, {})
    )
    monkeypatch.setattr("wizard.flows.deployment.answers.current_answers", lambda *_: {})
    return cli.main(["stages", "list", "--region", "us-east-1", *more])


@pytest.mark.parametrize(
    ("apis", "problems"),
    [
        ((), LISTS),
        ((ONE, OTHER), (Problem(ONE.label, REFUSED), Problem(OTHER.label, REFUSED))),
        ((ONE,), (LISTS[1], Problem(ONE.label, REFUSED))),
        ((), LISTS[:1]),
    ],
    ids=["no list", "no stages", "neither", "one list is empty"],
)
def test_where_nothing_could_be_read_it_says_so_with_exit_code_3(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    apis: tuple[Api, ...],
    problems: tuple[Problem, ...],
) -> None:
    assert listed(monkeypatch, apis, problems) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count(REFUSED) == len(problems), "each problem is printed"
    assert "Not one API could be read: the list says nothing." in said.err


def test_what_could_be_read_is_listed_beside_the_problems_with_exit_code_0(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert listed(monkeypatch, (ONE, OTHER), (Problem(OTHER.label, REFUSED),)) == 0
    said = capsys.readouterr()
    assert said.out.startswith("a1/prod")
    assert f"payments (b2): {REFUSED}" in said.err


def test_with_json_a_problem_is_a_line_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert listed(monkeypatch, (ONE, OTHER), (Problem(OTHER.label, REFUSED),), "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"problem": "payments (b2)", "message": REFUSED}
    assert lines[1]["stage"] == "a1/prod"


def test_an_empty_region_is_empty_and_no_problem(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert listed(monkeypatch, (), ()) == 0
    assert "could be read" not in capsys.readouterr().err
