"""The journal's meaning: what a removal puts back, and what is still in doubt."""

from __future__ import annotations

import pytest

from wizard.core.facts import AccessLog, StageRef, StageSettings
from wizard.core.journal import record
from wizard.core.journal.record import Entry, fold, settings_to_dict

REF = StageRef("a1", "prod")
OFF = StageSettings()
THEIRS = StageSettings(AccessLog("arn:aws:logs:eu-west-1:1:log-group:theirs", "$context.requestId"))
OURS = StageSettings(AccessLog("arn:aws:logs:eu-west-1:1:log-group:ours", "{}"), "INFO")
OURS_2 = StageSettings(AccessLog("arn:aws:logs:eu-west-1:1:log-group:ours-2", "{}"), "INFO")


def entry(seq, action, step, before=OFF, after=OFF, subject=str(REF), **extra):
    return Entry(
        seq, "2026-01-01T00:00:00Z", "r", "install", action, subject, step,
        settings_to_dict(before), settings_to_dict(after) | extra,
    )  # fmt: skip


def switch(seq, step, before, after, **extra):
    return entry(seq, record.STAGE_SWITCH, step, before, after, **extra)


def test_removal_puts_back_what_was_there_before_the_first_change():
    journal = [
        switch(1, "begin", THEIRS, OURS),
        switch(2, "done", THEIRS, OURS),
        switch(3, "begin", OURS, OURS_2),
        switch(4, "done", OURS, OURS_2),
    ]
    stage = fold(journal).stages[REF]
    assert stage.before == THEIRS
    assert stage.after == OURS_2
    assert not stage.in_doubt


def test_a_change_without_an_end_is_in_doubt_and_unfinished():
    state = fold([switch(1, "begin", THEIRS, OURS)])
    assert state.stages[REF].in_doubt
    assert [e.action for e in state.unfinished] == [record.STAGE_SWITCH]


def test_a_refused_first_change_leaves_nothing_to_put_back():
    state = fold([switch(1, "begin", THEIRS, OURS), switch(2, "failed", THEIRS, OURS)])
    assert state.stages == {}
    assert state.unfinished == ()


def test_a_refused_second_change_keeps_the_stage_connected():
    state = fold(
        [
            switch(1, "begin", THEIRS, OURS),
            switch(2, "done", THEIRS, OURS),
            switch(3, "begin", OURS, OURS_2),
            switch(4, "failed", OURS, OURS_2),
        ]
    )
    assert state.stages[REF].after == OURS
    assert state.stages[REF].before == THEIRS
    assert not state.stages[REF].in_doubt


def test_a_restored_stage_starts_a_new_story():
    state = fold(
        [
            switch(1, "begin", THEIRS, OURS),
            switch(2, "done", THEIRS, OURS),
            entry(3, record.STAGE_RESTORE, "begin", OURS, THEIRS),
            entry(4, record.STAGE_RESTORE, "done", OURS, THEIRS),
            switch(5, "begin", OFF, OURS),
            switch(6, "done", OFF, OURS),
        ]
    )
    assert state.stages[REF].before == OFF


def test_log_groups_of_stages_that_keep_their_own_stay_subscribed():
    state = fold(
        [
            switch(1, "begin", THEIRS, THEIRS, mode="keep", log_group="theirs"),
            switch(2, "done", THEIRS, THEIRS, mode="keep", log_group="theirs"),
        ]
    )
    assert state.kept_log_groups == ("theirs",)


def test_a_token_that_may_have_been_stored_is_ours_to_remove():
    begun = Entry(1, "", "r", "install", record.TOKEN_STORE, "/wallarm-apigw/x/token", "begin")
    deleted = Entry(2, "", "r", "uninstall", record.TOKEN_DELETE, begun.subject, "done")
    assert fold([begun]).token_parameter == begun.subject
    assert fold([begun, deleted]).token_parameter == ""


