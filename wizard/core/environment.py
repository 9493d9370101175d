"""The environment variables that are read, and what was probably meant by one that is not."""

from __future__ import annotations

from collections.abc import Iterable

from wizard.core.answers.parse import ENV_PREFIX, KEYS, env_name
from wizard.core.text import closest

TOKEN = "WALLARM_API_TOKEN"  # noqa: S105 - its name; the only one without the prefix
OPTIONS = (
    "workspace",
    "answers",
    "token_file",
    "terraform",
    "plugin_mirror",
    "dry_run",
    "unlock",
    "preflight",
    "non_interactive",
    "yes",
    "json",
)
# Set by the sandbox and by tests, for what stands in for AWS and the Wallarm Cloud.
STAND_INS = (
    "cloud_url",
    "execute_api_url",
    "node_record_url",
    "sandbox_hosts",
    "judge_local_aws",
)


def unread(names: Iterable[str]) -> tuple[str, ...]:
    """A sentence about each variable that looks like one of ours and is none. No values."""
    told = [env_name(name) for name in (*KEYS, *OPTIONS)]
    known = {*told, *map(env_name, STAND_INS)}
    return tuple(
        _sentence(name, closest(name, (*told, TOKEN), n=1))
        for name in sorted(names)
        if name.startswith(ENV_PREFIX) and name not in known
    )


def _sentence(name: str, near: list[str]) -> str:
    meant = f"did you mean {near[0]}?" if near else "`wallarm-apigw answers --reference` lists all."
    return f"The environment variable {name} has no effect: {meant}"
