"""The documentation is true: generated pages are current, links lead somewhere, commands exist."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks import report
from tests.docs import errors, links, module
from tests.docs.generate import DOCS, PAGES
from wizard.cli.options import build_parser

ROOT = DOCS.parent
WORKFLOWS = sorted((DOCS / "workflows").glob("*.yml"))
FENCE = re.compile(r"```(?:sh|console|)\n(.*?)```", re.S)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_current(name: str) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    assert text == PAGES[name](), "run `make docs`"


def test_the_modules_page_has_every_input_output_and_price_as_it_is() -> None:
    text = module.README.read_text(encoding="utf-8")
    assert text == module.filled(text), "run `make docs`"


@pytest.mark.parametrize(("kind", "file"), [("variable", "variables.tf"), ("output", "outputs.tf")])
def test_no_input_and_no_output_of_the_module_is_missing_in_its_page(kind: str, file: str) -> None:
    declared = re.findall(rf'^{kind} "([^"]+)"', (module.MODULE / file).read_text("utf-8"), re.M)
    text = module.README.read_text(encoding="utf-8")
    assert len(declared) > 15
    assert [name for name in declared if f"| `{name}` | " not in text] == []


def test_the_modules_examples_name_only_inputs_that_exist() -> None:
    examples = re.findall(r"```hcl\n(.*?)```", module.README.read_text(encoding="utf-8"), re.S)
    named = set(re.findall(r"^([a-z0-9_]+) +=", "".join(examples), re.M))
    assert len(named) > 12
    assert named <= set(module.variables())


def test_a_page_without_a_place_for_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="'logging' is not marked once"):
        module.filled("# A page")


def test_the_figures_in_the_documentation_are_those_that_were_taken() -> None:
    run = json.loads(report.SAVED.read_text(encoding="utf-8"))
    assert report.summary(run) in (ROOT / "README.md").read_text(encoding="utf-8")
    assert (DOCS / "performance.md").read_text(encoding="utf-8") == report.page(run)


@pytest.mark.parametrize("path", links.PAGES, ids=named)
def test_every_link_inside_the_repository_leads_somewhere(path: Path) -> None:
    assert links.broken(path) == []


def test_a_broken_link_is_told_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "ROOT", tmp_path)
    (tmp_path / "other.md").write_text("# A heading, `twice`\n# A heading, twice\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](other.md#a-heading-twice-1) ![b](none.png) [c](other.md#none) [d](../../etc/passwd)\n"
        "[e](http://example.com) <https://example.com> `[f](code.md)`\n```\n[g](fence.md)\n```\n"
    )
    assert links.broken(page) == [
        "none.png: no such file",
        "other.md#none: no such heading",
        "../../etc/passwd: leads out of the repository",
        "http://example.com: http is not https",
    ]


def commands() -> list[tuple[str, str]]:
    out = []
    for path in links.PAGES:
        for block in FENCE.findall(path.read_text(encoding="utf-8")):
            for line in block.splitlines():
                text = line.split("  #")[0].split(" > ")[0].strip()
                text = re.sub(r"^(\w+=\S+ )+", "", text)
                if text.startswith("wallarm-apigw") and "|" not in text and "…" not in text:
                    out.append((named(path), text))
    for path in WORKFLOWS:
        steps = [step for job in workflow(path)["jobs"].values() for step in job["steps"]]
        lines = [line for step in steps for line in step.get("run", "").splitlines()]
        out += [(named(path), line) for line in lines if line.startswith("wallarm-apigw")]
    return out


def workflow(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("file", "line"), commands())
def test_every_command_in_the_documentation_exists(file: str, line: str) -> None:
    words = shlex.split(line)[1:]
    if words in (["--version"], ["--help"]):
        return
    words = [w if w not in ("FILE", "DIR") else "x" for w in words]
    try:
        build_parser().parse_args(words)
    except SystemExit as ended:
        pytest.fail(f"{line}: {ended}")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_asks_nobody_runs_by_itself_one_at_a_time_and_keeps_no_keys(path: Path) -> None:
    told = workflow(path)
    assert told[True].keys() == {"schedule", "workflow_dispatch"}, "YAML 1.1 reads `on` as true"
    assert told["concurrency"]
    assert told["permissions"] == {"contents": "read", "id-token": "write"}
    (ours,) = [line for file, line in commands() if file == named(path)]
    assert {"--non-interactive", "--yes", "--json"} <= set(shlex.split(ours))
    assert "secrets." not in path.read_text(encoding="utf-8")


def test_the_project_speaks_of_itself_alone() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    if not tracked:
        pytest.skip("not a git checkout")
    here = "/" + "work/"
    found = [
        name
        for name in tracked
        if name.endswith((".md", ".py", ".tf", ".toml", ".hcl", ".json"))
        and here in (ROOT / name).read_text(encoding="utf-8", errors="replace")
    ]
    assert found == []


COMMANDS_IN_PROSE = re.compile(r"(?<![`\w/-])(aws|pip|pipx|uv|chmod|wallarm-apigw) [a-z0-9-]+")


@pytest.mark.parametrize("row", errors.rows(), ids=lambda row: row.code)
def test_an_error_is_told_in_sentences_and_its_commands_stand_out(row: errors.Row) -> None:
    assert not row.what.endswith("."), "what happened is a headline"
    assert row.next_step.endswith((".", "…")), row
    outside = re.sub(r"`[^`]*`", "", row.next_step)
    assert not COMMANDS_IN_PROSE.search(outside), row.next_step
    assert "{" not in row.what + row.next_step


def test_no_error_sends_anyone_to_a_package_of_that_name_in_a_public_index() -> None:
    for row in errors.rows():
        assert not re.search(r"install [^`]*\bwallarm-apigw\b", row.next_step), row
