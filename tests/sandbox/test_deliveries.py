"""The sandbox loses no event and no line that AWS would keep, however busy its machine is."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.machines import failures_of, finish
from tests.sandbox.conftest import make_function, zipped
from wizard.sandbox import Sandbox

Client = Callable[[str], Any]
PATIENCE = 120.0  # seconds; a busy machine is no fault

# Says in a file what it does, and waits there for a word, so that nothing comes too early.
WAITS = """
import base64, gzip, json, os, pathlib, time

HERE = pathlib.Path(os.environ["HERE"])
if (HERE / "cannot-start").exists():
    raise RuntimeError("it cannot start")

def note(word, name):
    with open(HERE / word, "a") as file:
        file.write(name + "\\n")

def handler(event, context):
    batch = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    for item in batch["logEvents"]:
        name = item["message"]
        note("began", name)
        while not (HERE / f"go-{name}").exists():
            time.sleep(0.02)
        note("ended", name)
"""


class Waiting:
    """A function behind a log group, and the folder in which it says how far it is."""

    def __init__(self, sandbox: Sandbox, aws: Client, here: Path) -> None:
        self.aws, self.here, self.log = aws, here, sandbox.root / "local-aws.log"
        self.name = f"waits-{here.name}"
        arn = make_function(sandbox, self.name, WAITS, {"HERE": str(here)})
        self.group = f"/test/{here.name}"
        logs = aws("logs")
        logs.create_log_group(logGroupName=self.group)
        logs.create_log_stream(logGroupName=self.group, logStreamName="s")
        logs.put_subscription_filter(
            logGroupName=self.group, filterName="w", filterPattern="", destinationArn=arn
        )

    def put(self, line: str) -> None:
        """Write a line to the log group."""
        event = {"timestamp": int(time.time() * 1000), "message": line}
        self.aws("logs").put_log_events(
            logGroupName=self.group, logStreamName="s", logEvents=[event]
        )

    def go(self, line: str) -> None:
        """Let the invocation with this line end."""
        (self.here / f"go-{line}").touch()

    def told(self, word: str) -> list[str]:
        """The lines that came so far: `began` or `ended`."""
        file = self.here / word
        return file.read_text().split() if file.exists() else []

    def wait_for(self, word: str, *lines: str) -> None:
        """Until these lines, and no others, have come so far."""
        until(lambda: sorted(self.told(word)) == sorted(lines), lambda: self.told(word))

    def failures(self) -> int:
        """How many invocations the local AWS says have failed."""
        return self.log.read_text().count(f"invocation of {self.name} failed")


def until(reached: Callable[[], bool], seen: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < end, f"only this: {seen()}"
        time.sleep(0.05)


@pytest.fixture
def waiting(sandbox: Sandbox, aws: Client, tmp_path: Path) -> Iterator[Waiting]:
    it = Waiting(sandbox, aws, tmp_path)
    yield it
    for line in ("one", "two"):
        it.go(line)


def test_an_event_that_was_throttled_is_kept_until_there_is_room(waiting: Waiting) -> None:
    """On AWS for six hours; the retries are for what the function itself does wrong."""
    waiting.aws("lambda").put_function_concurrency(
        FunctionName=waiting.name, ReservedConcurrentExecutions=1
    )
    waiting.put("one")
    waiting.wait_for("began", "one")
    waiting.put("two")
    until(lambda: waiting.failures() > 3, waiting.failures)
    waiting.go("one")
    waiting.wait_for("began", "one", "two")
    waiting.go("two")
    waiting.wait_for("ended", "one", "two")


def test_a_new_configuration_leaves_what_is_under_way_alone(waiting: Waiting) -> None:
    waiting.put("one")
    waiting.wait_for("began", "one")
    waiting.aws("lambda").update_function_configuration(
        FunctionName=waiting.name, Environment={"Variables": {"HERE": str(waiting.here), "NEW": ""}}
    )
    waiting.go("one")
    waiting.wait_for("ended", "one")
    assert waiting.told("began") == ["one"]
    assert waiting.failures() == 0


def test_new_code_is_used_by_the_next_invocation(waiting: Waiting) -> None:
    waiting.put("one")
    waiting.wait_for("began", "one")
    waiting.aws("lambda").update_function_code(
        FunctionName=waiting.name, ZipFile=zipped(WAITS.replace("ended", "done"))
    )
    waiting.go("one")
    waiting.wait_for("ended", "one")
    waiting.go("two")
    waiting.put("two")
    waiting.wait_for("done", "two")
    assert waiting.told("ended") == ["one"]


def test_one_that_cannot_start_takes_no_other_with_it(waiting: Waiting) -> None:
    waiting.put("one")
    waiting.wait_for("began", "one")
    (waiting.here / "cannot-start").touch()
    answer = waiting.aws("lambda").invoke(FunctionName=waiting.name, Payload=b"{}")
    assert "it cannot start" in answer["Payload"].read().decode()
    waiting.go("one")
    waiting.wait_for("ended", "one")
    assert waiting.told("began") == ["one"]
    assert waiting.failures() == 0


def test_why_an_invocation_failed_is_in_the_local_aws_own_log(waiting: Waiting) -> None:
    (waiting.here / "cannot-start").touch()
    waiting.put("one")
    until(lambda: waiting.failures() >= 1, waiting.failures)
    (waiting.here / "cannot-start").unlink()
    assert "it cannot start" in waiting.log.read_text()


def test_what_a_sandbox_could_not_do_is_told_without_its_token(
    sandbox: Sandbox, waiting: Waiting
) -> None:
    """A test whose fixture fails shows it."""
    waiting.aws("lambda").update_function_code(
        FunctionName=waiting.name, ZipFile=zipped(f"raise OSError('no {sandbox.token} here')")
    )
    waiting.put("one")
    until(lambda: waiting.failures() >= 1, waiting.failures)
    told = failures_of(sandbox)
    assert f"invocation of {waiting.name} failed" in told
    assert "no (secret) here" in told
    assert sandbox.token not in told


BUSY = """
import pathlib, signal, sys, time
try:
    pathlib.Path(sys.argv[1]).touch()
    while True:
        signal.pause()
