"""What botocore raises, said so that a person can act on it; the original words stay visible."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wizard.core.errors import ExitCode, UsageError, WizardError
from wizard.core.secret import without_logins
from wizard.core.text import clean

EXPIRED = frozenset(
    ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired")
)
INVALID = frozenset(
    (
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "AuthFailure",
        "InvalidAccessKeyId",
        "IncompleteSignature",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
    )
)
DENIED = frozenset(
    (
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedOperation",
        "UnauthorizedException",
        "AuthorizationError",
        "NotAuthorized",
    )
)
THROTTLED = frozenset(
    (
        "TooManyRequestsException",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestLimitExceeded",
        "SlowDown",
    )
)
NOT_FOUND = frozenset(
    (
        "404",
        "ClusterNotFoundException",
        "InvalidGroup.NotFound",
        "ListenerNotFound",
        "LoadBalancerNotFound",
        "NoSuchBucket",
        "NoSuchEntity",
        "NoSuchKey",
        "NoSuchTagSet",
        "NotFoundException",
        "ParameterNotFound",
        "ResourceNotFoundException",
        "ServiceNotFoundException",
        "TargetGroupNotFound",
    )
)
_UNKNOWN = (
    "Nothing further was done. Try again; if it stays so, `wallarm-apigw support-bundle` collects "
    "what a support case needs."
)
# How urllib3, idna and botocore begin when they cannot read an address: part of it follows.
_ADDRESS = (
    "Failed to parse",
    "not a valid host or port",
    "Invalid endpoint",
    "Invalid URL",
    "Invalid port",
    "Port could not be cast",
    "Port out of range",
    "label empty or too long",
)
_ACTION = re.compile(r"not authorized to perform:?\s+([a-z0-9-]+:[A-Za-z0-9*]+)")


def code_of(error: BaseException) -> str:
    """The error code AWS sent, or an empty string."""
    response = getattr(error, "response", None)
    return str((response or {}).get("Error", {}).get("Code", "")) if response else ""


def message_of(error: BaseException) -> str:
    """The words AWS sent, without control characters."""
    response: dict[str, Any] = getattr(error, "response", None) or {}
    text = response.get("Error", {}).get("Message") or str(error)
    return without_logins(clean(str(text))).strip()


def is_denied(error: BaseException) -> bool:
    """AWS refused for want of a permission."""
    return code_of(error) in DENIED


def is_refused(error: BaseException) -> bool:
    """AWS does not take these credentials (any more), or not the code that was to bring them."""
    refused = code_of(error) in EXPIRED | INVALID
    return refused or "MultiFactorAuthentication failed" in message_of(error)


def is_not_found(error: BaseException) -> bool:
    """What was asked for does not exist (any more)."""
    return code_of(error) in NOT_FOUND


def no_answer(error: BaseException) -> bool:
    """The connection failed: the request may or may not have been carried out."""
    from botocore import exceptions as e

    # ConnectionError is botocore's own; EndpointConnectionError and time-outs derive from these.
    return isinstance(error, (e.HTTPClientError, e.ConnectionError))


def never_sent(error: BaseException) -> bool:
    """The connection could not even be made, so nothing was carried out."""
    from botocore import exceptions as e

    return isinstance(
        error, (e.EndpointConnectionError, e.ConnectTimeoutError, e.ProxyConnectionError)
    )


@contextlib.contextmanager
def explained(
    doing: str,
    profile: str = "",
    *,
    everything: bool = False,
    settings: Callable[[], Mapping[str, str]] | None = None,
) -> Iterator[None]:
    """Turn what botocore raises inside the block into a WizardError.

    Args:
        doing: what was being done, as in "Reading the APIs".
        profile: the profile in use, for the next step's command.
        everything: only botocore's code runs in the block, so whatever is raised came of the user's
            configuration.
        settings: the user's, name → value; one whose value botocore complains of is named.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except WizardError:
        raise
    except (BotoCoreError, ClientError, OSError, ValueError) as error:
        raise blame(explain(error, doing, profile), settings) from error
    except Exception as error:
        if not everything:
            raise
        raise blame(explain(error, doing, profile), settings) from error


