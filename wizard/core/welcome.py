"""The words of the first screen that need nothing looked up; see `wizard.ui.first_words`."""

from __future__ import annotations

from wizard.core.answers.model import Answers
from wizard.core.cost import estimate

QUESTION = "Connect your APIs to Wallarm API Discovery"
HINT = "From your account to the first request at the node, in about 8m."
FACTS = (
    ("What happens", "Access logs of the stages you pick flow to a Wallarm Node."),
    (
        "What it costs",
        f"About ${estimate(Answers()).total:,.0f}/month before traffic. Review itemises it.",
    ),
    ("What it leaves", "Everything else. Nothing changes before you press Deploy."),
)
CHECKS = "Checks"
