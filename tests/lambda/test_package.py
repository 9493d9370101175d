"""The package in terraform/ is the source, byte for byte the same on any machine."""

from __future__ import annotations

import runpy
import zipfile
import zlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
MODULE = runpy.run_path(str(ROOT / "lambda" / "build.py"))
BUILD = MODULE["build"]


def test_the_package_beside_the_module_is_built_from_this_source(tmp_path: Path) -> None:
    BUILD(tmp_path / "built.zip")
    shipped = ROOT / "terraform" / "cw-resend-lambda.zip"
    assert (tmp_path / "built.zip").read_bytes() == shipped.read_bytes(), "run `make package`"


def test_what_is_packed_is_the_source_as_it_is() -> None:
    source = ROOT / "lambda" / "cw-resend-lambda"
    with zipfile.ZipFile(ROOT / "terraform" / "cw-resend-lambda.zip") as archive:
        assert archive.testzip() is None
        packed = {entry.filename: archive.read(entry) for entry in archive.infolist()}
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}
    assert packed == {path.name: path.read_bytes() for path in source.glob("*.py")}


RUNS = st.tuples(st.binary(min_size=1, max_size=40), st.integers(1, 60)).map(lambda r: r[0] * r[1])


@given(st.lists(st.one_of(st.binary(max_size=300), RUNS), max_size=5).map(b"".join))
def test_whatever_is_packed_comes_out_again(data: bytes) -> None:
    assert zlib.decompress(MODULE["deflate"](data), -15) == data


def test_a_match_farther_away_than_the_window_is_not_used() -> None:
    far = bytes(range(256)) + bytes(32768) + bytes(range(256)) + bytes(32512) + bytes(range(256))
    assert zlib.decompress(MODULE["deflate"](far), -15) == far


def test_the_package_is_small_and_needs_the_standard_library_only(tmp_path: Path) -> None:
    shipped = ROOT / "terraform" / "cw-resend-lambda.zip"
    assert shipped.stat().st_size < 60_000
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
