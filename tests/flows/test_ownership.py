"""Two homes, one account: at every door the account is asked whose the deployment is.

Without Terraform: a forwarder with the tags that Terraform puts on it, a state file as it writes
one, and the real parameter. What the account holds is compared after every step.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.flows.account import World
from tests.flows.homes import FUNCTION, Home, Two
from wizard.core.answers.parse import build_answers, parse_file
from wizard.core.checks.checklist import CHECKS
from wizard.core.checks.model import Result, failed
from wizard.core.errors import WizardError
from wizard.core.installation import Standing
from wizard.core.journal import record
from wizard.core.secret import Secret
from wizard.flows import token
from wizard.flows.context import Context, Options
from wizard.flows.deployment.answers import save_answers
from wizard.flows.deployment.ownership import (
    claim_name,
    describe_standing,
    read_ownership,
    release_name,
    require_installable,
)
from wizard.flows.doctor.repair import Repairs
from wizard.flows.install import Install
from wizard.flows.node import open_search
from wizard.flows.redrive import Redrive
from wizard.flows.stages.connect import Stages
from wizard.flows.stages.reconcile import Reconcile
from wizard.flows.status import read_status
from wizard.flows.uninstall import Uninstall


@pytest.fixture
def two(world: World, tmp_path: Path) -> Iterator[Two]:
    homes = []
    for name in ("anna", "ben"):
        (tmp_path / name).mkdir(mode=0o700)
        homes.append(Home(world, tmp_path / name))
    found = Two(*homes)
    yield found
    found.leave_nothing()


def _add(home: Home) -> None:
    with Stages(home.context(), home.answers) as stages:
        stages.review_add(home.answers.stages)


def _remove(home: Home) -> None:
    with Stages(home.context(), home.answers) as stages:
        stages.review_remove(home.answers.stages)


def _undo(home: Home) -> None:
    with Stages(home.context(), home.answers) as stages:
        stages.undo_stage(home.answers.stages[0])


def _redrive(home: Home) -> None:
    with Redrive(home.context(), home.answers) as redrive:
        redrive.list()


def _uninstall(home: Home) -> None:
    with Uninstall(home.context(), home.answers) as removal:
        removal.review()


def _rotate(home: Home) -> None:
    answers = home.answers.with_(node_url="", r53_domain_name="acme.test")
    token.rotate(home.context(), answers, Secret("x" * 20))


def _install(home: Home) -> None:
    with Install(home.context(), home.answers) as install:
        install.review()


def _fix(home: Home) -> None:
    (broken,) = (one for one in CHECKS if one.check_id == "WAG-LOG-004")
    with Repairs(home.context(), home.answers) as repairs:
        repairs.apply(Result(broken, failed("it may not", fix_subject="a group")))


def _reconcile(home: Home) -> None:
    with Reconcile(home.context(), home.answers) as job:
        job.review()


def _dialect(home: Home) -> None:
    with open_search(home.context(), home.answers) as search:
        search.look()


DOORS: dict[str, Callable[[Home], None]] = {
    "stages add": _add,
    "stages remove": _remove,
    "one stage undone": _undo,
    "redrive": _redrive,
    "uninstall": _uninstall,
    "rotate-token": _rotate,
    "install": _install,
    "doctor --fix": _fix,
    "stages reconcile": _reconcile,
    "node-dialect": _dialect,
}


def refused(home: Home, door: str) -> WizardError:
    with pytest.raises(WizardError) as caught:
        DOORS[door](home)
    return caught.value


@pytest.mark.parametrize("door", sorted(DOORS))
def test_removed_here_once_and_live_elsewhere_nothing_of_it_is_touched(two: Two, door: str) -> None:
    first = two.install(two.anna)
    assert two.claim == first
    two.uninstall(two.anna)
    assert two.claim is None
    theirs = two.install(two.ben)
    assert theirs.id != first.id
    before = two.account()
    error = refused(two.anna, door)
    assert error.code == ("WAG-E-STATE-008" if door == "install" else "WAG-E-STATE-009")
    assert theirs.id in error.why
    assert "nothing was changed" in error.next_step.lower()
    assert two.account() == before
    assert two.ben.standing is Standing.OURS


def test_the_install_names_who_made_it_and_the_three_ways_on(two: Two) -> None:
    theirs = two.install(two.ben)
    error = refused(two.anna, "install")
    assert f"made by {theirs.by}, {theirs.at[:10]}" in error.why
    for way in ("state_bucket", "another name_prefix", f"--take-over {theirs.id}"):
        assert way in error.next_step


@pytest.mark.parametrize("door", sorted(DOORS))
def test_what_somebody_took_over_is_not_changed_from_where_it_was_made(two: Two, door: str) -> None:
    mine = two.install(two.ben)
    with two.anna.opened(take_over=mine.id) as deployment:
        require_installable(deployment)
        assert two.claim == mine, "a review changes nothing"
        claim_name(deployment)
        now = deployment.journal.record.installation
        assert now is not None
        assert deployment.marks.installations == (now.id, mine.id)
    assert two.claim == now
    assert two.anna.standing is Standing.OURS, "its resources still carry the other id"
    before = two.account()
    error = refused(two.ben, door)
    assert error.code == ("WAG-E-STATE-008" if door == "install" else "WAG-E-OWNER-001")
    assert now.id in f"{error.why} {error.next_step}"
    assert two.account() == before
    told = describe_standing(read_ownership(two.ben.seen()), "it", "us-east-1")
    assert told.startswith(f"not ours any more: in us-east-1 it is now {now.id}, made by ")


def test_another_id_than_its_own_takes_nothing_over(two: Two) -> None:
    theirs = two.install(two.ben)
    with two.anna.opened(take_over="0123456789abcdef") as deployment:
        with pytest.raises(WizardError, match="WAG-E-STATE-008") as caught:
            require_installable(deployment)
        assert "`--take-over 0123456789abcdef` names another one" in caught.value.why
        assert deployment.journal.record.installation is None
    assert two.claim == theirs


def test_of_two_that_reviewed_a_free_name_the_second_claims_nothing(two: Two) -> None:
    with two.anna.opened() as anna, two.ben.opened() as ben:
        require_installable(anna)
        require_installable(ben)
        claim_name(anna)
        with pytest.raises(WizardError, match="WAG-E-STATE-008"):
            claim_name(ben)
        claim_name(anna)  # a second run of the same installation
        winner = anna.journal.record.installation
    assert two.claim == winner
    assert two.ben.standing is Standing.THEIRS
    before = two.account()
    for door in sorted(DOORS):
        refused(two.ben, door)
        assert two.account() == before, door
    with two.ben.opened("uninstall") as ben:
        release_name(ben)  # even that is nobody else's to do
    assert two.claim == winner


def test_a_claim_whose_answer_was_lost_is_known_again(two: Two) -> None:
    with two.anna.opened() as anna:
        require_installable(anna)
        made = anna.journal.record.installation
        assert made is not None
        parameter = {"Name": two.name, "Value": made.to_json(), "Type": "String"}
        two.client("ssm").put_parameter(**parameter)
        claim_name(anna)
    assert two.claim == made
    assert two.anna.standing is Standing.OURS


def test_an_earlier_versions_deployment_is_ours_by_its_state_and_gets_an_id(two: Two) -> None:
    two.forwarder(None)
    two.anna.deployed()
    assert two.anna.standing is Standing.UNMARKED
    with two.anna.opened() as deployment:
        require_installable(deployment)
        made = deployment.journal.record.installation
        assert made is not None
        deployment.write_variables()
        written = json.loads(deployment.workspace.variables_file.read_text())
        assert written["installation_id"] == made.id, "the plan shows the tag"
        claim_name(deployment)
    assert two.claim == made
    assert two.anna.standing is Standing.UNMARKED, "until the plan is applied"


@pytest.mark.parametrize("door", sorted(DOORS))
def test_an_earlier_versions_deployment_of_somebody_else_is_left_alone(two: Two, door: str) -> None:
    two.forwarder(None)
    with two.anna.opened() as deployment:  # something was done from here, long ago
        for step in ("begin", "done"):
            deployment.journal.write(record.TERRAFORM_APPLY, "it", step)
            deployment.journal.write(record.TERRAFORM_DESTROY, "it", step)
    before = two.account()
    error = refused(two.anna, door)
    assert error.code == ("WAG-E-STATE-008" if door == "install" else "WAG-E-STATE-009")
    assert two.account() == before


def test_without_an_id_it_is_taken_over_by_the_word_for_it(two: Two) -> None:
    two.forwarder(None)
    assert "--take-over no-id" in refused(two.anna, "install").next_step
    with two.anna.opened(take_over="no-id") as deployment:
        require_installable(deployment)
        claim_name(deployment)
        assert deployment.marks.installations[1] == ""
    assert two.anna.standing is Standing.OURS


@pytest.mark.parametrize("door", ["stages add", "stages remove", "redrive"])
def test_one_that_is_gone_is_said_to_be_gone(two: Two, door: str) -> None:
    two.install(two.anna)
    two.client("lambda").delete_function(FunctionName=FUNCTION)
    assert two.anna.standing is Standing.GONE
    assert refused(two.anna, door).code == "WAG-E-OWNER-002"
    told = describe_standing(read_ownership(two.anna.seen()), "it", "us-east-1")
    assert told == "gone: the account has no forwarder of it in us-east-1 any more"


def test_after_a_removal_status_says_when_and_by_whom(two: Two) -> None:
    two.install(two.anna)
    two.uninstall(two.anna)
    with pytest.raises(WizardError, match="WAG-E-DEPLOY-002") as caught:
        read_status(two.anna.context(), two.anna.answers)
    assert "It was removed on 20" in caught.value.why
    assert " on " in caught.value.why.partition(" by ")[2]


def test_without_a_prefix_status_names_what_there_is_and_makes_no_folder(
    two: Two, tmp_path: Path
) -> None:
    two.install(two.anna)
    nowhere = tmp_path / "carl"
    world = two.anna.world
    options = Options(workspace=nowhere, env=world.env)
    answers = two.anna.answers.with_(name_prefix="something-else")
    with pytest.raises(WizardError, match="WAG-E-DEPLOY-002") as caught:
        read_status(Context(options, lambda _: None), answers)
    assert f"There are: api-gw-discovery in {world.box.region}" in caught.value.next_step
    assert not nowhere.exists()


def test_a_claim_that_is_all_there_is_left_is_given_back(two: Two) -> None:
    """An install that failed before it made anything, or a removal cut short at its end."""
    with two.anna.opened() as deployment:
        require_installable(deployment)
        claim_name(deployment)
    with Uninstall(two.anna.context(), two.anna.answers) as removal:
        found = removal.review()
        assert found.claimed
        assert not found.nothing_to_do
        removal.run(found)
    assert two.claim is None
    with Uninstall(two.anna.context(), two.anna.answers) as removal:
        assert removal.review().nothing_to_do
    two.install(two.ben)


def test_the_saved_answers_say_which_installation_they_are_of(two: Two) -> None:
    made = two.install(two.anna)
    with two.anna.opened() as deployment:
        path = save_answers(deployment)
    assert json.loads(path.read_text())["installation_id"] == made.id
    assert build_answers(parse_file(path.read_text(), "saved")) == two.anna.answers.with_(
        account_id=two.anna.world.identity.account_id, node_place="own"
    ), "it is no answer that anybody could give"
