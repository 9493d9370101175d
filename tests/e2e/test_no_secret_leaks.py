"""A recognisable token and recognisable AWS keys go through everything, and are found nowhere.

Searched: every file below the workspace, home and temporary folder (inside zips too, so the saved
plan as well), standard output and error, the logs of the local AWS, and the command line and
environment of every child process while it runs. Terraform's own environment holds the AWS keys,
because it has to sign requests; that is the one place where they may be.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
import urllib.parse
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.conftest import Deployed, need_terraform
from tests.policy.identify import Call
from tests.policy.recorder import Recorder
from wizard.sandbox import Sandbox

pytestmark = pytest.mark.e2e

TOKEN = ("canary/TOKEN/that/must/not/sing" * 3)[:64]
ACCESS_KEY = "AKIACANARYCANARY0001"
SECRET_KEY = "canarySecretAccessKeyThatMustNotBeSeen01"
SESSION = "canarySessionTokenThatMustNotBeSeenEither0000"
LONGEST_FILE = 64 * 1024 * 1024


def spellings(secret: str) -> tuple[bytes, ...]:
    """The secret as it is, in base64 at each offset, URL-encoded and JSON-escaped."""
    raw = secret.encode()
    encoded = []
    for offset in range(3):
        text = base64.b64encode(b"x" * offset + raw)
        # What comes before and after may share the first and last characters.
        encoded.append(text[4 if offset else 0 : -4])
    quoted = urllib.parse.quote(secret, safe="").encode()
    escaped = secret.replace("/", "\\/").encode()
    return tuple(dict.fromkeys((raw, *encoded, quoted, escaped)))


def found_in(data: bytes, secrets: Iterable[str]) -> list[str]:
    """Which of the secrets are in there, by their first letters only."""
    return [s[:10] + "…" for s in secrets if any(form in data for form in spellings(s))]


def found_below(folder: Path, secrets: Iterable[str]) -> list[str]:
    """`file: secret` for every file below the folder that holds one."""
    secrets = tuple(secrets)
    out = []
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LONGEST_FILE:
            continue
        if "providers" in path.parts:
            continue  # Terraform's plugins, hundreds of megabytes that nobody of us wrote
        data = path.read_bytes()
        hits = found_in(data, secrets)
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    hits += found_in(archive.read(name), secrets)
        out += [f"{path.relative_to(folder)}: {hit}" for hit in hits]
    return out


@dataclass
class ChildWatch:
    """Reads command line and environment of every descendant while the block runs.

    `seen` are names of programs; `hits` are `program: command line|environment: secret`.
    """

    secrets: tuple[str, ...]
    root: int = 0
    seen: set[str] = field(default_factory=set)
    hits: set[str] = field(default_factory=set)
    _done: threading.Event = field(default_factory=threading.Event)

    def follow(self, pid: int) -> threading.Thread:
        self.root = pid
        self._done.clear()
        thread = threading.Thread(target=self._look, daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        self._done.set()

    def _look(self) -> None:
        while not self._done.is_set():
            for pid in descendants(self.root):
                with contextlib.suppress(OSError):
                    self._read(pid)
            time.sleep(0.03)

    def _read(self, pid: int) -> None:
        folder = Path(f"/proc/{pid}")
        name = (folder / "comm").read_text().strip()
        self.seen.add(name)
        for place, file in (("command line", "cmdline"), ("environment", "environ")):
            for hit in found_in((folder / file).read_bytes(), self.secrets):
                self.hits.add(f"{name}: {place}: {hit}")


def descendants(root: int) -> list[int]:
    """Process ids below `root`."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    out, todo = [], [root]
    while todo:
        for child in parents.get(todo.pop(), []):
            out.append(child)
            todo.append(child)
    return out


