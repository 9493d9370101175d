"""Behind a company's proxy and its own certificates: boto3 and Terraform go the same way."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.front import Front
from tests.services.terraform.local import on_aws
from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.events import State
from wizard.flows.context import Options
from wizard.flows.preflight import Preflight
from wizard.services.aws.session import Session
from wizard.services.workspace.workspace import Workspace

pytestmark = pytest.mark.e2e

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-central-1"}
VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.fixture(scope="module")
def company_ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that no system trusts; its key lies beside it."""
    folder = tmp_path_factory.mktemp("ca")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=company", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", folder / "key.pem", "-out", folder / "ca.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / "ca.pem"


@pytest.fixture
def tls(local_aws: str, company_ca: Path) -> Iterator[Front]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(company_ca, company_ca.with_name("key.pem"))
    with Front(local_aws, context) as front:
        yield front


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def identity(env: dict[str, str], url: str) -> str:
    return Session(env={**KEYS, "AWS_ENDPOINT_URL": url, **env}).identity().account_id


def test_a_company_s_certificates_are_trusted_by_whichever_variable_names_them(
    tls: Front, company_ca: Path, monkeypatch: pytest.MonkeyPatch, workspace: Workspace,
    tmp_path: Path, terraform_path: str,
) -> None:  # fmt: skip
    with pytest.raises(WizardError):
        identity({}, tls.url)
    for name in VARIABLES:
        with monkeypatch.context() as patch:
            patch.setenv(name, str(company_ca))
            assert identity({name: str(company_ca)}, tls.url)
    asked = tls.passed
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(company_ca))
    assert on_aws(workspace, tmp_path, terraform_path, tls.url).plan().has_changes
    assert tls.passed > asked


@pytest.mark.parametrize("name", VARIABLES)
def test_the_wallarm_cloud_behind_a_company_s_certificate_is_reached(
    tls: Front, company_ca: Path, name: str
) -> None:
    def seen(**env: str) -> State:
        options = Options(env={"WALLARM_APIGW_CLOUD_URL": tls.url, **env})
        return Preflight(options, lambda _: Session(env={}))._cloud(Answers()).state

    assert seen() is State.WARNING
    assert seen(**{name: str(company_ca)}) is State.DONE


def test_a_proxy_is_gone_through_by_boto3_and_by_terraform(
    local_aws: str, monkeypatch: pytest.MonkeyPatch, workspace: Workspace, tmp_path: Path,
    terraform_path: str,
) -> None:  # fmt: skip
    nowhere = "http://aws.example.invalid"  # only the proxy knows where that is
    with Front(local_aws) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        assert identity({}, nowhere)
        asked = proxy.passed
        assert asked > 0
        assert on_aws(workspace, tmp_path, terraform_path, nowhere).plan().has_changes
        assert proxy.passed > asked
