"""Where the node runs: on ECS, in a new or an existing VPC, or one that exists already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Button, Static

from wizard.core.answers.model import ECS, EDGE, OWN, Answers
from wizard.core.cost import place_costs
from wizard.core.errors import WizardError
from wizard.core.events import State
from wizard.core.facts import Network
from wizard.core.text import count
from wizard.flows.preflight import FirstCheck
from wizard.ui import unanswered
from wizard.ui.guide import Guide
from wizard.ui.screens import node_certificates
from wizard.ui.screens.step import StepScreen
from wizard.ui.session import Loaded
from wizard.ui.widgets.fields import Choice, Choices, Field
from wizard.ui.widgets.lines import Failure, StateLines
from wizard.ui.widgets.picklist import Item, PickList

# What belongs to one choice only: it is put aside with the choice and comes back with it.
_NETWORK = ("vpc_id", "private_subnet_ids", "public_subnet_ids")
_BELONGS = {
    ("where", "existing"): ("node_url", "node_metrics"),
    ("network", "existing"): _NETWORK,
    ("secure", "https"): ("r53_domain_name", "node_dns_name", "certificate_arn"),
}


class Node(StepScreen):
    """Node, network, HTTPS."""

    STEP = "node"
    HINT = "It reaches the Wallarm Cloud and the image registry through the internet."
    AUTO_FOCUS = "#where"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+k", "check", "Test node", show=False)]

    def __init__(self, guide: Guide) -> None:
        super().__init__(guide)
        self._busy = False  # the node is being asked

    def body(self) -> ComposeResult:
        """The two ways, each with its own fields."""
        answers = self.session.answers
        with VerticalScroll():
            yield Choices(
                self._node_places(),
                unanswered.node(self.session),
                id="where",
            )
            with Vertical(id="existing", classes="part gap-above"):
                yield self.field("node_url", "host or host:port, without http://")
                yield Choices(
                    (Choice("https", "HTTPS"), Choice("http", "HTTP", "only inside a VPC")),
                    answers.node_scheme,
                    id="scheme",
                )
                yield self.field("node_metrics", "host:port (9000), for its own word; or empty")
                yield StateLines(id="node-check")
                yield Failure(id="node-failure")
                with Horizontal(classes="actions"):
                    yield Button(Text("Test the node"), compact=True, id="check")
            with Vertical(id="deploy", classes="part gap-above"):
                yield self.field("node_instance_type", "t3.medium to try, t3.large for production")
                yield self.field("node_count", "1 to 16; 2 for availability")
                yield self.field(
                    "node_tag", "pin one for production, 0.23.1 or newer; latest moves"
                )
                yield Static("Network", classes="section", markup=False)
                yield Choices(
                    (
                        Choice("new", "New VPC", "two zones, public and private subnets, NAT"),
                        Choice("existing", "Existing VPC", "pick subnets that reach the internet"),
                    ),
                    unanswered.network(self.session),
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
                    unanswered.secure(self.session),
                    id="secure",
                )
                yield PickList("Hosted zone", id="zones")
                yield self.field(
                    "node_dns_name", "inside the hosted zone", placeholder="wallarm-node"
                )
                yield PickList(node_certificates.TITLE, id="certificates")
                yield Failure(id="certificates-failure")
                yield Static(
                    node_certificates.RECORD, id="record-title", classes="section", markup=False
                )
                yield Choices(
                    node_certificates.record_choices(answers, self.account.certificates),
                    node_certificates.record(answers),
                    id="record",
                )

    def _node_places(self) -> tuple[Choice, ...]:
        """The places, the one that is deployed first, each with what it costs in AWS."""
        costs = place_costs(self.session.answers)
        return (
            Choice("deploy", "Deploy it on ECS", costs[ECS]),
            Choice("existing", "One of your own", costs[OWN]),
            Choice("edge", "Security Edge", costs[EDGE]),
        )

    def started(self) -> None:
        """Fetch what the present choices need."""
        self.hear(self.session.answered, self._answered)
        self.hear(self.account.changed, self._account_read)
        self._fetch()

    def _answered(self, names: frozenset[str]) -> None:
        self._show_parts()
        if "vpc_id" in names:
            self._fill_networks()
        if names & set(node_certificates.KEYS):
            self._fill_certificates()

    def _account_read(self, what: Loaded[Any]) -> None:
        self._show_parts()
        if what is self.account.networks:
            self._fill_networks()
        elif what is self.account.zones:
            self._fill_zones()
        elif what is self.account.certificates:
            self._fill_certificates()

    def _deploys(self) -> bool:
        return unanswered.node(self.session) == "deploy"

    def _in_vpc(self) -> bool:
        return unanswered.network(self.session) == "existing"

    def _https(self) -> bool:
        return unanswered.secure(self.session) == "https"

    def _fetch(self) -> None:
        if self._deploys() and self._in_vpc():
            self.account.read_networks()
        if self._deploys() and self._https():
            self.account.read_zones()

    def show(self) -> None:
        """Only the parts that the choices need."""
        self._show_parts()
        self._fill_networks()
        self._fill_zones()
        self._fill_certificates()
        self._show_check()

    def _show_parts(self) -> None:
        vpc, https = self._in_vpc(), self._https()
        self.query_one("#deploy").display = self._deploys()
        self.query_one("#existing").display = not self._deploys()
        hosted = unanswered.node(self.session) == "edge"
        self.query_one("#scheme").display = not hosted
        self.query_one("#field-node_metrics").display = not hosted
        chosen = bool(self.session.answers.vpc_id)
        record = https and node_certificates.asks_for_record(self.session.answers)
        for name, visible in (
            ("#vpcs", vpc),
            ("#private", vpc and chosen),
            ("#public", vpc and chosen),
            ("#zones", https),
            ("#field-node_dns_name", https),
            ("#certificates", https),
            ("#record-title", record),
            ("#record", record),
        ):
            self.query_one(name).display = visible
        mine = self.account.certificates
        self.query_one("#certificates-failure", Failure).tell(mine.error if https else None)

    # The check of an existing node ----------------------------------------------------------------

    @dataclass
    class NodeChecked(Message):
        """The node answered, or could not be reached from here."""

        url: str
        found: FirstCheck | WizardError

    @work(thread=True, exclusive=True, group="node_check", exit_on_error=False)
    def _ask_node(self, answers: Answers) -> None:
        checks = self.product.account().checks
        found = self.boundary.attempt(lambda: checks.check_node(answers))
        self.tell(self.NodeChecked(answers.node_url, found))

    @on(NodeChecked)
    def _node_checked(self, event: NodeChecked) -> None:
        self._busy = False
        self.session.checked.node = event.found
        self._show_check()

    def _show_check(self) -> None:
        found = None if self._busy else self.session.checked.node
        lines: list[tuple[State, str, str, str, str]] = []
        if self._busy:
            lines = [(State.RUNNING, "", "asking the node, up to 5s", "", "")]
        elif isinstance(found, FirstCheck):
            lines = [(found.state, "", found.answer or found.state.value, "", found.next_step)]
        self.query_one("#node-check", StateLines).fill(lines, title_width=0)
        failure = found if isinstance(found, WizardError) else None
        self.query_one("#node-failure", Failure).tell(failure)

    # Lists ----------------------------------------------------------------------------------------

    def _fill_networks(self) -> None:
        picker, known = self.query_one("#vpcs", PickList), self.account.networks
        if known.value is None:
            picker.say(known.error.what if known.error else "reading the VPCs")
            return
        answers = self.session.answers
        picker.fill([_vpc_item(n) for n in known.value], (answers.vpc_id,))
        network = next((n for n in known.value if n.vpc_id == answers.vpc_id), None)
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
        picker, known = self.query_one("#zones", PickList), self.account.zones
        if known.value is None:
            picker.say(known.error.what if known.error else "reading the hosted zones")
            return
        items = [
            Item(
                z.name,
                z.name,
                f"{'private' if z.private else 'public'} {z.zone_id}",
                "a private zone cannot prove a certificate" if z.private else "",
            )
            for z in known.value
        ]
        picker.fill(items, (self.session.answers.r53_domain_name,))

    def _fill_certificates(self) -> None:
        picker, answers = self.query_one("#certificates", PickList), self.session.answers
        mine = self.account.certificates
        picker.title = node_certificates.title(answers, mine)
        picker.fill(node_certificates.items(answers, mine), (answers.certificate_arn,))
        self.query_one("#record", Choices).show(
            node_certificates.record_choices(answers, mine), node_certificates.record(answers)
        )

    def on_choices_picked(self, event: Choices.Picked) -> None:
        """Take the choice; what belongs to the other one is emptied, and comes back with it."""
        event.stop()
        group, value = event.group.id or "", event.value
        if group == "scheme":
            self.session.answer(node_scheme=value)
            return
        if group == "record":
            self.session.answer(certificate_validation_record=value == node_certificates.MAKE)
            return
        if group == "where":
            self.session.choices.node = value
            place = {"deploy": ECS, "existing": OWN}.get(value, EDGE)
            self.session.answer(node_place=place)
            if place == EDGE:
                self.session.answer(node_scheme="https", node_metrics="")
                self.query_one("#scheme", Choices).choose("https")
                self.session.set_aside(_NETWORK)
                value = "existing"  # the address belongs to both
            elif self._in_vpc():
                self.session.bring_back(_NETWORK)
        elif group == "network":
            self.session.choices.network = value
        else:
            self.session.choices.secure = value
        for choice, keys in _BELONGS.items():
            if choice[0] == group:
                if choice[1] == value:
                    self.session.bring_back(keys)
                else:
                    self.session.set_aside(keys)
        self._fetch()
        self.show_all()

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        """A VPC, subnets, a zone or a certificate was picked."""
        event.stop()
        session = self.session
        if event.owner.id == "vpcs":
            session.answer(vpc_id=event.value, private_subnet_ids=(), public_subnet_ids=())
        elif event.owner.id == "private":
            session.answer(private_subnet_ids=event.owner.values)
        elif event.owner.id == "public":
            session.answer(public_subnet_ids=event.owner.values)
        elif event.owner.id == "certificates":
            session.answer(certificate_arn=event.value)
        else:
            session.answer(r53_domain_name=event.value)

    def typed(self, field: Field, text: str) -> None:
        """An address as a browser shows it says the scheme too: take both."""
        scheme, found, place = text.partition("://")
        if field.key == "node_url" and found and scheme.lower() in ("http", "https") and place:
            self.query_one("#scheme", Choices).choose(scheme.lower())
            self.session.answer(node_scheme=scheme.lower())
            field.input.value = place.rstrip("/")  # which is typed in its turn
            return
        super().typed(field, text)

    def action_check(self) -> None:
        """Ask the existing node."""
        if self.session.answers.node_url:
            self._busy = True
            self._ask_node(self.session.answers)
            self._show_check()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Test."""
        if event.button.id == "check":
            event.stop()
            self.action_check()


def _vpc_item(network: Network) -> Item:
    note = " default" if network.is_default else ""
    return Item(
        network.vpc_id,
        network.name or network.vpc_id,
        f"{network.vpc_id} {network.cidr} {count(len(network.subnets), 'subnet')}{note}",
    )


SCREEN = Node
