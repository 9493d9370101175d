"""A deployment whose state is on another computer: looked at through its tags, and left alone."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.flows.account import GROUP, World, ended_well
from wizard.core.answers.model import Answers
from wizard.core.checks.model import Verdict
from wizard.core.errors import WizardError
from wizard.core.events import Note
from wizard.core.facts import Stage
from wizard.core.stages.log_format import log_group_name
from wizard.core.state_place import STATE_TAG, STATE_TAG_VALUE, StatePlace
from wizard.core.tfvars import DEPLOYMENT_TAG
from wizard.flows import status
from wizard.flows.account import Lookup
from wizard.flows.context import Context, Options
from wizard.flows.deployment import find as elsewhere
from wizard.flows.deployment.deployments import Deployments
from wizard.flows.doctor import examine as diagnose
from wizard.flows.doctor.repair import Repairs
from wizard.flows.stages import connect as stages
from wizard.flows.stages.connect import Stages
from wizard.flows.uninstall import Uninstall
from wizard.services.workspace.s3_state import StateStore
from wizard.ui.screens.home_text import status_lines

FUNCTION = "wallarm-cw-resend-1a2b3c4d"
BUCKET = "team-state-of-outside"


@dataclass
class There:
    """What Anna deployed, and Ben's computer, which knows nothing of it."""

    world: World
    ben: Path
    stage: Stage

    @property
    def answers(self) -> Answers:
        return Answers(region=self.world.box.region)

    @property
    def context(self) -> Context:
        options = Options(workspace=self.ben, env=self.world.env)
        return Context(options, self.world.events.append)

    def client(self, service: str) -> Any:
        return self.world.session.client(service)

    def check(self, check_id: str) -> tuple[Verdict, str]:
        results = diagnose.run(self.context, self.answers, only=(check_id,)).results
        (mine,) = (one for one in results if one.check.check_id == check_id)
        return mine.verdict, mine.finding.evidence


@pytest.fixture
def there(world: World, tmp_path: Path) -> Iterator[There]:
    ben = tmp_path / "ben"
    ben.mkdir(mode=0o700)
    session = world.session
    functions, logs = session.client("lambda"), session.client("logs")
    identity = world.identity
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as file:
        file.writestr("main.py", "def handler(event, context): return None\n")
    made = functions.create_function(
        FunctionName=FUNCTION,
        Runtime="python3.12",
        Role=f"arn:aws:iam::{identity.account_id}:role/forwarder",
        Handler="main.handler",
        Code={"ZipFile": package.getvalue()},
        Environment={"Variables": {
            "X_NODE_URL": "node.acme.test:5050", "X_NODE_SCHEME": "https",
            "X_WALLARM_APPLICATION_ID": "7",
        }},
        Tags={DEPLOYMENT_TAG: f"{identity.account_id}-{identity.region}-api-gw-discovery"},
    )  # fmt: skip
    functions.add_permission(
        FunctionName=FUNCTION,
        StatementId="logs-" + hashlib.sha1(b"main", usedforsecurity=False).hexdigest()[:8],
        Action="lambda:InvokeFunction",
        Principal=f"logs.{identity.region}.amazonaws.com",
        SourceArn=f"{world.arn}:*",
        SourceAccount=identity.account_id,
    )
    logs.put_subscription_filter(
        logGroupName=GROUP, filterName=FUNCTION, filterPattern="",
        destinationArn=made["FunctionArn"],
    )  # fmt: skip
    stage = next(s for s in world.inventory.stages if not s.settings.access_log.enabled)
    assert ended_well(world.connect(session.begin(), stage))
    yield There(world, ben, stage)
    world.take_back(session.begin())
    for one in logs.describe_subscription_filters(logGroupName=GROUP)["subscriptionFilters"]:
        logs.delete_subscription_filter(logGroupName=GROUP, filterName=one["filterName"])
    with contextlib.suppress(functions.exceptions.ResourceNotFoundException):
        functions.delete_function(FunctionName=FUNCTION)