def test_a_refusal_after_a_death_does_not_lose_what_was_there_before():
    dead = [switch(1, "begin", THEIRS, OURS)]
    refused = [switch(2, "begin", OURS, OURS_2), switch(3, "failed", OURS, OURS_2)]
    stage = fold([*dead, *refused]).stages[REF]
    assert stage.in_doubt
    assert stage.before == THEIRS
    assert stage.wrote(OURS) == OURS
    assert stage.wrote(OURS_2) is None, "this one was refused"
    done = [switch(4, "begin", OURS, OURS_2), switch(5, "done", OURS, OURS_2)]
    stage = fold([*dead, *refused, *done]).stages[REF]
    assert (stage.before, stage.after, stage.in_doubt) == (THEIRS, OURS_2, False)


def test_what_an_interrupted_second_change_may_have_written_is_ours():
    connected = [switch(1, "begin", THEIRS, OURS), switch(2, "done", THEIRS, OURS)]
    stage = fold([*connected, switch(3, "begin", OURS, OURS_2)]).stages[REF]
    assert stage.wrote(OURS_2) == OURS_2
    assert stage.wrote(OURS) == OURS
    assert stage.wrote(THEIRS) is None


THEIRS_2 = StageSettings(AccessLog("arn:aws:logs:eu-west-1:1:log-group:new", "$context.requestId"))
ALTERED = StageSettings(AccessLog(OURS.access_log.destination_arn, "$context.requestId"), "INFO")
QUIET = StageSettings(OURS.access_log, "ERROR")


@pytest.mark.parametrize(
    ("found", "put_back"),
    [
        (OURS, THEIRS),
        (THEIRS_2, THEIRS_2),
        (OFF, OFF),
        (ALTERED, THEIRS),  # in our own log group there is nothing to go back to
        (QUIET, StageSettings(THEIRS.access_log, "ERROR")),
    ],
)
def test_what_the_owner_set_in_between_is_what_removal_puts_back(found, put_back):
    state = fold(
        [
            switch(1, "begin", THEIRS, OURS),
            switch(2, "done", THEIRS, OURS),
            switch(3, "begin", found, OURS),
            switch(4, "done", found, OURS),
        ]
    )
    assert state.stages[REF].before == put_back


def policy(seq, action, step, document):
    image = {"scope": "RESOURCE", "document": document}
    return Entry(seq, "", "r", "stages", action, "/group", step, image)


def put(seq, step, document=""):
    return policy(seq, record.POLICY_PUT, step, document)


@pytest.mark.parametrize(
    ("lived", "held"),
    [
        ([put(1, "begin")], ""),
        ([put(1, "begin"), put(2, "done")], ""),
        ([put(1, "begin"), put(2, "failed")], None),
        ([put(1, "begin", "a"), put(2, "begin", "b"), put(3, "done", "b")], "b"),
        ([put(1, "begin", "a"), put(2, "done", "a"), put(3, "begin", "b")], "a"),
        ([put(1, "done", "a"), put(2, "begin", "b"), put(3, "failed", "b")], "a"),
        ([put(1, "done"), policy(2, record.POLICY_RESTORE, "begin", "")], ""),
        ([put(1, "done"), policy(2, record.POLICY_RESTORE, "done", "")], None),
    ],
)
def test_a_policy_that_may_have_been_written_is_ours_to_take_back(lived, held):
    policies = fold(lived).policies
    assert (policies["/group"]["document"] if policies else None) == held


def test_log_data_that_a_removal_kept_is_known_until_it_is_deleted():
    kept = Entry(1, "", "r", "uninstall", record.LOGS_KEEP, "/group", "begin")
    deleted = Entry(2, "", "r", "uninstall", record.LOGS_DELETE, "/group", "done")
    assert fold([kept]).kept_logs == {"/group"}
    assert fold([kept, deleted]).kept_logs == frozenset()


def did(action, step="done", subject="it", flow="install", **images):
    return Entry(0, "", "r", flow, action, subject, step, **images)


BY = {"by": "jane on desk", "at": "2026-01-01T00:00:00Z"}
MADE = did(record.INSTALLATION_MAKE, subject="4f" * 8, after=BY)
TAKEN = did(record.INSTALLATION_MAKE, subject="4f" * 8, after=BY | {"takes_over": "aa" * 8})
LOST = did(record.INSTALLATION_LOST, after=BY | {"id": "bb" * 8})


