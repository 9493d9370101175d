"""The embedded sandbox as one value: start it, point the product at it, stop it, nothing is left.

Everything runs in one child process (`wizard.sandbox.host`) that ends when this process stops it,
forgets it or is killed; see there. Importing this module needs nothing but the standard library.
"""

from __future__ import annotations

import importlib.util
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from wizard.core.errors import UsageError, WizardError
from wizard.sandbox import leftovers, traffic
from wizard.sandbox.catalogue import APIS, SAMPLE_STAGES, SampleApi, by_key
from wizard.sandbox.cloud import DEPLOYMENT_TOKEN, TOKEN
from wizard.sandbox.traffic import SampleRequest, Sent

ACCOUNT_ID = "123456789012"
START_SECONDS = 60.0
STOP_SECONDS = 12.0
CALL_SECONDS = 30.0
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


class NodeClient:
    """Talks to the stand-in node's control port."""

    def __init__(self, control_url: str, connector: str) -> None:
        self.control_url = control_url
        self.connector = connector  # host:port, what X_NODE_URL would be without a load balancer

    def records(self) -> list[dict[str, Any]]:
        """One record per request that arrived; see `wizard.sandbox.records.pair`."""
        data: list[dict[str, Any]] = _call(f"{self.control_url}/__record")
        return data

    def messages(self) -> list[dict[str, Any]]:
        """Every message as it arrived, those answered with an error included."""
        data: list[dict[str, Any]] = _call(f"{self.control_url}/__messages")
        return data

    def reset(self) -> None:
        """Forget every message and every fault."""
        _call(f"{self.control_url}/__reset", {})

    def fail(self, mode: str, **settings: object) -> None:
        """Misbehave from now on; `mode` and settings are those of `wizard.sandbox.node.Fault`.

        `fail("none")` behaves again.
        """
        _call(f"{self.control_url}/__fail", {"mode": mode, **settings})

    def wait_for(self, count: int, seconds: float = 30.0) -> list[dict[str, Any]]:
        """The records as soon as there are `count` of them with a status, or when time is up."""
        end = time.monotonic() + seconds
        while True:
            found = self.records()
            if len([r for r in found if r["status"] is not None]) >= count:
                return found
            if time.monotonic() > end:
                return found
            time.sleep(0.1)


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
        self.node = NodeClient(_url(ports["control"]), f"127.0.0.1:{ports['connector']}")
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
                next_step="pip install 'wallarm-apigw[sandbox]'",
            )
        leftovers.sweep()
        folder = Path(tempfile.mkdtemp(prefix=leftovers.PREFIX)) if root is None else root
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        process = _spawn(folder)
        try:
            settings = {
                "root": str(folder.resolve()),
                "account_id": ACCOUNT_ID,
                "region": region,
                "seed": seed,
                "keep_logs": root is not None,
            }
            ports = _greet(process, settings, folder)
        except BaseException:
            _end(process)
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
        data: dict[str, Any] = _call(f"{self.execute_api_url}/__deliveries")
        return data

    def name_node(self, name: str) -> None:
        """Let one more DNS name lead to the stand-in node inside Lambda workers."""
        with (self.root / "hosts").open("a", encoding="utf-8") as hosts:
            hosts.write(f"{self.node.connector} {name}\n")

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End everything; may be called twice."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def run_foreground(region: str = "us-east-1", out: IO[str] | None = None) -> int:
    """Start the sandbox, print `export` lines for a shell, and wait until Ctrl-C or SIGTERM."""
    stream = sys.stdout if out is None else out
    stopped = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal stopped
        stopped = True

    with Sandbox.start(region=region) as sandbox:
        before = {n: signal.signal(n, stop) for n in (signal.SIGINT, signal.SIGTERM)}
        try:
            for name in sandbox.unset:
                stream.write(f"unset {name}\n")
            for name, value in sandbox.env.items():
                stream.write(f"export {name}='{value}'\n")
            stream.flush()
            sys.stderr.write(
                f"Local AWS at {sandbox.endpoint_url}. Paste the lines above into another "
                "terminal. Ctrl-C ends everything.\n"
            )
            while not stopped and sandbox.alive():
                time.sleep(0.2)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return 0


def _spawn(folder: Path) -> subprocess.Popen[bytes]:
    package_root = str(Path(__file__).resolve().parents[2])
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "WALLARM_"))}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, (package_root, env.get("PYTHONPATH"))))
    with (folder / "sandbox.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "wizard.sandbox.host"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=env,
            start_new_session=True,  # Ctrl-C in the terminal is ours to handle
        )


def _greet(
    process: subprocess.Popen[bytes], settings: dict[str, object], folder: Path
) -> dict[str, int]:
    """Hand the settings over and wait for the ports."""
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise ValueError("the child has no pipes")
    line = b""
    try:
        stdin.write(json.dumps(settings).encode() + b"\n")
        stdin.flush()
        if select.select([stdout], [], [], START_SECONDS)[0]:
            line = stdout.readline()
    except BrokenPipeError:
        pass
    answer = json.loads(line) if line else {}
    if "ready" in answer:
        ports: dict[str, int] = answer["ready"]
        return ports
    log = folder / "sandbox.log"
    tail = log.read_text(errors="replace")[-1500:] if log.is_file() else ""
    raise WizardError(
        "WAG-E-SANDBOX-002",
        "The sandbox did not start",
        why=str(answer.get("error") or tail or f"No answer within {START_SECONDS:.0f} s."),
        next_step="Start it again; if that fails too, `pip install --force-reinstall "
        "'wallarm-apigw[sandbox]'`.",
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close the child's standard input, which ends it; kill it when that takes too long."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                continue
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()  # its children see their standard input end
        process.wait()


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _call(url: str, data: object = None) -> Any:
    """GET, or POST of JSON, on one of the stand-ins; never through a proxy."""
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(url, data=body)  # noqa: S310 - loopback, made above
    with _DIRECT.open(request, timeout=CALL_SECONDS) as answer:
        return json.loads(answer.read())
