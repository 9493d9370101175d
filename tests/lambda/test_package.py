"""The package in terraform/ is the source, byte for byte the same on any machine."""

from __future__ import annotations

import runpy
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = runpy.run_path(str(ROOT / "lambda" / "build.py"))["build"]


def test_the_package_beside_the_module_is_built_from_this_source(tmp_path: Path) -> None:
    BUILD(tmp_path / "built.zip")
    shipped = ROOT / "terraform" / "cw-resend-lambda.zip"
    assert (tmp_path / "built.zip").read_bytes() == shipped.read_bytes(), "run `make package`"


def test_the_package_is_small_and_needs_the_standard_library_only(tmp_path: Path) -> None:
    shipped = ROOT / "terraform" / "cw-resend-lambda.zip"
    assert shipped.stat().st_size < 50_000
    with zipfile.ZipFile(shipped) as archive:
        own = {name.removesuffix(".py") for name in archive.namelist()}
        text = b"\n".join(archive.read(name) for name in archive.namelist()).decode()
    import sys

    words = {
        line.split()[1].split(".")[0]
        for line in map(str.strip, text.splitlines())
        if line.startswith(("import ", "from ")) and len(line.split()) in (2, 4, 5, 6, 7, 8, 9, 10)
    }
    assert words <= own | set(sys.stdlib_module_names)
