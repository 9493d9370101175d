"""The embedded sandbox as one value: start it, point the product at it, stop it, nothing is left.

Everything runs in one child process (`wizard.sandbox.host`) that ends when this process stops it,
forgets it or is killed; see there. Importing this module needs nothing but the standard library.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from wizard.core.errors import UsageError
from wizard.sandbox import host_process, leftovers, traffic
from wizard.sandbox.catalogue import APIS, SAMPLE_STAGES, SampleApi, by_key
from wizard.sandbox.cloud import DEPLOYMENT_TOKEN, TOKEN
from wizard.sandbox.node_client import NodeClient, call
from wizard.sandbox.traffic import SampleRequest, Sent

ACCOUNT_ID = "123456789012"
# Settings that would point the product or Terraform somewhere else than the sandbox.
UNSET = (
    "AWS_CA_BUNDLE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULT_PROFILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)


class Sandbox:
    """A local AWS with sample APIs, a front door that logs, a stand-in node and Wallarm Cloud.

    Made by `Sandbox.start`; a context manager. `env` is merged into the environment of the product
    and of Terraform, after the names in `unset` were removed.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], root: Path, region: str, ports: dict[str, int]
    ) -> None:
        self._process: subprocess.Popen[bytes] | None = process
        self.root = root
        self.region = region
        self.account_id = ACCOUNT_ID
        self.token = TOKEN
        self.deployment_token = DEPLOYMENT_TOKEN
        self.ports = ports
        self.endpoint_url = _url(ports["aws"])
        self.execute_api_url = _url(ports["execute_api"])
        self.cloud_url = _url(ports["cloud"])
        self.backend_url = _url(ports["backend"])
        self.node = NodeClient(
            _url(ports["control"]),
            f"127.0.0.1:{ports['connector']}",
            f"{_url(ports['metrics'])}/metrics",
        )
        self.apis: dict[str, SampleApi] = {api.key: api for api in APIS}

    @classmethod
    def start(
        cls, root: Path | None = None, *, region: str = "us-east-1", seed: bool = True
    ) -> Sandbox:
        """Start everything; takes about three seconds.

        Args:
            root: where the files go. Given, its `*.log` files stay when the sandbox ends; left out,
                a temporary folder is used and removed.
            seed: whether to create the sample APIs.

        Raises:
            UsageError: the extra `sandbox` is not installed.
            WizardError: the local AWS did not start; its own words are in it.
        """
        if importlib.util.find_spec("ministack") is None:
            raise UsageError(
                "WAG-E-SANDBOX-001",
                "The sandbox needs ministack, which is not installed",
                why="It belongs to the extra `sandbox`, because only trying things out needs it.",
                next_step="Install the wheel again with the extra: "
                '`uv tool install --force "WHEEL[sandbox]"`, '
                '`pipx install --force "WHEEL[sandbox]"`, or `pip install "WHEEL[sandbox]"` in '
                "its virtual environment.",
            )
        leftovers.sweep()
        folder = Path(tempfile.mkdtemp(prefix=leftovers.PREFIX)) if root is None else root
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        process = host_process.spawn(folder)
        try:
            settings = {
                "root": str(folder.resolve()),
                "account_id": ACCOUNT_ID,
                "region": region,
                "seed": seed,
                "keep_logs": root is not None,
            }
            ports = host_process.greet(process, settings, folder)
        except BaseException:
            host_process.end(process)
            if root is None:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        return cls(process, folder, region, ports)

    @property
    def env(self) -> dict[str, str]:
        """Environment variables that make the product and Terraform see only this sandbox."""
        ours = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
        no_proxy = ",".join(filter(None, (ours, "127.0.0.1", "localhost")))
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": no_proxy,
            "no_proxy": no_proxy,
            "WALLARM_API_TOKEN": self.token,
            "WALLARM_APIGW_CLOUD_URL": self.cloud_url,
            "WALLARM_APIGW_EXECUTE_API_URL": self.execute_api_url,
            "WALLARM_APIGW_NODE_RECORD_URL": f"{self.node.control_url}/__record",
        }

    @property
    def unset(self) -> tuple[str, ...]:
        """Environment variables to remove; service endpoints of one's own are among them."""
        own = tuple(n for n in os.environ if n.startswith("AWS_ENDPOINT_URL_"))
        return UNSET + own

    def shell_lines(self) -> tuple[str, ...]:
        """The environment for a shell: what to unset, what to export."""
        values = (f"export {name}='{value}'" for name, value in self.env.items())
        return (*(f"unset {name}" for name in self.unset), *values)

    @property
    def sample_stages(self) -> tuple[str, ...]:
        """`<api id>/<stage>` of one stage of each kind, one of them with a log of its own."""
        return tuple(f"{by_key(key).api_id}/{stage}" for key, stage in SAMPLE_STAGES)

    def stage_ref(self, key: str, stage: str) -> str:
        """`<api id>/<stage>` of a sample API."""
        return f"{self.apis[key].api_id}/{stage}"

    def send(self, requests: Iterable[SampleRequest]) -> tuple[Sent, ...]:
        """Send requests through the front door; raises OSError when it does not answer."""
        return traffic.send(self.execute_api_url, requests)

    def send_sample(self, stages: Iterable[object], count: int = 12) -> tuple[Sent, ...]:
        """Send `count` sample requests to each `<api id>/<stage>`; WebSocket stages get none."""
        requests: list[SampleRequest] = []
        by_id = {api.api_id: api for api in APIS}
        for stage in stages:
            api_id, _, name = str(stage).partition("/")
            api = by_id.get(api_id)
            if api is not None and api.kind != "WEBSOCKET":
                requests += traffic.for_stage(api, name, self.region, count)
        return self.send(requests)

    def deliveries(self) -> dict[str, Any]:
        """What the front door put into log destinations, and what it could not; waits until no
        line is on its way. `{delivered, failures, not_logged}`."""
        data: dict[str, Any] = call(f"{self.execute_api_url}/__deliveries")
        return data

    def name_node(self, name: str) -> None:
        """Let one more DNS name lead to the stand-in node inside Lambda workers."""
        with (self.root / "hosts").open("a", encoding="utf-8") as hosts:
            hosts.write(f"{self.node.connector} {name}\n")

    def workspace(self, chosen: Path | None = None) -> Path:
        """The folder to deploy from: the chosen one, or one that goes with the sandbox.

        A Terraform that still runs there ends with the sandbox: there is nothing left to talk to.
        """
        folder = (chosen or self.root / "workspace").resolve()
        leftovers.note_workspace(self.root, folder)
        return folder

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End everything; may be called twice."""
        process, self._process = self._process, None
        if process is not None:
            host_process.end(process)

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"
