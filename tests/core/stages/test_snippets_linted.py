"""Each snippet that is printed is one that a linter has seen; `make snippets` has it look."""

from __future__ import annotations

import json

import pytest

from tests.snippets import lint


def test_every_snippet_is_as_it_was_when_the_linter_found_nothing() -> None:
    linted = json.loads(lint.LINTED.read_text(encoding="utf-8"))
    assert linted["tool"].startswith("cfn-lint ")
    assert linted["templates"] == lint.digests(), "run `make snippets`"


@pytest.mark.parametrize("tool", ["CloudFormation", "AWS SAM", "Serverless Framework"])
def test_each_is_looked_at_before_the_log_group_exists_and_after(tool: str) -> None:
    names = [case.name for case in lint.cases() if case.name.startswith(f"{tool}, ")]
    before = {name.rpartition(", ")[0] for name in names if name.endswith("before")}
    after = {name.rpartition(", ")[0] for name in names if name.endswith("after")}
    assert before == after
    assert len(before) >= 2


def test_a_template_holds_the_snippet_and_nothing_made_up_before_the_deployment() -> None:
    for case in lint.cases():
        assert "AccessLogSetting" in case.template
        assert "Format: " in case.template
        if case.name.endswith("before") and "Serverless" not in case.name:
            assert "DestinationArn: !Ref WallarmLogGroupArn" in case.template
            assert lint.GROUP not in case.template
