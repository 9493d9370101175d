"""What the screens need from the product: six ways to get a flow, and nothing else.

Each gives the flow's own object, and its methods give the flow's own results. The tests put
scripted flows in their place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from wizard.core.answers.model import Answers
    from wizard.core.secret import Secret
    from wizard.flows.account import Lookup
    from wizard.flows.context import Context
    from wizard.flows.deployment.deployments import Deployments
    from wizard.flows.doctor.doctor import Doctor
    from wizard.flows.install import Install
    from wizard.flows.stages.connect import Stages
    from wizard.flows.uninstall import AskStage, Uninstall


class Product(Protocol):
    """The flows. Whatever they return blocks: it is used from worker threads."""

    def account(self) -> Lookup:
        """Who we are and what can be picked from; always the same one: it keeps its sessions."""

    def install(self, answers: Answers, token: Secret | None) -> Install:
        """An install, or a change of settings."""

    def stages(self, answers: Answers) -> Stages:
        """Further stages, or fewer."""

    def uninstall(self, answers: Answers, ask: AskStage | None = None) -> Uninstall:
        """A removal; `ask` decides about a stage that somebody else changed since."""

    def doctor(self, answers: Answers) -> Doctor:
        """What examines and repairs a deployment, and follows its logs."""

    def deployments(self) -> Deployments:
        """The deployments there are, their answers and how they do."""


class Flows:
    """The product itself. Loads a flow when it is asked for: the first screen needs none."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._account: Lookup | None = None

    def account(self) -> Lookup:
        """The account; one for as long as the wizard runs, so that a code is asked for once."""
        from wizard.flows.account import Lookup

        if self._account is None:
            self._account = Lookup(
                self._context.options, self._context.ask_code, tell=self._context.note_wait
            )
        return self._account

    def install(self, answers: Answers, token: Secret | None) -> Install:
        """An install."""
        from wizard.flows.install import Install

        return Install(self._context, answers, token)

    def stages(self, answers: Answers) -> Stages:
        """Work on stages."""
        from wizard.flows.stages.connect import Stages

        return Stages(self._context, answers)

    def uninstall(self, answers: Answers, ask: AskStage | None = None) -> Uninstall:
        """A removal."""
        from wizard.flows.uninstall import Uninstall

        return Uninstall(self._context, answers, ask=ask)

    def doctor(self, answers: Answers) -> Doctor:
        """The doctor."""
        from wizard.flows.doctor.doctor import Doctor

        return Doctor(self._context, answers)

    def deployments(self) -> Deployments:
        """The deployments."""
        from wizard.flows.deployment.deployments import Deployments

        return Deployments(self._context, self.account())
