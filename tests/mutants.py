"""Do the quick tests notice when a decision is changed? `make mutants`; not part of `make test`.

Each mutant is one change of one decision: a comparison turned round, `and` for `or`, a `not`
dropped, a number one higher, `True` for `False`, a branch always or never taken. It is made in a
copy of the repository, and the tests that stand beside the module are run there, without
Terraform. A mutant that no test notices is a decision that nobody holds.

    python -m tests.mutants [--each 20] [--seed 1] [--only PART-OF-A-NAME …] [--page]
"""

from __future__ import annotations

import argparse
import ast
import copy
import json
import os
import queue
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "mutants.md"
SECONDS = 120.0  # a mutant that never ends is one that was noticed
WORKERS = 2

# What decides about a user's account, and the tests that stand beside it.
MODULES: dict[str, tuple[str, ...]] = {
    "wizard/core/journal/record.py": (
        "tests/core/journal/test_record.py",
        "tests/services/workspace/test_journal.py",
    ),
    "wizard/core/journal/unfinished.py": ("tests/core/journal/test_unfinished.py",),
    "wizard/core/journal/recovery.py": (
        "tests/core/journal/test_recovery.py",
        "tests/core/journal/test_orphans.py",
    ),
    "wizard/core/stages/reconcile.py": ("tests/core/stages/test_reconcile.py",),
    "wizard/core/stages/rules.py": ("tests/core/stages/test_stage_rules.py",),
    "wizard/core/fleet.py": ("tests/core/test_fleet.py",),
    "wizard/core/stages/change.py": (
        "tests/core/stages/test_change.py",
        "tests/core/stages/test_undo.py",
    ),
    "wizard/core/stages/log_format.py": ("tests/core/stages/test_access_log.py",),
    "wizard/core/node/counters.py": ("tests/core/node/test_node_counters.py",),
    "wizard/core/node/verdicts.py": ("tests/core/node/test_node_counters.py",),
    "wizard/core/node/dialect.py": ("tests/core/node/test_dialect_table.py",),
    "wizard/core/installation.py": ("tests/core/test_installation.py",),
    "wizard/core/account_state.py": ("tests/core/test_account_state.py",),
    "wizard/core/leftovers.py": ("tests/core/test_leftovers.py",),
    "wizard/core/undelivered.py": ("tests/core/test_undelivered.py",),
    "wizard/core/proof.py": ("tests/core/test_proof.py",),
    "wizard/core/forwarder_package.py": ("tests/core/test_forwarder_package.py",),
    "wizard/core/expectations.py": ("tests/core/test_expectations.py",),
    "wizard/core/terraform/plans.py": (
        "tests/core/terraform/test_plan_scope.py",
        "tests/core/terraform/test_planned_attributes.py",
        "tests/core/terraform/test_progress.py",
    ),
    "wizard/core/terraform/outcome.py": ("tests/core/terraform/test_terraform_outcome.py",),
    "wizard/core/permissions/documents.py": ("tests/core/permissions/test_policy.py",),
    "wizard/core/permissions/grants.py": (
        "tests/core/permissions/test_grants.py",
        "tests/core/permissions/test_policy.py",
    ),
    "wizard/services/workspace/journal.py": ("tests/services/workspace/test_journal.py",),
    "wizard/services/aws/log_delivery.py": (
        "tests/services/aws/test_aws_log_delivery.py",
        "tests/services/aws/test_aws_log_delivery_full.py",
    ),
    "lambda/cw-resend-lambda/parse.py": ("tests/lambda/test_parse_line.py",),
    "lambda/cw-resend-lambda/decode.py": ("tests/lambda/test_decode.py",),
    "lambda/cw-resend-lambda/protocol.py": ("tests/lambda/test_protocol.py",),
    "lambda/cw-resend-lambda/answers.py": ("tests/lambda/test_node_answers.py",),
}

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


