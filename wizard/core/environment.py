"""The environment variables that are read, made ready; what was probably meant by another one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import SequenceMatcher

from wizard.core.answers.parse import ENV_PREFIX, KEYS, PATHS, env_name
from wizard.core.text import closest

TOKEN = "WALLARM_API_TOKEN"  # noqa: S105 - its name; the only one without the prefix
OPTIONS = (
    "workspace",
    "answers",
    "token_file",
    "terraform",
    "plugin_mirror",
    "dry_run",
    "unlock",
    "preflight",
    "non_interactive",
    "yes",
    "json",
)
# Set by the sandbox and by tests, for what stands in for AWS and the Wallarm Cloud.
STAND_INS = (
    "cloud_url",
    "execute_api_url",
    "node_record_url",
    "sandbox_hosts",
    "judge_local_aws",
)
# Set for the programs that we start, which find their way back by them.
HANDED_ON = ("aws_session", "run")
PATH_VARIABLES = (
    *map(env_name, ("workspace", "answers", "token_file", "plugin_mirror", *PATHS)),
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CA_BUNDLE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_LOGIN_CACHE_DIRECTORY",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "TF_CLI_CONFIG_FILE",
    "TF_PLUGIN_CACHE_DIR",
    "TERRAFORM_CONFIG",
    "HOME",
    "TMPDIR",
    "TMP",
    "TEMP",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
)
PATH_LISTS = ("PATH", "AWS_DATA_PATH", "SSL_CERT_DIR", "XDG_DATA_DIRS")
PROGRAM = env_name("terraform")  # a path, or a name to look for on PATH
# An empty variable is what a shell leaves behind where its own was empty; no tool of AWS's means
# anything by one, but for its pager.
_OURS_TO_READ = re.compile(
    r"(AWS_(?!PAGER$)|WALLARM|TF_|XDG_).*|(HTTPS?|ALL|NO)_PROXY|.*_CA_BUNDLE|SSL_CERT_(FILE|DIR)"
    r"|HOME|PATH|TE?MP|TMPDIR|TERM|NO_COLOR|COLUMNS|LINES|TERRAFORM_CONFIG",
    re.IGNORECASE,
)


def settled(env: Mapping[str, str], whole: Callable[[str], str]) -> dict[str, str]:
    """The environment as everything here reads it: what is empty is unset, every path is whole.

    AWS's libraries, Terraform and we would each expand and complete a path, or not, and in folders
    of their own.

    Args:
        whole: a path as it was typed → absolute, with the home folder in it.
    """
    out = {}
    for name, text in env.items():
        if _OURS_TO_READ.fullmatch(name):
            text = _bare(name, text)
            if not text:
                continue
        if name in PATH_VARIABLES or (name == PROGRAM and is_path(text)):
            text = whole(text)
        elif name in PATH_LISTS:
            text = ":".join(map(whole, filter(None, text.split(":"))))
        out[name] = text
    return out


def _bare(name: str, text: str) -> str:
    """A value without what came along with it: blanks, the `\\r` of a file written on Windows,
    and quotes that no shell took off (`docker run --env-file`)."""
    text = text.strip()
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1].strip() if quoted and name.startswith("AWS_") else text


def is_path(text: str) -> bool:
    """Whether a program is named by its path, and not by a name to look for."""
    return "/" in text or text.startswith("~")


def unread(env: Mapping[str, str]) -> tuple[str, ...]:
    """A sentence about each variable that looks like one of ours and is none. No values."""
    told = [env_name(name) for name in (*KEYS, *OPTIONS)]
    known = {*told, *map(env_name, (*STAND_INS, *HANDED_ON)), TOKEN}
    out = []
    for name in sorted(name for name, text in env.items() if text.strip()):
        if name in known:
            continue
        if is_token(name):
            out.append(_sentence(name, f"did you mean {TOKEN}?"))
        elif name.startswith(ENV_PREFIX) or name.upper() in told or _is_token_file(name):
            out.append(_sentence(name, _meant(name, told)))
    return tuple(out)


def is_token(name: str) -> bool:
    """Whether a variable of that name holds a Wallarm token, be the name right or not."""
    upper = name.upper()
    if upper.endswith("_FILE"):
        return False
    if "WALLARM" in upper and re.search(r"TOKEN|API_?KEY|SECRET", upper):
        return True
    if abs(len(upper) - len(TOKEN)) > _LETTERS:
        return False
    return SequenceMatcher(None, upper, TOKEN).ratio() > _NEARLY


def _is_token_file(name: str) -> bool:
    return "WALLARM" in name.upper() and name.upper().endswith("TOKEN_FILE")


_NEARLY = 0.85
_LETTERS = 3  # more or fewer


def _meant(name: str, told: Iterable[str]) -> str:
    if _is_token_file(name):
        return f"did you mean {env_name('token_file')}?"
    near = closest(name, (*told, TOKEN), n=1)
    return f"did you mean {near[0]}?" if near else "`wallarm-apigw answers --reference` lists all."


def _sentence(name: str, meant: str) -> str:
    return f"The environment variable {name} has no effect: {meant}"
