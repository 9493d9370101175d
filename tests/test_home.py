"""No home, a home that cannot be written, paths as people type them, variables that are empty."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import wizard
from wizard.core.answers.parse import build_answers, from_env
from wizard.core.environment import PATH_LISTS, PATH_VARIABLES, settled
from wizard.core.errors import WizardError
from wizard.services import files
from wizard.services.files import whole_path
from wizard.services.tokens import take_environment

NOBODY = "import os, pwd, sys; pwd.getpwuid = lambda uid: (_ for _ in ()).throw(KeyError(uid))\n"


def run(
    folder: Path, *arguments: str, before: str = "", home: bool = True, **env: str
) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items()
            if not k.startswith(("AWS_", "WALLARM", "XDG_", "HOME"))}  # fmt: skip
    kept |= {"HOME": str(folder)} if home else {}
    program = before + "import sys; from wizard.cli import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=folder,
        env={**kept, "AWS_EC2_METADATA_DISABLED": "true",
             "PYTHONPATH": str(Path(__file__).parents[1]), **env},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("command", ["status", "install", "uninstall", "stages list", "doctor",
                                     "answers"])  # fmt: skip
def test_without_a_home_one_sentence_says_what_to_set(command: str, tmp_path: Path) -> None:
    done = run(tmp_path, *command.split(), before=NOBODY, home=False)
    assert done.returncode == 1
    assert "This user has no home folder  [WAG-E-WS-014]" in done.stderr
    assert "Set HOME to a folder" in done.stderr
    assert "unexpected" not in done.stderr
    assert list(tmp_path.iterdir()) == [], "no folder called ~"


def test_without_a_home_a_folder_of_ones_own_does(tmp_path: Path) -> None:
    done = run(tmp_path, "answers", before=NOBODY, home=False, XDG_DATA_HOME=str(tmp_path / "data"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name_prefix"]


@pytest.mark.parametrize("home", [True, False])
def test_a_bug_is_told_where_its_traceback_cannot_be_kept(home: bool, tmp_path: Path) -> None:
    broken = NOBODY + "import wizard.cli.reference as r; r.answers = lambda options: 1 / 0\n"
    env = {"XDG_DATA_HOME": "/proc/nowhere"} if home else {}
    done = run(tmp_path, "answers", before=broken, home=home, **env)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "Traceback" not in done.stderr


def test_where_nothing_can_be_written_the_variable_that_helps_is_named() -> None:
    with pytest.raises(WizardError) as caught:
        files.private_dir(Path("/proc/nowhere"))
    assert "set XDG_DATA_HOME to a folder of yours that can be written" in caught.value.next_step


def test_the_home_of_an_environment_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert files.home({"HOME": "/somewhere"}) == Path("/somewhere")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert files.home({}) is None
    with pytest.raises(WizardError) as caught:
        whole_path("~/answers.json")
    assert caught.value.code == "WAG-E-WS-014"


@pytest.mark.parametrize(
    ("typed", "whole"),
    [("a.json", "/here/a.json"), ("./a", "/here/a"), ("~/a", "/home/me/a"), ("~", "/home/me"),
     (" a ", "/here/a"), ("../a", "/a"), ("/x/../a", "/a"), ("a~", "/here/a~")],
)  # fmt: skip
def test_a_path_is_whole(typed: str, whole: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getcwd", lambda: "/here")
    monkeypatch.setenv("HOME", "/home/me")
    assert whole_path(typed) == whole


def test_in_a_folder_that_is_gone_paths_stay_as_they_were_typed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(os, "getcwd", gone)
    assert whole_path("a.json") == "a.json"
    assert whole_path("/a.json") == "/a.json"


@pytest.mark.parametrize("name", PATH_VARIABLES)
def test_every_variable_that_holds_a_path_is_made_whole(name: str) -> None:
    assert settled({name: "x"}, "/here/{}".format) == {name: "/here/x"}


@pytest.mark.parametrize("name", PATH_LISTS)
def test_every_entry_of_a_list_of_paths_is_made_whole(name: str) -> None:
    assert settled({name: "bin::x"}, "/here/{}".format) == {name: "/here/bin:/here/x"}


@pytest.mark.parametrize(
    ("text", "read"), [("./tf", "/here/./tf"), ("~/tf", "/here/~/tf"), ("terraform", "terraform")]
)
def test_a_program_is_a_path_or_a_name(text: str, read: str) -> None:
    name = "WALLARM_APIGW_TERRAFORM"
    assert settled({name: text}, "/here/{}".format) == {name: read}


@pytest.mark.parametrize(
    "name",
    ["AWS_PROFILE", "AWS_CA_BUNDLE", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL",
     "WALLARM_API_TOKEN", "WALLARM_APIGW_REGION", "WALLARM_APIGW_WORKSPACE", "HTTPS_PROXY",
     "https_proxy", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "HOME",
     "TMPDIR", "XDG_DATA_HOME", "TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR", "PATH", "TERM"],
)  # fmt: skip
@pytest.mark.parametrize("text", ["", " "])
def test_empty_is_unset_for_us_and_for_what_we_load(name: str, text: str) -> None:
    own = {name: text, "OTHER": ""}
    assert take_environment(own) == {"OTHER": ""}
    assert own == {"OTHER": ""}


def test_what_means_something_empty_stays() -> None:
    assert settled({"AWS_PAGER": ""}, str) == {"AWS_PAGER": ""}


def test_what_we_load_reads_whole_paths_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    own = {"AWS_CONFIG_FILE": "~/aws", "PATH": "~/bin:/usr/bin"}
    taken = take_environment(own)
    assert own == taken == {"AWS_CONFIG_FILE": "/home/me/aws", "PATH": "/home/me/bin:/usr/bin"}


def test_an_empty_variable_sets_no_answer() -> None:
    assert from_env({"WALLARM_APIGW_NODE_COUNT": "", "WALLARM_APIGW_ALARMS": " "}) == {}


def test_an_empty_answer_counts_only_where_an_answer_can_be_empty() -> None:
    saved = {"region": "eu-central-1", "vpc_id": "vpc-0123456789abcdef0"}
    found = build_answers(saved, {"region": "", "vpc_id": ""}, check=False)
    assert (found.region, found.vpc_id) == ("eu-central-1", "")


@pytest.mark.parametrize(
    "options",
    [("--profile", ""), ("--region", ""), ("--name-prefix", ""), ("--answers", ""),
     ("--token-file", ""), ("--workspace", ""), ("--terraform", ""), ("--plugin-mirror", "")],
)  # fmt: skip
def test_an_empty_option_is_as_if_it_had_not_been_given(
    options: tuple[str, str], tmp_path: Path
) -> None:
    plain, given = run(tmp_path, "answers"), run(tmp_path, "answers", *options)
    assert (given.returncode, given.stdout) == (0, plain.stdout)


def test_answers_and_workspace_are_found_by_what_was_typed(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text('{"region": "eu-north-1", "lambda_package": "~/f.zip"}')
    for arguments, env in (
        (("--answers", "~/mine.json"), {}),
        (("--answers", "mine.json"), {}),
        ((), {"WALLARM_APIGW_ANSWERS": "~/mine.json"}),
    ):
        done = run(tmp_path, "answers", *arguments, **env)
        found = json.loads(done.stdout)
        assert (found["region"], found["lambda_package"]) == ("eu-north-1", f"{tmp_path}/f.zip")


@pytest.mark.parametrize("command", ["answers", "install --dry-run", "status", "stages list"])
def test_with_a_folder_but_no_home_the_aws_configuration_is_simply_not_there(
    command: str, tmp_path: Path
) -> None:
    env = {"XDG_DATA_HOME": str(tmp_path / "data"), "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
           "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}  # fmt: skip
    done = run(tmp_path, *command.split(), before=NOBODY, home=False, **env)
    assert "unexpected" not in done.stderr
    assert "home" not in done.stderr


def test_nothing_asks_pathlib_for_a_home() -> None:
    """Without one it raises RuntimeError; `files.expanded` and `files.whole_path` do not."""
    texts = {p: p.read_text(encoding="utf-8") for p in Path(wizard.__file__).parent.rglob("*.py")}
    assert [
        str(p) for p, text in texts.items() if re.search(r"\.expanduser\(\)|\.home\(\)", text)
    ] == []