# what happened → field of the record, and what it is afterwards
@pytest.mark.parametrize(
    ("lived", "name", "value"),
    [
        ([], "runs", 0),
        ([did(record.RUN, "begin"), did(record.RUN, "done")], "runs", 1),
        ([did(record.RUN, "begin"), did(record.RUN, "begin")], "runs", 2),
        ([did(record.TOKEN_STORE, "begin", "/token")], "token_parameter", "/token"),
        (
            [did(record.TOKEN_STORE, subject="/token"), did(record.TOKEN_DELETE, "begin")],
            "token_parameter",
            "/token",
        ),
        ([did(record.TOKEN_STORE), did(record.TOKEN_DELETE)], "token_parameter", ""),
        ([did(record.TERRAFORM_APPLY, "begin")], "applied", True),
        ([did(record.TERRAFORM_APPLY), did(record.TERRAFORM_DESTROY, "begin")], "applied", True),
        ([did(record.TERRAFORM_APPLY), did(record.TERRAFORM_DESTROY, "failed")], "applied", True),
        ([did(record.TERRAFORM_APPLY), did(record.TERRAFORM_DESTROY)], "applied", False),
        ([did(record.ROLE_CREATE, "begin", "role")], "role_created", ""),
        ([did(record.ROLE_CREATE, subject="role")], "role_created", "role"),
        (
            [did(record.ROLE_CREATE, subject="role"), did(record.ROLE_DELETE, "failed")],
            "role_created",
            "role",
        ),
        ([did(record.ROLE_CREATE), did(record.ROLE_DELETE)], "role_created", ""),
        ([did(record.ROLE_SET, "begin", "role")], "role_set", ""),
        ([did(record.ROLE_SET, subject="role", before={"arn": "old"})], "role_set", "role"),
        ([did(record.ROLE_SET, subject="role", before={"arn": "old"})], "role_before", "old"),
        ([MADE], "installation", record.Installation("4f" * 8, **BY)),
        ([MADE], "taken_over", None),
        ([TAKEN], "taken_over", "aa" * 8),
        ([LOST], "lost", record.Installation("bb" * 8, **BY)),
        ([LOST, MADE], "lost", None),
        ([TAKEN, did(record.INSTALLATION_RELEASE, "begin")], "taken_over", "aa" * 8),
        ([TAKEN, did(record.INSTALLATION_RELEASE)], "taken_over", None),
        ([TAKEN, did(record.INSTALLATION_RELEASE)], "installation", None),
        (
            [did(record.LOGS_KEEP, subject="/g"), did(record.LOGS_DELETE, "failed", "/g")],
            "kept_logs",
            {"/g"},
        ),
        ([did("what a later version does")], "installation", None),
    ],
)
def test_what_happened_is_what_the_record_says(lived, name, value):
    assert getattr(fold(lived), name) == value


@pytest.mark.parametrize(
    ("lived", "unfinished"),
    [
        ([did(record.TOKEN_STORE, "begin")], 1),
        ([did(record.TOKEN_STORE, "begin"), did(record.TOKEN_STORE, "failed")], 0),
        ([did(record.TOKEN_STORE, "begin"), did(record.TOKEN_STORE, "done", "another")], 1),
        ([did(record.TOKEN_STORE, "begin"), did(record.TOKEN_DELETE, "done")], 1),
    ],
)
def test_what_began_is_unfinished_until_that_very_thing_ends(lived, unfinished):
    assert len(fold(lived).unfinished) == unfinished


