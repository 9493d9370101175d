"""AWS configurations as people have them, each with the account that it leads to.

And a stand-in for what hands out roles on AWS's own machines: instances and containers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

HELPER = """#!/bin/sh
echo '{"Version": 1, "AccessKeyId": "333333333333", "SecretAccessKey": "s"}'
"""


@dataclass(frozen=True)
class Machine:
    """Environment and AWS configuration; `{root}` and `{url}` are replaced."""

    account: str
    env: Mapping[str, str] = field(default_factory=dict)
    config: str = ""
    credentials: str = ""
    profile: str = ""


KEYS = {"AWS_ACCESS_KEY_ID": "111111111111", "AWS_SECRET_ACCESS_KEY": "s"}
REGION = {"AWS_DEFAULT_REGION": "eu-west-1"}
WORK = "[work]\naws_access_key_id = 222222222222\naws_secret_access_key = s\n"
URL = {"AWS_ENDPOINT_URL": "{url}"}
IMDS = {"AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "{metadata}"}
MACHINES = {
    "keys": Machine("111111111111", KEYS | REGION | URL),
    "keys and AWS_PROFILE": Machine(
        "111111111111", KEYS | REGION | URL | {"AWS_PROFILE": "work"},
        "[profile work]\nregion = us-west-2\n", WORK,
    ),
    "AWS_PROFILE alone": Machine(
        "222222222222", URL | {"AWS_PROFILE": "work"},
        "[profile work]\nregion = us-west-2\n", WORK,
    ),
    "the default profile": Machine(
        "222222222222", URL, "[default]\nregion = sa-east-1\n", WORK.replace("work", "default")
    ),
    "a quoted profile": Machine(
        "222222222222", URL | {"AWS_PROFILE": "my work"},
        '[profile "my work"]\nregion = us-west-2\n', WORK.replace("work", "my work"),
    ),
    "keys in the config file": Machine(
        "222222222222", URL | {"AWS_PROFILE": "work"},
        "[profile work]\nregion = us-west-2\n" + WORK.partition("\n")[2],
    ),
    "the profile's endpoint": Machine(
        "222222222222", {"AWS_PROFILE": "work"},
        "[profile work]\nregion = us-west-2\nendpoint_url = {url}\n", WORK,
    ),
    "the profile's services section": Machine(
        "222222222222", {"AWS_PROFILE": "work"},
        "[profile work]\nregion = us-west-2\nservices = lab\n[services lab]\nsts =\n"
        "  endpoint_url = {url}\n", WORK,
    ),
    "an endpoint for STS alone": Machine(
        "111111111111", KEYS | REGION | {"AWS_ENDPOINT_URL_STS": "{url}"}
    ),
    "an endpoint in the environment beats the profile's": Machine(
        "222222222222", URL | {"AWS_PROFILE": "work"},
        "[profile work]\nregion = us-west-2\nendpoint_url = http://127.0.0.1:9\n", WORK,
    ),
    "a credential process": Machine(
        "333333333333", URL | {"AWS_PROFILE": "helped"},
        "[profile helped]\nregion = us-west-2\ncredential_process = {root}/helper.sh\n",
    ),
    "a credential process, named relatively": Machine(
        "333333333333", URL | {"AWS_PROFILE": "helped"},
        "[profile helped]\nregion = us-west-2\ncredential_process = ./helper.sh\n",
    ),
    "a role on a profile": Machine(
        "444444444444", URL | {"AWS_PROFILE": "role"},
        "[profile role]\nregion = us-west-2\nrole_arn = arn:aws:iam::444444444444:role/r\n"
        "source_profile = work\n", WORK,
    ),
    "a role on the environment's keys": Machine(
        "444444444444", URL | KEYS | {"AWS_PROFILE": "role"},
        "[profile role]\nregion = us-west-2\nrole_arn = arn:aws:iam::444444444444:role/r\n"
        "credential_source = Environment\n", profile="role",
    ),
    "a role on a credential process": Machine(
        "444444444444", URL | {"AWS_PROFILE": "role"},
        "[profile role]\nregion = us-west-2\nrole_arn = arn:aws:iam::444444444444:role/r\n"
        "source_profile = helped\n[profile helped]\ncredential_process = {root}/helper.sh\n",
    ),
    "a stale AWS_PROFILE beside keys": Machine(
        "111111111111", KEYS | REGION | URL | {"AWS_PROFILE": "gone"}
    ),
    "a tilde in the file's name": Machine(
        "222222222222", URL | {"AWS_PROFILE": "work", "AWS_CONFIG_FILE": "~/elsewhere"},
        "[profile work]\nregion = us-west-2\n", WORK,
    ),
    "empty variables": Machine(
        "222222222222",
        URL | {"AWS_PROFILE": "work", "AWS_CA_BUNDLE": "", "AWS_REGION": "",
               "AWS_SESSION_TOKEN": ""},
        "[profile work]\nregion = us-west-2\n", WORK,
    ),
    "an instance's role": Machine(
        "555555555555", URL | REGION | IMDS
    ),
    "a role on an instance's role": Machine(
        "444444444444", URL | IMDS | {"AWS_PROFILE": "role"},
        "[profile role]\nregion = us-west-2\nrole_arn = arn:aws:iam::444444444444:role/r\n"
        "credential_source = Ec2InstanceMetadata\n",
    ),
    "a container's role": Machine(
        "666666666666", URL | REGION | {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "{metadata}/container",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "container-token",
        },
    ),
    "a container's role, its token in a file": Machine(
        "666666666666", URL | REGION | {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "{metadata}/container",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "{root}/container-token",
        },
    ),
    "a web identity": Machine(
        "777777777777", URL | REGION | {
            "AWS_WEB_IDENTITY_TOKEN_FILE": "{root}/web-token",
            "AWS_ROLE_ARN": "arn:aws:iam::777777777777:role/pod",
        },
    ),
    "a web identity, in the profile": Machine(
        "777777777777", URL | {"AWS_PROFILE": "pod"},
        "[profile pod]\nregion = us-west-2\nrole_arn = arn:aws:iam::777777777777:role/pod\n"
        "web_identity_token_file = {root}/web-token\n",
    ),
}  # fmt: skip
# Here AWS's own tools only say that there is no such profile; the keys are good all the same.
NOT_PLAIN = ("a stale AWS_PROFILE beside keys", "empty variables")


def furnished(machine: Machine, tmp_path: Path, url: str, metadata: str = "") -> dict[str, str]:
    """Put the configuration's files below a folder; the environment of a shell there."""
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    program = tmp_path / "helper.sh"
    program.write_text(HELPER)
    program.chmod(0o755)
    (tmp_path / "web-token").write_text("header.claims.signature")
    (tmp_path / "container-token").write_text(CONTAINER_TOKEN)

    def fill(text: str) -> str:
        filled = text.replace("{root}", str(tmp_path)).replace("{url}", url)
        return filled.replace("{metadata}", metadata)

    config = home / ("elsewhere" if "AWS_CONFIG_FILE" in machine.env else ".aws/config")
    config.write_text(fill(machine.config))
    (home / ".aws" / "credentials").write_text(fill(machine.credentials))
    base = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    own = {name: fill(value) for name, value in machine.env.items()}
    return {**base, "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true", **own}


