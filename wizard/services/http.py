"""HTTP as the environment wants it: through its proxy, with its certificates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
from requests.utils import should_bypass_proxies

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "AWS_CA_BUNDLE")


class EnvironmentSession(requests.Session):
    """A session that goes by a given environment and not by this process's own.

    A `.netrc` is left alone on purpose: it would replace the token.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        super().__init__()
        self.trust_env = False
        self.no_proxy = env.get("no_proxy") or env.get("NO_PROXY") or ""
        for scheme in ("http", "https"):
            proxy = env.get(f"{scheme}_proxy") or env.get(f"{scheme}_proxy".upper())
            if proxy:
                self.proxies[scheme] = proxy
        bundle = next((env[name] for name in _BUNDLES if env.get(name)), "")
        if bundle:
            self.verify = bundle

    def merge_environment_settings(self, url: Any, *settings: Any) -> Any:
        """As requests does it; it knows hosts that need no proxy only from this process's own."""
        merged = super().merge_environment_settings(url, *settings)
        if self.no_proxy and should_bypass_proxies(str(url), self.no_proxy):
            merged["proxies"] = {}
        return merged


def open_session(env: Mapping[str, str]) -> EnvironmentSession:
    """An HTTP session with the proxy and CA settings of `env`. Close it, or use it in a `with`."""
    return EnvironmentSession(env)