def blame(error: WizardError, settings: Callable[[], Mapping[str, str]] | None) -> WizardError:
    """The error that names the user's setting, where it quotes the value of one; else itself.

    botocore says "invalid value 'quick'", and the user has fifty settings.
    """
    if settings is None or error.code not in ("WAG-E-AWS-013", "WAG-E-AWS-015"):
        return error
    found = settings()
    names = [name for name, value in found.items() if _quotes(error.why, value)]
    if not names and any(words in error.why for words in _UNBALANCED):
        names = [name for name, value in found.items() if "credential_process" in name]
    if not names:
        return error
    return WizardError(
        "WAG-E-AWS-032",
        f"{' and '.join(names[:3])} cannot be used",
        why=error.why,
        next_step="Correct that setting, or take it away. Nothing was changed.",
    )


# What Python's shlex says of a command line.
_UNBALANCED = ("No closing quotation", "No escaped character")


def _quotes(words: str, value: str) -> bool:
    with contextlib.suppress(ValueError):
        host = urlsplit(value).hostname if "://" in value else ""
        if host and f"'{host}'" in words:
            return True
    inside = r"[\w./-]"
    found = re.search(rf"(?<!{inside}){re.escape(value)}(?![\w/-]|\.\w)", words)
    return len(value) > 1 and found is not None


def explain(error: BaseException, doing: str = "", profile: str = "") -> WizardError:
    """The WizardError for one botocore error."""
    if isinstance(error, WizardError):
        return error
    error = getattr(error, "original", error)
    code = code_of(error)
    what = f"{doing} failed" if doing else "AWS could not be asked"
    if code:
        return _answered(error, code, what, profile)
    return _unanswered(error, what, profile)


def _answered(error: BaseException, code: str, what: str, profile: str) -> WizardError:
    words = f"{code}: {message_of(error)}"
    flag = f" --profile {shlex.quote(profile)}" if profile else ""
    if code in EXPIRED:
        return WizardError(
            "WAG-E-AWS-002",
            "The AWS credentials have expired",
            why=words,
            next_step=f"Renew them (for SSO: `aws sso login{flag}`), then run the same command "
            "again.",
        )
    if code in INVALID:
        return WizardError(
            "WAG-E-AWS-009",
            "AWS does not accept these credentials",
            why=words,
            next_step="Check the access key, that this computer's clock is right, and that the "
            "Region is enabled for the account.",
        )
    if "MultiFactorAuthentication failed" in words:
        return WizardError(
            "WAG-E-AWS-022",
            "The MFA code was refused",
            why=words,
            next_step="A code is good for one use: wait for the next one on your device, then try "
            "again. If every code is refused, compare mfa_serial in the profile with your device.",
        )
    if code in DENIED:
        match = _ACTION.search(message_of(error))
        action = match.group(1) if match else ""
        blocked = "explicit deny" in message_of(error)
        return WizardError(
            "WAG-E-AWS-007",
            f"{what}: " + (f"{action} is not allowed" if action else "access was denied"),
            why=words,
            next_step=(
                "A policy (often of the organisation) denies it explicitly; ask whoever owns it."
                if blocked
                else "Give this principal the permission; `wallarm-apigw iam-policy` prints the "
                "smallest policy."
            ),
        )
    if code in THROTTLED:
        return WizardError(
            "WAG-E-AWS-008",
            f"{what}: AWS asks to slow down",
            why=words,
            next_step="Something else uses the same quota right now. Try again in a minute.",
        )
    if code == "RequestTimeTooSkewed" or "Signature not yet current" in message_of(error):
        return WizardError(
            "WAG-E-AWS-010",
            "This computer's clock differs too much from AWS's",
            why=words,
            next_step="Set the clock, then run the same command again.",
        )
    if code in NOT_FOUND:
        return WizardError(
            "WAG-E-AWS-014",
            f"{what}: it does not exist",
            why=words,
            next_step="Look again; it may be gone since.",
        )
    if code.isdigit() and not code.startswith("5"):  # AWS names its errors; this is HTTP alone
        return _not_aws(what, words)
    if code.startswith("5") or code in ("InternalFailure", "ServiceUnavailable"):
        return WizardError(
            "WAG-E-AWS-012",
            f"{what}: AWS has a fault of its own",
            why=words,
            next_step="Try again in a minute; the AWS Health Dashboard tells more.",
        )
    return WizardError("WAG-E-AWS-013", what, why=words, next_step=_UNKNOWN)


