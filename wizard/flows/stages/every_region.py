"""The stages of every Region of the account that has APIs. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.facts import Inventory, StageRef
from wizard.core.journal.record import StageRecord
from wizard.flows.context import Context
from wizard.flows.deployment.open import open_session
from wizard.flows.stages.connect import inventory
from wizard.services.aws.regions import count_apis, enabled_regions
from wizard.services.aws.session import Session


@dataclass(frozen=True)
class RegionStages:
    """What a Region has; `problem` where it could not be read, and then nothing else."""

    region: str
    inventory: Inventory | None = None
    connected: Mapping[StageRef, StageRecord] = field(default_factory=dict)
    problem: str = ""


def read_regions(context: Context, answers: Answers) -> Iterator[RegionStages]:
    """Each Region that has APIs or could not be read, as it was read.

    The Regions are counted side by side, each with its own budget, and then read one by one.
    Raises WizardError where AWS does not say which Regions the account may use.
    """

    def session_of(region: str) -> Session:
        return open_session(context, answers.with_(region=region))

    open_to_us = enabled_regions(session_of(answers.region))
    for one in count_apis(session_of, open_to_us):
        if one.problem:
            yield RegionStages(one.region, problem=one.problem)
        elif one.apis:
            try:
                found, connected = inventory(context, answers.with_(region=one.region))
            except WizardError as error:
                yield RegionStages(one.region, problem=f"{error.what}. {error.why}".rstrip(" ."))
                continue
            yield RegionStages(one.region, found, connected)
