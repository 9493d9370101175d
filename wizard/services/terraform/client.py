"""Runs Terraform for the flows: init, plan, apply, and says exactly how each ended.

The command lines come from python-terraform; the processes are our own (`process`), because its
streaming, its `destroy` and its handling of variables do not work with today's Terraform.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from python_terraform import IsFlagged

from wizard.core.errors import WizardError
from wizard.core.terraform.events import (
    ApplyComplete,
    ChangeSummary,
    Diagnostic,
    DriftFound,
    Event,
    PlannedChange,
)
from wizard.core.terraform.outcome import (
    ApplyHeard,
    PlanHeard,
    state_addresses,
    unlike_plan,
)
from wizard.services.terraform import storage
from wizard.services.terraform.environment import terraform_environment
from wizard.services.terraform.errors import TerraformError, failed, unheard
from wizard.services.terraform.events import bare_lines, diagnostic
from wizard.services.terraform.find import (
    Binary,
    ProviderSource,
    SourceKind,
    find_binary,
    find_source,
    program_problem,
    registry_source,
)
from wizard.services.terraform.history import History
from wizard.services.terraform.process import RunningTerraform
from wizard.services.terraform.runner import (
    EventListener,
    Runner,
    ignore,
    outputs,
    read_json_answer,
)
from wizard.services.workspace.module import PROVIDER_LOCK, pin_provider, read_locked_version
from wizard.services.workspace.workspace import Workspace, data_dir


@dataclass(frozen=True)
class PlanResult:
    """A saved plan and what it holds. `digest` is the SHA-256 of the file that was reviewed.

    `summary` counts what would be added, changed and removed; `drift` is what was changed outside
    Terraform since the last run. The file holds sensitive values: it goes when it is used.
    """

    path: Path
    digest: str
    destroy: bool
    has_changes: bool
    summary: ChangeSummary
    changes: tuple[PlannedChange, ...]
    drift: tuple[DriftFound, ...]
    warnings: tuple[Diagnostic, ...] = ()

    def discard(self) -> None:
        """Delete the saved plan."""
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class ApplyResult:
    """A finished apply: Terraform's own count and the wall time in seconds."""

    summary: ChangeSummary
    seconds: float
    warnings: tuple[Diagnostic, ...] = ()


__all__ = ["ApplyResult", "PlanResult", "Terraform", "open_terraform"]

_ADDRESS = re.compile(r"[A-Za-z_][\w-]*(?:\[.*\])?(?:\.[\w-]+(?:\[.*\])?)+")
INIT_TIMEOUT = 900.0  # the provider is a download of 100 MB and more
PLAN_TIMEOUT = 1800.0
IMPORT_TIMEOUT = 1800.0


def open_terraform(
    workspace: Workspace,
    *,
    terraform: str = "",
    plugin_mirror: str = "",
    base_env: Mapping[str, str] | None = None,
    env: Mapping[str, str | None] | None = None,
    log_level: str = "",
) -> Terraform:
    """Terraform for a workspace, with binary and provider source found.

    Args:
        terraform: `--terraform PATH`, empty to look for it.
        plugin_mirror: `--plugin-mirror DIR`, empty to look for one.
        base_env: the whole environment to start from; this process's own if None.
        env: AWS credentials and endpoint, laid over it; None as a value removes one.
        log_level: TF_LOG, only when the user asked for it.
    Raises WizardError where there is no usable Terraform.
    """
    base = dict(os.environ if base_env is None else base_env)
    binary = find_binary(terraform, base, workspace=workspace.root)
    source = find_source(plugin_mirror, base, platform=binary.platform, host=binary.registry_host)
    return Terraform(
        workspace,
        binary,
        source,
        base_env=base,
        env=env,
        history=History(),
        log_level=log_level,
    )


