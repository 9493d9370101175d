"""`stages list`: what could not be read is never taken for what is not there."""

from __future__ import annotations

import json

import pytest

from wizard import cli
from wizard.core.facts import Api, ApiType, Identity, Inventory, Problem, Stage
from wizard.flows.stages.connect import RegionStages

ONE, OTHER = Api("a1", "orders", ApiType.REST), Api("b2", "payments", ApiType.HTTP)
REFUSED = "AccessDeniedException: apigateway:GET"
LISTS = tuple(Problem(f"{kind} APIs", REFUSED) for kind in ("REST", "HTTP and WebSocket"))


def listed(
    monkeypatch: pytest.MonkeyPatch,
    apis: tuple[Api, ...],
    problems: tuple[Problem, ...],
    *more: str,
    stages: bool = True,
) -> int:
    unread = {problem.subject for problem in problems}
    held = tuple(Stage(api, "prod") for api in apis if stages and api.label not in unread)
    found = Inventory(Identity("123456789012", "", "us-east-1"), held, apis, problems)
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


@pytest.mark.parametrize("more", [(), ("--json",)])
@pytest.mark.parametrize(
    ("apis", "problems", "says"),
    [
        ((), (), "No APIs in us-east-1; "),
        ((), LISTS[:1], None),  # not one API could be read: see above
        ((ONE,), (), "1 API in us-east-1, and no stage; "),
        ((ONE, OTHER), (Problem(ONE.label, REFUSED),),
         "2 APIs in us-east-1, and no stage that could be read; "),
    ],
)  # fmt: skip
def test_an_empty_list_says_which_region_it_is_of_and_where_else_to_look(
    apis: tuple[Api, ...],
    problems: tuple[Problem, ...],
    says: str | None,
    more: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert listed(monkeypatch, apis, problems, *more, stages=False) == (3 if says is None else 0)
    said = capsys.readouterr()
    assert said.out.count("\n") == (len(problems) if more else 0), "data holds problems alone"
    assert ("look at all Regions with --all-regions." in said.err) == (says is not None)
    assert (says or "the list says nothing") in said.err


def read(region: str, api: Api, *problems: Problem) -> RegionStages:
    found = Inventory(Identity("123456789012", "", region), (Stage(api, "prod"),), (api,), problems)
    return RegionStages(region, found)


BROKEN = RegionStages("ap-east-1", problem="AccessDenied: apigateway:GET")


@pytest.mark.parametrize(
    ("regions", "code", "end"),
    [
        ((read("us-east-1", ONE), read("eu-west-1", OTHER)), 0, "2 stages in 2 Regions."),
        ((read("us-east-1", ONE), BROKEN), 0, "1 stage in 1 Region; 1 Region could not be read."),
        ((BROKEN,), 3, "0 stages in 0 Regions; 1 Region could not be read."),
        ((), 0, "0 stages in 0 Regions."),
    ],
)
def test_every_region_is_listed_and_counted(
    regions: tuple[RegionStages, ...],
    code: int,
    end: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(
        "wizard.flows.stages.connect.read_regions", lambda context, answers: iter(regions)
    )
    monkeypatch.setattr("wizard.flows.deployment.answers.current_answers", lambda *_: {})
    assert cli.main(["stages", "list", "--region", "us-east-1", "--all-regions"]) == code
    said = capsys.readouterr()
    rows = [line.split()[:2] for line in said.out.splitlines()]
    expected = [(r.region, f"{s.ref}") for r in regions if r.inventory for s in r.inventory.stages]
    assert rows == [list(row) for row in expected]
    assert end in said.err
    assert (BROKEN.problem in said.err) == (BROKEN in regions)
