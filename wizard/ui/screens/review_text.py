"""What a review says, in a reader's words; of an install, of changed settings, of further stages.

Pure: a `Review` or an `Addition` of the flows goes in, texts come out. What is said of many stages
is said once for each kind: how many and which, the grave ones first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from wizard.core.answers.steps import is_default
from wizard.core.cost import Estimate, estimate
from wizard.core.events import State
from wizard.core.permissions.documents import render
from wizard.core.stages.change import StageChange
from wizard.core.text import clean, count
from wizard.ui.screens.home_text import by_group, planned, shown_changes
from wizard.ui.widgets.tree import TreeRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from wizard.core.answers.model import Answers
    from wizard.core.answers.steps import Step
    from wizard.core.facts import Stage
    from wizard.core.terraform.events import PlannedChange
    from wizard.core.terraform.plans import Attribute
    from wizard.flows.install import Review
    from wizard.flows.stages.connect import Addition
    from wizard.ui.screens.stages_text import StageView
    from wizard.ui.theme import Ink

    Reviewed = Review | Addition


RESOURCE = "resource "  # before the address, in the key of a row
STEP = "step "  # begins the key of a row that leads to a step
SIGNS = {"create": "+", "update": "~", "delete": "-", "replace": "±", "import": "="}
WORDS = {
    "create": "add",
    "update": "change",
    "delete": "DESTROY",
    "replace": "REPLACE",
    "import": "import",
}
_STATES = {
    "create": State.DONE,
    "update": State.RUNNING,
    "delete": State.FAILED,
    "replace": State.WARNING,
    "import": State.DONE,
}


def install_of(found: Reviewed) -> Review | None:
    """The review of an install; None where further stages were reviewed."""
    from wizard.flows.install import Review  # loaded by whoever made one

    return found if isinstance(found, Review) else None


def dangerous(found: Reviewed) -> tuple[PlannedChange, ...]:
    """What would be destroyed, or destroyed and made anew."""
    return tuple(r for r in planned(found.plan) if r.action in ("delete", "replace"))


def changes(found: Reviewed, read: Iterable[Stage]) -> tuple[tuple[str, StageView], ...]:
    """Each stage that would change, with its label; `read` are the stages of the account."""
    install = install_of(found)
    return shown_changes(found.changes, install.inventory.stages if install else read)


def skipped(found: Reviewed) -> tuple[tuple[str, str], ...]:
    """Chosen stages that stay as they are, with the reason."""
    return tuple((f"{stage.api.name} / {stage.name}", why) for stage, why in found.skipped)


def cost(found: Reviewed, answers: Answers) -> Estimate:
    """What it costs in a month."""
    install = install_of(found)
    return install.cost if install else estimate(answers)


def warnings(found: Reviewed) -> tuple[str, ...]:
    """What somebody should know before, but for what `grouped` tells of the stages."""
    install = install_of(found)
    told = {f"{label_of(c)}: {text}" for c in found.changes for text in c.warnings}
    general = tuple(text for text in found.warnings if text not in told)
    if install is None:
        return general
    return (
        *general,
        *(w.summary for w in install.plan.warnings),
        *(f"changed outside Terraform: {d.address}" for d in install.plan.drift),
    )


def policies(found: Reviewed, answers: Answers, account_id: str) -> Text:
    """The IAM policies that the work needs."""
    install = install_of(found)
    if install is None:
        return Text()
    texts = {
        purpose: render(
            answers,
            purpose,
            "json",
            account_id,
            log_groups=install.log_groups,
            before=install.before,
        )
        for purpose in ("deploy", "uninstall")
    }
    return Text("\n\n".join(f"# {name}\n{body}" for name, body in texts.items()))


def assumptions(order: Sequence[Step], passed: Collection[str], answers: Answers) -> list[TreeRow]:
    """What was answered without being asked: the number of its step is the key that leads there."""
    return [
        TreeRow(
            State.SKIPPED,
            f"{one.title:<9}{'default' if is_default(one, answers) else 'given'}",
            clean(one.assumed(answers)),
            key=f"{STEP}{one.id}",
            sign=str(number),
            title_room=18,
        )
        for number, one in enumerate(order, 1)
        if one.id in passed
    ]


def tree(
    found: Reviewed, read: Iterable[Stage], opened: Collection[str], before: Iterable[TreeRow] = ()
) -> list[TreeRow]:
    """Everything that would change; of a group its resources where it is open.

    Args:
        before: what was assumed; it stands behind what is dangerous and grave.
    """
    lines = [_leaf(item, 0) for item in dangerous(found)]
    lines += [TreeRow(State.WARNING, clean(w), "", "", loud=True) for w in warnings(found)]
    lines += _of_stages(found, opened)
    lines += before
    for name, held in by_group(planned(found.plan)).items():
        parts = [f"{n} to {WORDS[a]}" for a in SIGNS if (n := sum(r.action == a for r in held))]
        sign = "▾" if name in opened else "▸"
        lines.append(TreeRow(State.RUNNING, name, ", ".join(parts), "", key=name, sign=sign))
        if name in opened:
            lines += [_leaf(r, 1) for r in held]
    for label, stage in changes(found, read):
        change = ", ".join(f"{n} {b} → {a}" for n, b, a in stage.planned)
        lines.append(TreeRow(State.RUNNING, label, clean(change), sign="~"))
    install = install_of(found)
    for label, words in install.used if install else ():
        lines.append(TreeRow(State.DONE, clean(label), clean(words)))
    for label, reason in skipped(found):
        lines.append(TreeRow(State.SKIPPED, label, clean(reason)))
    return lines


def _of_stages(found: Reviewed, opened: Collection[str]) -> list[TreeRow]:
    """The stages' warnings by kind; of an open one what is said of each stage."""
    lines = []
    for group in grouped(found.changes):
        key, grave = f"warning {group.kind.marker}", group.kind.grave
        sign = "▾" if key in opened else "▸"
        text = clean(group.headline, 2000)
        lines.append(TreeRow(State.WARNING, text, key=key, sign=sign, loud=grave))
        if key in opened:
            lines += [
                TreeRow(State.WARNING, clean(f"{label}: {said}", 2000), depth=1)
                for label, said in group.said
            ]
    return lines


