"""Where the node runs: on ECS, in a new or an existing VPC, or one that exists already."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Static

from wizard.core.events import State
from wizard.core.facts import Network
from wizard.core.text import count
from wizard.ui import unanswered
from wizard.ui.screens import node_certificates
from wizard.ui.screens.step import StepScreen
from wizard.ui.widgets.choices import Choice, Choices
from wizard.ui.widgets.fields import Field
from wizard.ui.widgets.lines import Failure, StateLines
from wizard.ui.widgets.picklist import Item, PickList

# What belongs to one choice only: it is put aside with the choice and comes back with it.
_BELONGS = {
    ("where", "existing"): ("node_url",),
    ("network", "existing"): ("vpc_id", "private_subnet_ids", "public_subnet_ids"),
    ("secure", "https"): ("r53_domain_name", "node_dns_name", "certificate_arn"),
}
# What the list of certificates depends on.
_CERTIFICATES = frozenset(
    ("mount", "certificates", "r53_domain_name", "node_dns_name", "certificate_arn")
)


class Node(StepScreen):
    """Node, network, HTTPS."""

    STEP = "node"
    HINT = "It reaches the Wallarm Cloud and the image registry through the internet."
    AUTO_FOCUS = "#where"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+k", "check", "Test node", show=False)]

    def body(self) -> ComposeResult:
        """The two ways, each with its own fields."""
        answers = self.wizard.state.answers
        with VerticalScroll():
            yield Choices(
                (
                    Choice("deploy", "Deploy it on ECS", "EC2 launch type, private subnets"),
                    Choice("existing", "Use one that exists", "nothing of ECS is deployed"),
                ),
                unanswered.node(self.wizard.state),
                id="where",
            )
            with Vertical(id="existing", classes="part gap-above"):
                yield self.field("node_url", "host or host:port, without http://")
                yield Choices(
                    (Choice("https", "HTTPS"), Choice("http", "HTTP", "only inside a VPC")),
                    answers.node_scheme,
                    id="scheme",
                )
                yield StateLines(id="node-check")
                yield Failure(id="node-failure")
                with Horizontal(classes="actions"):
                    yield Button(Text("Test the node"), compact=True, id="check")
            with Vertical(id="deploy", classes="part gap-above"):
                yield self.field("node_instance_type", "t3.medium or larger")
                yield self.field("node_count", "1 to 16; 2 for availability")
                yield self.field("node_tag", "pin one for production: 0.21.0 or newer, or latest")
                yield Static("Network", classes="section", markup=False)
                yield Choices(
                    (
                        Choice("new", "New VPC", "two zones, public and private subnets, NAT"),
                        Choice("existing", "Existing VPC", "pick subnets that reach the internet"),
                    ),
                    unanswered.network(self.wizard.state),
                    id="network",
                )
                yield PickList("VPC", id="vpcs")
                yield PickList("Private subnets (node, forwarder)", id="private", many=True)
                yield PickList("Public subnets (load balancer)", id="public", many=True)
                yield Static("HTTPS between forwarder and node", classes="section", markup=False)
                yield Choices(
                    (
                        Choice("http", "HTTP inside the VPC", "internal load balancer"),
                        Choice("https", "HTTPS", "a name in a hosted zone of yours, a certificate"),
                    ),
                    unanswered.secure(self.wizard.state),
                    id="secure",
                )
                yield PickList("Hosted zone", id="zones")
                yield self.field(
                    "node_dns_name", "inside the hosted zone", placeholder="wallarm-node"
                )
                yield PickList(node_certificates.TITLE, id="certificates")
                yield Failure(id="certificates-failure")

    def started(self) -> None:
        """Fetch what the present choices need."""
        self._fetch()

    def _fetch(self) -> None:
        if (
            unanswered.node(self.wizard.state) == "deploy"
            and unanswered.network(self.wizard.state) == "existing"
        ):
            self.wizard.jobs.look_up("networks")
        if (
            unanswered.node(self.wizard.state) == "deploy"
            and unanswered.secure(self.wizard.state) == "https"
        ):
            self.wizard.jobs.look_up("zones", "certificates")

    def show(self, topics: frozenset[str]) -> None:
        """Only the parts that the choices need."""
        deploy, vpc = (
            unanswered.node(self.wizard.state) == "deploy",
            unanswered.network(self.wizard.state) == "existing",
        )
        self.query_one("#deploy").display = deploy
        self.query_one("#existing").display = not deploy
        chosen = bool(self.wizard.state.answers.vpc_id)
        for name, visible in (
            ("#vpcs", vpc),
            ("#private", vpc and chosen),
            ("#public", vpc and chosen),
            ("#zones", unanswered.secure(self.wizard.state) == "https"),
            ("#field-node_dns_name", unanswered.secure(self.wizard.state) == "https"),
            ("#certificates", unanswered.secure(self.wizard.state) == "https"),
        ):
            self.query_one(name).display = visible
        if topics & {"mount", "networks", "vpc_id"}:
            self._fill_networks()
        if topics & {"mount", "zones"}:
            self._fill_zones()
        if topics & _CERTIFICATES:
            self._fill_certificates()
        self._show_check()

    def _show_check(self) -> None:
        mine = self.wizard.state.certificates
        shown = unanswered.secure(self.wizard.state) == "https"
        self.query_one("#certificates-failure", Failure).tell(mine.error if shown else None)
        item = self.wizard.state.node_check
        lines: list[tuple[State, str, str, str, str]] = []
        if item.busy:
            lines = [(State.RUNNING, "", "asking the node, up to 5s", "", "")]
        elif item.value is not None:
            check = item.value
            lines = [(check.state, "", check.answer or check.state.value, "", check.next_step)]
        self.query_one("#node-check", StateLines).fill(lines, title_width=0)
        self.query_one("#node-failure", Failure).tell(item.error)

    def _fill_networks(self) -> None:
        state = self.wizard.state
        picker = self.query_one("#vpcs", PickList)
        if state.networks.value is None:
            picker.say(state.networks.error.what if state.networks.error else "reading the VPCs")
            return
        answers = state.answers
        picker.fill([_vpc_item(n) for n in state.networks.value], (answers.vpc_id,))
        network = next((n for n in state.networks.value if n.vpc_id == answers.vpc_id), None)
        subnets = network.subnets if network else ()
        for name, public, values in (
            ("#private", False, answers.private_subnet_ids),
            ("#public", True, answers.public_subnet_ids),
        ):
            items = [
                Item(s.subnet_id, s.name or s.subnet_id, f"{s.availability_zone} {s.cidr}")
                for s in subnets
                if s.public is public
            ]
            self.query_one(name, PickList).fill(items, values)

    def _fill_zones(self) -> None:
        state = self.wizard.state
        picker = self.query_one("#zones", PickList)
        if state.zones.value is None:
            picker.say(state.zones.error.what if state.zones.error else "reading the hosted zones")
            return
        items = [
            Item(
                z.name,
                z.name,
                f"{'private' if z.private else 'public'} {z.zone_id}",
                "a private zone cannot prove a certificate" if z.private else "",
            )
            for z in state.zones.value
        ]
        picker.fill(items, (state.answers.r53_domain_name,))

    def _fill_certificates(self) -> None:
        state = self.wizard.state
        picker = self.query_one("#certificates", PickList)
        picker.title = node_certificates.title(state)
        picker.fill(node_certificates.items(state), (state.answers.certificate_arn,))

    def on_choices_picked(self, event: Choices.Picked) -> None:
        """Take the choice; what belongs to the other one is emptied, and comes back with it."""
        event.stop()
        group, value = event.group.id or "", event.value
        if group == "scheme":
            self.wizard.answer(node_scheme=value)
            return
        self.wizard.state.wants["node" if group == "where" else group] = value
        for choice, keys in _BELONGS.items():
            if choice[0] == group:
                self.wizard.set_aside(keys) if choice[1] != value else self.wizard.bring_back(keys)
        self._fetch()
        self.state_changed(frozenset({"node"}))

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        """A VPC, subnets or a zone was picked."""
        event.stop()
        wizard = self.wizard
        if event.owner.id == "vpcs":
            wizard.answer(vpc_id=event.value, private_subnet_ids=(), public_subnet_ids=())
        elif event.owner.id == "private":
            wizard.answer(private_subnet_ids=event.owner.values)
        elif event.owner.id == "public":
            wizard.answer(public_subnet_ids=event.owner.values)
        elif event.owner.id == "certificates":
            wizard.answer(certificate_arn=event.value)
        else:
            wizard.answer(r53_domain_name=event.value)

    def typed(self, field: Field, text: str) -> None:
        """An address as a browser shows it says the scheme too: take both."""
        scheme, found, place = text.partition("://")
        if field.key == "node_url" and found and scheme.lower() in ("http", "https") and place:
            self.query_one("#scheme", Choices).choose(scheme.lower())
            self.wizard.answer(node_scheme=scheme.lower())
            field.input.value = place.rstrip("/")  # which is typed in its turn
            return
        super().typed(field, text)

    def action_check(self) -> None:
        """Ask the existing node."""
        if self.wizard.state.answers.node_url:
            self.wizard.jobs.check_node()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Test."""
        if event.button.id == "check":
            event.stop()
            self.action_check()
        else:
            super().on_button_pressed(event)


def _vpc_item(network: Network) -> Item:
    note = " default" if network.is_default else ""
    return Item(
        network.vpc_id,
        network.name or network.vpc_id,
        f"{network.vpc_id} {network.cidr} {count(len(network.subnets), 'subnet')}{note}",
    )


SCREEN = Node