def test_its_status_is_told_from_what_aws_knows(there: There) -> None:
    seen = status.read_status(there.context, there.answers)
    assert seen.elsewhere == "not here, but on the computer it was installed from"
    assert [(s.ref, s.mode, s.same) for s in seen.stages] == [(there.stage.ref, "ours", None)]
    outputs = seen.outputs
    assert outputs.api_gateway_log_group == GROUP
    assert outputs.api_gateway_log_groups == (GROUP,)
    assert outputs.lambda_function_name == FUNCTION
    assert (outputs.node_scheme, outputs.node_url) == ("https", "node.acme.test:5050")
    assert seen.resources >= 1
    assert seen.events_last_hour is not None
    assert "state_bucket=NAME" in seen.notes[-1]


def test_the_stages_it_connected_are_marked_in_the_list(there: There) -> None:
    found, connected = stages.inventory(there.context, there.answers)
    assert list(connected) == [there.stage.ref]
    assert there.stage.ref in {stage.ref for stage in found.stages}


def test_home_finds_it_opens_it_and_shows_its_status(there: There) -> None:
    context = Context(Options(workspace=there.ben, env=there.world.env), lambda event: None)
    deployments = Deployments(context, Lookup(context.options))
    (found,) = deployments.in_account(there.answers)
    assert (found.name_prefix, found.remote, found.bucket) == ("api-gw-discovery", True, "")
    answers = deployments.answers_of(found)
    assert answers is not None
    assert answers.stages == (str(there.stage.ref),)
    assert (answers.node_url, answers.node_scheme) == ("node.acme.test:5050", "https")
    assert answers.x_wallarm_application_id == 7
    lines = {line.title: line.text for line in status_lines(deployments.status(answers))}
    assert lines["State"] == "not here, but on the computer it was installed from"
    assert lines["Stages"] == "1 connected"
    assert "state_bucket=NAME" in lines["Note"]


def test_the_doctor_looks_at_all_that_needs_no_state(there: There) -> None:
    verdict, evidence = there.check("WAG-LOC-003")
    assert verdict is Verdict.WARN
    assert "not here" in evidence
    for check_id in ("WAG-LOG-001", "WAG-LOG-003", "WAG-LOG-004", "WAG-LOG-005", "WAG-LOG-007",
                     "WAG-LOG-008", "WAG-LOG-009"):  # fmt: skip
        assert there.check(check_id)[0] is Verdict.PASS, check_id
    for check_id in ("WAG-LOC-004", "WAG-LOC-005"):
        assert there.check(check_id)[0] is Verdict.UNCHECKED, "that is not known from here"


def test_what_is_broken_is_found_from_there_too(there: There) -> None:
    there.client("logs").delete_subscription_filter(logGroupName=GROUP, filterName=FUNCTION)
    assert there.check("WAG-LOG-005")[0] is Verdict.FAIL
    seen = status.read_status(there.context, there.answers)
    assert any(f"{FUNCTION} is not subscribed to {GROUP}" in note for note in seen.notes)


def test_stages_that_keep_their_log_groups_are_found_by_the_subscription(there: There) -> None:
    """They share one statement of the forwarder's policy, which names none of them."""
    keeping = [
        stage for stage in there.world.inventory.stages
        if log_group_name(stage.settings.access_log.destination_arn) not in ("", GROUP)
    ]  # fmt: skip
    group = log_group_name(keeping[0].settings.access_log.destination_arn)
    identity = there.world.identity
    there.client("lambda").add_permission(
        FunctionName=FUNCTION, StatementId="logs-of-this-account",
        Action="lambda:InvokeFunction", Principal=identity.logs_principal,
        SourceArn=f"arn:aws:logs:{identity.region}:{identity.account_id}:log-group:*:*",
        SourceAccount=identity.account_id,
    )  # fmt: skip
    logs = there.client("logs")
    function = there.client("lambda").get_function_configuration(FunctionName=FUNCTION)
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        logs.create_log_group(logGroupName=group)
    before = {s.ref: s.mode for s in status.read_status(there.context, there.answers).stages}
    assert before == {there.stage.ref: "ours"}, "to be allowed is not to be subscribed"
    logs.put_subscription_filter(
        logGroupName=group, filterName=FUNCTION, filterPattern="",
        destinationArn=function["FunctionArn"],
    )  # fmt: skip
    try:
        seen = status.read_status(there.context, there.answers)
        theirs = {
            s.ref: "keep" for s in keeping
            if log_group_name(s.settings.access_log.destination_arn) == group
        }  # fmt: skip
        assert {s.ref: s.mode for s in seen.stages} == before | theirs
        assert seen.outputs.api_gateway_log_groups == tuple(sorted((GROUP, group)))
    finally:
        logs.delete_subscription_filter(logGroupName=group, filterName=FUNCTION)


