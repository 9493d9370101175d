"""Groups with rows below them, drawn only where visible: the plan, and the deployment live."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from wizard.core.events import State
from wizard.core.text import clean
from wizard.ui import theme
from wizard.ui.widgets.rows import Rows, fit


@dataclass(frozen=True)
class TreeRow:
    """One row: sign, title, a middle text, and a right-aligned one. `key` names a group."""

    state: State
    title: str
    middle: str = ""
    right: str = ""
    depth: int = 0
    key: str = ""
    loud: bool = False
    sign: str = ""  # instead of the state's sign
    title_room: int = 0  # cells for the title; 0: a share of the width


class TreeRows(Rows):
    """Rows that the screen makes; Enter on a group opens or closes it."""

    def __init__(
        self,
        *,
        id: str,  # noqa: A002 - Textual's name
        title_share: float = 0.5,
        ragged: bool = False,
    ) -> None:
        """`ragged`: each row's middle stands at the right edge and takes no more than it needs."""
        super().__init__(id=id)
        self.ragged = ragged
        self.lines: list[TreeRow] = []
        self.title_share = title_share
        self.nothing = ""
        self.right_room = 0
        self.leaf_room = 0

    def fill(self, lines: list[TreeRow]) -> None:
        """Show these rows; the cursor stays on its row if that still exists."""
        if lines == self.lines:
            return
        self.lines = lines
        self.right_room = max((cell_len(line.right) for line in lines), default=0)
        self.leaf_room = max((cell_len(i.middle) + 1 for i in lines if i.depth), default=0)
        self.reload()

    def total(self) -> int:
        """Rows now."""
        return len(self.lines)

    def empty(self) -> str:
        """What an empty tree says."""
        return f"  {self.nothing}" if self.nothing else ""

    def row(self, index: int, width: int) -> Text:
        """Sign, title, middle, right."""
        line = self.lines[index]
        ink = theme.ink(self)
        text = Text(" " + "  " * line.depth)
        sign = Text(line.sign, ink.of(line.state)) if line.sign else ink.mark(line.state)
        text.append_text(sign)
        text.append(" ")
        right = fit(line.right, min(self.right_room, width // 4), right=True)
        right = f" {right}" if right else ""
        room = width - text.cell_len - len(right) - 1
        title_room = int((width - len(right)) * self.title_share) - text.cell_len
        if not line.middle:
            title_room = room
        elif line.title_room:
            title_room = line.title_room
        elif self.ragged:
            title_room = room - min(cell_len(line.middle), room // 2)
        elif line.depth and self.leaf_room:
            title_room = max(title_room, room - self.leaf_room)
        quiet = line.state in (State.TODO, State.SKIPPED)
        style = ink.muted if quiet else ink.plain
        if not line.depth and not quiet:
            style = ink.bold
        if line.loud:
            style = ink.of(line.state) + ink.strong
        text.append(fit(clean(line.title, 400), title_room - 1) + " ", style)
        middle = fit(clean(line.middle, 400), room - title_room)
        text.append(middle, ink.bad if line.loud else ink.muted)
        text.append(right, ink.muted)
        return text