class Terraform:
    """Terraform in one workspace. The caller holds the workspace's lock.

    Args:
        workspace: its module must be installed (`Workspace.install_module`).
        binary: see `find_binary`.
        source: where the provider comes from, see `find_source`.
        base_env: the whole environment to start from; this process's own if None.
        env: AWS credentials and endpoint, laid over it; None as a value removes one.
        history: learns durations from finished applies on AWS; None learns nothing.
        log_level: TF_LOG, only when the user asked for it.
    """

    def __init__(
        self,
        workspace: Workspace,
        binary: Binary,
        source: ProviderSource,
        *,
        base_env: Mapping[str, str] | None = None,
        env: Mapping[str, str | None] | None = None,
        history: History | None = None,
        log_level: str = "",
    ) -> None:
        self.workspace = workspace
        self.binary = binary
        self.source = source
        self.places = storage.places(workspace.root, data_dir())
        self._history = history
        environment = terraform_environment(
            base_env,
            env,
            data_dir=self.places.terraform_data,
            plugin_cache=self.places.plugin_cache,
            log_level=log_level,
        )
        self.runner = Runner(workspace, binary, environment)

    @property
    def working(self) -> bool:
        """Whether a command is being followed right now."""
        return self.runner.working

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self.runner.stopping

    def interrupt(self) -> None:
        """Ask the running command to finish what is in flight, store its state and stop.

        Nothing further is started by this object; a new run is a new object.
        """
        self.runner.interrupt()

    def kill(self) -> None:
        """Stop the running command at once: what is in flight will be missing from the state."""
        self.runner.kill()

    def left_running(self) -> RunningTerraform | None:
        """The Terraform that an earlier wizard left running here, if it still runs."""
        return self.runner.left_running()

    def end_left_providers(self) -> int:
        """End the providers that a killed Terraform left here; returns how many."""
        return self.runner.end_left_providers()

    def follow(self, found: RunningTerraform, on_event: EventListener = ignore) -> bool:
        """Follow it to its end. Returns whether it said that an apply was completed.

        Plan again afterwards: an empty plan is the proof.
        """
        return self.runner.follow(found, on_event)

    def init(
        self,
        on_event: EventListener = ignore,
        *,
        migrate_state: bool = False,
        timeout: float = INIT_TIMEOUT,
    ) -> ProviderSource:
        """Prepare the module folder and fetch the provider. Returns the source that delivered it.

        Raises TerraformError, code WAG-E-TF-115 where the provider could not be had.
        """
        with storage.plugin_cache_lock(self.places.plugin_cache):
            try:
                self._init(self.source, on_event, migrate_state, timeout)
            except TerraformError as error:
                if not self.source.may_fall_back or error.interrupted:
                    raise
                registry = registry_source(self.binary.registry_host)
                try:
                    self._init(registry, on_event, migrate_state, timeout)
                except TerraformError:
                    raise error from None  # the nearer source's failure is the one to mend
                self.source = registry
        return self.source

    @property
    def provider_version(self) -> str:
        """The version of the AWS provider that `init` took; empty before it."""
        module = self.workspace.module
        return read_locked_version(module) if module is not None else ""

    def validate(self) -> None:
        """Check the module itself. Raises TerraformError with every diagnostic."""
        answer = self.runner.ask("validate", json=IsFlagged)
        data = read_json_answer(answer, "validate", lambda found: "valid" in found)
        found = tuple(diagnostic(d) for d in data.get("diagnostics", ()))
        if not data.get("valid"):
            raise failed("validate", found, answer.stderr, answer.returncode)

    def plan(
        self,
        on_event: EventListener = ignore,
        *,
        destroy: bool = False,
        targets: Sequence[str] = (),
        replace: Sequence[str] = (),
        timeout: float = PLAN_TIMEOUT,
    ) -> PlanResult:
        """Work out what would change and save it. Changes nothing.

        What the workspace holds as `imports` is taken into the state by the plan's apply; a removal
        leaves it out. Raises TerraformError.
        """
        self._check_state()
        self.workspace.sweep()
        path = self.workspace.plans / f"{time.time_ns()}.tfplan"
        heard = PlanHeard()
        drift: dict[str, DriftFound] = {}

        def listen(event: Event) -> None:
            heard.hear(event)
            if isinstance(event, DriftFound):
                drift[event.address] = event
            on_event(event)

        argv = self.runner.command_line(
            "plan",
            json=IsFlagged,
            input=False,
            detailed_exitcode=IsFlagged,
            out=str(path),
            destroy=IsFlagged if destroy else None,
            var_file=self._var_file,
            target=list(targets),
            replace=list(replace),
        )
        imports = contextlib.nullcontext() if destroy else self.workspace.import_blocks()
        try:
            with imports:
                done, found = self.runner.stream("plan", argv, listen, timeout, good=(0, 2))
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        if not path.exists() or heard.is_mute(done.returncode):
            path.unlink(missing_ok=True)
            raise unheard("plan", f"{self.binary.name} ended with exit code {done.returncode}.")
        return PlanResult(
            path,
            _sha256(path),
            destroy,
            heard.has_changes(done.returncode),
            heard.summary or ChangeSummary(0, 0, 0),
            tuple(heard.changes.values()),
            tuple(drift.values()),
            tuple(d for d in found if not d.is_error),
        )

    def apply(self, plan: PlanResult, on_event: EventListener = ignore) -> ApplyResult:
        """Apply exactly the plan that was reviewed, and delete it whatever comes of it.

        It counts as done only with exit code 0 and Terraform's final count. Raises TerraformError:
        WAG-E-TF-101 when the deployment changed since the plan, `interrupted` after `interrupt`,
        `in_doubt` when Terraform died and nobody knows what it did last.
        """
        heard = ApplyHeard()
        measured: list[tuple[str, str, float]] = []

        def listen(event: Event) -> None:
            heard.hear(event)
            if isinstance(event, ApplyComplete) and event.action != "read":
                measured.append((event.resource_type, event.action, event.elapsed))
            on_event(event)

        try:
            if not plan.path.exists() or _sha256(plan.path) != plan.digest:
                raise TerraformError(
                    "WAG-E-TF-012",
                    "The saved plan is not the one that was reviewed",
                    why=f"{plan.path.name} is missing or was changed on disk.",
                    next_step="Nothing was applied. Make and review a new plan.",
                )
            argv = self.runner.command_line("apply", str(plan.path), json=IsFlagged, input=False)
            self._check_state()
            with storage.Reserve(self.workspace.state.path.parent) as reserve:
                done, found = self.runner.stream("apply", argv, listen, None, on_tick=reserve.check)
        except TerraformError as error:
            raise self._with_doubts(error, heard) from error.__cause__
        finally:
            plan.discard()
            self.workspace.imports.clear()
            self._back_up_state()
            if (
                self._history is not None
                and measured
                and not self.runner.env.get("AWS_ENDPOINT_URL")
            ):
                self._history.record(measured)
        if heard.summary is None:
            raise TerraformError(
                "WAG-E-TF-013",
                "Terraform ended without its final count",
                why="Its exit code was 0, but it did not say that the apply is complete.",
                next_step="Run the same command again: it compares with the account and goes on.",
                diagnostics=found,
                in_doubt=True,
            )
        if different := unlike_plan(plan.changes, self._addresses()):
            raise TerraformError(
                "WAG-E-TF-024",
                "Terraform says that the apply is complete, but its state is not as planned",
                why=f"{different}.",
                next_step="Nothing further was done. Run the same command again: it compares with "
                "the account and goes on.",
                diagnostics=found,
                in_doubt=True,
            )
        return ApplyResult(heard.summary, done.seconds, tuple(d for d in found if not d.is_error))

    def _with_doubts(self, error: TerraformError, heard: ApplyHeard) -> TerraformError:
        """The error of an apply that did not end, with what the state does not answer for."""
        if not heard.begun and not heard.done:
            return error
        try:
            doubts = heard.in_doubt(self._addresses())
        except WizardError:
            doubts = tuple(sorted(heard.begun))  # the state cannot be read: told by what needs it
        if doubts:
            error.in_doubt = True
            error.why = f"{error.why}\n\nIn doubt, and looked at by the next run: " + ", ".join(
                doubts
            )
            error.next_step = error.next_step.replace("What was finished is recorded. ", "")
        return error

    def _addresses(self) -> tuple[str, ...]:
        """Addresses of everything in the state."""
        if not self.workspace.state_is_local:
            return self.state_list()
        if not self.workspace.state.exists:
            return ()
        self.workspace.state.resources()  # says so when the file is damaged
        return state_addresses(self.workspace.state.path.read_bytes())

    def output(self) -> dict[str, object]:
        """The outputs by name, in JSON types; a sensitive text is a `Secret`."""
        answer = self.runner.ask("output", json=IsFlagged)
        return outputs(read_json_answer(answer, "output", _are_outputs))

    def show_plan_json(self, plan: PlanResult) -> dict[str, Any]:
        """The whole plan as Terraform's JSON. It holds sensitive values: never store it."""
        answer = self.runner.ask("show", str(plan.path), json=IsFlagged)
        return read_json_answer(answer, "show", _is_shown)

    def show_state_json(self) -> dict[str, Any]:
        """The whole state as Terraform's JSON. It holds sensitive values: never store it."""
        return read_json_answer(self.runner.ask("show", json=IsFlagged), "show", _is_shown)

    def state_list(self) -> tuple[str, ...]:
        """Addresses of everything in the state, data sources among it."""
        answer = self.runner.ask("state list")
        if answer.returncode != 0 and "No state file was found" in answer.stderr:
            return ()
        if answer.returncode != 0:
            raise failed("state list", (), answer.stderr, answer.returncode)
        lines = bare_lines(answer.stdout)
        return tuple(line for line in lines if _ADDRESS.fullmatch(line))

    def refresh(self, on_event: EventListener = ignore) -> None:
        """Write into the state what each of its resources is by now. Nothing else is changed.

        A creation that is called off in the middle leaves its resource in the state without
        attributes; `import` reads the whole configuration and fails on the first that is missing.
        Raises TerraformError.
        """
        argv = self.runner.command_line(
            "apply",
            refresh_only=IsFlagged,
            auto_approve=IsFlagged,
            input=False,
            json=IsFlagged,
            var_file=self._var_file,
        )
        self._check_state()
        try:
            self.runner.stream("refresh", argv, on_event, IMPORT_TIMEOUT)
        finally:
            self._back_up_state()

    def import_(self, address: str, resource_id: str, on_event: EventListener = ignore) -> None:
        """Take a resource that exists into the state. Raises TerraformError."""
        argv = self.runner.command_line(
            "import",
            address,
            resource_id,
            input=False,
            no_color=IsFlagged,
            var_file=self._var_file,
        )
        self._check_state()
        try:
            self.runner.stream("import", argv, on_event, IMPORT_TIMEOUT)
        finally:
            self._back_up_state()

    def forget(self, addresses: Sequence[str]) -> None:
        """Take resources out of the state without touching them. Raises TerraformError."""
        self._check_state()
        answer = self.runner.ask("state rm", *addresses)
        self._back_up_state()
        if answer.returncode != 0:
            raise failed("state rm", (), answer.stderr, answer.returncode)

    def push_state(self, path: Path) -> None:
        """Put a state file (`errored.tfstate`) where it belongs. Only after the user agreed.

        Terraform itself refuses one that is older or of another deployment.
        """
        answer = self.runner.ask("state push", str(path))
        if answer.returncode != 0:
            raise failed("state push", (), answer.stderr, answer.returncode)
        path.unlink(missing_ok=True)

    def force_unlock(self, lock_id: str) -> None:
        """Remove a state lock that a dead Terraform left. Only after the user agreed."""
        answer = self.runner.ask("force-unlock", lock_id, force=IsFlagged)
        if answer.returncode != 0:
            raise failed("force-unlock", (), answer.stderr, answer.returncode)

    def _init(
        self, source: ProviderSource, on_event: EventListener, migrate: bool, timeout: float
    ) -> None:
        if self.workspace.module is not None:
            pin_provider(self.workspace.module, registry=source.kind is SourceKind.REGISTRY)
        argv = self.runner.command_line(
            "init",
            # Terraform refuses the two together.
            json=IsFlagged if self.binary.init_speaks_json and not migrate else None,
            no_color=IsFlagged,
            input=False,
            reconfigure=None if migrate else IsFlagged,
            migrate_state=IsFlagged if migrate else None,
            force_copy=IsFlagged if migrate else None,
            plugin_dir=str(source.plugin_dir) if source.plugin_dir else None,
        )
        # A folder that is named beats every cache, and what is wrong in it stays out of the cache.
        without = ("TF_PLUGIN_CACHE_DIR",) if source.plugin_dir else ()
        try:
            self.runner.stream("init", argv, on_event, timeout, grace=2.0, without=without)
        except TerraformError as error:
            lock = self.workspace.module / PROVIDER_LOCK if self.workspace.module else None
            named = source.kind is SourceKind.OPTION and lock is not None and lock.exists()
            if lock is None or not named or "checksum" not in error.why:
                raise
            lock.unlink()  # it holds what another folder had under the same version
            self.runner.stream("init", argv, on_event, timeout, grace=2.0, without=without)
        module = self.workspace.module
        if module is not None and (module / PROVIDER_LOCK).exists():
            (module / PROVIDER_LOCK).chmod(0o600)  # Terraform leaves it readable for everybody
        self._check_provider(source)

    def _check_provider(self, source: ProviderSource) -> None:
        """Raise TerraformError for a provider that cannot run, with its file's name; forget it."""
        platform = self.binary.platform
        below = f"providers/*/hashicorp/aws/*/{platform}/terraform-provider-aws*"
        for program in sorted(self.places.terraform_data.glob(below)):
            problem = program_problem(program, platform)
            if not problem:
                continue
            real, cache = program.resolve(), self.places.plugin_cache.resolve()
            if cache in real.parents:
                shutil.rmtree(real.parent, ignore_errors=True)  # fetched anew the next time
            if self.workspace.module is not None:  # it holds the checksum of this file
                (self.workspace.module / PROVIDER_LOCK).unlink(missing_ok=True)
            raise TerraformError(
                "WAG-E-TF-025",
                "The AWS provider cannot be run",
                why=f"{real}: {problem}. It comes from {source.explanation}.",
                next_step="Put a whole provider for this platform there (`terraform providers "
                "mirror`), on a disk whose programs may be run, or name another folder with "
                "--plugin-mirror DIR. Nothing was changed.",
            )

    def _check_state(self) -> None:
        self.workspace.check_state()
        self.workspace.unsaved.check()

    def _back_up_state(self) -> None:
        if self.workspace.state_is_local:
            with contextlib.suppress(WizardError):  # one that cannot be read is told by `plan`
                self.workspace.state.keep_copy()

    @property
    def _var_file(self) -> str | None:
        path = self.workspace.variables_file
        return str(path) if path.exists() else None


def _is_shown(found: Mapping[str, Any]) -> bool:
    return "format_version" in found


def _are_outputs(found: Mapping[str, Any]) -> bool:
    return all(isinstance(item, Mapping) and "value" in item for item in found.values())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        whole = hashlib.sha256()
        while chunk := file.read(1 << 20):
            whole.update(chunk)
    return whole.hexdigest()
