"""Names of what the module makes, before it makes them, with AWS's limits. Pure.

The forms stand in the module (`terraform/main.tf`, `forwarder.tf`, `roles.tf`); a test compares.
"""

from __future__ import annotations

from dataclasses import dataclass

SUFFIX = "xxxxxxxx"  # eight hexadecimal digits that the module takes from a resource of its own


@dataclass(frozen=True)
class Name:
    """A kind of resource, the name it would get, and how long AWS lets it be."""

    kind: str
    name: str
    limit: int


def names(prefix: str, region: str) -> tuple[Name, ...]:
    """The names nearest to their limits."""
    return (
        Name("Load balancer", f"{prefix[:22]}-{SUFFIX}", 32),
        Name("Role", f"{prefix}-{region}-exe", 64),
        Name("S3 bucket", f"{prefix}-undelivered-{SUFFIX}", 63),
    )