@dataclass(frozen=True)
class Mutant:
    """One change of one file: `text` is the whole file with it, `line` where it is (from 1)."""

    path: str
    line: int
    change: str
    text: str


def mutants(path: str, source: str) -> Iterator[Mutant]:
    """Every mutant of a file, in the order of its lines."""
    tree = ast.parse(source)
    aside = {id(part) for node in ast.walk(tree) for part in _not_decided(node)}
    for number, node in enumerate(ast.walk(tree)):
        if id(node) in aside:
            continue
        for variant in range(_variants(node)):
            changed = copy.deepcopy(tree)
            target = next(n for at, n in enumerate(ast.walk(changed)) if at == number)
            said = _change(target, variant)
            if said:
                line = getattr(node, "lineno", 0)
                yield Mutant(path, line, said, ast.unparse(ast.fix_missing_locations(changed)))


def _not_decided(node: ast.AST) -> Iterator[ast.AST]:
    """Parts that decide nothing while the product runs: decorators, and what is there for types."""
    for decorator in getattr(node, "decorator_list", ()):
        yield from ast.walk(decorator)
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        yield from ast.walk(node)


def _variants(node: ast.AST) -> int:
    """How many ways there are to change this node."""
    if isinstance(node, ast.Compare):
        return len(node.ops)
    if isinstance(node, ast.Constant):
        return int(isinstance(node.value, bool | int) and not isinstance(node.value, str))
    if isinstance(node, ast.If):
        return 2
    return int(
        isinstance(node, ast.BoolOp | ast.IfExp)
        or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not))
    )


def _change(node: ast.AST, variant: int) -> str:
    """Change the node in place; what was done, empty where nothing could be."""
    if isinstance(node, ast.Compare):
        old = type(node.ops[variant])
        node.ops[variant] = _COMPARED[old]()
        return f"{old.__name__} is {_COMPARED[old].__name__}"
    if isinstance(node, ast.BoolOp):
        old_op = type(node.op)
        node.op = ast.Or() if old_op is ast.And else ast.And()
        return f"{old_op.__name__.lower()} is {type(node.op).__name__.lower()}"
    if isinstance(node, ast.UnaryOp):
        node.op, node.operand = ast.Not(), ast.UnaryOp(ast.Not(), node.operand)
        return "a not is dropped"
    if isinstance(node, ast.Constant):
        old_value = node.value
        node.value = (not old_value) if isinstance(old_value, bool) else int(str(old_value)) + 1
        return f"{old_value} is {node.value}"
    if isinstance(node, ast.If | ast.IfExp):
        node.test = ast.Constant(bool(variant))
        return f"a branch is {'always' if variant else 'never'} taken"
    return ""


def chosen(path: str, each: int, seed: int) -> list[Mutant]:
    """A sample of a file's mutants, the same for the same seed."""
    every = list(mutants(path, (ROOT / path).read_text(encoding="utf-8")))
    random.Random(f"{seed} {path}").shuffle(every)
    return sorted(every[:each], key=lambda m: m.line)


