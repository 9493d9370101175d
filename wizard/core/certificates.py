"""Which certificates can serve the node's name behind its load balancer. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone

from wizard.core.facts import Certificate

# What a load balancer takes from ACM and the forwarder's TLS accepts. ACM lists only RSA up to
# 2048 bits to those who do not ask for more.
KEYS = ("RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1")
PRIVATE = "PRIVATE"  # issued by a private CA in AWS
EXPIRY_WARNING_DAYS = 21
DAY = 86_400


def covers(names: Iterable[str], host: str) -> bool:
    """Whether a certificate of these names is one for the host: `*` stands for one label."""
    wanted = host.lower()
    known = {name.lower() for name in names}
    parent = wanted.partition(".")[2]
    return bool(wanted) and (wanted in known or (bool(parent) and f"*.{parent}" in known))


def same_record(names: Iterable[str], host: str) -> bool:
    """Whether ACM proves a certificate of these names by the DNS record that proves the host.

    There is one for a name and an account, in all Regions; `*.host` is proved by the host's own.
    """
    wanted = host.lower()
    return bool(wanted) and not {wanted, f"*.{wanted}"}.isdisjoint(name.lower() for name in names)


def unfit(certificate: Certificate, host: str, now: float = 0.0) -> str:
    """Why the certificate cannot serve the host, as the rest of "it …"; empty when it can.

    Without `now`, in epoch seconds, its expiry is left to ACM's status.
    """
    if certificate.status != "ISSUED":
        return f"is {certificate.status}, not ISSUED"
    if certificate.expires and certificate.expires <= now:
        return f"expired on {day(certificate.expires)}"
    if certificate.key not in KEYS:
        return f"has a key that a load balancer does not take: {certificate.key}"
    if certificate.kind == PRIVATE:
        return "is of a private CA, which the forwarder does not trust"
    if not covers(certificate.names, host):
        return f"is for {listed(certificate)}, not for {host}"
    return ""


def fitting(certificates: Iterable[Certificate], host: str) -> tuple[Certificate, ...]:
    """Those that can serve the host: of its very name before wildcards, longest valid first."""
    good = (c for c in certificates if not unfit(c, host))
    return tuple(sorted(good, key=lambda c: (host not in c.names, -c.expires, c.names, c.arn)))


def soon(certificate: Certificate, now: float) -> bool:
    """Whether it expires within the next days."""
    return 0 < certificate.expires - now < EXPIRY_WARNING_DAYS * DAY


def day(seconds: float) -> str:
    """The date of an epoch time, in UTC: 2027-03-01."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d")


def listed(certificate: Certificate, most: int = 3) -> str:
    """Its names, the first few of many."""
    names, more = certificate.names[:most], len(certificate.names) - most
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def titled(certificate: Certificate) -> str:
    """Its first name, and how many more it has: `*.example.com +1`."""
    more = len(certificate.names) - 1
    return (certificate.names or ("?",))[0] + (f" +{more}" if more > 0 else "")


def in_use(certificate: Certificate) -> tuple[str, str]:
    """What a review says of one that the user has given: (what, words)."""
    return f"Certificate {titled(certificate)}", f"yours, {validity(certificate)}; it stays"


def validity(certificate: Certificate) -> str:
    """Until when, and who sees to what comes after: `expires 2027-03-01, imported`."""
    text = f"expires {day(certificate.expires)}" if certificate.expires else "issued"
    return f"{text}, imported" if certificate.kind == "IMPORTED" else text
