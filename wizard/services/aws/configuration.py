"""The user's AWS configuration: which profiles and Regions there are. Asks nothing of AWS."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from wizard.core.errors import UsageError, WizardError
from wizard.core.partitions import SUPPORTED, WITHHELD
from wizard.core.text import closest
from wizard.services.aws.errors import explained
from wizard.services.files import expanded

ENDPOINT = "AWS_ENDPOINT_URL"
_PROFILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
_FILES = {
    "AWS_CONFIG_FILE": "~/.aws/config",
    "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials",
}
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
    """A botocore session that follows `env` where botocore would look at this process's own.

    An empty variable counts as none, as a shell leaves it behind. An AWS_PROFILE that names no
    profile takes no part: where it would decide, `check_profile` has said so before.
    """
    with explained("Reading the AWS configuration", everything=True):
        return _core(env, profile)


def _core(env: Mapping[str, str], profile: str) -> Any:
    import botocore.session

    session: Any = botocore.session.Session()
    seen = {name: value for name, value in env.items() if value}
    _follow(session, seen)
    if profile:
        session.set_config_variable("profile", profile)
    else:
        known = session.available_profiles
        for name in _PROFILES:
            if seen.get(name, "default") not in (*known, "default"):
                del seen[name]
        _follow(session, seen)
    # Asked for last: with the first question botocore reads the files, and keeps what they say.
    session.register_component("data_loader", _loader(session.get_config_variable("data_path")))
    endpoint = given_endpoint(seen)
    if endpoint:
        # botocore asks STS by itself for assume-role profiles; that goes to the same place.
        create = session.create_client

        def create_client(*args: Any, **kwargs: Any) -> Any:
            return create(*args, **{**kwargs, "endpoint_url": endpoint})

        session.create_client = create_client
    bundle = ca_bundle(seen)
    if bundle and not endpoint.startswith("http://"):
        settings = session.full_config["profiles"].get(profile or "default", {})
        if seen.get("AWS_CA_BUNDLE") or not settings.get("ca_bundle"):
            session.set_config_variable("ca_bundle", bundle)
    return session


def _follow(session: Any, env: Mapping[str, str]) -> None:
    """Have a botocore session look into `env` for its settings."""
    from botocore.configprovider import ConfigChainFactory

    chains = ConfigChainFactory(session=session, environ=dict(env))
    store = session.get_component("config_store")
    for name, (key, variables, default, convert) in session.session_var_map.items():
        chain = chains.create_config_chain(name, variables, key, default, convert)
        store.set_config_provider(name, chain)


def given_endpoint(env: Mapping[str, str]) -> str:
    """AWS_ENDPOINT_URL, unless the environment says that it does not count; usually empty."""
    if env.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return ""
    return env.get("AWS_ENDPOINT_URL", "")


def endpoints(session: Any, env: Mapping[str, str]) -> dict[str, str]:
    """Where AWS is asked, if the user says so: addresses by variable, `AWS_ENDPOINT_URL` for all
    services and `AWS_ENDPOINT_URL_<SERVICE>` for one. From the environment, then the profile.
    """
    if session.get_config_variable("ignore_configured_endpoint_urls"):
        return {}
    scoped = session.get_scoped_config()
    found: dict[str, str] = {}
    if scoped.get("endpoint_url"):
        found[ENDPOINT] = str(scoped["endpoint_url"])
    services = session.full_config.get("services", {}).get(str(scoped.get("services", "")), {})
    for service, settings in services.items():
        if isinstance(settings, Mapping) and settings.get("endpoint_url"):
            found[f"{ENDPOINT}_{service.upper()}"] = str(settings["endpoint_url"])
    if env.get(ENDPOINT):  # one for all services beats a profile's for one
        found = {}
    found |= {name: value for name, value in env.items() if name.startswith(ENDPOINT) and value}
    return found


def transport(session: Any, env: Mapping[str, str]) -> dict[str, str | None]:
    """How AWS is reached, as variables that everybody reads alike: endpoints, certificates, FIPS,
    dual-stack, proxy. Paths are absolute; what is not set does not count (None).

    Raises WizardError WAG-E-AWS-026 for an endpoint of one's own with FIPS or dual-stack,
    WAG-E-AWS-030 for one that is no address.
    """
    out: dict[str, str | None] = {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": None}
    found = endpoints(session, env)
    for name, address in found.items():
        _check_endpoint(name, address, env)
    out |= found
    for setting in ("use_fips_endpoint", "use_dualstack_endpoint"):
        if not session.get_config_variable(setting):
            continue
        out[f"AWS_{setting.upper()}"] = "true"
        if found:
            raise WizardError(
                "WAG-E-AWS-026",
                f"AWS_{setting.upper()} and {min(found)} do not go together",
                why="An endpoint of one's own has no such variant; AWS's own tools refuse both, "
                "too.",
                next_step=f"Unset one of them: {setting} may also stand in the profile. Nothing "
                "was changed.",
            )
    bundle = session.get_config_variable("ca_bundle")
    if bundle and not found.get(ENDPOINT, "").startswith("http://"):
        out["AWS_CA_BUNDLE"] = str(expanded(bundle).absolute())
    for name in ("https_proxy", "http_proxy", "no_proxy"):
        # Where both spellings are set, Python takes one and Terraform the other.
        if value := env.get(name) or env.get(name.upper()):
            out[name] = out[name.upper()] = value
    return out


def ca_bundle(env: Mapping[str, str]) -> str:
    """The certificates that this environment trusts; botocore itself does not know the last."""
    return next((env[name] for name in BUNDLES if env.get(name)), "")


BUNDLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


def region_of(env: Mapping[str, str], profile: str = "") -> str:
    """The Region that the user's configuration gives a profile; empty where there is none, or
    nothing that can be read: what reads it next tells.

    botocore's reader of these files, without the rest of it, which takes longer to load.
    """
    files = [env.get(name) or usual for name, usual in _FILES.items()]
    if not any(expanded(name).is_file() for name in files):
        return ""
    from botocore.configloader import load_config, raw_config_parse
    from botocore.exceptions import BotoCoreError

    def read(path: str, load: Callable[[str], Any]) -> dict[str, Any]:
        with contextlib.suppress(BotoCoreError, OSError, ValueError):
            return dict(load(path))
        return {}

    profile = profile or "default"
    config = read(files[0], load_config).get("profiles", {}).get(profile, {})
    found = {**config, **read(files[1], raw_config_parse).get(profile, {})}
    return str(found.get("region") or "")


def profiles(env: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the profiles, in the order of the files."""
    with explained("Reading the AWS configuration", everything=True):
        return tuple(core({n: v for n, v in env.items() if n not in _PROFILES}).available_profiles)