except KeyboardInterrupt:
    print("the fifth line is missing", file=sys.stderr)
"""


def test_a_command_that_takes_too_long_is_heard_before_its_test_fails(tmp_path: Path) -> None:
    started = tmp_path / "started"
    with subprocess.Popen(
        [sys.executable, "-c", BUSY, started],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        until(started.exists, process.poll)
        with pytest.raises(pytest.fail.Exception, match="the fifth line is missing"):
            finish(process, None, seconds=0)
    assert process.returncode == 0


LATE = """
    import json, runpy, subprocess, sys, time
    from types import SimpleNamespace
    from ministack.core import lambda_runtime

    runpy.run_path(sys.argv[1])["fill"]()

    class LateReader:
        '''What a worker wrote, read by a thread that a busy machine lets wait.'''
        def __init__(self, stream):
            self.stream = stream
        def __iter__(self):
            for line in self.stream:
                yield line
                time.sleep(0.3)  # longer than ministack waits for one more line

    class Popen(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self.stderr = LateReader(self.stderr)

    # As ministack has it, and this module's own Popen in it.
    lambda_runtime.subprocess = SimpleNamespace(**{**vars(subprocess), "Popen": Popen})
    config = {"FunctionName": "f", "Runtime": "python3.13", "Handler": "handler.handler",
              "Timeout": 60, "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f"}
    worker = lambda_runtime.Worker("f", config, open(sys.argv[2], "rb").read())
    for event in json.loads(sys.argv[3]):
        print(json.dumps(worker.invoke(event, "an-id")["log"].splitlines()))
    worker.kill()
"""
SPEAKS = """
import sys

def handler(event, context):
    print(event, "first")
    print(event, "second")
    sys.stdout.write(f"{event} last, without an end")
    if event == "raises":
        raise ValueError("and it raises")
"""


def test_every_line_of_an_invocation_is_in_its_log(sandbox: Sandbox, tmp_path: Path) -> None:
    """Also those that are read a moment late: the forwarder's word on a request is its last but
    one, and a proof waits for it."""
    package = tmp_path / "package.zip"
    package.write_bytes(zipped(SPEAKS))
    gaps = Path(sys.modules[Sandbox.__module__].__file__ or "").parent / "child" / "gaps.py"
    events = ["cold", "warm", "raises", "again"]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LATE), gaps, package, json.dumps(events)],
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        [f"{event} first", f"{event} second", f"{event} last, without an end"] for event in events
    ]
