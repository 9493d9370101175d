"""One run of the product that is looked at from every side, with recognisable secrets.

Every request to AWS, the command line and environment of every child process, and what was printed
are searched for the token and the AWS keys; and only what the printed policies allow is let pass.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.e2e.leaks import ChildWatch, descendants, found_in
from tests.e2e.machines import finish
from tests.policy.identify import Call
from tests.policy.judge import PolicyJudge
from tests.policy.recorder import Recorder
from wizard.core.answers.parse import build_answers
from wizard.sandbox import Sandbox

ACCESS_KEY = "AKIACANARYCANARY0002"
SECRET_KEY = "canarySecretAccessKeyThatMustNotBeSeen02"
SESSION = "canarySessionTokenOfTheWholeInstallNotSeen00"


class Watched:
    """`run` once; then look at what was seen.

    `asked` names every operation, `in_requests` are those with a secret in them that was not meant
    for them, `refused` what the printed policies do not allow.
    """

    def __init__(self, box: Sandbox, answers: Mapping[str, Any]) -> None:
        self.box = box
        self.secrets = (box.token, SECRET_KEY, SESSION)
        self.children = ChildWatch(self.secrets)
        self.asked: set[str] = set()
        self.in_requests: set[str] = set()
        self.refused: list[str] = []
        self.judge = PolicyJudge(box.account_id, box.region)
        self.judge.allow(build_answers(dict(answers)), "deploy")

    def run(
        self, command: Sequence[str], env: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end, with the canary keys and through the recorder."""
        keys = {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_SESSION_TOKEN": SESSION,
        }
        with Recorder(self.box.endpoint_url, self.judge, self._witness) as recorder:
            with subprocess.Popen(
                list(command), env={**env, **keys, "AWS_ENDPOINT_URL": recorder.url},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            ) as process, self.children.following(process.pid):  # fmt: skip
                out, err = finish(process, self.box, secrets=self.secrets)
            self.refused = recorder.refused
        return subprocess.CompletedProcess(list(command), process.returncode, out, err)

    def in_workers(self) -> set[str]:
        """Secrets in the local AWS and the Lambda workers that it runs now."""
        out = set()
        for pid in (self.box.ports["aws_pid"], *descendants(self.box.ports["aws_pid"])):
            for file in ("cmdline", "environ"):
                try:
                    data = Path(f"/proc/{pid}/{file}").read_bytes()
                except OSError:  # it has ended meanwhile
                    continue
                out |= {f"{file}: {hit}" for hit in found_in(data, self.secrets)}
        return out

    def _witness(self, call: Call | None, request: bytes) -> None:
        name = f"{call.service}:{call.operation}" if call else "unknown"
        self.asked.add(name)
        # The session's token signs every request; it is a header of each.
        meant = (self.box.token,) if name == "ssm:PutParameter" else ()
        searched = [s for s in (self.box.token, SECRET_KEY) if s not in meant]
        self.in_requests.update(f"{name}: {hit}" for hit in found_in(request, searched))
