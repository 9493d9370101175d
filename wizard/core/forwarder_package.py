"""Which forwarder: ours, or a zip such as Wallarm's bundle. A zip is looked into, never run.

As downloaded, Wallarm's bundle holds its code in a folder (documented: one file
`cw-resend-lambda/lambda_function.py`, Python 3.13, 30 to 60 seconds), where Lambda does not find
the handler. Here a zip is checked, recognised, and packed again so that it does. The same zip gives
the same bytes on any machine: sorted names, one date, one mode, no compression.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import io
import lzma
import re
import stat
import struct
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath

from wizard.core.errors import UsageError
from wizard.core.events import State
from wizard.core.text import clean

MODULE, FUNCTION = "lambda_function.py", "lambda_handler"
HANDLER = "lambda_function.lambda_handler"
RUNTIME = "python3.13"
TIMEOUT = 60  # seconds; the vendor's page names 30 to 60

MOST_PACKED = 50_000_000  # bytes that Lambda takes in one upload
MOST_UNPACKED = 250_000_000  # bytes that Lambda takes unpacked
MOST_FILES = 4_000
MOST_SOURCE = 1_000_000  # bytes of a module that is looked into
MOST_NAME = 400
_DATE = (1980, 1, 1, 0, 0, 0)
_MODE = (stat.S_IFREG | 0o644) << 16

_VERSION = re.compile(r'^VERSION = "([^"]+)"', re.MULTILINE)

# What zipfile lets through when the bytes are not what they say (seen by trying random ones).
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    LookupError,
)

# What the official bundle reads, and ours too; a package without them forwards to nowhere.
_VARIABLES = ("X_NODE_URL", "X_NODE_SCHEME")


@dataclass(frozen=True)
class ForwarderPackage:
    """A zip that Lambda can run.

    official: it looks like Wallarm's bundle. folder: where its code lay; empty at the top. data:
    the zip as it is deployed. notes: what is worth knowing before it is. processors: what compiled
    code in it is for, as AWS calls them; empty where there is none.
    """

    official: bool
    folder: str
    files: int
    data: bytes
    handler: str = HANDLER
    runtime: str = RUNTIME
    timeout: int = TIMEOUT
    notes: tuple[str, ...] = ()
    processors: tuple[str, ...] = ()

    def runs_on(self, processor: str) -> bool:
        """Whether nothing in it is compiled for other processors alone."""
        return not self.processors or processor in self.processors


def read_package(data: bytes, name: str = "the package") -> ForwarderPackage:
    """Look into a zip and pack it for Lambda. Nothing of it is run, and nothing is written.

    Raises UsageError where it is no zip, holds what no package needs (links, ways out of its
    folder, bombs, secrets by password), or no handler.
    """
    if len(data) > MOST_PACKED:
        raise _refused(name, f"it is larger than {MOST_PACKED // 1_000_000} MB, AWS's limit")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = archive.infolist()
    except _UNREADABLE as error:
        raise _refused(name, f"it is no zip that can be read: {clean(str(error), 200)}") from None
    files = _files(archive, entries, name)
    found = _handlers(files)
    if not found:
        raise _refused(name, f"no {MODULE} in it defines {FUNCTION}: it holds {_listed(files)}")
    if len(found) > 1:
        where = ", ".join(clean(str(path), 60) for path in found[:3])
        raise _refused(name, f"several modules could be meant: {where}")
    folder = found[0].parent
    kept = {
        path.relative_to(folder).as_posix(): content
        for path, content in files.items()
        if path.is_relative_to(folder)
    }
    source = files[found[0]].decode("utf-8", "replace")
    missing = [variable for variable in _VARIABLES if variable not in source]
    others = len(files) - len(kept)
    return ForwarderPackage(
        official=not missing,
        folder="" if folder == PurePosixPath() else folder.as_posix(),
        files=len(kept),
        data=_packed(kept),
        notes=_notes(missing, others),
        processors=tuple(sorted({_processor(content) for content in kept.values()} - {""})),
    )


# The machine of an ELF file, Linux's format of compiled code, by the number in its header.
_MACHINES = {62: "x86_64", 183: "arm64"}


def _processor(content: bytes) -> str:
    """What this file is compiled for; empty for anything but ELF for one of Lambda's processors."""
    if content[:4] != b"\x7fELF" or len(content) < 20:
        return ""
    return _MACHINES.get(int.from_bytes(content[18:20], "little"), "")


def _notes(missing: list[str], others: int) -> tuple[str, ...]:
    notes = []
    if missing:
        notes.append(
            f"its module does not name {' and '.join(missing)}: it may not know where the node is"
        )
    if others:
        notes.append(f"{others} of its files lie beside the folder of its code and are left out")
    return tuple(notes)


def _files(
    archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], name: str
) -> dict[PurePosixPath, bytes]:
    """Every file by its path. Raises UsageError for what no package of code needs."""
    if len(entries) > MOST_FILES:
        raise _refused(name, f"it holds more than {MOST_FILES:,} files")
    files: dict[PurePosixPath, bytes] = {}
    left = MOST_UNPACKED
    for entry in entries:
        problem = _problem(entry)
        if problem:
            raise _refused(name, f"{clean(entry.filename, 80)} {problem}")
        path = PurePosixPath(entry.filename)
        if entry.is_dir() or _is_clutter(path):
            continue
        if path in files:
            raise _refused(name, f"{clean(entry.filename, 80)} is in it twice")
        files[path] = _content(archive, entry, left, name)
        left -= len(files[path])
    return files


