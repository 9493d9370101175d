"""There and back for every kind of stage, also when the run dies at any point at which it writes.

Everything is real but Terraform: the local AWS over HTTP, the journal on disk, a new process's view
of it after each death.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.flows.account import World, ended_well
from tests.flows.made_stages import MADE, make, unmake
from tests.flows.mortal import Killed, torn
from wizard.core.facts import Stage
from wizard.sandbox.catalogue import APIS, SampleApi, SampleStage
from wizard.services.aws import account_role

# API and stage of the catalogue, and what is answered about a log that exists: each kind once.
KINDS = [
    ("orders", "prod", "keep"),
    ("storefront", "beta", "keep"),  # a level of its own
    ("storefront", "live", "keep"),  # edge-optimised
    ("ledger", "prod", "keep"),
    ("search", "prod", "keep"),  # canary
    ("billing", "prod", "keep"),  # JSON of its own
    ("billing", "prod", "switch"),
    ("crm", "prod", "switch"),  # CLF
    ("reporting", "v1", "switch"),  # Firehose
    ("payments", "$default", "keep"),
    ("catalogue", "v2", "keep"),  # JSON of its own
    ("catalogue", "v2", "switch"),
    ("tracking", "prod", "keep"),
    ("checkout", "prod", "keep"),  # a stack owns it
    ("partners", "$default", "keep"),  # the same
    *((key, "", existing) for key, (_, answers) in MADE.items() for existing in answers),
]
EVERY_KIND = pytest.mark.parametrize(
    ("key", "name", "existing"), KINDS, ids=[f"{k}-{n}-{e}".replace("--", "-") for k, n, e in KINDS]
)


@pytest.fixture
def stage(world: World, key: str, name: str) -> Iterator[Stage]:
    """The stage of that kind, from the catalogue or made for the test."""
    if key not in MADE:
        yield world.stage(key, name)
        return
    made = make(world, key)
    yield made
    unmake(world, made)


def kind(api: SampleApi, stage: SampleStage) -> tuple[object, ...]:
    """What tells how a stage is changed and put back."""
    log = "firehose" if stage.log == "firehose" else stage.log_format.strip()[:1]
    return api.kind, api.endpoint, log, stage.level, bool(stage.canary_percent), bool(api.stack)


def test_no_kind_of_stage_of_the_sandbox_is_missing_here() -> None:
    kinds = {(api.key, s.name): kind(api, s) for api in APIS for s in api.stages}
    assert {kinds[key, name] for key, name, _ in KINDS if key not in MADE} == {*kinds.values()}


@EVERY_KIND
def test_installed_twice_and_taken_away_a_stage_is_exactly_as_before(
    world: World, stage: Stage, existing: str
) -> None:
    first = world.dump(stage)
    assert ended_well(world.connect(world.session.begin(), stage, existing))
    connected = world.dump(stage)
    assert connected != first
    assert ended_well(world.connect(world.session.begin(), stage, existing))
    assert world.session.writes == [], "a second install changes nothing"
    assert world.dump(stage) == connected
    assert ended_well(world.take_back(world.session.begin()))
    assert world.dump(stage) == first
    assert world.record().stages == {}
    assert world.record().policies == {}


@EVERY_KIND
def test_dead_at_any_write_the_next_run_ends_as_if_nothing_had_been(
    world: World, stage: Stage, existing: str
) -> None:
    first = world.dump(stage)
    world.connect(world.session.begin(), stage, existing)
    there = world.session.writes
    connected = world.dump(stage)
    world.take_back(world.session.begin())
    back = world.session.writes
    points = [(nth, after) for nth in range(1, len(there) + 1) for after in (False, True)]
    for nth, after in points:
        with pytest.raises(Killed):
            world.connect(world.session.begin(nth, after=after), stage, existing)
        # Either it is taken back at once ...
        world.take_back(world.session.begin())
        assert world.dump(stage) == first, (there, nth, after)
        with pytest.raises(Killed):
            world.connect(world.session.begin(nth, after=after), stage, existing)
        # ... or the same run is started again first.
        assert ended_well(world.connect(world.session.begin(), stage, existing))
        assert world.dump(stage) == connected
        assert world.record().unfinished == ()
        world.take_back(world.session.begin())
        assert world.dump(stage) == first, (there, nth, after)
    points = [(nth, after) for nth in range(1, len(back) + 1) for after in (False, True)]
    for nth, after in points:
        world.connect(world.session.begin(), stage, existing)
        with pytest.raises(Killed):
            world.take_back(world.session.begin(nth, after=after))
        world.take_back(world.session.begin())
        assert world.dump(stage) == first, (back, nth, after)
        assert world.record().unfinished == ()
    assert "UpdateStage" in there
    assert {"UpdateStage", "DeleteAccessLogSettings"} & set(back)


@EVERY_KIND
def test_dead_in_the_middle_of_any_line_of_the_record_it_ends_as_if_nothing_had_been(
    world: World, stage: Stage, existing: str
) -> None:
    """Before the line its effect has not begun; after it it has: those are the points above."""
    first = world.dump(stage)

    def connect() -> object:
        return world.connect(world.session.begin(), stage, existing)

    def take_back() -> object:
        return world.take_back(world.session.begin())

    def lines(run: Callable[[], object]) -> int:
        with torn(0) as pen:
            run()
        return pen.lines

    there, back = lines(connect), lines(take_back)
    assert min(there, back) >= 2, "each change is announced, and its end recorded"
    for nth in range(1, there + 1):
        for again in (False, True):
            with pytest.raises(Killed), torn(nth):
                connect()
            if again:
                connect()
                assert world.record().unfinished == ()
            take_back()
            assert world.dump(stage) == first, (nth, again)
    for nth in range(1, back + 1):
        connect()
        with pytest.raises(Killed), torn(nth):
            take_back()
        take_back()
        assert world.dump(stage) == first, nth
        assert world.record().unfinished == ()


def test_dead_at_any_write_the_accounts_role_is_set_once_and_known(world: World) -> None:
    stage = world.stage("orders", "prod")
    world.unset_role()
    world.connect(world.session.begin(), stage, "keep")
    there = world.session.writes
    world.take_back(world.session.begin())
    assert there == ["CreateRole", "AttachRolePolicy", "UpdateAccount", "UpdateStage"]
    for nth in range(1, len(there) + 1):
        for after in (False, True):
            world.unset_role()
            with pytest.raises(Killed):
                world.connect(world.session.begin(nth, after=after), stage, "keep")
            assert ended_well(world.connect(world.session.begin(), stage, "keep"))
            held = world.record()
            assert held.role_set == account_role.read_role_arn(world.session) != ""
            assert held.unfinished == ()
            world.take_back(world.session.begin())
            assert account_role.read_role_arn(world.session) == held.role_set, "it is never reset"