def _unanswered(error: BaseException, what: str, profile: str) -> WizardError:
    from botocore import exceptions as e

    words = without_logins(clean(str(error))).strip()[:2000]
    flag = f" --profile {shlex.quote(profile)}" if profile else ""
    name = type(error).__name__
    if isinstance(error, e.ProfileNotFound):
        return UsageError(
            "WAG-E-AWS-003",
            "The AWS profile does not exist",
            why=words,
            next_step="Choose one of `aws configure list-profiles`.",
            keys=("profile",),
        )
    if "SSO" in name or isinstance(error, (e.TokenRetrievalError, e.UnauthorizedSSOTokenError)):
        return WizardError(
            "WAG-E-AWS-005",
            "The SSO login has ended",
            why=words,
            next_step=f"Run `aws sso login{flag}`, then the same command again.",
        )
    if isinstance(error, e.MissingDependencyException):
        return WizardError(
            "WAG-E-AWS-031",
            "This AWS profile needs a part of botocore that is not installed",
            why=words,
            next_step="Profiles of `aws login` need it: `pipx inject wallarm-apigw awscrt` (or "
            '`pip install "botocore[crt]"` in its virtual environment). Or hand in keys, which '
            'last 15 minutes: `eval "$(aws configure export-credentials --format env)"`.',
        )
    if isinstance(error, e.LoginError):
        return WizardError(
            "WAG-E-AWS-005",
            "The AWS login has ended",
            why=words,
            next_step=f"Run `aws login{flag}`, then the same command again.",
        )
    if isinstance(error, e.RefreshWithMFAUnsupportedError):
        return WizardError(
            "WAG-E-AWS-002",
            "The AWS credentials have expired",
            why=words,
            next_step="Run the same command again; it asks for a new MFA code and goes on.",
        )
    if isinstance(error, (e.NoCredentialsError, e.PartialCredentialsError)):
        return WizardError(
            "WAG-E-AWS-001",
            "No AWS credentials were found",
            why=words,
            next_step="Log in (`aws configure`, `aws configure sso`), name a profile with "
            "--profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
            exit_code=ExitCode.USAGE,
        )
    if isinstance(error, (e.CredentialRetrievalError, e.MetadataRetrievalError)):
        return WizardError(
            "WAG-E-AWS-001",
            "The AWS credentials could not be read",
            why=words,
            next_step="Repair what provides them (credential process, instance role), or name "
            "another profile with --profile.",
        )
    if isinstance(error, e.SSLError):
        return WizardError(
            "WAG-E-AWS-006",
            f"{what}: the certificate of the endpoint is not trusted",
            why=words,
            next_step="Behind an inspecting proxy, set AWS_CA_BUNDLE to its certificate file.",
        )
    if _HEADER.search(str(error)):
        return WizardError(
            "WAG-E-AWS-001",
            "The AWS credentials hold a character that no key or token has",
            why="A line break or another character that nobody sees. They are not shown.",
            next_step="Copy them again, without what stands around them: AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or where the profile gets them from.",
        )
    if isinstance(error, RuntimeError) and "still expired" in words:
        return WizardError(
            "WAG-E-AWS-002",
            "The AWS credentials have expired",
            why=f"{words} What hands them out gave old ones.",
            next_step="Log in again with what provides them (credential_process, container or "
            "instance role), then run the same command again.",
        )
    if no_answer(error) and any(part in words for part in _ADDRESS):
        return _bad_address(what)
    if isinstance(error, e.ProxyConnectionError):
        return WizardError(
            "WAG-E-AWS-006",
            f"{what}: the proxy cannot be reached",
            why=words,
            next_step="Check HTTPS_PROXY and HTTP_PROXY. What is reached without it stands in "
            "NO_PROXY, by name or address; AWS's tools know no ranges there, such as 10.0.0.0/8.",
        )
    if no_answer(error):
        return WizardError(
            "WAG-E-AWS-006",
            f"{what}: AWS cannot be reached",
            why=words,
            next_step="Check the network, HTTPS_PROXY, and AWS_ENDPOINT_URL if it is set.",
        )
    if isinstance(error, e.ConfigParseError):
        return _unreadable_file(error)
    if isinstance(error, (e.ConfigNotFound, e.InvalidConfigError)):
        return WizardError(
            "WAG-E-AWS-015",
            "The AWS configuration file cannot be read",
            why=words,
            next_step="Repair ~/.aws/config or ~/.aws/credentials.",
        )
    return _foreign(error, what, f"{name}: {words}")


