"""Every fault, made on a real Terraform behind the front, and what has to be seen of it.

A scenario yields rows. Each asserts: what was said, then the same end state as an undisturbed
install (every resource by name, every stage), nothing planned anew, nothing left in the workspace.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.e2e.machines import PATIENCE, until
from tests.faults.front import Fault
from tests.faults.judge import NotHere, Reference, Row, expect, finish, same_end, told
from tests.faults.world import world
from wizard.services.terraform.storage import Reserve
from wizard.services.workspace.workspace import RESERVE

SOAK_SEEDS = 24
AWS_SEEDS = 20
Scenario = Callable[[Reference], Iterator[Row]]


def through(fault: Fault, name: str, least: int, after: int = 2) -> Scenario:
    """A fault that retries get over, or that a second run does."""

    def scenario(reference: Reference) -> Iterator[Row]:
        with world() as it:
            it.front.begin(fault, after)
            done = it.run()
            hit = it.front.hit
            enough = least if done.returncode == 0 else 1  # it may have stopped soon
            expect(hit >= enough, f"only {hit} requests met it: {done.stderr[-900:]}")
            seen = f"{hit} requests met it, " + (
                "install done" if done.returncode == 0 else f"stopped with {told(done)}"
            )
            yield finish(it, reference, seen, name)

    return scenario


def cut(reference: Reference) -> Iterator[Row]:
    """AWS did what Terraform asked, and its answer is lost: what exists may not be in the state."""
    with world() as it:
        process = it.start()
        said = until(process, "Deploying to", PATIENCE)
        it.front.begin(Fault("cut", every=6))
        _, rest = process.communicate(timeout=PATIENCE)
        done = subprocess.CompletedProcess((), process.returncode, "", said + rest)
        hit = it.front.hit
        expect(hit >= 3, f"only {hit} requests met it: {rest[-900:]}")
        how = "install done" if done.returncode == 0 else f"stopped with {told(done)}"
        yield finish(it, reference, f"{hit} answers lost, {how}", "answers lost during apply")


def expired(reference: Reference) -> Iterator[Row]:
    """Credentials end in the middle of an apply."""
    with world() as it:
        it.front.begin(Fault("refuse", "ExpiredToken", 403), after=8)
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 40))
        done = it.run(AWS_CREDENTIAL_EXPIRATION=soon)
        code = told(
            done, "credentials end in", "have expired", "made so far", "Run the same command"
        )
        expect(done.returncode == 1 and code == "WAG-E-TF-103", f"{done.returncode} {code}")
        kept = re.search(r"(\d+) resources? made so far", done.stderr)
        seen = f"warned in the review; {code}, {kept[1] if kept else '?'} resources recorded"
        yield finish(it, reference, seen, "credentials expire during apply")
    with world() as it:
        it.front.begin(Fault("refuse", "ExpiredTokenException", 403, service="apigateway"), 10**6)
        process = it.start()
        said = until(process, "Switching access logging on", PATIENCE)
        it.front.begin(Fault("refuse", "ExpiredTokenException", 403))
        _, rest = process.communicate(timeout=PATIENCE)
        expect("have expired" in said + rest, rest[-1500:])
        expect(process.returncode == 1, f"exit {process.returncode}")
        yield finish(
            it, reference, "each stage says so; exit 1", "credentials expire at the stages"
        )


def away(reference: Reference) -> Iterator[Row]:
    """The local AWS goes away in the middle and comes back; the state has nowhere to go."""
    with world() as it:
        it.front.begin(Fault("away"), after=8)
        process = it.start()
        until(process, "Deploying to", PATIENCE)
        while it.front.hit < 5 and process.poll() is None:
            time.sleep(0.1)
        time.sleep(8)
        hit = it.front.hit
        it.front.end()
        process.communicate(timeout=PATIENCE)
        seen = f"{hit} connections reset in 8 s; the same run " + (
            "went on" if process.returncode == 0 else f"ended with {process.returncode}"
        )
        yield finish(it, reference, seen, "AWS away and back during apply")
    with world(state_bucket="team-state") as it:
        process = it.start()
        said = until(process, "aws_s3_bucket.undelivered: created", PATIENCE)
        it.front.begin(Fault("away", path="terraform.tfstate"))
        _, rest = process.communicate(timeout=PATIENCE)
        done = subprocess.CompletedProcess((), process.returncode, "", said + rest)
        expect(it.front.hit, "the state was never stored")
        if list(it.machine.workspace.glob("module-*/errored.tfstate")):
            code = told(done, "errored.tfstate")
            it.front.end()
            done = it.run()
            lock = re.search(r"--unlock ([0-9a-f-]{36})", done.stderr)
            unlock = ("--unlock", lock[1]) if lock else ()  # its removal did not arrive, either
            refused = it.run("install", "--non-interactive", "--set", "proof=skip", *unlock)
            expect("WAG-E-WS-022" in refused.stderr, refused.stderr[-1500:])
            done = it.run()
            expect("put back" in done.stderr, done.stderr[-1500:])
            locked = "its lock removed once named, " if lock else ""
            seen = f"{code}, errored.tfstate kept; {locked}put back with consent only"
        else:
            seen = f"{told(done)}, no errored.tfstate"
        it.front.end()
        for _ in range(2):
            if done.returncode:
                done = it.run()
        expect(done.returncode == 0, done.stderr[-1500:])
        end = same_end(it, reference, ("bucket team-state",))
        yield Row("AWS away when the state is stored in S3", seen, end)


@contextlib.contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A file system of its own, so that filling it harms nobody."""
    with tempfile.TemporaryDirectory(prefix="faults-disk-") as folder:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if mounted.returncode:
            raise NotHere(f"needs the right to mount: {mounted.stderr.strip()}")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def take_all(disk: Path, name: str, but: int = 0) -> int:
    """Take every byte that is free but so many, in one call: a slow writer would race the product,
    which looks many times a second and gives up what it keeps back. Returns the bytes taken."""
    with (disk / name).open("wb") as file:
        while True:
            there = os.statvfs(disk)
            free = there.f_bavail * there.f_frsize - but
            with contextlib.suppress(OSError):  # somebody wrote in between: less is free by now
                os.posix_fallocate(file.fileno(), 0, max(1, free))
                return free