INSTANCE, CONTAINER = "555555555555", "666666666666"
CONTAINER_TOKEN = "container-token"
_IMDS = "/latest/meta-data/iam/security-credentials/"


class _Metadata(BaseHTTPRequestHandler):
    """Instances: IMDSv2 (a token first). Containers: one address, with an authorization token.

    See the Amazon EC2 and ECS user guides, "Retrieve security credentials from instance metadata"
    and "Task IAM role".
    """

    def log_message(self, *words: object) -> None:
        del words

    def do_PUT(self) -> None:
        self._answer("imds-token" if self.path == "/latest/api/token" else None)

    def do_GET(self) -> None:
        if self.path == "/container":
            right = self.headers.get("Authorization") == CONTAINER_TOKEN
            self._answer(_keys(CONTAINER) if right else None)
        elif self.headers.get("X-aws-ec2-metadata-token") != "imds-token":
            self._answer(None)
        else:
            known = {_IMDS: "instance-role", _IMDS + "instance-role": _keys(INSTANCE)}
            self._answer(known.get(self.path))

    def _answer(self, text: str | None) -> None:
        body = (text or "").encode()
        self.send_response(404 if text is None else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _keys(account: str) -> str:
    ends = datetime.now(timezone.utc) + timedelta(hours=6)
    return json.dumps(
        {
            "Code": "Success", "AccessKeyId": account, "SecretAccessKey": "s", "Token": "t",
            "Expiration": f"{ends:%Y-%m-%dT%H:%M:%SZ}", "LastUpdated": "2026-01-01T00:00:00Z",
        }
    )  # fmt: skip


@contextmanager
def metadata_service() -> Iterator[str]:
    """The stand-in, at this address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Metadata) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
