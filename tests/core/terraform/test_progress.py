"""The progress that a reader sees during an apply."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wizard.core.terraform.durations import key, usual_seconds
from wizard.core.terraform.events import (
    ApplyComplete,
    ApplyErrored,
    ApplyProgress,
    ApplyStart,
    ChangeSummary,
    Diagnostic,
    Event,
    LogLine,
    PlannedChange,
    Refresh,
    Version,
)
from wizard.core.terraform.plans import group_of, group_order
from wizard.core.terraform.progress import Progress, ProgressReducer, UnitState

LB = ("aws_lb.node", "aws_lb")
VPC = ("aws_vpc.this", "aws_vpc")


def played(*steps: tuple[float, Event], until: float | None = None) -> Progress:
    reducer = ProgressReducer()
    for now, event in steps:
        reducer.apply(event, now)
    return reducer.snapshot(steps[-1][0] if until is None else until)


def test_planned_changes_are_the_total() -> None:
    got = played((0, PlannedChange(*LB, "create")), (0, PlannedChange(*VPC, "update")))
    assert (got.total, got.done, got.fraction) == (2, 0, 0.0)


def test_a_plan_repeated_by_apply_counts_once() -> None:
    change = (0.0, PlannedChange(*LB, "create"))
    assert played(change, change, change).total == 1


def test_a_replacement_is_two_pieces_of_work() -> None:
    half = played(
        (0, PlannedChange(*LB, "replace")),
        (1, ApplyStart(*LB, "delete")),
        (2, ApplyComplete(*LB, "delete", 1)),
        (3, ApplyStart(*LB, "create")),
    )
    assert (half.total, half.done, len(half.running)) == (2, 1, 1)


@pytest.mark.parametrize("action", ["read", "noop", "move", "forget", "import", "open"])
def test_what_is_no_work_does_not_count(action: str) -> None:
    got = played(
        (0, PlannedChange("data.aws_x.y", "aws_x", action)),
        (1, ApplyStart("data.aws_x.y", "aws_x", action)),
        (2, ApplyComplete("data.aws_x.y", "aws_x", action, 1)),
    )
    assert (got.total, got.done) == (0, 0)


def test_data_sources_read_during_the_plan_do_not_start_the_clock() -> None:
    got = played((0, ApplyStart("data.a.b", "a", "read")), (50, PlannedChange(*LB, "create")))
    assert got.elapsed == 0.0


def test_done_is_done_when_a_late_line_says_otherwise() -> None:
    got = played(
        (0, ApplyStart(*LB, "create")),
        (9, ApplyComplete(*LB, "create", 9)),
        (10, ApplyProgress(*LB, "create", 10)),
        (11, ApplyErrored(*LB, "create", 11)),
        (12, PlannedChange(*LB, "create")),
    )
    assert (got.done, got.failed, got.running) == (1, 0, ())
    assert got.units[0].elapsed(99) == 9


def test_a_wizard_that_joins_late_takes_the_start_from_terraforms_own_count() -> None:
    got = played((100, ApplyProgress(*LB, "create", 40)), until=105)
    assert got.running[0].elapsed(105) == 45


def test_the_clock_ticks_between_terraforms_lines() -> None:
    reducer = ProgressReducer()
    reducer.apply(PlannedChange(*LB, "create"), 0)
    reducer.apply(ApplyStart(*LB, "create"), 0)
    seen = [reducer.snapshot(t).fraction for t in range(0, 400, 5)]
    assert seen == sorted(seen)
    assert seen[1] > seen[0]
    assert 0.9 < seen[-1] < 1.0


def test_slow_resources_weigh_more_than_quick_ones() -> None:
    got = played(
        (0, PlannedChange(*LB, "create")),
        (0, PlannedChange("aws_iam_role.a", "aws_iam_role", "create")),
        (0, ApplyStart("aws_iam_role.a", "aws_iam_role", "create")),
        (2, ApplyComplete("aws_iam_role.a", "aws_iam_role", "create", 2)),
    )
    assert got.done == 1
    assert got.fraction < 0.05


def test_only_terraforms_final_count_makes_it_whole() -> None:
    steps = [
        (0.0, ApplyStart(*LB, "create")),
        (9.0, ApplyComplete(*LB, "create", 9)),
    ]
    before = played(*steps)
    after = played(*steps, (10.0, ChangeSummary(1, 0, 0, operation="apply")))
    assert before.fraction < 1.0
    assert not before.complete
    assert after.fraction == 1.0
    assert after.complete


def test_the_plans_own_count_is_not_the_final_one() -> None:
    assert not played((0, ChangeSummary(1, 0, 0, operation="plan"))).complete


def test_a_failure_leaves_the_bar_where_it_is_and_names_the_group() -> None:
    got = played(
        (0, PlannedChange(*LB, "create")),
        (0, PlannedChange(*VPC, "create")),
        (0, ApplyStart(*LB, "create")),
        (80, ApplyErrored(*LB, "create", 80)),
        (81, Diagnostic("error", "creating load balancer", "AccessDenied")),
    )
    assert (got.failed, got.eta, got.to_go) == (1, None, "")
    assert [d.summary for d in got.errors] == ["creating load balancer"]
    states = {g.name: g.state for g in got.groups}
    assert states == {"Load balancer": UnitState.FAILED, "Network": UnitState.PENDING}


def test_longer_than_usual_is_said_and_no_end_is_promised_then() -> None:
    steps = [(0.0, PlannedChange(*LB, "create")), (0.0, ApplyStart(*LB, "create"))]
    usual = usual_seconds("aws_lb", "create")
    on_time = played(*steps, until=usual)
    late = played(*steps, until=usual * 2)
    assert (on_time.late, late.late[0].address) == ((), "aws_lb.node")
    assert on_time.eta is not None
    assert late.eta is None
    assert on_time.to_go.startswith("about ")
    assert on_time.to_go.endswith(" to go")
    assert late.to_go == "slower than usual", "what is left is told to the end"
    assert "longer than the usual 2m 40s" in late.one_line


def test_the_rest_never_takes_less_than_the_longest_single_wait() -> None:
    got = played((0, PlannedChange(*LB, "create")), (0, ApplyStart(*LB, "create")), until=10)
    assert got.eta == pytest.approx(usual_seconds("aws_lb", "create") - 10)


def test_no_end_is_promised_before_anything_is_known() -> None:
    before = played((0, PlannedChange(*LB, "create")))
    assert (before.eta, before.to_go) == (None, "")


def test_what_this_machine_measured_beats_the_shipped_durations() -> None:
    reducer = ProgressReducer({key("aws_lb", "create"): 20.0})
    reducer.apply(PlannedChange(*LB, "create"), 0)
    assert reducer.snapshot(0).units[0].usual == 20.0


def test_only_what_ended_well_is_learned_from() -> None:
    reducer = ProgressReducer()
    reducer.apply(ApplyStart(*LB, "create"), 0)
    reducer.apply(ApplyComplete(*LB, "create", 7), 7.4)
    reducer.apply(ApplyStart(*VPC, "create"), 0)
    reducer.apply(ApplyErrored(*VPC, "create", 7), 7)
    assert reducer.measured() == (("aws_lb", "create", 7.4),)


def test_an_earlier_snapshot_does_not_change() -> None:
    reducer = ProgressReducer()
    reducer.apply(PlannedChange(*LB, "create"), 0)
    before = reducer.snapshot(0)
    reducer.apply(ApplyStart(*LB, "create"), 1)
    reducer.apply(ApplyComplete(*LB, "create", 1), 2)
    assert before.units[0].state is UnitState.PENDING
    assert before.groups[0].done == 0


def test_a_line_for_a_status_bar_says_what_takes_the_time() -> None:
    got = played(
        (0, PlannedChange(*VPC, "create")),
        (0, PlannedChange(*LB, "create")),
        (0, ApplyStart(*VPC, "create")),
        (12, ApplyComplete(*VPC, "create", 12)),
        (12, ApplyStart(*LB, "create")),
        until=53,
    )
    assert got.one_line == "1 of 2, about 1m 59s to go; aws_lb.node  creating  41s, usually 2m 40s"


@pytest.mark.parametrize(
    ("resource_type", "address", "group"),
    [
        ("aws_vpc", "aws_vpc.this[0]", "Network"),
        ("aws_route_table_association", "x", "Network"),
        ("aws_route53_record", "x", "Load balancer"),
        ("aws_lb_target_group", "x", "Load balancer"),
        ("aws_ecs_service", "x", "Node"),
        ("aws_autoscaling_group", "x", "Node"),
        ("aws_lambda_function", "x", "Forwarder"),
        ("aws_cloudwatch_log_subscription_filter", "x", "Forwarder"),
        ("aws_cloudwatch_log_group", "aws_cloudwatch_log_group.node[0]", "Node"),
        ("aws_cloudwatch_log_group", "aws_cloudwatch_log_group.lambda", "Forwarder"),
        ("aws_cloudwatch_log_group", "aws_cloudwatch_log_group.api_gateway[0]", "Logs"),
        ("aws_iam_role_policy", "x", "Access"),
        ("terraform_data", "x", "Other"),
    ],
)
def test_resources_are_grouped_in_the_readers_words(
    resource_type: str, address: str, group: str
) -> None:
    assert group_of(resource_type, address) == group


def test_groups_stand_in_the_order_in_which_things_are_made_and_unknown_ones_last() -> None:
    names = ["Somebody's own", "Other", "Node", "Access", "Network"]
    assert sorted(names, key=group_order) == [
        "Network", "Node", "Access", "Other", "Somebody's own",
    ]  # fmt: skip


def test_a_hundred_thousand_events_cost_little_time_and_bounded_memory() -> None:
    reducer = ProgressReducer()
    started = time.perf_counter()
    for i in range(25_000):
        address = f"aws_lb.x[{i}]"
        reducer.apply(PlannedChange(address, "aws_lb", "create"), i)
        reducer.apply(ApplyStart(address, "aws_lb", "create"), i)
        reducer.apply(Diagnostic("warning", f"w{i}"), i)
        reducer.apply(ApplyComplete(address, "aws_lb", "create", 1), i + 1)
        if i % 500 == 0:
            reducer.snapshot(i)
    got = reducer.snapshot(30_000)
    assert time.perf_counter() - started < 10.0  # about 1 s on one slow core
    assert len(got.units) == got.done == 20_000
    assert len(got.diagnostics) == 200


actions = st.sampled_from(["create", "update", "delete", "replace", "read", "noop", ""])
addresses = st.sampled_from([f"aws_lb.x[{i}]" for i in range(6)])
types = st.just("aws_lb")
seconds = st.floats(0, 1e6)
events = st.one_of(
    st.builds(PlannedChange, addresses, types, actions),
    st.builds(ApplyStart, addresses, types, actions),
    st.builds(ApplyProgress, addresses, types, actions, seconds),
    st.builds(ApplyComplete, addresses, types, actions, seconds),
    st.builds(ApplyErrored, addresses, types, actions, seconds),
    st.builds(
        ChangeSummary, st.just(1), st.just(0), st.just(0), st.just(0),
        st.sampled_from(["plan", "apply", "destroy"]),
    ),
    st.builds(Diagnostic, st.sampled_from(["error", "warning"]), st.text(max_size=3)),
    st.builds(LogLine, st.text(max_size=5)),
    st.builds(Refresh, addresses, types, st.booleans()),
    st.builds(Version, st.just("1.11.4")),
)  # fmt: skip
timed = st.lists(st.tuples(events, st.floats(-10, 1e6)), max_size=60)


def check(got: Progress, before: Progress | None) -> None:
    assert 0.0 <= got.fraction <= 1.0
    assert got.done + got.failed + len(got.running) <= got.total == len(got.units)
    assert got.eta is None or got.eta >= 0.0
    assert sum(g.total for g in got.groups) == got.total
    assert sum(g.done for g in got.groups) == got.done
    assert sum(g.running for g in got.groups) == len(got.running)
    assert all(u.elapsed(got.now) >= 0.0 for u in got.units)
    assert got.one_line
    if before is not None:
        assert got.fraction >= before.fraction
        assert got.done >= before.done
        assert got.failed >= before.failed
        assert got.total >= before.total


@given(timed)
@settings(max_examples=200, deadline=None)
def test_no_order_of_events_and_no_jump_of_the_clock_makes_it_go_back(
    steps: list[tuple[Event, float]],
) -> None:
    reducer = ProgressReducer()
    before = None
    for event, now in steps:
        reducer.apply(event, now)
        got = reducer.snapshot(now)
        check(got, before)
        before = got


@given(st.lists(events, max_size=40), st.data())
@settings(max_examples=100, deadline=None)
def test_repeated_events_change_nothing(steps: list[Event], data: st.DataObject) -> None:
    once, twice = ProgressReducer(), ProgressReducer()
    for number, event in enumerate(steps):
        once.apply(event, number)
        twice.apply(event, number)
        earlier = data.draw(st.integers(0, number))
        twice.apply(event, number)
        if not isinstance(steps[earlier], (ApplyProgress, ApplyStart, ApplyComplete, ApplyErrored)):
            twice.apply(steps[earlier], number)
    left, right = once.snapshot(99), twice.snapshot(99)
    assert (left.done, left.failed, left.total) == (right.done, right.failed, right.total)
    assert left.fraction == pytest.approx(right.fraction)


@given(st.lists(events, max_size=30), st.integers(0, 30))
@settings(max_examples=100, deadline=None)
def test_any_part_of_a_run_is_a_run(steps: list[Event], skipped: int) -> None:
    reducer = ProgressReducer()
    for number, event in enumerate(steps[skipped:]):
        reducer.apply(event, number)
    check(reducer.snapshot(50), None)
