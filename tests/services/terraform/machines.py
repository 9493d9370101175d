"""Programs and provider folders that a test puts on the machine."""

from __future__ import annotations

from pathlib import Path

HOST = "registry.terraform.io"


def script(folder: Path, name: str, body: str, mode: int = 0o755) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n" + body)
    path.chmod(mode)
    return path


def answering(version: str) -> str:
    return f'echo \'{{"terraform_version":"{version}","platform":"linux_amd64"}}\''


def mirror(folder: Path, *, packed: bool = False, platform: str = "linux_amd64") -> Path:
    base = folder / HOST / "hashicorp" / "aws"
    if packed:
        base.mkdir(parents=True)
        (base / f"terraform-provider-aws_5.1.0_{platform}.zip").touch()
    else:
        (base / "5.1.0" / platform).mkdir(parents=True)
        (base / "5.1.0" / platform / "terraform-provider-aws_v5.1.0_x5").touch()
    return folder


def home(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "home").mkdir(exist_ok=True)
    return {"HOME": str(tmp_path / "home"), "XDG_DATA_DIRS": str(tmp_path / "none")}