def regions(env: Mapping[str, str]) -> tuple[str, ...]:
    """Every Region with API Gateway whose partition is supported, the AWS partition's first."""
    with _ONE_AT_A_TIME:
        found = _regions(env.get("AWS_CONFIG_FILE", ""))
    return tuple(region for region, partition in found if partition in SUPPORTED)


def withheld(region: str, env: Mapping[str, str]) -> str:
    """The partition of a Region that AWS has and this product does not offer; else empty."""
    with _ONE_AT_A_TIME:
        found = dict(_regions(env.get("AWS_CONFIG_FILE", "")))
    partition = found.get(region, "")
    return "" if partition in SUPPORTED else partition


@cache
def _regions(config_file: str) -> tuple[tuple[str, str], ...]:
    """(Region, its partition) of all that botocore knows."""
    # The same for as long as this program runs, and 40 ms of work: botocore reads all endpoints of
    # all services for it. The configuration file may name a folder with other data than its own.
    session = core({"AWS_CONFIG_FILE": config_file})
    found: list[tuple[str, str]] = []
    for partition in session.get_available_partitions():
        names = session.get_available_regions("apigateway", partition_name=partition)
        found += [(name, partition) for name in sorted(names)]
    return tuple(found)


def check_profile(profile: str, env: Mapping[str, str]) -> None:
    """Raise UsageError with the closest names for a profile that does not exist."""
    known = profiles(env)
    if profile in known:
        return
    near = closest(profile, known)
    misnamed = _misnamed(profile, env)
    raise UsageError(
        "WAG-E-AWS-003",
        f"The AWS profile {profile!r} does not exist",
        why=f"Profiles here: {', '.join(known) or 'none'}.",
        next_step=misnamed
        if misnamed
        else f"Did you mean {' or '.join(near)}?"
        if near
        else "Create it with `aws configure --profile NAME`, or name another one.",
        keys=("profile",),
    )