def full_disk(reference: Reference) -> Iterator[Row]:
    """The workspace's disk fills up during an apply: slowly enough that what is kept back can be
    given up for the state, or all at once and for good.

    Which of the two it is decides whether the apply comes to its end, so neither is left to chance.
    """
    with small_disk(64) as disk, world(disk) as it:
        process = it.start()
        reserve = it.state.parent / RESERVE
        wait_for(process, reserve.exists)
        take_all(disk, "fill", but=Reserve.LOW // 2)
        wait_for(process, lambda: not reserve.exists())
        take_all(disk, "more", but=Reserve.SIZE)
        _, said = process.communicate(timeout=PATIENCE)
        expect("Traceback" not in said, said[-1500:])
        expect(process.returncode == 0, said[-1500:])
        for name in ("fill", "more"):
            (disk / name).unlink()
        seen = f"below {Reserve.LOW >> 20} MB the {Reserve.SIZE >> 20} MB kept back were given up"
        yield finish(it, reference, f"{seen}; install done", "disk almost full during apply")
    with small_disk(64) as disk, world(disk) as it:
        process = it.start()
        reserve = it.state.parent / RESERVE
        wait_for(process, reserve.exists)
        take_all(disk, "fill")
        wait_for(process, lambda: not reserve.exists(), ends=True)
        take_all(disk, "more")
        _, said = process.communicate(timeout=PATIENCE)
        expect("Traceback" not in said, said[-1500:])
        codes = re.findall(r"WAG-E-[A-Z]+-\d+", said)
        expect(process.returncode == 1 and codes, said[-1500:])
        seen = f"what was kept back was taken too; stopped with {codes[-1]}"
        again = it.run()
        expect(again.returncode == 1, again.stderr[-1500:])
        seen += f"; a run on the full disk ends with {told(again)}"
        for name in ("fill", "more"):
            (disk / name).unlink()
        yield finish(it, reference, seen, "disk full during apply")


def wait_for(
    process: subprocess.Popen[str], seen: Callable[[], bool], *, ends: bool = False
) -> None:
    """Until that is so; it may end before where `ends` says so. What it says waits in the pipe."""
    end = time.monotonic() + PATIENCE
    while not seen() and (process.poll() is None or not ends):
        expect(process.poll() is None and time.monotonic() < end, "it ended before that was seen")
        time.sleep(0.005)


def damaged(reference: Reference) -> Iterator[Row]:
    """After an install: the state cut short, gone; a lock left behind; two at once."""
    with world() as it:
        process = it.start()
        until(process, "Working out the changes", PATIENCE)
        second = it.run()
        code = told(second, "Another run is working", "process")
        expect(second.returncode == 1, f"exit {second.returncode}")
        _, said = process.communicate(timeout=PATIENCE)
        expect(process.returncode == 0, said[-1500:])
        end = same_end(it, reference)
        yield Row("two wizards at once", f"the second: {code}, names the first", end)

        whole = it.state.read_bytes()
        it.state.write_bytes(whole[: len(whole) // 2])
        refused = it.run("install", "--non-interactive", "--set", "proof=skip")
        code = told(refused, "damaged", "An earlier copy is")
        expect(refused.returncode == 1, f"exit {refused.returncode}")
        done = it.run()
        told(done, "state put back", "resources")
        expect(done.returncode == 0, done.stderr[-1500:])
        expect(list(it.state.parent.glob("*.damaged-*")), "the damaged state was not kept")
        yield Row("state truncated", f"{code} without consent; with it the copy is put in place",
                  same_end(it, reference))  # fmt: skip

        it.state.unlink()
        refused = it.run("install", "--non-interactive", "--set", "proof=skip")
        code = told(refused, "is gone, but the deployment is not")
        done = it.run()
        expect(done.returncode == 0, done.stderr[-1500:])
        yield Row("state deleted", f"{code} without consent; with it the copy is put in place",
                  same_end(it, reference))  # fmt: skip

        note = it.state.with_name(f".{it.state.name}.lock.info")
        note.write_text(
            '{"ID":"5ab1c0de-0000-4000-8000-000000000000","Operation":"OperationTypeApply",'
            '"Who":"carl@laptop","Version":"1.11.4","Created":"2026-01-02T03:04:05.123456789Z"}'
        )
        done = it.run()
        told(done, "apply by carl@laptop, for", "no longer runs")
        expect(done.returncode == 0 and not note.exists(), "the note is still there")
        end = same_end(it, reference)
        yield Row("lock left by a dead Terraform", "owner and age shown, removed with consent", end)


def interrupts(reference: Reference) -> Iterator[Row]:
    """Ctrl-C at each step, one after the other, on the same deployment."""
    with world() as it:
        it.proof = "send"
        before = it.inventory()
        code, said = it.stop_at("Working out the changes", 1.0)
        expect(code == 130, f"exit {code}: {said[-800:]}")
        expect(it.inventory() == before, "something was changed")
        expect(not it.unsettled(), str(it.unsettled()))
        yield Row("Ctrl-C during the plan", "exit 130", "nothing changed, nothing left")

        code, said = it.stop_at("aws_iam_role.forwarder: created")
        expect(code == 130, f"exit {code}: {said[-800:]}")
        settling = re.search(
            r"Stopping\. (\d+) resources? still settling|Stopping\. Terraform", said
        )
        expect(settling and "Run the same command again" in said, said[-1500:])
        expect(not it.unsettled(), str(it.unsettled()))
        number = settling[1] if settling and settling[1] else "none"
        seen = f"{number} still settling, exit 130, says how to go on"
        yield Row("Ctrl-C during apply", seen, "what was made is recorded")

        slow = Fault("slow", seconds=1.0, service="apigateway")
        code, said = it.stop_at("Switching access logging on", 1.5, slow)
        it.front.end()
        expect(code == 130, f"exit {code}: {said[-800:]}")
        expect("Traceback" not in said, said[-1500:])
        done = it.run("status")
        connected = re.search(r"(\d+) connected", done.stdout + done.stderr)
        seen = f"exit 130; status counts {connected[1] if connected else 'none'} connected"
        yield Row("Ctrl-C during the stages", seen, "each stage as recorded, next row goes on")

        slow = Fault("slow", seconds=3.0, service="logs")
        code, said = it.stop_at("Following a request", 0.5, slow)
        expect(code == 130, f"exit {code}: {said[-800:]}")
        expect("Traceback" not in said, said[-1500:])
        seen = "exit 130; the next run proves it"
        yield finish(it, reference, seen, "Ctrl-C during the proof")


def undo(reference: Reference) -> Iterator[Row]:
    """Terraform is killed while it makes things, and a person takes everything away."""
    del reference
    with world() as it:
        before = it.inventory()
        process = it.start()
        until(process, "aws_iam_role.forwarder: created", PATIENCE)
        it.front.begin(Fault("slow", seconds=0.8))
        time.sleep(3.0)
        killed = it.machine.kill_terraform()
        process.communicate(timeout=PATIENCE)
        it.front.end()
        expect(killed, "it was over before it could be killed")
        done = it.run("uninstall", "--non-interactive", "--yes", "--delete-logs")
        expect(done.returncode == 0, done.stderr[-1500:])
        expect("did not come to its end" in done.stderr, done.stderr[-1500:])
        after = it.inventory()
        expect(after == before, f"left: {sorted(set(after) - set(before))}")
        adopted = done.stderr.count("taken into the state")
        yield Row("Terraform killed, then all taken away",
                  f"{adopted} taken into the state before the removal",
                  "as before the install")  # fmt: skip


def soak(reference: Reference) -> Iterator[Row]:
    """SIGKILL to the wizard or to Terraform at random moments."""
    del reference
    passed, _ = _seeds("tests/services/terraform/test_tf_kills.py", SOAK_SEEDS)
    yield Row("SIGKILL at random moments", f"{passed} seeds",
              "same end state, nothing left, no lock")  # fmt: skip
    passed, said = _seeds("tests/e2e/test_kills_on_aws.py", AWS_SEEDS)
    taken = sum(int(number) for number in re.findall(r"(\d+) taken over", said))
    yield Row("SIGKILL while AWS resources are made", f"{passed} seeds; {taken} resources that the "
              "state lacked were taken over",
              "each resource once, all in the state, no orphan")  # fmt: skip


def _seeds(file: str, number: int) -> tuple[int, str]:
    """How many seeds passed, and what was printed."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", file, "-q", "-s", "-p", "no:cacheprovider"],
        env={**os.environ, "SOAK_SEEDS": str(number)}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=4 * 3600, check=False,
    )  # fmt: skip
    passed = re.search(r"(\d+) passed", done.stdout)
    expect(done.returncode == 0 and passed, done.stdout[-1500:])
    return int(passed[1]) if passed else 0, done.stdout


SCENARIOS: dict[str, Scenario] = {
    "soak": soak,  # the longest first
    "throttle": through(
        Fault("refuse", "ThrottlingException", 400, every=4), "throttling during apply", 10
    ),
    "latency": through(Fault("slow", seconds=0.7), "0.7 s of latency on every request", 50),
    "reset": through(Fault("reset", every=5), "connections reset before the request", 10),
    "cut": cut,
    "expired": expired,
    "away": away,
    "disk": full_disk,
    "damaged": damaged,
    "interrupt": interrupts,
    "undo": undo,
}