def _foreign(error: BaseException, what: str, words: str) -> WizardError:
    """What neither AWS nor botocore says: a file, an address, an answer of something between."""
    from botocore.parsers import ResponseParserError

    from wizard.services.aws.boundary import IncompleteAnswerError

    if isinstance(error, (ResponseParserError, IncompleteAnswerError)):
        return _not_aws(what, words)
    if "CA certificate" in words or "TLS" in words:
        return WizardError(
            "WAG-E-AWS-006",
            f"{what}: the certificates to trust cannot be read",
            why=words,
            next_step="Correct AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE or SSL_CERT_FILE, or `ca_bundle` "
            "in the profile.",
        )
    if isinstance(error, ValueError) and any(part in words for part in _ADDRESS):
        return _bad_address(what)
    if isinstance(error, (OSError, ValueError, LookupError, TypeError, AttributeError)):
        return WizardError(
            "WAG-E-AWS-015",
            f"{what}: the AWS configuration, or what it names, cannot be used",
            why=words,
            next_step="Repair ~/.aws/config or ~/.aws/credentials, or the file named above; for a "
            "login that was stored, log in again.",
        )
    return WizardError("WAG-E-AWS-013", what, why=words, next_step=_UNKNOWN)


_HEADER = re.compile(r"Invalid header value|'(?:latin-1|ascii)' codec can't encode")


def _unreadable_file(error: Any) -> WizardError:
    """Which file, and why: botocore leaves out the latter. No line is shown, it may hold a key."""
    path = Path(str(error.kwargs.get("path", "")))
    cause = error.kwargs.get("error") or error.__context__
    line = getattr(cause, "lineno", None)
    at = f"line {line}" if line else "a line"
    kind = type(cause).__name__
    try:
        head = path.read_bytes()[:3]
    except OSError:
        head = b""
    next_step = f"Repair {path}."
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or head == b"\xef\xbb\xbf":
        why = "it is UTF-16" if head[1:2] != b"\xbb" else "it begins with a byte order mark"
        next_step = f"Save {path} as UTF-8 without a byte order mark."
    elif isinstance(cause, UnicodeDecodeError):
        why = "it is not UTF-8"
        next_step = f"Save {path} as UTF-8."
    elif kind == "MissingSectionHeaderError":
        why = f"{at} stands before any section, such as [default]"
    elif kind == "DuplicateSectionError":
        why = f"[{clean(str(cause.section))}] stands in it twice, the second time in {at}"
    elif kind == "DuplicateOptionError":
        why = f"{clean(str(cause.option))} stands twice in [{clean(str(cause.section))}], {at}"
    elif lines := getattr(cause, "errors", None):
        why = f"line {lines[0][0]} is no `name = value`"
    else:
        why = "its settings are not written as AWS reads them, perhaps by their indentation"
    return WizardError(
        "WAG-E-AWS-015",
        "The AWS configuration file cannot be read",
        why=f"{path}: {why}.",
        next_step=next_step,
    )


def _bad_address(what: str) -> WizardError:
    return WizardError(
        "WAG-E-AWS-030",
        f"{what}: an address in the settings cannot be used",
        why="It is not shown, for it may hold a password.",
        next_step="Correct AWS_ENDPOINT_URL (or `endpoint_url` in the profile), HTTPS_PROXY or "
        "HTTP_PROXY. In a password, # / ? @ and % are written %23 %2F %3F %40 %25.",
    )


def _not_aws(what: str, words: str) -> WizardError:
    return WizardError(
        "WAG-E-AWS-028",
        f"{what}: something other than AWS answered",
        why=words[:300],
        next_step="A proxy or a login page stands between: check HTTPS_PROXY, NO_PROXY and "
        "AWS_ENDPOINT_URL.",
    )
