"""The first checks, and those of a token and a node: each says what it saw. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.events import State

if TYPE_CHECKING:
    from wizard.core.known_deployment import KnownDeployment
    from wizard.core.secret import Secret
    from wizard.flows.context import Options
    from wizard.flows.deployment.find import Seen
    from wizard.services.aws.session import Session

HANGS_ON = {"permissions": ("identity",), "existing": ("identity",)}
"""Checks that go by what others found, with these."""
TIMEOUT = 5.0  # seconds for a host that may not answer


@dataclass(frozen=True)
class FirstCheck:
    """One line of a check: question, state, answer, and what to do when it is not good."""

    key: str
    question: str
    state: State = State.TODO
    answer: str = ""
    next_step: str = ""


class Preflight:
    """What can be looked at before anything is decided. Every method blocks.

    Args:
        session: gives the AWS session that some answers mean.
    """

    def __init__(self, options: Options, session: Callable[[Answers], Session]) -> None:
        self.options = options
        self._session = session

    def check_token(self, answers: Answers, token: Secret) -> FirstCheck:
        """Valid, refused, or could not be checked: three different things."""
        from wizard.services.wallarm import check_token

        verdict = check_token(answers.wallarm_api_host, token, self.options.env)
        state = {"valid": State.DONE, "refused": State.FAILED}.get(
            str(verdict.state), State.UNCHECKED
        )
        word = {State.DONE: "valid", State.FAILED: "refused"}.get(state, "could not check")
        hint = "A token of the other cloud looks the same: is it US or EU?"
        return FirstCheck(
            "token",
            "Token",
            state,
            f"{word}: {verdict.detail}" if verdict.detail else word,
            hint if state is State.FAILED else "",
        )

    def check_node(self, answers: Answers) -> FirstCheck:
        """Whether an existing node answers from here. From inside a VPC it may all the same."""
        url = f"{answers.node_scheme}://{answers.node_url}/"
        problem = _reach(url, self.options.env)
        if not problem:
            return FirstCheck("node", "Node", State.DONE, f"{url} answers from this machine")
        return FirstCheck(
            "node",
            "Node",
            State.UNCHECKED,
            f"could not reach {url} from this machine: {problem}",
            "That is normal for a node inside a VPC. The proof at the end tells.",
        )

    def run(self, answers: Answers, on_check: Callable[[FirstCheck], None], only: str = "") -> None:
        """The checks of the first screen, each told when it starts and when it ends.

        Args:
            only: the key of one that is run again, with those that hang on it.
        """
        failed: set[str] = set()
        plan: tuple[tuple[str, str, Callable[[], FirstCheck]], ...] = (
            ("terraform", "Terraform", self._terraform),
            ("identity", "AWS identity", lambda: self._identity(answers)),
            (
                "region",
                "Region",
                lambda: FirstCheck("region", "Region", State.DONE, answers.region),
            ),
            ("permissions", "Permissions", lambda: self._permissions(answers)),
            ("cloud", "Wallarm Cloud", lambda: self._cloud(answers)),
            (
                "existing",
                "Earlier deployment",
                lambda: self._existing(answers, ask="identity" not in failed),
            ),
            *((("network", "Network", self._network),) if self._ways() else ()),
        )
        wanted = [p for p in plan if only in ("", p[0], *HANGS_ON.get(p[0], ()))]
        if only == "identity":  # after a new login, credentials are read anew
            self._session(answers).renew()
        for key, question, _ in wanted:
            on_check(FirstCheck(key, question))
        for key, question, look in wanted:
            if key == "permissions" and "identity" in failed:
                on_check(
                    FirstCheck(key, question, State.UNCHECKED, "the AWS identity is not known")
                )
                continue
            on_check(FirstCheck(key, question, State.RUNNING, "checking"))
            try:
                on_check(look())
            except WizardError as error:
                failed.add(key)
                text = f"{error.what}. {error.why}".rstrip(". ") + "."
                on_check(FirstCheck(key, question, State.FAILED, text, error.next_step))
        if "identity" in {key for key, *_ in wanted} - failed:
            from wizard.services.aws.discovery import prepare_clients

            prepare_clients(self._session(answers))  # the next thing wanted is the list of stages

    def _terraform(self) -> FirstCheck:
        from wizard.flows.tools import require_provider

        binary, source = require_provider(self.options)
        return FirstCheck(
            "terraform",
            "Terraform",
            State.DONE,
            f"{binary.flavor} {binary.version}, AWS provider from {source.explanation}",
        )

    def _identity(self, answers: Answers) -> FirstCheck:
        identity = self._session(answers).identity()
        name = f"{identity.alias} {identity.account_id}".strip()
        return FirstCheck("identity", "AWS identity", State.DONE, f"{name}, {identity.principal}")

    def _permissions(self, answers: Answers) -> FirstCheck:
        """A forecast: what is allowed here may still be refused by a policy nobody could see."""
        from wizard.core.permissions.documents import needs
        from wizard.services.aws.permissions import Decision, check_permissions

        session = self._session(answers)
        identity = session.identity()
        wanted = needs(answers, "deploy", identity.account_id, identity.partition)
        found = check_permissions(session, wanted, identity)
        hint = "`wallarm-apigw iam-policy` prints what is needed; Review shows it too."
        if found.state is Decision.ALLOWED:
            return FirstCheck(
                "permissions", "Permissions", State.DONE, f"{found.asked} actions allowed"
            )
        if found.state is Decision.DENIED:
            actions = sorted({m.action for m in found.missing})
            text = f"{len(actions)} of {found.asked} actions are missing: {', '.join(actions[:3])}"
            text += " …" if len(actions) > 3 else ""
            return FirstCheck("permissions", "Permissions", State.WARNING, text, hint)
        return FirstCheck("permissions", "Permissions", State.UNCHECKED, found.reason, hint)

    def _cloud(self, answers: Answers) -> FirstCheck:
        from wizard.services.wallarm import base_url

        host = answers.wallarm_api_host
        base = base_url(host, self.options.env)
        problem = _reach(base, self.options.env)
        if not problem:
            there = base.partition("//")[2]
            who = host if there == host else f"{there}, in place of {host},"
            return FirstCheck("cloud", "Wallarm Cloud", State.DONE, f"{who} answers")
        return FirstCheck(
            "cloud",
            "Wallarm Cloud",
            State.WARNING,
            f"{host} cannot be reached from here: {problem}",
            "The node needs it, this machine does not. Behind a proxy set HTTPS_PROXY.",
        )

    def _ways(self) -> tuple[str, ...]:
        from wizard.services.terraform.environment import network_notes

        return network_notes(self.options.env)

    def _network(self) -> FirstCheck:
        """What of the environment changes the way to AWS, Wallarm and the registry."""
        text = "; ".join(self._ways())
        state = State.WARNING if "does not exist" in text else State.DONE
        return FirstCheck("network", "Network", state, text)

    def _existing(self, answers: Answers, *, ask: bool = True) -> FirstCheck:
        """On this machine, in S3, and by tags; the account is asked only for the last two."""
        from wizard.flows.deployment.find import Seen, found_deployments

        question = "Earlier deployment"
        here = [d for d in found_deployments(self.options) if d.resources != 0]
        unknown = (Seen(), "the account could not be asked")
        seen, problem = self._find_in_account(answers, here) if ask else unknown
        texts = [f"{d.name_prefix} in {d.region}" for d in here]
        texts += [f"{d.name_prefix} in s3://{d.bucket}" for d in seen.found if d.bucket]
        lost = [d for d in seen.found if not d.bucket]
        if lost:
            texts += [f"{d.name_prefix} in {d.region}, from another computer" for d in lost]
            return FirstCheck(
                "existing",
                question,
                State.WARNING,
                "; ".join(texts),
                "Its state is not here: Home looks at it, and tells how to carry on from here.",
            )
        if texts:
            return FirstCheck("existing", question, State.DONE, "; ".join(texts))
        if problem or seen.problems:
            why = problem or "; ".join(seen.problems)
            return FirstCheck("existing", question, State.UNCHECKED, f"none on this machine; {why}")
        return FirstCheck("existing", question, State.SKIPPED, "none")

    def _find_in_account(
        self, answers: Answers, here: Sequence[KnownDeployment]
    ) -> tuple[Seen, str]:
        from wizard.flows.deployment.find import Seen, find_in_account

        try:
            session = self._session(answers)
            identity = session.identity()
        except WizardError:
            return Seen(), "the account could not be asked"
        place = (identity.account_id, identity.region)
        known = [d.name_prefix for d in here if (d.account_id, d.region) == place]
        return find_in_account(session, identity, known), ""


def _reach(url: str, env: Mapping[str, str]) -> str:
    """Why an address gives no HTTP answer at all; empty when it gives any."""
    import requests

    from wizard.services.http import open_session

    try:
        with open_session(env) as session:
            session.head(url, timeout=TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        return type(error).__name__
    return ""
