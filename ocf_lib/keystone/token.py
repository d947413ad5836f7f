"""The kept token, with which the frequent monitor asks an API without a log-in."""

from __future__ import annotations

import posix
from time import time

from ocf_lib import numbers
from ocf_lib.state import statefile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.declare.parameters import Parameters

# A token that expires within this many seconds is not used any more: it must outlive the request.
MARGIN = 60
# Versions of the Identity API.
VERSIONS = ("3", "2.0")
# The parameters that make up an account. The second tuple appears only if they are set: older
# versions of the agents did not know them, and the tokens that those left stay valid.
NAMES = ("os_username", "os_project_name", "os_user_domain_name", "os_project_domain_name")
IDENTIFIERS = (
    "os_cloud",
    "os_project_id",
    "os_user_domain_id",
    "os_project_domain_id",
    "os_application_credential_id",
)


class Token:
    """value: the secret. version: the version of the Identity API that issued it, "3" or "2.0".
    expires: seconds since the epoch. account: the account that got it. project: the ID of its
    project, "" for none."""

    def __init__(
        self, value: str, version: str, expires: int, account: str, project: str = ""
    ) -> None:
        self.value, self.version, self.expires = value, version, expires
        self.account, self.project = account, project

    @property
    def is_sound(self) -> bool:
        """It does not break the request line and the header in which it is sent."""
        both = self.value + self.project
        return bool(self.value) and both.isascii() and both.isprintable() and " " not in both

    def __str__(self) -> str:
        return f"{self.account}\n{self.version}\n{self.expires}\n{self.value}\n{self.project}\n"


def account(of: Parameters, needs_project: bool = False) -> str | None:
    """The account that the parameters describe, on one line; None if they do not make a whole
    log-in. needs_project: a log-in without a project is not whole.

    A file with credentials adds its path and its time of change: nothing is parsed here. The
    password is left out: when it changes, reload-agent drops the token.
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
    # a path may hold bytes that are no UTF-8
    return "|".join(word or "" for word in words).encode("utf-8", "backslashreplace").decode()


def _state(path: str) -> str:
    """Changes when the file is written or replaced; "" for a missing file."""
    try:
        facts = posix.stat(path)
    except (OSError, ValueError):
        return ""
    return f":{facts.st_mtime_ns}:{facts.st_size}:{facts.st_ino}"


def kept(path: str, holder: str) -> Token | None:
    """The token in the file at `path` that an earlier log-in of the account `holder` left; None if
    there is none that can be used."""
    text = statefile.read(path)
    lines = text.split("\n") if text else []
    if len(lines) < 5 or lines[0] != holder:
        return None
    found = Token(lines[3], lines[1], numbers.whole(lines[2]) or 0, holder, lines[4])
    is_usable = found.is_sound and time() < found.expires - MARGIN
    return found if is_usable and found.version in VERSIONS else None
