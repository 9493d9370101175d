"""What a support bundle says of Terraform, and how it is shown before it is written."""

from __future__ import annotations

from wizard.flows.doctor.bundle import plan_summary, shown

LOG = """\
2026-08-01T01:00:00.000Z --- terraform plan (Terraform 1.11.4)
2026-08-01T01:00:01.000Z aws_vpc.this[0]: plan to create
2026-08-01T01:00:02.000Z plan: 1 to add, 0 to change, 0 to destroy
2026-08-01T01:00:02.100Z --- terraform plan: exit code 2
2026-08-01T02:00:00.000Z --- terraform plan (Terraform 1.11.4)
2026-08-01T02:00:01.000Z data.aws_region.this: plan to read
2026-08-01T02:00:01.000Z aws_lb.node[0]: plan to replace
2026-08-01T02:00:01.000Z aws_lambda_permission.logs["/a b/c"]: plan to create
2026-08-01T02:00:02.000Z plan: 2 to add, 0 to change, 1 to destroy
2026-08-01T02:00:03.000Z --- terraform apply (Terraform 1.11.4)
2026-08-01T02:00:04.000Z aws_lb.node[0]: plan to replace
2026-08-01T02:00:09.000Z aws_lb.node[0]: creating
2026-08-01T02:00:10.000Z --- terraform apply: exit code 1
"""


def test_the_summary_names_every_run_and_what_the_last_plan_would_change() -> None:
    text = plan_summary(LOG)
    assert text.count("--- terraform") == 5
    assert "plan: 2 to add, 0 to change, 1 to destroy" in text
    assert text.endswith(
        'The last plan, 2 changes:\ncreate aws_lambda_permission.logs["/a b/c"]\n'
        "replace aws_lb.node[0]\n"
    )
    assert "aws_vpc" not in text


def test_without_a_plan_only_the_runs_are_named() -> None:
    assert plan_summary("") == "Terraform's runs:\n"


def test_what_is_shown_is_all_of_it_or_the_end_of_each_file() -> None:
    files = {"a.txt": "one\ntwo\nthree\n", "b.txt": "x\n"}
    assert shown(files).splitlines()[:2] == ["a.txt  14 bytes", "b.txt  2 bytes"]
    assert "one" in shown(files)
    short = shown(files, most_lines=2)
    assert "one" not in short
    assert "── a.txt (the last 2 lines)\ntwo\nthree" in short
    assert "── b.txt\nx" in short