def _leaf(item: PlannedChange, depth: int) -> TreeRow:
    loud = item.action in ("delete", "replace")
    middle = f"{WORDS[item.action]} {clean(item.reason, 60)}".strip()
    return TreeRow(
        _STATES[item.action],
        clean(item.address),
        middle,
        depth=depth,
        key=RESOURCE + item.address,
        loud=loud,
        sign=SIGNS[item.action],
    )


def attributes_text(ink: Ink, found: tuple[Attribute, ...]) -> Text:
    """What a plan does to a resource: what changes first, then what stays."""
    text = Text()
    width = min(40, max((len(one.name) for one in found), default=0))
    changed = [one for one in found if one.changes]
    for one in changed:
        text.append(f"{clean(one.name):<{width}}  ", ink.plain)
        if one.before:
            text.append(clean(one.before), ink.muted)
            text.append("  →  ", ink.muted)
        text.append(f"{clean(one.after) or '(none)'}\n", ink.accent)
    same = [one for one in found if not one.changes]
    if same:
        text.append(f"\n{count(len(same), 'attribute')} as now\n", ink.bold)
        text.append(
            "".join(f"{clean(o.name):<{width}}  {clean(o.after)}\n" for o in same), ink.muted
        )
    return text if found else Text("Terraform names no attribute of it.", ink.muted)


def copied(tab: str, found: Reviewed, read: Iterable[Stage], answers: Answers, account: str) -> str:
    """A tab as text for the clipboard."""
    if tab == "answers":
        return answers.to_json()
    if tab == "policy":
        return policies(found, answers, account).plain
    if tab == "cost":
        lines = cost(found, answers).lines
        return "\n".join(f"{i.name}\t{i.per_month:.2f}\t{i.assumption}" for i in lines)
    if tab == "stages":
        shown = {label: view.planned for label, view in changes(found, read)}
        return json.dumps(shown, indent=2, ensure_ascii=False)
    return "\n".join(f"{SIGNS[r.action]} {r.address}" for r in planned(found.plan))


@dataclass(frozen=True)
class Kind:
    """`marker` is what every sentence of the kind has; `words` stand for it; `grave` ones may cost
    somebody their logs or their data."""

    marker: str
    words: str
    grave: bool = False


KINDS = (
    Kind("Its access log no longer goes to", "their old log gets nothing more", grave=True),
    Kind(
        "next deploy can put the old logging back", "a template's next deploy undoes it", grave=True
    ),
    Kind("could not be looked at", "log group could not be looked at", grave=True),
    Kind("for each log group", "log group has other subscription filters", grave=True),
    Kind("counts it as malformed", "log group holds execution logs too"),
    Kind("The forwarder reads its own fields", "some lines may be malformed"),
    Kind("AWS manages this stage", "AWS may refuse, it manages the stage"),
    Kind("Requests that go to its canary", "canary requests are logged elsewhere"),
    Kind("WebSocket events have no method", "WebSocket events are only counted"),
    Kind("which CloudWatch bills", "execution logs are billed"),
)


@dataclass(frozen=True)
class Group:
    """One kind with what it says of each stage: (label, sentence)."""

    kind: Kind
    said: tuple[tuple[str, str], ...]

    @property
    def headline(self) -> str:
        """`3 stages: execution logs are billed: orders / prod, …`."""
        labels = ", ".join(dict.fromkeys(label for label, _ in self.said))
        return f"{count(len({*dict(self.said)}), 'stage')}: {self.kind.words}: {labels}"


def kind_of(sentence: str) -> Kind:
    """The kind of a sentence; what is of none is its own, and grave until somebody knows better."""
    found = next((kind for kind in KINDS if kind.marker in sentence), None)
    return found or Kind(sentence, sentence, grave=True)


def label_of(change: StageChange) -> str:
    """How warnings name a stage."""
    return f"{change.api_name} / {change.ref.stage}"


def grouped(changes: Iterable[StageChange]) -> tuple[Group, ...]:
    """The warnings of all these stages by kind: unknown ones, grave ones, then the others."""
    found: dict[Kind, list[tuple[str, str]]] = {}
    for change in changes:
        for sentence in change.warnings:
            found.setdefault(kind_of(sentence), []).append((label_of(change), sentence))
    order = sorted(found, key=lambda kind: KINDS.index(kind) if kind in KINDS else -1)
    return tuple(Group(kind, tuple(found[kind])) for kind in order)