# what else a stage lived through → whether the record has it, its doubt, and its attempts
@pytest.mark.parametrize(
    ("lived", "held"),
    [
        ([switch(1, "begin", THEIRS, OURS)], (True, False, 1, False)),
        ([switch(1, "begin", THEIRS, OURS), switch(2, "failed", THEIRS, OURS)], None),
        ([switch(1, "done", THEIRS, OURS)], (False, True, 0, False)),
        (
            [switch(1, "done", THEIRS, OURS), switch(2, "begin", OURS, OURS_2)],
            (True, True, 1, False),
        ),
        (
            [
                switch(1, "done", THEIRS, OURS),
                switch(2, "begin", OURS, OURS_2),
                switch(3, "failed", OURS, OURS_2),
            ],
            (False, True, 0, False),
        ),
        (
            [switch(1, "begin", THEIRS, OURS), switch(2, "begin", OURS, OURS_2)],
            (True, False, 2, True),
        ),
        (
            [
                switch(1, "begin", THEIRS, OURS),
                switch(2, "begin", OURS, OURS_2),
                switch(3, "failed", OURS, OURS_2),
            ],
            (True, False, 1, False),
        ),
        (
            [
                switch(1, "begin", THEIRS, OURS),
                switch(2, "begin", OURS, OURS_2),
                switch(3, "begin", OURS, OURS_2),
                switch(4, "failed", OURS, OURS_2),
            ],
            (True, False, 2, True),
        ),
        ([entry(1, record.STAGE_RESTORE, "begin")], None),
        ([entry(1, record.STAGE_RESTORE, "failed")], None),
        (
            [switch(1, "done", THEIRS, OURS), entry(2, record.STAGE_RESTORE, "begin")],
            (True, True, 0, False),
        ),
        (
            [switch(1, "done", THEIRS, OURS), entry(2, record.STAGE_RESTORE, "failed")],
            (False, True, 0, False),
        ),
        ([switch(1, "done", THEIRS, OURS), entry(2, record.STAGE_RESTORE, "done")], None),
    ],
)
def test_a_stage_is_ours_and_in_doubt_as_far_as_it_was_changed(lived, held):
    stage = fold(lived).stages.get(REF)
    seen = stage and (stage.in_doubt, stage.connected, len(stage.attempts), stage.unsettled)
    assert seen == held


def test_a_change_that_does_not_name_mode_or_log_group_keeps_them():
    first = switch(1, "done", THEIRS, OURS, mode="keep", log_group="/theirs")
    stage = fold([first, switch(2, "done", OURS, OURS)]).stages[REF]
    assert (stage.mode, stage.log_group) == ("keep", "/theirs")
    stage = fold([switch(1, "done", THEIRS, OURS)]).stages[REF]
    assert (stage.mode, stage.log_group) == ("ours", "")


def test_a_restored_stage_is_told_from_one_that_was_never_connected():
    connected, restored = switch(1, "done", THEIRS, OURS), entry(2, record.STAGE_RESTORE, "done")
    assert fold([connected, restored]).restored(REF, [connected, restored])
    assert not fold([connected]).restored(REF, [connected])
    assert not fold([]).restored(REF, [])
    again = switch(3, "done", THEIRS, OURS)
    assert not fold([connected, restored, again]).restored(REF, [connected, restored, again])
    other = entry(2, record.STAGE_RESTORE, "done", subject="a1/dev")
    assert not fold([other]).restored(REF, [other])
    begun = entry(2, record.STAGE_RESTORE, "begin")
    assert not fold([]).restored(REF, [begun])


def test_log_groups_of_stages_that_keep_their_own_are_listed_once_and_without_who_leaves():
    lived = [
        switch(1, "done", THEIRS, OURS, mode="keep", log_group="/b"),
        entry(2, record.STAGE_SWITCH, "done", subject="a1/x", mode="keep", log_group="/a"),
        entry(3, record.STAGE_SWITCH, "done", subject="a1/y", mode="keep", log_group="/a"),
        entry(4, record.STAGE_SWITCH, "done", subject="a1/z", mode="keep"),
        entry(5, record.STAGE_SWITCH, "done", subject="a1/o", mode="ours", log_group="/ours"),
    ]
    assert fold(lived).kept_log_groups == ("/a", "/b")
    assert fold(lived).kept_without((REF,)) == ("/a",)


def test_a_method_setting_comes_back_as_it_was_and_absence_stays_absence():
    for given in (StageSettings(), StageSettings(method_settings=""), OURS):
        assert record.settings_from_dict(settings_to_dict(given)) == given


def test_the_name_of_a_stages_api_is_noted_beside_what_aws_calls_it():
    begun = switch(1, "begin", OFF, OURS, api_name="orders [x]\x1b")
    held = fold([begun]).stages[REF]
    assert held.label == "orders [x]  / prod (a1/prod)"
    again = switch(2, "done", OFF, OURS)
    assert fold([begun, again]).stages[REF].api_name == held.api_name
    assert fold([again]).stages[REF].label == "a1/prod", "written by an earlier version"
