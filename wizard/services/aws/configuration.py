"""The user's AWS configuration: which profiles and Regions there are. Asks nothing of AWS."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cache
from typing import Any

from wizard.core.errors import UsageError
from wizard.core.text import closest
from wizard.services.aws.errors import explained

_ONE_AT_A_TIME = threading.Lock()


@cache
def _loader(folders: str | None) -> Any:
    """What botocore knows of AWS's services, read once for all sessions.

    Each would read its own: some tenths of a second in all, and hundred thousands of objects for
    the garbage collector when its session ends.
    """
    import botocore.loaders

    return botocore.loaders.create_loader(folders)


def core(env: Mapping[str, str], profile: str = "") -> Any:
    """A botocore session that follows `env` where botocore would look at this process's own."""
    import botocore.session

    session: Any = botocore.session.Session()
    for variable, name in (
        ("config_file", "AWS_CONFIG_FILE"),
        ("credentials_file", "AWS_SHARED_CREDENTIALS_FILE"),
    ):
        if env.get(name):
            session.set_config_variable(variable, env[name])
    if profile:
        session.set_config_variable("profile", profile)
    # Asked for last: with the first question botocore reads the files, and keeps what they say.
    session.register_component("data_loader", _loader(session.get_config_variable("data_path")))
    endpoint = env.get("AWS_ENDPOINT_URL", "")
    if endpoint:
        # botocore asks STS by itself for assume-role profiles; that goes to the same place.
        create = session.create_client

        def create_client(*args: Any, **kwargs: Any) -> Any:
            return create(*args, **{**kwargs, "endpoint_url": endpoint})

        session.create_client = create_client
    bundle = ca_bundle(env)
    if bundle and not endpoint.startswith("http://"):
        settings = session.full_config["profiles"].get(profile or "default", {})
        if env.get("AWS_CA_BUNDLE") or not settings.get("ca_bundle"):
            session.set_config_variable("ca_bundle", bundle)
    return session


def ca_bundle(env: Mapping[str, str]) -> str:
    """The certificates that this environment trusts; botocore itself does not know the last."""
    names = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
    return next((env[name] for name in names if env.get(name)), "")


def profiles(env: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the profiles, in the order of the files."""
    with explained("Reading the AWS configuration"):
        return tuple(core(env).available_profiles)


def regions(env: Mapping[str, str]) -> tuple[str, ...]:
    """Every Region with API Gateway, the AWS partition's first."""
    with _ONE_AT_A_TIME:
        return _regions(env.get("AWS_CONFIG_FILE", ""))


@cache
def _regions(config_file: str) -> tuple[str, ...]:
    # The same for as long as this program runs, and 40 ms of work: botocore reads all endpoints of
    # all services for it. The configuration file may name a folder with other data than its own.
    session = core({"AWS_CONFIG_FILE": config_file})
    found: list[str] = []
    for partition in session.get_available_partitions():
        found += sorted(session.get_available_regions("apigateway", partition_name=partition))
    return tuple(found)


def check_profile(profile: str, env: Mapping[str, str]) -> None:
    """Raise UsageError with the closest names for a profile that does not exist."""
    known = profiles(env)
    if profile in known:
        return
    near = closest(profile, known)
    raise UsageError(
        "WAG-E-AWS-003",
        f"The AWS profile {profile!r} does not exist",
        why=f"Profiles here: {', '.join(known) or 'none'}.",
        next_step=f"Did you mean {' or '.join(near)}?"
        if near
        else "Create it with `aws configure --profile NAME`, or name another one.",
        keys=("profile",),
    )


def check_region(region: str, env: Mapping[str, str]) -> None:
    """Raise UsageError with the closest names for a Region that does not exist."""
    known = regions(env)
    if region in known:
        return
    near = closest(region, known)
    raise UsageError(
        "WAG-E-AWS-004",
        f"There is no AWS Region {region!r} with API Gateway",
        why=f"This program knows {len(known)} Regions.",
        next_step=f"Did you mean {' or '.join(near)}?"
        if near
        else "Use a Region such as eu-central-1.",
        keys=("region",),
    )