def _misnamed(profile: str, env: Mapping[str, str]) -> str:
    """What to do where one of the two files names this profile as the other one would."""
    from botocore.configloader import raw_config_parse
    from botocore.exceptions import BotoCoreError

    for (name, usual), wrong, right in zip(
        _FILES.items(),
        (profile, f"profile {profile}"),
        (f"profile {profile}", profile),
        strict=True,
    ):
        path = env.get(name) or usual
        with contextlib.suppress(BotoCoreError, OSError, ValueError):
            if wrong in raw_config_parse(path):
                return f"In {path} its section is [{wrong}]; there it has to be [{right}]."
    return ""


def check_bundle(session: Any, env: Mapping[str, str]) -> None:
    """Raise WizardError for certificates to trust that are no file, where some are needed."""
    bundle = session.get_config_variable("ca_bundle")
    if not bundle or endpoints(session, env).get(ENDPOINT, "").startswith("http://"):
        return
    path = expanded(str(bundle)).absolute()
    if path.is_file() or (path.is_dir() and any(path.glob("*.[0-9]"))):
        return
    why = "it is a folder without certificates by hash" if path.is_dir() else "there is no file"
    named = next((name for name in BUNDLES if env.get(name) == str(bundle)), "")
    raise WizardError(
        "WAG-E-AWS-006",
        "The certificates to trust cannot be read",
        why=f"{named or '`ca_bundle` in the profile'} names {path}: {why}.",
        next_step="Name a file with the certificates of your proxy, or take the setting away.",
    )


def _check_endpoint(name: str, address: str, env: Mapping[str, str]) -> None:
    with contextlib.suppress(ValueError):
        parts = urlsplit(address.strip())
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return
    service = name.removeprefix(ENDPOINT).strip("_").lower()
    of = f" of {service} in its `services` section" if service else ""
    raise WizardError(
        "WAG-E-AWS-030",
        f"{name} is no address" if env.get(name) else f"`endpoint_url`{of} is no address",
        why="It begins with http:// or https:// and names a host. It is not shown, for it may hold "
        "a password.",
        next_step=f"Correct {name}, or `endpoint_url` in the profile. Nothing was changed.",
    )


def _who_says_region(region: str, env: Mapping[str, str], profile: str) -> str:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if env.get(name) == region:
            return f"{name} says so. "
    if region_of(env, profile) == region:
        behind = " A comment behind a value counts as part of it." if "#" in region else ""
        return f"`region` of the profile {profile or 'default'} says so.{behind} "
    return ""


def check_region(region: str, env: Mapping[str, str], profile: str = "") -> None:
    """Raise UsageError with who named it, and the closest names, for a Region that does not exist.

    Args:
        profile: the one in use, whose `region` may be meant.
    """
    known = regions(env)
    if region in known:
        return
    partition = withheld(region, env)
    if partition:
        raise UsageError(
            "WAG-E-AWS-033",
            f"The Region {region} is of the partition {partition}, which is not supported",
            why=WITHHELD,
            next_step=f"Supported are the Regions of {', '.join(SUPPORTED)}; "
            "`wallarm-apigw stages list --all-regions` shows them. Nothing was changed.",
            keys=("region",),
        )
    near = closest(region, known)
    raise UsageError(
        "WAG-E-AWS-004",
        f"There is no AWS Region {region!r} with API Gateway",
        why=f"{_who_says_region(region, env, profile)}This program knows {len(known)} Regions.",
        next_step=f"Did you mean {' or '.join(near)}?"
        if near
        else "Use a Region such as eu-central-1.",
        keys=("region",),
    )