@dataclass
class Canary:
    """Runs of the product with the canary secrets; what they printed, and who was seen running."""

    root: Path
    env: dict[str, str]
    output: bytes = b""
    exits: dict[str, int] = field(default_factory=dict)
    token_watch: ChildWatch = field(default_factory=lambda: ChildWatch((TOKEN,)))
    key_watch: ChildWatch = field(default_factory=lambda: ChildWatch((SECRET_KEY, SESSION)))

    def run(self, name: str, *arguments: str, **env: str) -> str:
        with subprocess.Popen(
            [sys.executable, "-m", "wizard.cli", *arguments],
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            watches = [w.follow(process.pid) for w in (self.token_watch, self.key_watch)]
            out, err = process.communicate(timeout=300)
        for watch in (self.token_watch, self.key_watch):
            watch.stop()
        for thread in watches:
            thread.join()
        self.output += out + err
        self.exits[name] = process.returncode
        return err.decode(errors="replace")


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canary]:
    """A life with failures: refused while planning, storing the token, applying; then the rest."""
    need_terraform()
    root = tmp_path_factory.mktemp("canary")
    for name in ("home", "tmp"):
        (root / name).mkdir(mode=0o700)
    refused: set[str] = set()

    def judge(call: Call) -> str:
        if f"{call.service}:{call.operation}" in refused:
            return f"not authorized to perform: {call.service}:{call.operation}"
        return ""

    with Sandbox.start() as box, Recorder(box.endpoint_url, judge) as recorder:
        env = {
            **{k: v for k, v in os.environ.items() if k not in box.unset},
            **box.env,
            "NO_COLOR": "1",
            "AWS_ENDPOINT_URL": recorder.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_SESSION_TOKEN": SESSION,
            "WALLARM_API_TOKEN": TOKEN,
            "HOME": str(root / "home"),
            "XDG_DATA_HOME": str(root / "home" / "data"),
            "TMPDIR": str(root / "tmp"),
            "WALLARM_APIGW_WORKSPACE": str(root / "workspace"),
            "WALLARM_APIGW_NAME_PREFIX": "canary",
        }
        it = Canary(root, env)
        answers = {
            "region": box.region,
            "name_prefix": "canary",
            "wallarm_api_host": "us1.api.wallarm.com",
            "node_tag": "0.25.5",
            "stages": [box.sample_stages[0]],
            "proof": "skip",
        }
        own, given = root / "own.json", root / "given.json"
        own.write_text(json.dumps(answers), encoding="utf-8")
        node = {"node_url": box.node.connector, "node_scheme": "http"}
        given.write_text(json.dumps({**answers, **node}), encoding="utf-8")
        go = ("--non-interactive", "--yes", "--json")
        refused.add("ec2:DescribeAvailabilityZones")
        it.run("plan", "install", "--answers", str(own), *go)
        refused.clear()
        refused.add("ssm:PutParameter")
        it.run("token", "install", "--answers", str(own), *go)
        refused.clear()
        refused.add("s3:CreateBucket")
        it.run("apply", "install", "--answers", str(given), *go)
        refused.clear()
        it.run("doctor", "doctor", "--output", "text")
        it.run("bundle", "support-bundle", "--yes")
        it.run("uninstall", "uninstall", "--yes")
        yield it


def test_the_canary_would_be_found(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "plan", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tfplan", f"…{TOKEN}…")
    (tmp_path / "encoded").write_bytes(base64.b64encode(f"user data {TOKEN} more".encode()))
    (tmp_path / "clean").write_text("nothing")
    assert {hit.partition(":")[0] for hit in found_below(tmp_path, (TOKEN,))} == {"plan", "encoded"}


def test_a_child_that_gets_it_would_be_seen() -> None:
    watch = ChildWatch((TOKEN,))
    with subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(0.6)"], env={**os.environ, "A": TOKEN}
    ):
        thread = watch.follow(os.getpid())
        time.sleep(0.4)
    watch.stop()
    thread.join()
    assert any("environment" in hit for hit in watch.hits)


def test_every_phase_was_reached_and_failed_where_it_should(canary: Canary) -> None:
    assert canary.exits["plan"] == canary.exits["token"] == canary.exits["apply"] == 1
    assert canary.exits["uninstall"] == 0, canary.output[-2000:]
    assert any("terraform" in name for name in canary.token_watch.seen)


def test_the_token_is_in_no_file(canary: Canary) -> None:
    assert found_below(canary.root, (TOKEN,)) == []


def test_the_token_is_in_nothing_that_was_printed(canary: Canary) -> None:
    assert found_in(canary.output, (TOKEN,)) == []


def test_no_child_process_gets_the_token(canary: Canary) -> None:
    assert canary.token_watch.hits == set()


def test_the_aws_keys_are_in_no_file_and_nothing_printed(canary: Canary) -> None:
    secrets = (SECRET_KEY, SESSION)
    assert found_below(canary.root, secrets) == []
    assert found_in(canary.output, secrets) == []


def test_only_the_environment_of_terraform_holds_the_aws_keys(canary: Canary) -> None:
    assert not [hit for hit in canary.key_watch.hits if "command line" in hit]
    programs = {hit.partition(":")[0] for hit in canary.key_watch.hits}
    assert all("terraform" in name or name.startswith("python") for name in programs), programs


def test_the_whole_install_left_the_token_nowhere_but_in_its_parameter(deployed: Deployed) -> None:
    secrets = (deployed.box.token,)
    assert found_below(deployed.root, secrets) == []
    assert found_in((deployed.install.stdout + deployed.install.stderr).encode(), secrets) == []
    for log in deployed.box.root.glob("*.log"):
        assert found_in(log.read_bytes(), secrets) == [], log.name


def test_what_is_handed_to_support_and_shown_by_the_doctor_has_no_token(
    deployed: Deployed, tmp_path: Path
) -> None:
    bundle = deployed.cli("support-bundle", "--yes", HOME=str(tmp_path), TMPDIR=str(tmp_path))
    doctor = deployed.cli("doctor", "--output", "json")
    text = bundle.stdout + bundle.stderr + doctor.stdout + doctor.stderr
    assert found_in(text.encode(), (deployed.box.token,)) == []
    assert found_below(tmp_path, (deployed.box.token,)) == []
    assert found_below(deployed.workspace, (deployed.box.token,)) == []
