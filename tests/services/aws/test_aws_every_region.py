"""`stages list --all-regions`, on a local AWS."""

from __future__ import annotations

from pathlib import Path

import pytest

from wizard.core.answers.model import Answers
from wizard.flows.context import Context, Options
from wizard.flows.stages.connect import read_regions
from wizard.services.aws.session import Session


def test_the_stages_of_each_region_with_apis_are_read(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    made = {}
    for region in ("eu-west-1", "sa-east-1"):
        client = Session(region=region, env=env).client("apigatewayv2")
        api = client.create_api(Name=f"of-{region}", ProtocolType="HTTP")["ApiId"]
        client.create_stage(ApiId=api, StageName="prod")
        made[region] = api
    monkeypatch.setattr(
        "wizard.flows.stages.connect.enabled_regions",
        lambda session: ("eu-west-1", "eu-west-2", "sa-east-1"),
    )
    context = Context(Options(workspace=None, env=env), lambda event: None)
    found = {one.region: one for one in read_regions(context, Answers(region="eu-west-1"))}
    for region, api in made.items():
        inventory = found[region].inventory
        assert inventory is not None
        assert f"{api}/prod" in {str(stage.ref) for stage in inventory.stages}
        assert found[region].problem == ""
    assert "eu-west-2" not in found, "it has no APIs"
