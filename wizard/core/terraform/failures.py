"""The common failures of Terraform and AWS in plain words, above their original text.

A table: what the text looks like → a sentence and a next step. The texts come from Terraform 1.x,
from the AWS provider 5.x and from AWS's own error codes; those seen only in documentation are
unverified on a live account. The first row that fits wins, so the narrow ones come first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from wizard.core.terraform.events import Diagnostic


@dataclass(frozen=True)
class Explanation:
    """A failure in plain words. `code` is stable; `retry`: the same run may simply work later."""

    code: str
    what: str
    next_step: str
    retry: bool = False


@dataclass(frozen=True)
class _Row:
    code: str
    pattern: str
    what: str
    next_step: str
    retry: bool = False


_AGAIN = "Run the same command again: what is done stays done."
_THEN = "Then run the same command again: what is done stays done."

_ROWS = (
    _Row(
        "WAG-E-TF-114",
        r"no space left on device|disk quota exceeded|There is not enough space",
        "The disk is full",
        "Free some space, or choose another folder with --workspace DIR. If errored.tfstate was "
        "written, the next run offers to put it back. " + _AGAIN,
    ),
    _Row(
        "WAG-E-TF-120",
        r"[Uu]nsupported state file|state file .{0,60}(?:invalid|could not be parsed|not valid)"
        r"|Failed to (?:load|read) state|unexpected end of JSON|does not support state version",
        "Terraform's state of this deployment cannot be read",
        "Keep a copy of it. Terraform's backup of the state before lies beside it as "
        "terraform.tfstate.backup.",
    ),
    _Row(
        "WAG-E-TF-101",
        r"Saved plan is stale|plan was created .{0,40}state .{0,40}changed",
        "The deployment changed after the plan was reviewed",
        "Nothing was applied. Make and review a new plan.",
    ),
    _Row(
        "WAG-E-TF-102",
        r"Error acquiring the state lock|state blob is already locked|ConditionalCheckFailed",
        "Another Terraform is working on this deployment",
        "Wait for it to end. If none runs any more, the lock was left behind by one that was "
        "killed; it can be removed after you have confirmed that.",
        True,
    ),
    _Row(
        "WAG-E-TF-103",
        r"ExpiredToken|token (?:included in the request )?is expired|security token .{0,30}expired"
        r"|SSO (?:session|token).{0,60}(?:expired|invalid)|RequestExpired|token has expired",
        "The AWS credentials have expired",
        "Renew them (for SSO: `aws sso login`). " + _AGAIN,
        True,
    ),
    _Row(
        "WAG-E-TF-104",
        r"No valid credential sources found|failed to refresh cached credentials"
        r"|InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch"
        r"|AuthFailure|no EC2 IMDS role found",
        "AWS does not accept these credentials",
        "Check the profile, or log in again; `aws sts get-caller-identity` must work.",
    ),
    _Row(
        "WAG-E-TF-105",
        r"with an explicit deny in a (?P<policy>service control policy|permissions boundary)",
        "A {policy} of your organisation forbids {action}",
        "Ask whoever owns it; no policy of your own can allow it. " + _AGAIN,
    ),
    _Row(
        "WAG-E-TF-130",
        r"cannot be assumed by|unable to assume the role|Invalid IAM Instance Profile|"
        r"[Ii]nvalid IamInstanceProfile",
        "A role that was just made cannot be used yet: too early, not forbidden",
        "IAM makes a new role known everywhere within a minute or so. " + _AGAIN,
        True,
    ),
    _Row(
        "WAG-E-TF-127",
        r"not authorized to perform:? iam:PassRole",
        "A role could not be handed over: too early where it was just made, else forbidden",
        "If it is refused a second time, iam:PassRole is missing: `wallarm-apigw iam-policy "
        "deploy` prints it, with the role and the service. " + _AGAIN,
        True,
    ),
    _Row(
        "WAG-E-TF-106",
        r"AccessDenied|UnauthorizedOperation|not authorized to perform|AuthorizationError",
        "These credentials may not do {action}",
        "Add the permission (`wallarm-apigw iam-policy deploy` prints the whole policy). " + _AGAIN,
    ),
    _Row(
        "WAG-E-TF-128",
        r"ClusterContainsContainerInstances|[Cc]luster cannot be deleted while Container Instances",
        "An instance that is gone is still registered in the cluster, which cannot be deleted then",
        "Run `wallarm-apigw uninstall` again: it deregisters what is left, then deletes the "
        "cluster.",
        True,
    ),
    _Row(
        "WAG-E-TF-129",
        r"PolicyLengthExceeded|final policy size \(\d+\) is bigger than the limit",
        "The forwarder's resource policy is full: it ends at 20,480 bytes",
        "Log groups that stages keep share one statement from this version on: let `wallarm-apigw "
        "install` apply the whole plan. A repetition alone does not fix it.",
    ),
    _Row(
        "WAG-E-TF-131",
        r"[Aa]t least two subnets in two different Availability Zones",
        "A load balancer needs subnets in two Availability Zones",
        "Choose public subnets in two Availability Zones, those of the private subnets among them, "
        "and review the new plan. A repetition alone does not fix it.",
    ),
    _Row(
        "WAG-E-TF-132",
        r"InvalidKMSKey|KMSKey\w*(?:State|NotFound|Disabled)|Client error on launch",
        "An instance was started and ended at once: its volume's key does not let it in",
        "The account's default key for EBS volumes (EC2, Settings, Data protection) must be "
        "enabled, and its policy must let AWSServiceRoleForAutoScaling use it; or choose another "
        "default. " + _AGAIN,
    ),
    _Row(
        "WAG-E-TF-107",
        r"(?P<quota>Vpc|Address|NatGateway|InternetGateway|SecurityGroups?PerVpc|Subnet)LimitExceeded"
        r"|maximum number of (?P<quota2>[\w -]{1,40}?) has been reached",
        "The account's quota for this is used up: {quota}",
        "Remove one that is not needed, use an existing VPC, or ask AWS for more (Service Quotas). "
        + _AGAIN,
    ),
    _Row(
        "WAG-E-TF-108",
        r"VcpuLimitExceeded|InstanceLimitExceeded|ServiceQuotaExceeded|TooMany(?!Requests)\w+"
        r"|LimitExceeded(?:Exception)?|QuotaExceeded|ResourceLimitExceeded",
        "A quota of the account is used up",
        "AWS's words above name it. Ask AWS for more in Service Quotas, or free some. " + _AGAIN,
    ),
    _Row(
        "WAG-E-TF-109",
        r"InsufficientInstanceCapacity|do not have sufficient .{0,60}capacity"
        r"|Unsupported.{0,80}Availability Zone|not supported in your requested Availability Zone",
        "AWS has no such instance left in this Availability Zone",
        "Choose another node_instance_type or other subnets, or try again in some minutes.",
        True,
    ),
    _Row(
        "WAG-E-TF-110",
        r"Throttl|Rate exceeded|TooManyRequests|RequestLimitExceeded|SlowDown",
        "AWS asked for a slower pace, and went on asking",
        "Somebody else may be using up the account's request quota. " + _AGAIN,
        True,
    ),
    _Row(
        "WAG-E-TF-111",
        r"waiting for ACM Certificate .{0,200}|PENDING_VALIDATION|Certificate .{0,120}to be issued",
        "The certificate was not validated in time",
        "Its DNS record must be visible in public: check that the domain's name servers are those "
        "of the Route 53 zone. " + _AGAIN,
        True,
    ),
    _Row(
        "WAG-E-TF-126",
        r"Tried to create resource record set .{0,400}but it already exists",
        "A DNS record of that name is there already; it is left as it is",
        "If an interrupted run made it, run the same command again: it takes it over. A record "
        "that begins with an underscore proves the name to ACM for another certificate, which "
        "would lose it with this deployment: set certificate_validation_record to false, which "
        "uses it as it is, or give that certificate as certificate_arn. Otherwise choose another "
        "node_dns_name.",
    ),
    _Row(
        "WAG-E-TF-112",
        r"EntityAlreadyExists|AlreadyExists|already exists|BucketAlreadyOwnedByYou|DuplicateLoadBal"
        r"|ResourceConflictException|InvalidGroup\.Duplicate|name is already in use",
        "Something of that name exists already and is not in this deployment's state",
        "If an interrupted run made it, run the same command again: it finds it by its tags and "
        "takes it over. Otherwise choose another name_prefix.",
    ),
    _Row(
        "WAG-E-TF-113",
        r"DependencyViolation|has a dependent object|is in use by|has dependencies|ResourceInUse",
        "AWS still uses what is to be removed",
        "A function in a VPC leaves network interfaces behind that AWS takes back in its own time, "
        "20 to 60 minutes. Wait; then run the same command again. If it stays so, something else "
        "of the account is in the VPC: its network interfaces name it.",
        True,
    ),
    _Row(
        "WAG-E-TF-124",
        r"Inconsistent dependency lock file|checksums .{0,80}(?:not|do not) match"
        r"|does ?n[o']t match any of the checksums",
        "The AWS provider found here is not the one this deployment was made with",
        "Give Terraform the same version again, or delete .terraform.lock.hcl in the workspace's "
        "module folder to accept this one.",
    ),
    _Row(
        "WAG-E-TF-115",
        r"Failed to (?:query available provider|install provider)|Could not (?:retrieve the list "
        r"of available|load plugin)|registry service is unreachable|failed to request discovery"
        r"|Invalid provider registry host|no available releases match",
        "Terraform could not get the AWS provider",
        "Check the way to the registry (HTTPS_PROXY, a firewall), or name a folder that holds the "
        "provider with --plugin-mirror DIR.",
        True,
    ),
    _Row(
        "WAG-E-TF-116",
        r"x509: |certificate signed by unknown authority|tls: failed to verify",
        "A server's certificate is not trusted here",
        "Behind an inspecting proxy, trust its certificate: AWS_CA_BUNDLE=/path/to/ca.pem for AWS, "
        "SSL_CERT_FILE for the registry.",
    ),
    _Row(
        "WAG-E-TF-117",
        r"no such host|connection refused|i/o timeout|context deadline exceeded|connection reset"
        r"|network is unreachable|no route to host|request send failed|\bEOF\b"
        r"|TLS handshake timeout|use of closed network connection|write tcp .{0,120}broken pipe",
        "AWS could not be reached, or its answer was lost on the way",
        "Check the network and the proxy. " + _AGAIN,
        True,
    ),
    _Row(
        "WAG-E-TF-118",
        r"Failed to (?:persist|save) state|Error saving state|errored\.tfstate"
        r"|error (?:saving|writing) state",
        "Terraform could not store what it did",
        "It left the record in errored.tfstate in the workspace. Do not delete it: free space or "
        "repair the access, then run the same command; it offers to put the record back.",
    ),
    _Row(
        "WAG-E-TF-119",
        r"state snapshot was created by Terraform v(?P<version>[\w.-]+)",
        "A newer Terraform ({version}) worked on this deployment before",
        "Use that version or a later one: --terraform PATH.",
    ),
    _Row(
        "WAG-E-TF-121",
        r"Unsupported Terraform Core version|required_version",
        "This Terraform is too old for the module",
        "Install a newer one, or name it with --terraform PATH.",
    ),
    _Row(
        "WAG-E-TF-122",
        r"Resource precondition failed|Invalid value for (?:input )?variable|No value for required",
        "An answer does not fit the module",
        "Change the answer that is named above.",
    ),
    _Row(
        "WAG-E-TF-123",
        r"plugin (?:crashed|exited)|Plugin did not respond|panic:|provider .{0,40}crash",
        "The AWS provider crashed",
        "Too little memory is the usual cause (it needs about 500 MB). " + _AGAIN,
        True,
    ),
    _Row(
        "WAG-E-TF-125",
        r"OptInRequired|not subscribed to this service|InvalidRegion|AuthFailure.{0,80}region",
        "The account or the Region is not switched on for this service",
        "Switch the Region on in the account's settings, or choose another.",
    ),
)

# The same run may work in a minute, without anybody doing anything.
TOO_EARLY = frozenset(("WAG-E-TF-127", "WAG-E-TF-130"))

_COMPILED = tuple((re.compile(row.pattern, re.DOTALL | re.IGNORECASE), row) for row in _ROWS)
# The most exact one first.
_ACTIONS = (
    re.compile(r"not authorized to perform:? (?:the )?`?([\w-]+:\w+)"),
    re.compile(r"perform(?:ing)? action:? ([\w-]+:\w+)"),
    re.compile(r"allows the ([\w-]+:\w+) action"),
    re.compile(r"operation error ([\w ]{1,60}: \w+)"),
)
_LIMIT = 200_000  # characters looked at: diagnostics can quote whole policies


def explain(text: str) -> Explanation | None:
    """Plain words for the text of a failure; None for one this table does not know."""
    text = " ".join(text[:_LIMIT].replace("│", " ").split())  # as it was before it was wrapped
    for pattern, row in _COMPILED:
        match = pattern.search(text)
        if match:
            named = {k: v for k, v in match.groupdict().items() if v}
            words = {
                "action": _denied_action(text) or "something this needs",
                "quota": named.get("quota") or named.get("quota2") or "see below",
                "policy": named.get("policy", "policy"),
                "version": named.get("version", "unknown version"),
            }
            what = row.what
            for name, value in words.items():
                what = what.replace("{" + name + "}", value)
            return Explanation(row.code, what, row.next_step, row.retry)
    return None


def explain_diagnostics(diagnostics: Iterable[Diagnostic]) -> Explanation | None:
    """Plain words for Terraform's errors: the first that the table knows, and in the next step
    every other. Terraform goes on where it can, so that several refusals end one apply.
    """
    found: dict[str, Explanation] = {}
    for diagnostic in diagnostics:
        if diagnostic.is_error and (one := explain(diagnostic.text)):
            found.setdefault(one.what, one)
    if len(found) < 2:
        return next(iter(found.values()), None)
    first, *others = found.values()
    steps = [_once(first), *(f"Also: {one.what}. {_once(one)}" for one in others)]
    if any(one.next_step.endswith(_AGAIN) for one in found.values()):
        steps.append(_THEN)
    return replace(
        first,
        next_step=" ".join(step.strip() for step in steps),
        retry=any(one.retry for one in found.values()),
    )


def _once(one: Explanation) -> str:
    """Its next step without what is said once for all of them."""
    return one.next_step.removesuffix(_AGAIN).strip()


def for_removal(next_step: str) -> str:
    """The same for a removal, which needs a policy of its own."""
    return next_step.replace("iam-policy deploy", "iam-policy uninstall")


def too_early(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether a moment's patience is all it takes: everything that failed was refused for a role
    that may be too young. Else the same would only be refused once more."""
    found = [explain(one.text) for one in diagnostics if one.is_error]
    return bool(found) and all(one is not None and one.code in TOO_EARLY for one in found)


