"""Where the node runs, which cloud and which forwarder; and each stage's proof on the screen."""

from __future__ import annotations

from dataclasses import replace

from textual.widgets import Button

from tests.ui.acting import READY, wizard
from tests.ui.scenes import settle, until
from tests.ui.script import Script
from wizard.core.answers.model import ME_HOST, Answers
from wizard.core.events import Hop, State
from wizard.core.facts import StageRef
from wizard.core.proof import HOPS, Proof, StageProof, waits_for_traffic
from wizard.ui.widgets.fields import Choices


async def test_a_hosted_node_takes_https_and_is_asked_for_nothing_else() -> None:
    answers = Answers(node_url="node.acme.internal:5050", node_scheme="http",
                      node_metrics="node.acme.internal:9000")  # fmt: skip
    async with wizard("node", answers=answers) as w:
        assert w.app.screen.query_one("#field-node_metrics").display
        w.app.screen.query_one("#where", Choices).focus()
        await w.press("down", "space")
        await settle(w.pilot)
        assert not w.app.screen.query_one("#field-node_metrics").display
        assert not w.app.screen.query_one("#scheme").display
        assert (w.answers.node_url, w.answers.node_scheme, w.answers.node_metrics) == (
            "node.acme.internal:5050", "https", "",
        )  # fmt: skip


async def test_the_price_of_a_node_on_ecs_stands_beside_the_choice() -> None:
    async with wizard("node", answers=Answers()) as w:
        assert "Deploy it on ECS  about $86/month before traffic" in w.text
        assert "Security Edge" in w.text


async def test_the_third_cloud_is_one_key_away() -> None:
    async with wizard("wallarm", answers=Answers()) as w:
        w.app.screen.query_one("#cloud", Choices).focus()
        await w.press("down", "down", "space")
        await settle(w.pilot)
        assert w.answers.wallarm_api_host == ME_HOST


async def test_each_forwarder_says_what_it_cannot() -> None:
    async with wizard("options", answers=Answers(lambda_package="/home/me/bundle.zip")) as w:
        w.app.screen.query_one("#forwarder").scroll_visible(animate=False)
        await settle(w.pilot)
        text = " ".join(w.text.split())
        assert "Wallarm's bundle, as downloaded." in text
        assert "No private certificate authority" in text


async def test_each_stage_has_its_line_when_several_were_followed() -> None:
    hops = tuple(Hop(key, title, State.DONE, 1.0) for key, title in HOPS)
    bad = (*hops[:5], replace(hops[5], state=State.FAILED, detail="rejected: connector_info"))
    stages = (
        StageProof(StageRef("a1", "prod"), "orders", "GET /", "m", hops),
        StageProof(StageRef("b2", "prod"), "[billing]", "GET /", "n", bad),
        StageProof(StageRef("c3", "prod"), "events", waits=waits_for_traffic("it is private")),
    )
    async with wizard("proof", answers=READY, token=True) as w:
        w.app.deployment_run.now.proof = Proof("GET /", "m", bad, "2 stages", stages)
        w.app.deployment_run.now.done.add("proof")
        w.app.screen.show()  # type: ignore[attr-defined]
        await settle(w.pilot)
        text = " ".join(w.text.split())
        assert "✓ orders / prod understood by the node" in text
        assert "✗ [billing] / prod not understood by the node: rejected: connector_info" in text
        assert "? events / prod waits for traffic of its own: it is private" in text


async def test_a_bundle_that_was_downloaded_is_offered_and_taken_with_one_key() -> None:
    path = "/home/me/Downloads/[cw-resend].zip"
    async with wizard("options", answers=Answers(), script=Script(bundles=(path,))) as w:
        button = w.app.screen.query_one("#use-bundle", Button)
        await until(w.pilot, lambda: button.display, 5)
        button.focus()
        button.scroll_visible(animate=False)
        await settle(w.pilot)
        assert f"In your downloads: {path}" in w.text
        await w.press("enter")
        await settle(w.pilot)
        assert w.answers.lambda_package == path
        assert not button.display


async def test_without_a_download_nothing_is_offered() -> None:
    async with wizard("options", answers=Answers()) as w:
        await settle(w.pilot)
        assert not w.app.screen.query_one("#use-bundle").display
