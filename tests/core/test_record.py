"""The journal's meaning: what a removal puts back, and what is still in doubt."""

from __future__ import annotations

from wizard.core import record
from wizard.core.facts import AccessLog, StageRef, StageSettings
from wizard.core.record import Entry, fold, settings_to_dict

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