EXISTS = "WAG-E-TF-112"


def said_to_exist(diagnostics: Iterable[Diagnostic]) -> tuple[str, ...]:
    """Addresses of what AWS said was there already, when Terraform was making it.

    It may be ours: where the answer to the first request was lost, the provider asks again.
    """
    return tuple(
        one.address
        for one in diagnostics
        if one.is_error and one.address and (found := explain(one.text)) and found.code == EXISTS
    )


@dataclass(frozen=True)
class StateLock:
    """Who holds Terraform's lock on the state, in the words Terraform prints."""

    lock_id: str
    who: str = ""
    created: str = ""
    operation: str = ""


def state_lock(text: str) -> StateLock | None:
    """The lock that a refused command tells of; None where its text tells of none."""
    _, found, info = text[:_LIMIT].partition("Lock Info:")
    fields = dict(
        re.findall(r"^\s*(ID|Who|Created|Operation):[ \t]*(\S.*?)\s*$", info, re.MULTILINE)
    )
    if not found or "ID" not in fields:
        return None
    return StateLock(
        fields["ID"], fields.get("Who", ""), fields.get("Created", ""), fields.get("Operation", "")
    )


def _denied_action(text: str) -> str:
    """The AWS action a refusal names: `ec2:CreateVpc`, or the operation where it names none."""
    for pattern in _ACTIONS:
        if match := pattern.search(text):
            return match[1].replace(": ", " ").strip()
    return ""