@pytest.mark.parametrize(
    "attempt",
    [
        lambda t: Stages(t.context, t.answers).__enter__().review_add((str(t.stage.ref),)),
        lambda t: Stages(t.context, t.answers).__enter__().review_remove((str(t.stage.ref),)),
        lambda t: Uninstall(t.context, t.answers).__enter__().review(),
        lambda t: Repairs(t.context, t.answers).__enter__().preview(
            diagnose.run(t.context, t.answers, only=("WAG-LOG-005",)).results[0]
        ),
    ],
    ids=["add", "remove", "uninstall", "fix"],
)  # fmt: skip
def test_nothing_is_changed_from_there_and_the_next_step_is_said(
    there: There, attempt: Callable[[There], object]
) -> None:
    before = there.world.dump(there.stage)
    with pytest.raises(WizardError) as refused:
        attempt(there)
    error = refused.value
    assert error.code == "WAG-E-STATE-009"
    assert FUNCTION in error.why
    assert "state_bucket=NAME" in error.next_step
    assert there.world.dump(there.stage) == before


def test_whoever_moved_the_state_to_their_computer_is_named(there: There) -> None:
    s3 = there.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_tagging(
        Bucket=BUCKET, Tagging={"TagSet": [{"Key": STATE_TAG, "Value": STATE_TAG_VALUE}]}
    )
    identity = there.world.identity
    place = StatePlace(BUCKET, identity.account_id, identity.region, "api-gw-discovery")
    try:
        moved = json.dumps({"target": "", "by": "anna on desk", "at": 1.0}).encode()
        StateStore(there.world.session, place).write_object(place.moved, moved)
        assert status.read_status(there.context, there.answers).elsewhere == (
            "not here: anna on desk moved it to that computer"
        )
        with pytest.raises(WizardError) as refused:
            Uninstall(there.context, there.answers).__enter__().review()
        assert "anna on desk moved it to that computer" in refused.value.why
    finally:
        s3.delete_object(Bucket=BUCKET, Key=place.moved)
        s3.delete_bucket(Bucket=BUCKET)


def test_a_bucket_that_is_named_is_looked_into_whatever_its_tags(there: There) -> None:
    s3 = there.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    identity = there.world.identity
    place = StatePlace(BUCKET, identity.account_id, identity.region, "api-gw-discovery")
    try:
        StateStore(there.world.session, place).save_answers(there.answers.to_json())
        look = elsewhere.find_in_account
        assert [(d.name_prefix, d.bucket) for d in look(there.world.session, identity).found] == [
            ("api-gw-discovery", "")
        ]
        found = look(there.world.session, identity, given=BUCKET).found
        assert [(d.name_prefix, d.bucket) for d in found] == [("api-gw-discovery", BUCKET)]
    finally:
        s3.delete_object(Bucket=BUCKET, Key=place.answers)
        s3.delete_bucket(Bucket=BUCKET)


def test_a_deployment_whose_forwarder_is_gone_is_none(there: There) -> None:
    there.client("lambda").delete_function(FunctionName=FUNCTION)
    with pytest.raises(WizardError) as none:
        status.read_status(there.context, there.answers)
    assert none.value.code == "WAG-E-DEPLOY-002"


def test_an_account_that_may_not_be_asked_by_tag_is_told_and_no_fault(
    there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        answer = {"Error": {"Code": "AccessDeniedException", "Message": "no tag:GetResources"}}
        raise ClientError(answer, "GetResources")

    monkeypatch.setattr(
        "wizard.services.aws.deployment.tagged.tagged_resources", _explained(denied)
    )
    with pytest.raises(WizardError) as none:
        status.read_status(there.context, there.answers)
    assert none.value.code == "WAG-E-DEPLOY-002"
    notes = [e.text for e in there.world.events if isinstance(e, Note)]
    assert any("could not look for api-gw-discovery in the account" in text for text in notes)


def _explained(denied: Callable[..., None]) -> Callable[..., None]:
    from wizard.services.aws.errors import explained

    def call(*arguments: object) -> None:
        with explained("Looking for what this deployment made"):
            denied(*arguments)

    return call
