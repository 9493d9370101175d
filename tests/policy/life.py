"""One deployment's life on the sandbox behind the recorder, from the first look to the removal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import boto3

from benchmarks.batches import batch
from tests.policy.judge import PolicyJudge
from tests.policy.recorder import Recorder
from wizard.core.answers.model import Answers
from wizard.core.answers.parse import build_answers
from wizard.flows.context import Options
from wizard.flows.deployment.answers import kept_log_groups
from wizard.sandbox import Sandbox

_REMOVE = ("uninstall", "--yes", "--delete-logs", "--undelivered", "discard")

# A change of the answers, or what makes it from what the account has.
Update: TypeAlias = "Mapping[str, Any] | Callable[[Run], Mapping[str, Any]]"

# What every whole life changes of its answers; the tags are put back.
CHANGES = {"log_retention_days": 30, "x_wallarm_application_id": 7, "tags": {"cost-centre": "4711"}}

# The local AWS's tagging service and DNS do not tell of these.
_NOT_FOUND_HERE = {
    "aws_acm_certificate", "aws_route53_record", "aws_service_discovery_private_dns_namespace",
    "aws_service_discovery_service",
}  # fmt: skip


# Which of the printed policies a step is run with.
PURPOSE = {
    "discover": "discover", "install": "deploy", "rerun": "deploy", "status": "doctor",
    "add": "deploy", "change": "deploy", "remove": "deploy", "redrive": "deploy",
    "rotate": "deploy", "fix": "deploy", "doctor": "doctor", "bundle": "doctor",
    "update": "deploy", "uninstall": "uninstall",
}  # fmt: skip


class Run:
    """One mode: a sandbox, the recorder before it, and the steps of a deployment's life."""

    def __init__(self, box: Sandbox, root: Path, answers: Mapping[str, Any], enforce: bool) -> None:
        self.box = box
        self.root = root
        self.workspace = root / "workspace"
        self.answers_file = root / "answers.json"
        self.answers_file.write_text(json.dumps(answers), encoding="utf-8")
        self.answers = build_answers(dict(answers))
        self.judge = PolicyJudge(box.account_id, box.region)
        self.recorder = Recorder(box.endpoint_url, self.judge if enforce else None)
        self.enforce = enforce
        self.failed: list[str] = []
        self.added = ""
        self.said = ""  # by the last command, to the person
        self.spare: list[str] = []  # subnets that no answer names at first
        self.updates: list[dict[str, Any]] = []  # the answers after each, one after another
        self.second_plans: list[str] = []  # what a further run counted after a step
        self.groups: list[tuple[str, ...] | None] = []  # and the log groups that were known before
        self.env = {k: v for k, v in os.environ.items() if k not in box.unset}
        self.env.update(box.env)
        self.env.update(
            AWS_ENDPOINT_URL=self.recorder.url,
            HOME=str(root / "home"),
            XDG_DATA_HOME=str(root / "home" / "data"),
            WALLARM_APIGW_WORKSPACE=str(self.workspace),
            NO_COLOR="1",
        )

    def client(self, service: str) -> Any:
        """A client of the local AWS itself, whose calls are not the product's."""
        return boto3.client(
            service, endpoint_url=self.box.endpoint_url, region_name=self.box.region,
            aws_access_key_id="sandbox", aws_secret_access_key="sandbox",
        )  # fmt: skip

    def cli(
        self,
        phase: str,
        *arguments: str,
        answers: Answers | None = None,
        before: Answers | None = None,
    ) -> str:
        """One command of the product, as one step; what it printed."""
        self.recorder.phase = f"update {len(self.updates)}" if phase == "update" else phase
        if self.enforce:
            held = answers or self.answers
            self.judge.allow(held, PURPOSE[phase], before, self._log_groups(held))
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "wizard.cli", *arguments],
            env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900,
            check=False,
        )  # fmt: skip
        took = time.monotonic() - began
        print(f"    {phase:<10} exit {done.returncode}  {took:5.1f} s  "
              f"{len(self.recorder.calls)} calls so far", flush=True)  # fmt: skip
        # The stand-in node speaks plain HTTP: with HTTPS nothing is replayed.
        may_fail = (*("doctor", "fix"), *(("redrive",) if self.answers.r53_domain_name else ()))
        if done.returncode not in (0, 1 if phase in may_fail else 0):
            self.failed.append(f"{phase}: {done.stderr[-1500:]}")
            print(done.stderr[-3000:])
        self.said = done.stderr
        return done.stdout

    def plan_again(self, phase: str, *arguments: str) -> None:
        """Run the same once more, and keep what Terraform counted."""
        now = self.now
        self.cli(phase, *arguments, "--set", "proof=skip", answers=now, before=now)
        counted = re.findall(r"(\d+ to add, \d+ to change, \d+ to remove)", self.said)
        self.second_plans.append(counted[-1] if counted else "not counted")
        print(f"    planned again: {self.second_plans[-1]}", flush=True)

    def _log_groups(self, answers: Answers) -> tuple[str, ...] | None:
        """As `iam-policy` takes them."""
        options = Options(env=self.env, workspace=self.workspace)
        where = {"region": answers.region}, answers.name_prefix
        return None if answers.existing_logging == "keep" else kept_log_groups(options, *where)

    def life(self, updates: Sequence[Update], *, short: bool = False) -> None:
        """From the first look to the removal.

        Args:
            updates: what is changed of the answers, one after another; the last ones lead back to
                what was there at first, but for a short life.
            short: installed, changed and removed, and planned anew before and after the changes.
        """
        yes = ("--non-interactive", "--yes", "--json")
        install = ("install", "--answers", str(self.answers_file), *yes)
        if short:
            self.cli("install", *install, "--set", "proof=skip")
            self.plan_again("rerun", *install)
            self._update(updates)
            file = str(self.root / f"update-{len(updates)}.json")
            self.plan_again("update", "install", "--answers", file, *yes)
            self.cli("uninstall", *_REMOVE, answers=self.now)
            return
        self._look_around()
        self.cli("install", *install)
        self.cli("rerun", "install", *yes, "--set", "proof=skip")
        self._forget_and_adopt(yes)
        if self.answers.state_bucket:
            self._become_a_colleague()
        self.cli("status", "status", "--json")
        self.cli("doctor", "doctor", "--output", "json")
        self._add_and_remove()
        plain = json.loads(self.answers_file.read_text(encoding="utf-8")) | {"proof": "skip"}
        self._change({**plain, **CHANGES})
        self._change({**plain, **CHANGES, "tags": plain.get("tags", {})})
        self._update(updates)
        self._break_and_mend()
        self._keep_and_replay()
        if self.answers.deploys_node:
            self.cli("rotate", "rotate-token", *yes)
        self.cli("bundle", "support-bundle", "--yes")
        self.cli("uninstall", *_REMOVE)

    def _look_around(self) -> None:
        """What the screens ask before anything is decided."""
        self.cli("discover", "stages", "list", "--json", "--answers", str(self.answers_file))
        code = (
            "import os\n"
            "from wizard.core.answers.model import Answers\n"
            "from wizard.flows.account import Lookup\n"
            "from wizard.flows.context import Options\n"
            f"answers = Answers(region={self.box.region!r})\n"
            "lookup = Lookup(Options(env=dict(os.environ)))\n"
            "lookup.identity(answers)\n"
            "lookup.networks(answers)\n"
            "lookup.zones(answers)\n"
            "lookup.certificates(answers)\n"
            "lookup.log_groups(answers)\n"
        )
        self.recorder.phase = "discover"
        done = subprocess.run([sys.executable, "-c", code], env=self.env, capture_output=True,
                              text=True, timeout=120, check=False)  # fmt: skip
        if done.returncode:
            self.failed.append(f"discover: {done.stderr[-1500:]}")

    def _forget_and_adopt(self, options: tuple[str, ...]) -> None:
        """As if an apply had been killed after creating one of each kind that can be adopted."""
        code = (
            "import os\n"
            "from pathlib import Path\n"
            "from wizard.core.journal import record\n"
            "from wizard.core.answers.parse import build_answers, parse_file\n"
            "from wizard.flows.context import Context, Options\n"
            "from wizard.flows.deployment.open import identify, open_deployment, open_session\n"
            "from wizard.services.aws.deployment import import_ids\n"
            f"text = open({str(self.answers_file)!r}).read()\n"
            "answers = build_answers(parse_file(text, 'answers'))\n"
            "context = Context(Options(env=dict(os.environ), "
            f"workspace=Path({str(self.workspace)!r})), print, lambda q: True)\n"
            "session = open_session(context, answers)\n"
            "identity = identify(session, answers)\n"
            "with open_deployment(context, answers, session, identity, 'test') as d:\n"
            "    d.terraform.init()\n"
            "    kinds = {}\n"
            "    for address in d.terraform.state_list():\n"
            "        kinds.setdefault(address.split('.')[0], address)\n"
            f"    known = import_ids.KINDS - {_NOT_FOUND_HERE}\n"
            "    made = [a for k, a in kinds.items() if k in known]\n"
            "    d.terraform.forget(tuple(made))\n"
            "    d.journal.write(record.TERRAFORM_APPLY, 'test', 'begin', after={'makes': made})\n"
        )
        self.recorder.phase = "rerun"
        if self.enforce:
            self.judge.allow(self.answers, "deploy")
        done = subprocess.run([sys.executable, "-c", code], env=self.env, capture_output=True,
                              text=True, timeout=300, check=False)  # fmt: skip
        if done.returncode:
            self.failed.append(f"forget: {done.stderr[-1500:]}")
            return
        self.cli("rerun", "install", *options, "--set", "proof=skip")

    def _become_a_colleague(self) -> None:
        """Another computer, with an empty home; from here on everything is done from there."""
        self.env["HOME"] = str(self.root / "colleague")
        self.env["XDG_DATA_HOME"] = str(self.root / "colleague" / "data")
        self.env["WALLARM_APIGW_WORKSPACE"] = str(self.root / "theirs")

    def _add_and_remove(self) -> None:
        stages = self.box.stage_ref("orders", "dev") if "orders" in self.box.apis else ""
        every = [json.loads(line) for line in self.cli("discover", "stages", "list", "--json")
                 .splitlines()]  # fmt: skip
        free = [s["stage"] for s in every if not s["connected"] and not s.get("managed")]
        wanted = stages or next((s for s in free if s not in self.answers.stages), "")
        if not wanted:
            return
        self.added = wanted
        more = self.answers.with_(stages=(*self.answers.stages, wanted))
        self.cli("add", "stages", "add", wanted, "--yes", answers=more)
        self.cli("remove", "stages", "remove", wanted, "--yes", answers=more)

    def _change(self, answers: dict[str, Any]) -> None:
        path = self.root / "changed.json"
        path.write_text(json.dumps(answers), encoding="utf-8")
        self.cli("change", "install", "--answers", str(path), "--non-interactive", "--yes",
                 "--json", answers=build_answers(dict(answers)))  # fmt: skip

    @property
    def now(self) -> Answers:
        """The answers after the last update."""
        return build_answers(dict(self.updates[-1])) if self.updates else self.answers

    def _update(self, updates: Sequence[Update]) -> None:
        """Each change by itself, with the policies that are printed for it."""
        plain = json.loads(self.answers_file.read_text(encoding="utf-8")) | {"proof": "skip"}
        for number, update in enumerate(updates, 1):
            before = build_answers(dict(plain))
            plain = {**plain, **(update(self) if callable(update) else update)}
            self.groups.append(self._log_groups(build_answers(dict(plain))))
            self.updates.append(plain)
            path = self.root / f"update-{number}.json"
            path.write_text(json.dumps(plain), encoding="utf-8")
            self.cli("update", "install", "--answers", str(path), "--non-interactive", "--yes",
                     "--json", answers=build_answers(dict(plain)), before=before)  # fmt: skip

    def _break_and_mend(self) -> None:
        logs = self.client("logs")
        for group in logs.describe_log_groups()["logGroups"]:
            name = group["logGroupName"]
            for held in logs.describe_subscription_filters(logGroupName=name)[
                "subscriptionFilters"
            ]:
                logs.delete_subscription_filter(logGroupName=name, filterName=held["filterName"])
        function = self._function()
        functions = self.client("lambda")
        policy = json.loads(functions.get_policy(FunctionName=function)["Policy"])
        for statement in policy["Statement"]:
            functions.remove_permission(FunctionName=function, StatementId=statement["Sid"])
        self.cli("fix", "doctor", "--fix", "--yes")

    def _keep_and_replay(self) -> None:
        bucket = next((b["Name"] for b in self.client("s3").list_buckets()["Buckets"]
                       if "-undelivered-" in b["Name"]), "")  # fmt: skip
        key = f"aws/lambda/async/{self._function()}/2026/08/01/2026-08-01T00.00.00-kept"
        record = {"version": "1.0", "timestamp": "2026-08-01T00:00:00.000Z",
                  "requestContext": {"condition": "RetriesExhausted"},
                  "requestPayload": batch(1)}  # fmt: skip
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(record).encode())
        self.cli("redrive", "redrive", "--yes")

    def _function(self) -> str:
        functions = self.client("lambda").list_functions()["Functions"]
        return next(f["FunctionName"] for f in functions if "cw-resend" in f["FunctionName"])
