"""Nothing that somebody else named becomes a pattern, a variable or a block in a policy."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.answers.model import Answers
from wizard.core.answers.rules import problem, problems
from wizard.core.permissions.documents import FORMATS, documents, render
from wizard.core.permissions.grants import PURPOSES

ACCOUNT = "123456789012"
HOSTILE = ("*", "?", "${aws:username}", "${AWS::Region}", "%{if true}", '"', "\n", "{", "}", "JSON")


@pytest.mark.parametrize("text", HOSTILE[:-1])
@pytest.mark.parametrize(
    ("key", "form"),
    [
        ("stages", "abcdefghij/{}"),
        ("stages", "{}/prod"),
        ("api_gateway_log_group_name", "/aws/{}"),
        ("state_bucket", "team-{}"),
        ("r53_domain_name", "{}.example.com"),
        ("node_dns_name", "{}"),
        ("name_prefix", "a{}b"),
        ("region", "us-{}-1"),
        ("vpc_id", "vpc-{}"),
        ("permissions_boundary", f"arn:aws:iam::{ACCOUNT}:policy/{{}}"),
        ("wallarm_api_token_kms_key_arn", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{{}}"),
    ],
)
def test_an_answer_that_would_be_more_than_a_name_is_refused(
    key: str, form: str, text: str
) -> None:
    value = form.format(text)
    assert problem(key, (value,) if key == "stages" else value)


@pytest.mark.parametrize("name", ["prod", "$default", "v1-2_3", "a" * 128])
def test_names_that_stages_have_are_good(name: str) -> None:
    assert problem("stages", (f"abcdefghij/{name}",)) == ""


NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True)
ANSWERS = st.builds(
    Answers,
    stages=st.lists(st.tuples(NAMES, st.one_of(NAMES, st.just("$default"))), max_size=5).map(
        lambda pairs: tuple(f"{api}/{stage}" for api, stage in pairs)
    ),
    tags=st.dictionaries(
        st.text('ab:/=+-@. *${}%"\n', min_size=1, max_size=8), st.text(max_size=8), max_size=3
    ),
    api_gateway_log_group_name=st.from_regex(r"[\.\-_/#A-Za-z0-9]{1,30}", fullmatch=True),
    permissions_boundary=st.sampled_from(["", f"arn:aws:iam::{ACCOUNT}:policy/a/b-c@d"]),
).filter(lambda answers: not problems(answers))


@given(ANSWERS, st.sampled_from(PURPOSES))
def test_every_format_reads_back_as_what_was_meant(answers: Answers, purpose: str) -> None:
    wanted = list(documents(answers, purpose, ACCOUNT))
    texts = {fmt: render(answers, purpose, fmt, ACCOUNT) for fmt in FORMATS}
    assert json.loads(texts["json"]) == (wanted[0] if len(wanted) == 1 else wanted)
    template = json.loads(texts["cloudformation"])["Resources"].values()
    assert [r["Properties"]["PolicyDocument"] for r in template] == wanted
    blocks = re.findall(r"<<-JSON\n(.*?)\n  JSON\n", texts["terraform"], re.S)
    unescaped = [b.replace("$${", "${").replace("%%{", "%{") for b in blocks]
    assert [json.loads(b) for b in unescaped] == wanted


@given(ANSWERS, st.sampled_from(PURPOSES))
def test_no_name_widens_a_policy(answers: Answers, purpose: str) -> None:
    """The patterns in a policy are ours: as many as for answers with plain names."""
    plain = answers.with_(
        stages=tuple(f"api{n}/stage{n}" for n in range(len(answers.stage_refs))),
        api_gateway_log_group_name="plain" if answers.api_gateway_log_group_name else "",
    )

    def stars(of: Answers) -> int:
        return sum(
            arn.count("*") + arn.count("?")
            for d in documents(of, purpose, ACCOUNT)
            for s in d["Statement"]
            for arn in s["Resource"]
        )

    assert stars(answers) == stars(plain)
