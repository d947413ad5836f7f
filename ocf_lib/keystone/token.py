"""The kept token, with which the frequent monitor asks an API without a log-in.

All resources of this node that log in with the same credentials share it. It outlives a restart of
the service, and a stop.
"""

from __future__ import annotations

import posix
from time import time

from ocf_lib import numbers
from ocf_lib.state import statefile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.declare.parameters import Parameters
    from ocf_lib.declare.service import Service

# A token that expires within this many seconds is not used any more: it must outlive the request.
MARGIN = 60
# One that expires within this many seconds is renewed by whoever sees it first.
RENEW = 300
# Versions of the Identity API.
VERSIONS = ("3", "2.0")
# The parameters that make up an account. Those of the second tuple appear only if they are set.
NAMES = ("os_username", "os_project_name", "os_user_domain_name", "os_project_domain_name")
IDENTIFIERS = (
    "os_cloud",
    "os_project_id",
    "os_user_domain_id",
    "os_project_domain_id",
    "os_application_credential_id",
)
SECRETS = ("os_password", "os_application_credential_secret")


class Token:
    """value: the secret. version: the version of the Identity API that issued it, "3" or "2.0".
    expires: seconds since the epoch, by the clock of this host. account: the account that got it.
    project: the ID of its project, "" for none. lifetime: seconds from its issue to its end."""

    def __init__(
        self,
        value: str,
        version: str,
        expires: int,
        account: str,
        project: str = "",
        lifetime: int = 3600,
    ) -> None:
        self.value, self.version, self.expires = value, version, expires
        self.account, self.project, self.lifetime = account, project, lifetime

    @property
    def is_sound(self) -> bool:
        """It does not break the request line and the header in which it is sent."""
        both = self.value + self.project
        return bool(self.value) and both.isascii() and both.isprintable() and " " not in both

    def fits(self, service: Service) -> bool:
        """The service can use it: it is for a project if the path of its API names one."""
        return bool(self.project) or not service.needs_project

    @property
    def is_usable(self) -> bool:
        """It does not end before a request that is made with it now."""
        return time() < self.expires - min(MARGIN, self.lifetime / 10)

    @property
    def is_near_its_end(self) -> bool:
        """It is time to log in for the next one."""
        return time() >= self.expires - min(RENEW, self.lifetime / 4)

    def __str__(self) -> str:
        facts = (self.account, self.version, self.expires, self.value, self.project, self.lifetime)
        return "".join(f"{fact}\n" for fact in facts)


def account(of: Parameters, needs_project: bool = False) -> str | None:
    """The account that the parameters describe, on one line; None if they do not make a whole
    log-in. needs_project: a log-in without a project is not whole.

    A file with credentials adds its path and its time of change: nothing is parsed here. A secret
    parameter adds 16 bits, too few to find it: another secret makes another account.
    """
    is_brought = bool(of.get("os_cloud") or of.get("openrc"))
    application, file = of.get("os_application_credential_id"), of.get("os_password_file")
    url = of.get("os_auth_url")
    if not is_brought:
        by_password = of.get("os_username") and (of.get("os_password") or file)
        secret = of.get("os_application_credential_secret")
        if not (url and (by_password or (application and (secret or file)))):
            return None
        # an application credential implies its project
        project = of["os_project_name"] or of["os_project_id"] or application
        if needs_project and not project:
            return None
    words = [url, *(of[name] for name in NAMES)]
    words += [f"{name}={of[name]}" for name in IDENTIFIERS if of[name]]
    paths = [("openrc", of["openrc"]), ("os_password_file", file)]
    if of["os_cloud"]:
        clouds = of["os_client_config_file"]
        secure = clouds.rpartition("/")[0] + "/secure.yaml"
        paths += [("clouds", clouds), ("secure", secure)]
    words += [f"{name}={path}{_state(path)}" for name, path in paths if path]
    words += [f"{name}={_sum(of[name]) % 65521}" for name in SECRETS if of[name]]
    # a path may hold bytes that are no UTF-8
    return "|".join(word or "" for word in words).encode("utf-8", "backslashreplace").decode()


def _state(path: str) -> str:
    """Changes when the file is written or replaced; "" for a missing file."""
    try:
        facts = posix.stat(path)
    except (OSError, ValueError):
        return ""
    return f":{facts.st_mtime_ns}:{facts.st_size}:{facts.st_ino}"


def _sum(text: str) -> int:
    """Fewer than 32 bits. `hash` differs from one process to the next, and zlib costs an import."""
    return int.from_bytes(text.encode("utf-8", "backslashreplace"), "big") % 4294967291


def file_of(folder: str, account: str, kind: str) -> str:
    """A file that all resources with this account share. folder: Instance.folder. kind: token, lock
    or refused.

    Two accounts may have the same number, so what is in the file must name its account.
    """
    return f"{folder}/account-{_sum(account):08x}.{kind}"


def kept(folder: str, account: str) -> Token | None:
    """The token that an earlier log-in of this account left in `folder`; None if there is none that
    can be used."""
    text = statefile.read(file_of(folder, account, "token"))
    lines = text.split("\n") if text else []
    if len(lines) < 7 or lines[0] != account:
        return None
    expires, lifetime = (numbers.whole(lines[at]) or 0 for at in (2, 5))
    found = Token(lines[3], lines[1], expires, account, lines[4], lifetime)
    is_good = found.is_sound and found.is_usable and found.version in VERSIONS
    return found if is_good else None