def _problem(entry: zipfile.ZipInfo) -> str:
    """Why an entry has no place in a package of code; empty where it has."""
    path, kind = entry.filename, stat.S_IFMT(entry.external_attr >> 16)
    parts = path.split("/")
    if len(path) > MOST_NAME:
        return "has too long a name"
    if path.startswith("/") or "\\" in entry.orig_filename or ":" in parts[0] or ".." in parts:
        return "leads out of the package"
    if not path.isprintable() or not path:
        return "has a name that cannot be shown"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if entry.flag_bits & 1:
        return "is locked with a password"
    return ""


def _is_clutter(path: PurePosixPath) -> bool:
    """What operating systems and editors put beside the code."""
    clutter = ("__MACOSX", "__pycache__", ".DS_Store", ".git")
    return any(part in clutter for part in path.parts)


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int, name: str) -> bytes:
    """A file's bytes. What the zip says of its size is not believed."""
    try:
        with archive.open(entry) as reader:
            content = reader.read(left + 1)
    except _UNREADABLE as error:
        raise _refused(
            name, f"{clean(entry.filename, 80)} cannot be unpacked: {clean(str(error), 120)}"
        ) from None
    if len(content) > left:
        raise _refused(name, f"it unpacks to more than {MOST_UNPACKED // 1_000_000} MB")
    return content


def _handlers(files: dict[PurePosixPath, bytes]) -> list[PurePosixPath]:
    """Modules that define the handler, those nearest to the top only."""
    found = [p for p in files if p.name == MODULE and _defines_handler(files[p])]
    nearest = min((len(path.parts) for path in found), default=0)
    return sorted(path for path in found if len(path.parts) == nearest)


def _defines_handler(source: bytes) -> bool:
    """Whether this is Python that defines the handler at its top; parsed, not run."""
    if len(source) > MOST_SOURCE:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # foreign code's own, such as about its escapes
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(_binds_handler(node) for node in tree.body)


def _binds_handler(node: ast.stmt) -> bool:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return node.name == FUNCTION
    if isinstance(node, ast.Assign):
        return any(isinstance(t, ast.Name) and t.id == FUNCTION for t in node.targets)
    if isinstance(node, (ast.ImportFrom, ast.Import)):
        return any((alias.asname or alias.name) == FUNCTION for alias in node.names)
    return False


def _packed(files: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.create_system = 3  # Unix, whatever this machine is
            entry.external_attr = _MODE
            archive.writestr(entry, files[name])
    return held.getvalue()


def _listed(files: dict[PurePosixPath, bytes]) -> str:
    if not files:
        return "no file"
    names = ", ".join(clean(str(path), 60) for path in sorted(files)[:3])
    return f"{names} and {len(files) - 3} more" if len(files) > 3 else names


def _refused(name: str, why: str) -> UsageError:
    return UsageError(
        "WAG-E-PACKAGE-001",
        f"{clean(name, 200)} is no package of a forwarder",
        why=f"{why[0].upper()}{why[1:]}. Nothing of it was run.",
        next_step="Download the code bundle again (Wallarm Console, Security Edge, Connectors), or "
        "leave lambda_package empty for the forwarder of this product.",
    )


@dataclass(frozen=True)
class ForwarderChoice:
    """One answer to "Which forwarder?": what it can and cannot."""

    key: str
    title: str
    can: str
    cannot: str


QUESTION = "Which forwarder?"
CHOICES = (
    ForwarderChoice(
        "ours",
        "The one of this product",
        "Accounts for every event, retries, keeps and replays what it cannot deliver, reads the "
        "node's counters, trusts a certificate authority of yours, proves each stage.",
        "Its wire protocol is unverified: the node's own is not published. The proof and "
        "`wallarm-apigw node-dialect` ask your node whether it understands.",
    ),
    ForwarderChoice(
        "wallarm",
        "Wallarm's bundle, as downloaded",
        "Speaks as Wallarm means it to. A zip whose code lies in a folder is packed for Lambda.",
        "No private certificate authority, no application id, no line of proof (the proof ends at "
        "the log group), no reading of the node's counters, no replay of single events.",
    ),
)


def chosen_forwarder(lambda_package: str) -> ForwarderChoice:
    """Which of the two an answer stands for."""
    return CHOICES[1 if lambda_package else 0]


@dataclass(frozen=True)
class Build:
    """One build of this product's forwarder: its version, and AWS's `CodeSha256` of its zip."""

    version: str
    code: str


def build_of(package: bytes) -> Build:
    """The version and the digest of this product's own forwarder, packed for Lambda."""
    with zipfile.ZipFile(io.BytesIO(package)) as held:
        found = _VERSION.search(held.read("protocol.py").decode())
    digest = base64.b64encode(hashlib.sha256(package).digest()).decode()
    return Build(found[1] if found else "", digest)


def judge_build(deployed: Build, ours: Build) -> tuple[State, str]:
    """(DONE or WARNING, why): whether what is deployed is this product's forwarder of today.

    `deployed.version` is empty where the function did not tell it.
    """
    if deployed.code == ours.code:
        return State.DONE, f"version {ours.version}, the code that comes with this program"
    theirs = deployed.version
    if _numbers(theirs) > _numbers(ours.version):
        return State.WARNING, (
            f"version {theirs} is deployed, newer than the {ours.version} of this program: "
            "update the program rather than the forwarder"
        )
    if theirs and theirs != ours.version:
        return State.WARNING, f"version {theirs} is deployed, this program brings {ours.version}"
    told = f"it calls itself {theirs}, but" if theirs else "its version is not known, and"
    return State.WARNING, (
        f"{told} its code is not that of {ours.version} (CodeSha256 {deployed.code[:12]}…, "
        f"expected {ours.code[:12]}…)"
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d{1,9}", version))
