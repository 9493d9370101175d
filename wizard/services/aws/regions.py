"""Which Regions of an account have APIs, and which accounts an organization has.

Each Region has a budget of its own at API Gateway, so that Regions are asked side by side; what one
of them refuses is that Region's problem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wizard.core.errors import WizardError
from wizard.services.aws.errors import explained
from wizard.services.threads import ReadingPool

if TYPE_CHECKING:
    from wizard.services.aws.session import Session

WORKERS = 8
REST_PAGE = 500  # the most `GetRestApis` gives
V2_PAGE = "500"


@dataclass(frozen=True)
class RegionApis:
    """How many REST, HTTP and WebSocket APIs a Region has; `problem` where it could not be read.

    `connected` is how many of its stages are connected; None where nobody asked, or AWS did not say
    (then `problem` says why, and `apis` holds).
    """

    region: str
    apis: int = 0
    problem: str = ""
    connected: int | None = None


@dataclass(frozen=True)
class Account:
    """An account of an organization, in use."""

    account_id: str
    name: str


def enabled_regions(session: Session) -> tuple[str, ...]:
    """The Regions that this account may use and that have API Gateway (`ec2:DescribeRegions`).

    Raises WizardError where AWS does not say.
    """
    with explained("Reading the Regions of the account", session.login_profile):
        answer = session.client("ec2").describe_regions(AllRegions=False)
    open_to_us = {str(one["RegionName"]) for one in answer["Regions"]}
    return tuple(region for region in session.regions() if region in open_to_us)


def count_apis(
    session_of: Callable[[str], Session],
    regions: Iterable[str],
    *,
    on_region: Callable[[RegionApis], None] = lambda _: None,
    connected: Callable[[Session], int] | None = None,
    workers: int = WORKERS,
) -> tuple[RegionApis, ...]:
    """The APIs of these Regions, in the order given.

    Args:
        session_of: the session for a Region.
        on_region: told as each Region was read, from several threads.
        connected: counts the connected stages of a Region that has APIs.
    """

    def read(region: str) -> RegionApis:
        found = RegionApis(region)
        try:
            session = session_of(region)
            found = RegionApis(region, _apis(session))
            if connected is not None:
                found = replace(found, connected=connected(session) if found.apis else 0)
        except WizardError as error:
            found = replace(found, problem=f"{error.what}. {error.why}".rstrip(" ."))
        on_region(found)
        return found

    with ReadingPool(workers) as pool:
        return tuple(pool.map(read, regions))


def accounts(session: Session) -> tuple[Account, ...]:
    """The active accounts of the organization (`organizations:ListAccounts`), by name.

    Raises WizardError where there is none, or this account may not ask.
    """
    with explained("Reading the accounts of the organization", session.login_profile):
        pages = session.client("organizations").get_paginator("list_accounts").paginate()
        found = [
            Account(str(one["Id"]), str(one.get("Name", "")))
            for page in pages
            for one in page["Accounts"]
            if one.get("State", one.get("Status")) == "ACTIVE"
        ]
    return tuple(sorted(found, key=lambda account: (account.name.lower(), account.account_id)))


def _apis(session: Session) -> int:
    with explained(f"Reading the APIs of {session.region}", session.login_profile):
        rest = session.client("apigateway").get_paginator("get_rest_apis")
        pages = rest.paginate(PaginationConfig={"PageSize": REST_PAGE})
        number = sum(len(page["items"]) for page in pages)
        v2 = session.client("apigatewayv2")
        request: dict[str, str] = {"MaxResults": V2_PAGE}
        while True:
            answer = v2.get_apis(**request)
            number += len(answer["Items"])
            if not answer.get("NextToken"):
                return number
            request["NextToken"] = answer["NextToken"]