def copied(folder: Path) -> Path:
    """The files of the repository as they are now, without their history."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


class Lane:
    """A copy of the repository, and a process that waits there with pytest loaded.

    For each trial it forks: what is loaded once is most of what a small test file costs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = copied(folder)
        # What is compiled is known by its content: a file is changed and put back within a second.
        compiled = ["-m", "compileall", "-q", "--invalidation-mode", "checked-hash"]
        subprocess.run(
            [sys.executable, *compiled, "wizard", "lambda", "tests"],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", _TRIALS],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def notices(self, mutant: Mutant) -> bool:
        """Whether the tests beside the module fail with this mutant."""
        place = self.folder / mutant.path
        whole = place.read_text(encoding="utf-8")
        place.write_text(mutant.text, encoding="utf-8")
        try:
            return not self.passes(mutant.path)
        finally:
            place.write_text(whole, encoding="utf-8")

    def passes(self, path: str) -> bool:
        """Whether the tests beside a module pass. One that never ends does not."""
        if self._process.stdin is None or self._process.stdout is None:
            raise ValueError("no pipes")
        self._process.stdin.write(json.dumps([SECONDS, *MODULES[path]]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        if not answer:
            raise RuntimeError("the process that runs the trials has ended")
        return answer == "0"

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


_TRIALS = """
import json, os, signal, sys, time
import _pytest.assertion.rewrite, hypothesis, pytest, pytest_asyncio, xdist
for line in sys.stdin:
    seconds, *tests = json.loads(line)
    pid = os.fork()
    if pid == 0:
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        os._exit(int(pytest.main(["-q", "-x", "-n", "0", "-p", "no:cacheprovider", *tests])))
    end, code = time.monotonic() + seconds, None
    while code is None:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
        elif time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
        else:
            time.sleep(0.01)
    print(code, flush=True)
"""


def run(paths: list[str], each: int, seed: int) -> dict[str, list[tuple[Mutant, bool]]]:
    """Try a sample of each file's mutants, several copies at once."""
    found: dict[str, list[tuple[Mutant, bool]]] = {path: [] for path in paths}
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as held:
        free: queue.Queue[Lane] = queue.Queue()
        for number in range(WORKERS):
            free.put(held.enter_context(closing(Lane(Path(temporary) / str(number)))))
        pool = held.enter_context(ThreadPoolExecutor(WORKERS))

        def attempt(mutant: Mutant) -> bool:
            lane = free.get()
            try:
                return lane.notices(mutant)
            finally:
                free.put(lane)

        for path in paths:
            lane = free.get()
            if not lane.passes(path):
                raise SystemExit(f"{path}: its tests fail as it is")
            free.put(lane)
            sample = chosen(path, each, seed)
            found[path] = list(zip(sample, pool.map(attempt, sample), strict=True))
            killed = sum(1 for _, dead in found[path] if dead)
            print(f"{killed:>3} of {len(sample):>3}  {path}", flush=True)
            for mutant, dead in found[path]:
                if not dead:
                    print(f"         line {mutant.line}: {mutant.change}", flush=True)
    return found


_ROW = re.compile(r"^\| `([^`]+)` \| (\d+) \| (\d+) \|", re.M)


def page(counts: Mapping[str, tuple[int, int]], each: int, seed: int) -> str:
    """The table as Markdown: of each module, how many mutants were tried and how many noticed."""
    rows = [
        "# Mutants",
        "",
        "Changes of single decisions, and how many of them the tests beside the module notice",
        f"without Terraform. At most {each} of each module, seed {seed}; `make mutants` takes the",
        "figures again.",
        "",
        "| module | mutants | noticed | |",
        "| --- | ---: | ---: | ---: |",
    ]
    counted = [(path, *counts[path]) for path in MODULES if path in counts]
    tried, dead = (sum(one[at] for one in counted) for at in (1, 2))
    for path, number, noticed in counted:
        rows.append(f"| `{path}` | {number} | {noticed} | {_share(noticed, number)} |")
    rows.append(f"| all | {tried} | {dead} | {_share(dead, tried)} |")
    return "\n".join(rows) + "\n"


def _share(part: int, whole: int) -> str:
    return f"{100 * part // max(1, whole)} %"


def known() -> dict[str, tuple[int, int]]:
    """The counts that the page has: those that are not taken now stay."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    return {path: (int(tried), int(dead)) for path, tried, dead in _ROW.findall(text)}


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[""])
    parser.add_argument("--page", action="store_true", help=f"write {PAGE.name}")
    options = parser.parse_args()
    paths = [path for path in MODULES if any(part in path for part in options.only)]
    found = run(paths, options.each, options.seed)
    if options.page:
        taken = {p: (len(tried), sum(dead for _, dead in tried)) for p, tried in found.items()}
        PAGE.write_text(page({**known(), **taken}, options.each, options.seed), encoding="utf-8")


if __name__ == "__main__":
    main()
