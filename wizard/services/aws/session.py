"""One source of credentials for boto3 and Terraform, and the clients made from it.

boto3 is imported on first use, so that `--help` and everything else that needs no AWS stays quick.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard import __version__
from wizard.core.errors import UsageError, WizardError
from wizard.core.facts import Identity
from wizard.core.text import clean
from wizard.services.aws import child_configuration, configuration, rate_limit
from wizard.services.aws import credentials as roles
from wizard.services.aws.client_types import Clients
from wizard.services.aws.errors import blame, explain, explained, is_refused
from wizard.services.aws.rate_limit import TokenBucket
from wizard.services.files import private_dir, write_private

if TYPE_CHECKING:
    import boto3
    from botocore.credentials import Credentials

CONNECT_TIMEOUT = 5  # seconds
READ_TIMEOUT = 30
# Each client retries what is worth it, with growing pauses. API Gateway gets more patience because
# its quota is small; elsewhere a failure is told soon.
MAX_ATTEMPTS = {"apigateway": 6, "apigatewayv2": 6}
USUAL_ATTEMPTS = 3
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
# How botocore names keys that are what they are until somebody writes others.
_STATIC_METHODS = frozenset(("", "env", "explicit", "shared-credentials-file", "config-file"))
CHILD_TIMEOUT = 60  # seconds: a helper of the user's may have to log in first


class Session(Clients):
    """Everything this program does with AWS goes through one of these. Thread-safe.

    Args:
        profile: profile name; empty means the environment decides.
        region: Region; empty means the environment or the profile decides.
        env: environment variables; None means this process's own.
        mfa: asked for the one-time code of an assume-role profile with MFA; gets the prompt's text.
            Without it such a profile is an error, so that nothing ever waits for input unseen.
        role_arn: a role that these credentials assume; empty means none.
        tell: gets a sentence where the user's credential helper takes its time.
    """

    def __init__(
        self,
        profile: str = "",
        region: str = "",
        env: Mapping[str, str] | None = None,
        mfa: Callable[[str], str] | None = None,
        bucket: TokenBucket | None = None,
        role_arn: str = "",
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._tell = tell
        self._env = dict(os.environ if env is None else env)
        self._explicit_profile = profile
        self._region = (
            region or self._env.get("AWS_REGION") or self._env.get("AWS_DEFAULT_REGION") or ""
        )
        self._mfa = mfa
        self._role_arn = role_arn
        self._source: boto3.Session | None = None  # whose credentials assume the role
        self._lock = threading.RLock()
        self._boto: boto3.Session | None = None
        self._clients: dict[str, Any] = {}
        self.budget = bucket or TokenBucket()

    def in_region(self, region: str) -> Session:
        """The same credentials in another Region. Nothing is read or assumed a second time."""
        other = Session(self._explicit_profile, region, self._env, self._mfa, None, self._role_arn)
        with self._lock:
            other._boto, other._source = self._session(), self._source
        other._lock = self._lock  # one client is made at a time: they share botocore's session
        return other

    @property
    def profile(self) -> str:
        """The profile in use; empty when keys in the environment or the machine's role are."""
        if self._explicit_profile:
            return self._explicit_profile
        if self._env.get("AWS_ACCESS_KEY_ID"):
            return ""
        return self._env.get("AWS_PROFILE") or self._env.get("AWS_DEFAULT_PROFILE") or ""

    @property
    def passed_over(self) -> str:
        """A profile in the environment that keys beside it make of no account; usually empty."""
        if self._explicit_profile or not self._env.get("AWS_ACCESS_KEY_ID"):
            return ""
        return self._env.get("AWS_PROFILE") or self._env.get("AWS_DEFAULT_PROFILE") or ""

    @property
    def login_profile(self) -> str:
        """The profile that can log in: where the one in use draws its credentials from. A role has
        no login of its own.
        """
        try:
            known = self._session()._session.full_config["profiles"]
        except WizardError:
            return self.profile
        return roles.source_profile(known, self.profile)

    @property
    def region(self) -> str:
        """The Region in use. Raises UsageError for one that does not exist."""
        region = self._region or str(self._session().region_name or "")
        if not region:
            raise UsageError(
                "WAG-E-AWS-004",
                "No AWS Region was given",
                next_step="Use --region, AWS_REGION, or `region` in the profile.",
                keys=("region",),
            )
        return region

    @property
    def endpoint(self) -> str:
        """Where another AWS answers instead of AWS itself, by AWS_ENDPOINT_URL or the profile;
        usually empty.
        """
        if given := configuration.given_endpoint(self._env):
            return given
        core = self._session()._session
        return configuration.endpoints(core, self._env).get(configuration.ENDPOINT, "")

    def profiles(self) -> tuple[str, ...]:
        """The profiles in this user's AWS configuration, in its order."""
        return configuration.profiles(self._env)

    def regions(self) -> tuple[str, ...]:
        """Every Region with API Gateway that this boto3 knows; those of the AWS partition first."""
        return configuration.regions(self._env)

    def check(self) -> None:
        """Raise UsageError for a profile or Region that does not exist, WizardError for settings
        that do not go together. Asks nothing of AWS.
        """
        if self.profile:
            configuration.check_profile(self.profile, self._env)
        configuration.check_region(self.region, self._env, self.profile)
        core = self._session()._session
        configuration.transport(core, self._env)
        configuration.check_bundle(core, self._env)

    def identity(self) -> Identity:
        """Who the credentials belong to (`sts:GetCallerIdentity`); the alias if it may be read.

        Raises WizardError or UsageError with the next step for everything that can be wrong.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        self.check()
        try:
            answer = self.client("sts").get_caller_identity()
            arn, account = answer["Arn"], answer["Account"]
        except (BotoCoreError, ClientError) as error:
            if is_refused(error):
                roles.forget_code(self._env)
            raise self._blamed(error) from error
        return Identity(
            account_id=account,
            arn=arn,
            region=self.region,
            alias=self._alias(),
            partition=arn.split(":")[1] or "aws",
        )

    def expires_at(self) -> datetime | None:
        """When the credentials in use end, if they end and nothing renews them by itself."""
        credentials = self._credentials()
        method = str(getattr(credentials, "method", ""))
        settings = self._session()._session.full_config["profiles"].get(self.profile, {})
        if self.profile and method == "shared-credentials-file":
            return roles.from_profile(settings)
        if self._renews(method):
            return roles.of_sso_login(settings) if method == "sso" else None
        ends = getattr(credentials, "_expiry_time", None)
        if isinstance(ends, datetime):
            return ends
        return None if self.profile else roles.from_environment(self._env)

    def seconds_left(self) -> float | None:
        """Seconds until the credentials end; None when they do not, or nothing says so."""
        ends = self.expires_at()
        return None if ends is None else (ends - datetime.now(timezone.utc)).total_seconds()

    def renew(self, *, refused: bool = False) -> None:
        """Forget credentials and clients; the next call reads them again (after a new login), and
        asks for a new MFA code where AWS has `refused` them."""
        if refused:
            roles.forget_code(self._env)
        with self._lock:
            self._boto = self._source = None
            self._clients.clear()

    def environment(self, folder: Path | None = None) -> dict[str, str | None]:
        """Variables laid over a child's environment so that it acts as this session; None removes.

        The child gets what botocore resolved, and nothing of AWS's settings besides: keys, or a
        configuration that asks `helper` for them where they renew, one endpoint a service, and the
        same certificates, proxy, FIPS and dual-stack settings.

        Args:
            folder: closed folder for that configuration; without one the child gets the keys as
                they are now.
        """
        core = self._session()._session
        out: dict[str, str | None] = {n: None for n in self._env if n.startswith("AWS_")}
        out |= {
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            **dict.fromkeys((*_KEYS, "AWS_PROFILE", "AWS_CA_BUNDLE")),
            **configuration.transport(core, self._env),
        }
        credentials = self._credentials()
        with self._explained("Reading the AWS credentials"):
            frozen = credentials.get_frozen_credentials()  # fails here rather than in the child
        method = str(getattr(credentials, "method", ""))
        if folder is not None and self._renews(method):
            path = private_dir(folder) / "config"
            write_private(path, child_configuration.configuration_text())
            out["AWS_CONFIG_FILE"] = str(path)
            out[child_configuration.VARIABLE] = child_configuration.describe_session(
                self._explicit_profile or self.profile, self.region, self._role_arn, self._env
            )
            return out
        out["AWS_ACCESS_KEY_ID"] = frozen.access_key
        out["AWS_SECRET_ACCESS_KEY"] = frozen.secret_key
        out["AWS_SESSION_TOKEN"] = frozen.token or None
        return out

    def read_keys(self) -> dict[str, str]:
        """The keys in use, named as `credential_process` names them; with their end, if any."""
        credentials = self._credentials()
        with self._explained("Reading the AWS credentials"):
            frozen = credentials.get_frozen_credentials()
        keys = {"AccessKeyId": str(frozen.access_key), "SecretAccessKey": str(frozen.secret_key)}
        if frozen.token:
            keys["SessionToken"] = frozen.token
        ends = getattr(credentials, "_expiry_time", None)
        if isinstance(ends, datetime):
            keys["Expiration"] = ends.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return keys

    def check_child(self, env: Mapping[str, str]) -> None:
        """Ask AWS, in a child's environment, who it is there.

        Raises WizardError WAG-E-AWS-027 where that is not who this session is.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            ours = self.client("sts").get_caller_identity()
        except (BotoCoreError, ClientError) as error:
            raise self._blamed(error) from error
        try:
            done = subprocess.run(
                child_configuration.child_command(),
                env=dict(env),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                start_new_session=True,
                timeout=CHILD_TIMEOUT,
                check=False,
            )
            theirs = json.loads(done.stdout) if done.returncode == 0 else {}
            why = clean(done.stderr).strip()[-500:]
        except (OSError, ValueError, subprocess.TimeoutExpired) as failed:
            theirs, why = {}, type(failed).__name__
        if theirs.get("account") == ours["Account"]:
            return
        if theirs:
            why = f"It would be {theirs.get('arn')}; this program is {ours['Arn']}."
        raise WizardError(
            "WAG-E-AWS-027",
            "Terraform would not reach AWS as this program does",
            why=why or "It found no credentials.",
            next_step='Nothing was changed. Hand in keys instead: `eval "$(aws configure '
            'export-credentials --format env)"`, then the same command again.',
        )

    def patient_client(self, service: str, seconds: int) -> Any:
        """A client of its own that waits so long for an answer, and asks only once."""
        return self._make(service, attempts=1, timeout=seconds)

    def _client(self, service: str) -> Any:
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]

    def _make(self, service: str, *, attempts: int = 0, timeout: int = READ_TIMEOUT) -> Any:
        from botocore.config import Config

        from wizard.services.aws.boundary import guard

        self._settle()
        with self._explained("Preparing to talk to AWS"):
            client: Any = self._session().client(  # type: ignore[call-overload]
                service,
                region_name=self.region,
                endpoint_url=self._endpoint_of(service) or None,
                config=Config(
                    connect_timeout=CONNECT_TIMEOUT,
                    read_timeout=timeout,
                    retries={
                        "mode": "standard",
                        "total_max_attempts": attempts or MAX_ATTEMPTS.get(service, USUAL_ATTEMPTS),
                    },
                    user_agent_extra=f"wallarm-apigw/{__version__}",
                    max_pool_connections=16,
                ),
            )
        guard(client)
        if service in ("apigateway", "apigatewayv2"):
            rate_limit.attach(client.meta.events, self.budget)
        return client

    def _endpoint_of(self, service: str) -> str:
        """Where this service is asked; empty for AWS's own address."""
        core = self._session()._session
        found = configuration.endpoints(core, self._env)
        if not found:
            return ""
        name = str(core.get_service_model(service).service_id).replace(" ", "_").replace("-", "_")
        usual = found.get(configuration.ENDPOINT, "")
        return found.get(f"{configuration.ENDPOINT}_{name.upper()}", usual)

    def _session(self) -> boto3.Session:
        with self._lock:
            if self._boto is None:
                self._boto = self._connect()
            return self._boto

    def _connect(self) -> boto3.Session:
        import boto3

        self._source = source = self._connect_source()
        if not self._role_arn:
            return source
        with explained("Reading the AWS configuration", everything=True):
            core = configuration.core(self._env, self.profile)
            region = self._region or source.region_name or "us-east-1"
            roles.assume_role(core, source._session, self._role_arn, region, self._env)
            return boto3.Session(botocore_session=core)

    def _connect_source(self) -> boto3.Session:
        """The session of the profile, or of the keys in the environment."""
        import boto3

        from wizard.services.aws.boundary import guard_helpers

        profile = self.profile
        if profile:
            configuration.check_profile(profile, self._env)
        keys = [name for name in _KEYS[:2] if self._env.get(name)]
        if not profile and len(keys) == 1:
            missing = _KEYS[1] if keys[0] == _KEYS[0] else _KEYS[0]
            raise UsageError(
                "WAG-E-AWS-001",
                f"{keys[0]} is set, and {missing} is not",
                why="Both belong to one access key.",
                next_step=f"Set {missing}, too, or unset {keys[0]}.",
            )
        with explained("Reading the AWS configuration", everything=True, settings=self._settings):
            core = configuration.core(self._env, profile)
            guard_helpers(core, self._tell)
            roles.share_code(core, profile, self._env, self._ask_mfa)
            if profile:
                return boto3.Session(botocore_session=core, profile_name=profile)
            return boto3.Session(
                botocore_session=core,
                aws_access_key_id=self._env.get("AWS_ACCESS_KEY_ID"),
                aws_secret_access_key=self._env.get("AWS_SECRET_ACCESS_KEY"),
                aws_session_token=self._env.get("AWS_SESSION_TOKEN"),
            )

    def _explained(self, doing: str) -> contextlib.AbstractContextManager[None]:
        """Around botocore's code alone: whatever it raises came of the user's settings."""
        return explained(doing, self.login_profile, everything=True, settings=self._settings)

    def _blamed(self, error: BaseException) -> WizardError:
        told = explain(error, "Asking AWS who we are", self.login_profile)
        return blame(told, self._settings)

    def _settings(self) -> dict[str, str]:
        """The user's settings that botocore reads, name → value; no key and no token."""
        found = {
            name: value
            for name, value in self._env.items()
            if (name.startswith("AWS_") and name not in _KEYS) or name == "SSLKEYLOGFILE"
        }
        with contextlib.suppress(WizardError):
            known = configuration.core(self._env).full_config["profiles"]
            section = known.get(self.profile or "default", {})
            found |= {
                f"`{name}` of the profile {self.profile or 'default'}": value
                for name, value in section.items()
                if isinstance(value, str) and not name.startswith("aws_")
            }
        return found

    def _renews(self, method: str) -> bool:
        """Whether these credentials renew themselves: not keys, and nobody is asked for a code."""
        if method in _STATIC_METHODS:
            return False
        source = self._source or self._session()
        return not roles.needs_code(source._session, self.profile)

    def _settle(self) -> None:
        source = self._session() if self._source is None else self._source
        core = source._session
        with self._explained("Assuming the role"):
            roles.fetch_role_credentials(core, self.profile)

    def _ask_mfa(self, prompt: str) -> str:
        if self._mfa is None:
            raise UsageError(
                "WAG-E-AWS-011",
                "This profile needs a one-time code (MFA)",
                why=f"{prompt.strip()} Nobody can be asked for it here.",
                next_step="Run in a terminal, or hand in temporary keys "
                "(`aws configure export-credentials`).",
                keys=("profile",),
            )
        return self._mfa(prompt)

    def _credentials(self) -> Credentials:
        from botocore.exceptions import NoCredentialsError

        self._settle()
        with self._explained("Reading the AWS credentials"):
            credentials = self._session().get_credentials()
            if credentials is None:
                raise NoCredentialsError
        return credentials

    def _alias(self) -> str:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._make("iam", attempts=1, timeout=5).list_account_aliases()
            aliases = answer["AccountAliases"]
        except (BotoCoreError, ClientError):
            return ""  # a name for the eye; often not allowed, and nothing depends on it
        return str((aliases or [""])[0])
