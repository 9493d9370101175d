"""Where a shared deployment keeps its state in S3: pure names, the same on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# The tag by which a bucket that holds such states is found; its value says what for.
STATE_TAG = "wallarm:state"
STATE_TAG_VALUE = "terraform"
FOLDER = "wallarm-apigw"
BUCKET_PATTERN = r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$"
# The answer that moves a state back; as a bucket's name it is taken.
LOCAL = "local"
# Terraform's `use_lockfile`, without which two people could write at the same time.
LOCKFILE_SINCE = (1, 10)


@dataclass(frozen=True)
class StatePlace:
    """One deployment's folder in a bucket: state, answers, journal, lock."""

    bucket: str
    account_id: str
    region: str
    name_prefix: str

    @property
    def folder(self) -> str:
        """Everything of this deployment is below it; ends with a slash."""
        return f"{FOLDER}/{self.account_id}/{self.region}/{self.name_prefix}/"

    @property
    def state(self) -> str:
        """Terraform's state."""
        return self.folder + "terraform.tfstate"

    @property
    def terraform_lock(self) -> str:
        """The lock Terraform itself keeps while it runs."""
        return self.state + ".tflock"

    @property
    def lock(self) -> str:
        """The lock of a whole run of this product."""
        return self.folder + "run.lock"

    @property
    def answers(self) -> str:
        """The answers of the last run."""
        return self.folder + "answers.json"

    @property
    def arriving(self) -> str:
        """The same on their way here with the state; by them nobody joins."""
        return self.folder + "answers.arriving.json"

    @property
    def journal(self) -> str:
        """The journal's pieces are below it."""
        return self.folder + "journal/"

    @property
    def moved(self) -> str:
        """Says where the state went, when it was moved away."""
        return self.folder + "moved.json"

    @property
    def backend(self) -> dict[str, object]:
        """Configuration of Terraform's S3 backend; it holds no secret."""
        return {
            "bucket": self.bucket,
            "key": self.state,
            "region": self.region,
            "use_lockfile": True,
        }

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.folder}"


@dataclass(frozen=True)
class Kept:
    """A bucket that holds a deployment: `installation` is the id that its answers were saved with,
    empty for an earlier version's."""

    bucket: str
    installation: str = ""


def choose_bucket(kept: Sequence[Kept], *, claim: str | None, own: str, new: bool) -> str:
    """The bucket from which a computer that holds nothing of a deployment carries on; else empty.

    Args:
        kept: the buckets that hold a deployment of this name.
        claim: the id that the account says the name belongs to; None where it says nothing.
        own: the id in this computer's record: what it made itself is not elsewhere.
        new: nothing was ever recorded on this computer.
    """
    if claim is not None:
        if claim == own:
            return ""
        return next((one.bucket for one in kept if one.installation == claim), "")
    return kept[0].bucket if kept and new else ""


def backend_bucket(backend: dict[str, object]) -> str:
    """The bucket of a stored backend (`{"s3": {...}}`); empty where it is none of ours."""
    config = backend.get("s3")
    return str(config.get("bucket", "")) if isinstance(config, dict) else ""
