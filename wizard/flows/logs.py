"""Follows the logs of a deployment for whoever looks into why nothing arrives."""

from __future__ import annotations

import time

from wizard.core.answers.model import Answers
from wizard.flows.context import Context
from wizard.flows.doctor import examine as diagnose
from wizard.flows.doctor.logs import Follower, LogLine, LogSource, Tail, sources
from wizard.services.checks.examination import Examination

FIRST_SECONDS = 15 * 60.0
"""How far back the first look goes."""


def followers(
    context: Context,
    answers: Answers,
    *,
    exam: Examination | None = None,
    back_seconds: float = FIRST_SECONDS,
) -> tuple[Follower, ...]:
    """One follower per log of the deployment; call `news()` of the one on screen every 2 s or more.

    Args:
        exam: what was examined, if the caller still has it; otherwise it is collected (a second
            or two: it reads Terraform's outputs).
    Empty when nothing is deployed.
    """
    place = exam or diagnose.set_scene(context, answers)
    since = time.time() - back_seconds
    return tuple(Follower(place, source, since) for source in sources(place))


__all__ = ["Follower", "LogLine", "LogSource", "Tail", "followers"]
