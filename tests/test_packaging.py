"""An installed copy works outside the repository: module and forwarder travel with it."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.terraform.local_aws import LocalAws
from wizard.services.workspace.module import module_files

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build(tmp_path_factory.mktemp("sdist"), "sdist")


def _build(folder: Path, kind: str = "wheel", source: Path = ROOT) -> Path:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content in a folder of its own, far from the repository."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(installed: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wizard.cli", *arguments],
        env={**os.environ, "PYTHONPATH": str(installed), "NO_COLOR": "1", **env},
        cwd=installed,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_the_wheel_holds_the_module_the_forwarder_and_no_state(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "wizard/_bundled/terraform/main.tf" in names
    assert "wizard/_bundled/terraform/cw-resend-lambda.zip" in names
    assert "wizard/_bundled/terraform/modules/connector/caller.tf" in names
    assert len([n for n in names if "/modules/" in n]) == 1, "the links of the module's copy"
    assert "wizard/_bundled/lambda/cw-resend-lambda/lambda_function.py" in names
    assert "wizard/_bundled/requirements/terraform.txt" in names
    assert "wizard/ui/styles.tcss" in names
    assert [n for n in names if n.endswith((".tfstate", ".tfvars", ".pyc"))] == []


def test_the_wheel_holds_nothing_but_the_product(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(n for n in names if n.endswith("/METADATA"))).decode()
        entry = archive.read(next(n for n in names if n.endswith("/entry_points.txt"))).decode()
    folders = {name.partition("/")[0] for name in names}
    assert folders == {"wizard", next(f for f in folders if f.endswith(".dist-info"))}
    kinds = {Path(n).suffix for n in names if not n.partition("/")[0].endswith(".dist-info")}
    known = {".py", ".typed", ".tcss", ".tf", ".zip", ".md", ".example", ".hcl", ".txt"}
    assert kinds <= known, kinds
    assert "setup.py" not in " ".join(names), "nothing runs while it is installed"
    assert entry.split() == ["[console_scripts]", "wallarm-apigw", "=", "wizard.cli:command"]
    requires = [li for li in metadata.splitlines() if li.startswith("Requires-Dist")]
    assert len([li for li in requires if "extra ==" not in li]) <= 8


def test_the_modules_own_tests_are_neither_in_the_wheel_nor_in_a_workspace(wheel: Path) -> None:
    assert list((ROOT / "terraform" / "tests").rglob("*.tftest.hcl"))
    with zipfile.ZipFile(wheel) as archive:
        assert [name for name in archive.namelist() if name.endswith(".tftest.hcl")] == []
    assert [name for name, _ in module_files(ROOT / "terraform") if "test" in name] == []


def test_the_same_source_gives_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    assert _build(tmp_path).read_bytes() == wheel.read_bytes()


def test_the_same_source_gives_the_same_source_distribution(sdist: Path, tmp_path: Path) -> None:
    assert _build(tmp_path, "sdist").read_bytes() == sdist.read_bytes()


def test_the_source_distribution_elsewhere_gives_the_same_wheel(
    wheel: Path, sdist: Path, tmp_path: Path
) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    assert _build(tmp_path / "dist", source=source).read_bytes() == wheel.read_bytes()


def test_the_source_distribution_holds_every_page_and_every_picture_a_page_shows(
    sdist: Path,
) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    pages = {str(path.relative_to(ROOT)) for path in ROOT.glob("*.md")}
    assert pages | {".ci/run", "Makefile", "LICENSE", "screenshots/sandbox-review.png"} <= names
    assert [n for n in names if n.endswith((".tfstate", ".pyc")) or "/.venv" in n] == []


def test_the_installed_copy_is_the_one_that_runs(installed: Path) -> None:
    where = subprocess.run(
        [sys.executable, "-c", "import wizard; print(wizard.__file__)"],
        env={**os.environ, "PYTHONPATH": str(installed)},
        cwd=installed,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(installed))


@pytest.mark.e2e
def test_the_installed_copy_plans_the_whole_connector(installed: Path, tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    done = run(installed, "sandbox", "try", "--headless", "--dry-run", **home)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "nothing was changed" in done.stderr.lower()
    assert "Load balancer" in done.stderr


@pytest.mark.parametrize("options", [(), ("--as-module",)])
def test_the_installed_copy_exports_module_or_caller_whole(
    installed: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    target = tmp_path / "git"
    with LocalAws(tmp_path / "aws") as aws:
        done = run(
            installed, "export", str(target), *options, "--non-interactive",
            WALLARM_APIGW_NODE_URL="node.example.com:443", **aws.env,
            HOME=str(tmp_path), XDG_DATA_HOME=str(tmp_path / "data"),
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    module = target / "connector" if options else target
    assert (target / "cw-resend-lambda.zip").stat().st_size > 10_000
    assert (module / "forwarder.tf").is_file()
    assert (module / "caller.tf").is_file() == bool(options)
    assert (module / "provider.tf").is_file() != bool(options)
