"""The kept token: lets the frequent monitor ask with credentials and not log in (hot module)."""

from __future__ import annotations

import posix
from time import time

from ocf_lib.state.record import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.instance import Instance

# A token that ends within this many seconds is not used any more: it must outlive the request.
MARGIN = 60
# of the Identity API
VERSIONS = ("3", "2.0")
# What an account is known by; the second tuple only where they are set, as none was in older
# versions, whose tokens stay good.
NAMES = ("os_username", "os_project_name", "os_user_domain_name", "os_project_domain_name")
IDENTIFIERS = (
    "os_cloud",
    "os_project_id",
    "os_user_domain_id",
    "os_project_domain_id",
    "os_application_credential_id",
)


class Token:
    """value: the secret. version: of the Identity API that issued it, "3" or "2.0".
    expires: seconds since the epoch. account: whom it was issued to. project: the ID of the project
    that it is for, "" for none."""

    def __init__(
        self, value: str, version: str, expires: int, account: str, project: str = ""
    ) -> None:
        self.value, self.version, self.expires = value, version, expires
        self.account, self.project = account, project

    @property
    def is_sound(self) -> bool:
        """It would not break the request line and header that it goes into."""
        both = self.value + self.project
        return bool(self.value) and both.isascii() and both.isprintable() and " " not in both

    def __str__(self) -> str:
        return f"{self.account}\n{self.version}\n{self.expires}\n{self.value}\n{self.project}\n"


def account(instance: Instance) -> str | None:
    """Whom the parameters tell us to log in as, on one line; None without full credentials.

    Of a file with credentials it has the path, and what changes when the file does: nothing is
    parsed here. The password is left out: when it changes, reload-agent drops the token.
    """
    of, api = instance.parameters, instance.service.api
    is_brought = bool(of.get("os_cloud") or of.get("openrc"))
    application, file = of.get("os_application_credential_id"), of.get("os_password_file")
    url = of.get("os_auth_url")
    if not is_brought:
        by_password = of.get("os_username") and (of.get("os_password") or file)
        secret = of.get("os_application_credential_secret")
        if not (url and (by_password or (application and (secret or file)))):
            return None
        # an application credential has its project in it
        project = of["os_project_name"] or of["os_project_id"] or application
        if api is not None and api.needs_project and not project:
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
    """What changes when the file is written or replaced; a missing one has none."""
    try:
        facts = posix.stat(path)
    except (OSError, ValueError):
        return ""
    return f":{facts.st_mtime_ns}:{facts.st_size}:{facts.st_ino}"


def kept(instance: Instance, holder: str) -> Token | None:
    """The token that an earlier log-in of `holder` (an account) left, unless it nears its end."""
    text = read(instance.file("token"))
    lines = text.split("\n") if text else []
    if len(lines) < 5 or lines[0] != holder or not lines[2].isdecimal() or len(lines[2]) > 15:
        return None
    found = Token(lines[3], lines[1], int(lines[2]), holder, lines[4])
    is_of_use = found.is_sound and time() < found.expires - MARGIN
    return found if is_of_use and found.version in VERSIONS else None
