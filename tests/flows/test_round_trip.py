"""There and back for every kind of stage of the sandbox, also when the run dies at any write.

Everything is real but Terraform: the local AWS over HTTP, the journal on disk, a new process's view
of it after each death.
"""

from __future__ import annotations

import pytest

from tests.flows.account import World, ended_well
from tests.flows.mortal import Killed
from wizard.services.aws import account_role

# API and stage of the catalogue, and what is answered about a log that exists: each kind once.
KINDS = [
    ("orders", "prod", "keep"),
    ("storefront", "beta", "keep"),  # a level of its own
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
]


@pytest.mark.parametrize(("key", "name", "existing"), KINDS)
def test_installed_twice_and_taken_away_a_stage_is_exactly_as_before(
    world: World, key: str, name: str, existing: str
) -> None:
    stage = world.stage(key, name)
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


@pytest.mark.parametrize(("key", "name", "existing"), KINDS)
def test_dead_at_any_write_the_next_run_ends_as_if_nothing_had_been(
    world: World, key: str, name: str, existing: str
) -> None:
    stage = world.stage(key, name)
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


def test_dead_at_any_write_the_accounts_role_is_set_once_and_known(world: World) -> None:
    stage = world.stage("orders", "prod")
    world.unset_role()
    world.connect(world.session.begin(), stage, "keep")
    there = world.session.writes
    world.take_back(world.session.begin())
    assert there == ["CreateRole", "AttachRolePolicy", "UpdateAccount", "UpdateStage"]
    for nth in range(1, len(there)):
        for after in (False, True):
            world.unset_role()
            with pytest.raises(Killed):
                world.connect(world.session.begin(nth, after=after), stage, "keep")
            assert ended_well(world.connect(world.session.begin(), stage, "keep"))
            held = world.record()
            assert held.role_set == account_role.read(world.session) != ""
            assert held.unfinished == ()
            world.take_back(world.session.begin())
            assert account_role.read(world.session) == held.role_set, "it is never reset"
