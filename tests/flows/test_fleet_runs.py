"""Targets of a fleet run side by side, each by itself; one that fails or is stopped is its own."""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from wizard.cli.console import Console
from wizard.cli.fleet import stop_all
from wizard.cli.options import parse
from wizard.core.errors import ExitCode
from wizard.core.events import State
from wizard.core.fleet import Fleet, parse_fleet
from wizard.core.secret import Secret
from wizard.flows.fleet import (
    ACTIONS,
    CHANGES,
    FleetRun,
    TargetRun,
    doing_of,
    end_of,
    exit_code,
    open_target,
)

TOKEN = "T" * 64
# Stands for the command of one target: what it does is in its name prefix.
COMMAND = """
import json, os, signal, sys, time
words = sys.argv[1:]
answers = json.load(open(words[words.index("--answers") + 1]))
kind = answers["name_prefix"]
began = {"type": "PhaseChanged", "state": "running", "title": "Working " + kind}
print(json.dumps(began), flush=True)
print("to people", file=sys.stderr, flush=True)
if kind == "token":
    path = words[words.index("--token-file") + 1]
    print(json.dumps({"type": "Result", "summary": str(len(open(path).read()))}))
    print(any("T" * 64 in text for text in (*words, *os.environ.values())), file=sys.stderr)
elif kind == "fails":
    print(json.dumps({"error": "WAG-E-X", "what": "It went wrong"})); sys.exit(1)
elif kind == "unchecked":
    sys.exit(3)
elif kind == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
elif kind == "whole":
    print(json.dumps({"summary": "several lines"}, indent=2))
elif kind == "waits":
    try:
        print(json.dumps({"type": "TerraformChanged", "line": "ready"}), flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path


def fleet(*kinds: str) -> Fleet:
    targets = [
        {"name": f"{number}-{kind}", "region": "eu-west-1", "answers": {"name_prefix": kind}}
        for number, kind in enumerate(kinds)
    ]
    return parse_fleet(json.dumps({"targets": targets}), "fleet.json")


def command(home: Path) -> tuple[str, ...]:
    script = home / "command.py"
    script.write_text(COMMAND, encoding="utf-8")
    return (sys.executable, str(script))


def test_each_target_ends_by_itself_whatever_becomes_of_its_neighbours(home: Path) -> None:
    kinds = ("good", "fails", "unchecked", "killed", "whole")
    runs = FleetRun(fleet(*kinds), "status", os.environ, command=command(home)).run()
    assert [run.target.answers.name_prefix for run in runs] == list(kinds)
    assert [run.state for run in runs] == [
        State.DONE, State.FAILED, State.UNCHECKED, State.FAILED, State.DONE,
    ]  # fmt: skip
    assert runs[1].doing == "It went wrong"
    assert runs[1].as_dict()["result"]["error"] == "WAG-E-X"
    assert runs[4].result == {"summary": "several lines"}
    assert exit_code(runs) is ExitCode.FAILED
    for run in runs:
        assert run.log is not None
        assert run.log.read_text() == "to people\n"
        assert stat.S_IMODE(run.log.stat().st_mode) == 0o600


def test_targets_of_one_name_in_two_fleets_never_get_each_others_answers(home: Path) -> None:
    """Nor do two whose names differ in their capitals alone, where file names do not."""
    seen: dict[str, str] = {}

    def watch(run: TargetRun) -> None:
        if run.log is not None:
            seen[run.target.answers.name_prefix] = str(run.log).lower()

    for kind in ("ours", "theirs"):
        item = {"name": "prod" if kind == "ours" else "Prod", "region": "eu-west-1"}
        other = parse_fleet(
            json.dumps({"targets": [{**item, "answers": {"name_prefix": kind}}]}), f"{kind}.json"
        )
        FleetRun(other, "status", os.environ, command=command(home), on_change=watch).run()
    written = [*(home / "wallarm-apigw" / "fleet").rglob("*.answers.json")]
    assert {json.loads(one.read_text())["name_prefix"] for one in written} == {"ours", "theirs"}
    assert len({str(one).lower() for one in written}) == len(set(seen.values())) == 2


def test_a_target_that_cannot_even_be_begun_is_its_own(home: Path) -> None:
    folder = home / "wallarm-apigw" / "fleet"
    folder.mkdir(mode=0o700, parents=True)
    runs = FleetRun(fleet("good"), "status", os.environ, command=("/no/such/program",)).run()
    (where,) = [one for one in folder.iterdir() if one.is_dir()]
    assert [(run.state, run.exit_code) for run in runs] == [(State.FAILED, 1)]
    assert "No such file or directory" in runs[0].doing

    for path in where.iterdir():
        path.unlink()
    where.rmdir()
    where.write_text("in the way")
    runs = FleetRun(fleet("good", "well"), "status", os.environ, command=command(home)).run()
    assert [run.state for run in runs] == [State.FAILED, State.DONE]


def test_a_target_whose_log_cannot_be_written_is_heard_to_its_end(home: Path) -> None:
    """Else it waits for ever with what it has to say: more than a pipe holds."""
    (run,) = FleetRun(fleet("good"), "status", os.environ, command=command(home)).run()
    assert run.log is not None
    run.log.unlink()
    run.log.mkdir()
    talks = home / "talks.py"
    talks.write_text("import sys\nfor _ in range(20000): print('words ' * 5, file=sys.stderr)\n")
    (run,) = FleetRun(
        fleet("good"), "status", os.environ, command=(sys.executable, str(talks))
    ).run()
    assert (run.state, run.exit_code) == (State.DONE, 0)
    assert "is not whole" in run.last_words[-1]


def test_the_token_reaches_a_target_through_a_pipe_alone(home: Path) -> None:
    env = {**os.environ, "WALLARM_API_TOKEN": TOKEN}
    made = FleetRun(fleet("token"), "install", env, token=Secret(TOKEN), command=command(home))
    (run,) = made.run()
    assert run.result["summary"] == "64"
    assert run.last_words[-1] == "False"
    assert TOKEN not in repr(run)


def test_no_more_targets_than_asked_are_at_work_at_once(home: Path) -> None:
    at_work: set[str] = set()
    most = 0
    lock = threading.Lock()

    def watch(run: TargetRun) -> None:
        nonlocal most
        with lock:
            (at_work.add if run.state is State.RUNNING else at_work.discard)(run.target.name)
            most = max(most, len(at_work))

    kinds = ("good",) * 6
    FleetRun(fleet(*kinds[:1]), "status", os.environ, command=command(home), on_change=watch).run()
    targets = parse_fleet(
        json.dumps({"targets": [
            {"name": f"t{n}", "region": "eu-west-1", "answers": {"name_prefix": f"good{n}"}}
            for n in range(6)
        ]}), "f")  # fmt: skip
    runs = FleetRun(
        targets, "status", os.environ, concurrency=2, command=command(home), on_change=watch
    ).run()
    assert [run.state for run in runs] == [State.DONE] * 6
    assert 1 <= most <= 2


def test_a_stop_interrupts_what_is_at_work_once_and_begins_nothing_more(home: Path) -> None:
    ready = threading.Event()

    def watch(run: TargetRun) -> None:
        if run.doing == "ready":
            ready.set()

    targets = fleet("waits", "good")
    made = FleetRun(
        targets, "install", os.environ, concurrency=1, command=command(home), on_change=watch
    )
    threading.Thread(target=lambda: (ready.wait(30), made.stop(), made.stop()), daemon=True).start()
    first, second = made.run()
    assert (first.state, first.exit_code) == (State.WARNING, 130)
    assert (second.state, second.exit_code) == (State.SKIPPED, None)
    assert exit_code((first, second)) is ExitCode.INTERRUPTED


def test_a_target_that_is_about_to_begin_when_all_is_stopped_does_not(home: Path) -> None:
    """Its answers are written, its process is not there yet: nobody would interrupt that."""
    stopped: list[tuple[str, ...]] = []

    def watch(run: TargetRun) -> None:
        if run.doing == "starting":
            stopped.append(made.stop())

    made = FleetRun(fleet("good"), "install", os.environ, command=command(home), on_change=watch)
    (run,) = made.run()
    assert (run.state, run.exit_code, stopped) == (State.SKIPPED, None, [()])


def test_whoever_stops_a_fleet_is_told_what_is_at_work_still(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ready, words = threading.Event(), list[str]()

    def watch(run: TargetRun) -> None:
        if run.doing == "ready":
            ready.set()

    made = FleetRun(fleet("waits"), "install", os.environ, command=command(home), on_change=watch)

    def interrupt() -> None:
        ready.wait(30)
        with Console() as console:
            stop_all(made, console)
        words.append(capsys.readouterr().err)

    asking = threading.Thread(target=interrupt)
    asking.start()
    made.run()
    asking.join()
    assert "Stopping: 0-waits is asked to stop" in words[0]
    with Console() as console:
        stop_all(made, console)
    assert "nothing is at work" in capsys.readouterr().err


def test_a_real_target_without_credentials_says_so_and_changes_nothing(home: Path) -> None:
    env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    env |= {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(home), "WALLARM_API_TOKEN": TOKEN}
    (run,) = FleetRun(fleet("real"), "status", env).run()
    assert run.state is State.FAILED
    assert str(run.result["error"]).startswith("WAG-E-AWS")
    assert run.as_dict()["said"]


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ((0, 0), ExitCode.DONE),
        ((0, 3), ExitCode.UNCHECKED),
        ((0, 130), ExitCode.INTERRUPTED),
        ((3, None), ExitCode.INTERRUPTED),
        ((0, 1), ExitCode.FAILED),
        ((2, 130), ExitCode.FAILED),
        ((-9, 0), ExitCode.FAILED),
    ],
)
def test_one_code_tells_of_all_targets(codes: tuple[int | None, ...], code: ExitCode) -> None:
    (target,) = fleet("good").targets
    assert exit_code([TargetRun(target, exit_code=one) for one in codes]) is code


def test_what_a_target_does_and_how_it_ended_are_one_line_each() -> None:
    assert (
        doing_of({"type": "PhaseChanged", "state": "running", "title": "Plan\x1bning"})
        == "Plan ning"
    )
    assert doing_of({"type": "PhaseChanged", "state": "done", "title": "Planning"}) == ""
    assert doing_of({}) == ""
    assert end_of({"what": "", "summary": "all well"}, ["x"]) == "all well"
    assert end_of({}, ["said last", " "]) == "said last"
    assert end_of({}, []) == ""


OPENED = """
import json, os, sys
file = os.environ["WALLARM_APIGW_TOKEN_FILE"]
held = [name for name, value in os.environ.items() if "T" * 64 in value]
answers = json.load(open(os.environ["WALLARM_APIGW_ANSWERS"]))
told = [answers["name_prefix"], len(open(file).read()), held, os.environ.get("AWS_REGION")]
json.dump(told, open(sys.argv[1], "w"))
sys.exit(7)
"""


def test_a_target_that_is_opened_gets_its_answers_and_the_token_through_a_pipe(home: Path) -> None:
    env = {**os.environ, "WALLARM_API_TOKEN": TOKEN, "AWS_REGION": "us-east-2"}
    told, (target,) = home / "told", fleet("good").targets
    command = (sys.executable, "-c", OPENED, str(told))
    assert open_target(target, env, Secret(TOKEN), command) == 7
    assert json.loads(told.read_text()) == ["good", 64, [], None]


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_is_a_command_that_asks_nobody_and_tells_its_result(action: str) -> None:
    options = parse([*ACTIONS[action], "--answers", "a.json", "--non-interactive"], "")
    assert options.json
    assert options.non_interactive
    assert bool(getattr(options, "yes", False)) == (action in CHANGES), (
        "what changes something was agreed to before"
    )
