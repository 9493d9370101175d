"""Packs the forwarder: `python lambda/build.py terraform/cw-resend-lambda.zip`.

The same source gives the same bytes on any machine: names sorted, one date, one mode, and not
compressed, because compressors differ between builds of zlib.
"""

import sys
import zipfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "cw-resend-lambda"
EPOCH = (1980, 1, 1, 0, 0, 0)


def build(target):
    """Write the package to `target`, a path or a binary file."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as package:
        for path in sorted(SOURCE.glob("*.py")):
            entry = zipfile.ZipInfo(path.name, EPOCH)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            package.writestr(entry, path.read_bytes())


if __name__ == "__main__":
    build(Path(sys.argv[1]))
