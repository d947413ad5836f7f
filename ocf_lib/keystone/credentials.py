"""The credentials with which monitor logs in: from parameters, and from the files that they name.

The password comes from os_cloud, openrc, os_password_file or os_password: the first that has one.
For everything else: an explicit parameter, then the file, then the parameter's default.
"""

from __future__ import annotations

import os

from ocf_lib.declare.parameters import TRUE
from ocf_lib.net.endpoint import Endpoint
from ocf_lib.outcomes import InvalidHere
from ocf_lib.state import secretfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.declare.parameters import Parameters

INTERFACES = ("public", "internal", "admin")
# The values of auth_type that we know; names of keystoneauth's plugins.
KINDS = ("password", "v3password", "v2password", "v3applicationcredential")
# Parameters that name a file with a secret.
FILES = ("openrc", "os_password_file", "os_client_config_file")
PASSWORD, SECRET = "password", "application_credential_secret"


class Credentials:
    """A whole log-in: a URL, and a user with a password or an application credential with its
    secret. Missing values are empty. An ID takes precedence over a name.

    insecure: accept any certificate. interface: public, internal or admin. origin: what an operator
    should check. exposure: who besides root can read or change its file, and the remedy; "" for
    nobody.
    """

    def __init__(self, origin: str, exposure: str, insecure: bool, interface: str) -> None:
        self.origin, self.exposure = origin, exposure
        self.insecure, self.interface = insecure, interface
        self.auth_url = self.username = self.user_id = self.password = ""
        self.project_name = self.project_id = ""
        self.user_domain_name = self.user_domain_id = ""
        self.project_domain_name = self.project_domain_id = ""
        self.application_credential_id = self.application_credential_secret = ""
        self.cacert = self.region = ""

    @property
    def is_application(self) -> bool:
        return bool(self.application_credential_id)

    @property
    def secrets(self) -> list[str]:
        """What must not appear in any output."""
        return [text for text in (self.password, self.application_credential_secret) if text]

    def __str__(self) -> str:
        """The user, or application credential, as Identity knows it."""
        if self.is_application:
            return f"application credential {self.application_credential_id}"
        return f"user {self.username or self.user_id}"


def check_files(of: Parameters) -> None:
    """Raises InvalidHere unless every file that a parameter names is on this host."""
    for name in FILES:
        if of.is_set(name):
            descriptor, _ = secretfile.opened(of[name], f"parameter {name}")
            os.close(descriptor)


def check(of: Parameters) -> None:
    """Raises InvalidHere unless only root can read the credentials and they have all that a log-in
    needs, NotInstalled if openstacksdk is needed and missing."""
    found = gather(of)
    if found.exposure:
        raise InvalidHere(found.exposure)
    if found.cacert and not os.path.isfile(found.cacert):
        raise InvalidHere(f"{found.cacert} is not on this host: check {found.origin}")


def gather(of: Parameters) -> Credentials:
    """The log-in that the parameters describe; token.account tells whether they describe one.

    Raises InvalidHere if one of its files is missing or does not have all that a log-in needs,
    NotInstalled if openstacksdk is needed and missing.
    """
    origin, facts, exposure = _file(of)
    kind = facts.get("auth_type")
    if kind and kind not in KINDS:
        raise InvalidHere(f"{origin} has auth_type {kind}: these are known: {', '.join(KINDS)}")
    made = Credentials(
        origin,
        exposure,
        of["insecure"] if of.is_set("insecure") else facts.get("insecure", "").lower() in TRUE,
        _interface(of, facts),
    )
    for name, parameter, fact in (
        ("auth_url", "os_auth_url", "auth_url"),
        ("username", "os_username", "username"),
        ("application_credential_id", "os_application_credential_id", "application_credential_id"),
        ("cacert", "os_cacert", "cacert"),
        ("region", "os_region_name", "region_name"),
    ):
        setattr(made, name, _one(of, parameter, facts.get(fact)))
    if not of.is_set("os_username"):
        made.user_id = facts.get("user_id", "")
    made.project_name, made.project_id = _pair(of, "project", facts)
    made.user_domain_name, made.user_domain_id = _pair(of, "user_domain", facts)
    made.project_domain_name, made.project_domain_id = _pair(of, "project_domain", facts)
    if made.is_application:
        made.application_credential_secret, exposure = _secret(of, SECRET, facts)
    else:
        made.password, exposure = _secret(of, PASSWORD, facts)
    made.exposure = made.exposure or exposure
    _check_whole(made)
    return made


def _file(of: Parameters) -> tuple[str, dict[str, str], str]:
    """The origin of the log-in, in words; the facts in its file; the exposure of that file."""
    cloud, path = of["os_cloud"], of["openrc"]
    if cloud:
        from ocf_lib.keystone import clouds

        file = of["os_client_config_file"]
        named = "os_client_config_file" if of.is_set("os_client_config_file") else "os_cloud"
        return (f"cloud {cloud} in {file}", *clouds.load(file, cloud, named))
    if path:
        from ocf_lib.keystone import openrc

        text, exposure = secretfile.read(path, "parameter openrc")
        return f"openrc {path}", openrc.parse(text, path), exposure
    if of["os_application_credential_id"]:
        return "os_application_credential_id and its secret", {}, ""
    password = of["os_password_file"] or "os_password"
    return f"os_username, {password}, {_project(of)} and the domains", {}, ""


def _project(of: Parameters) -> str:
    return "os_project_id" if of["os_project_id"] else of.written("os_project_name")


def _secret(of: Parameters, kind: str, facts: dict[str, str]) -> tuple[str, str]:
    """The first secret of this kind, and the exposure of its file."""
    path = of["os_password_file"]
    if facts.get(kind):
        return facts[kind], ""
    if path:
        text, exposure = secretfile.read(path, "parameter os_password_file")
        first = text.partition("\n")[0].rstrip("\r")
        if not first:
            raise InvalidHere(f"{path} has nothing in its first line: check os_password_file")
        return first, exposure
    return of["os_" + kind] or "", ""


def _one(of: Parameters, parameter: str, fact: str | None) -> str:
    if fact and not of.is_set(parameter):
        return fact
    return of[parameter] or ""


def _pair(of: Parameters, what: str, facts: dict[str, str]) -> tuple[str, str]:
    """Name and ID of the project or of a domain. Both are from the same place: an ID in a file must
    not take precedence over a name that an operator set."""
    names = f"os_{what}_name", f"os_{what}_id"
    if not any(of.is_set(name) for name in names):
        for prefix in (what, "default_domain") if what != "project" else (what,):
            pair = facts.get(f"{prefix}_name", ""), facts.get(f"{prefix}_id", "")
            if any(pair):
                return pair
    return of[names[0]] or "", of[names[1]] or ""


def _interface(of: Parameters, facts: dict[str, str]) -> str:
    """In 2013 the public interface was called publicURL."""
    given = facts.get("interface", "").removesuffix("URL")
    if given in INTERFACES and not of.is_set("os_interface"):
        return given
    return str(of["os_interface"] or "public")


def _check_whole(made: Credentials) -> None:
    """Raises InvalidHere if no log-in is possible with these credentials."""
    if made.is_application:
        needed = {"secret of the application credential": made.application_credential_secret}
    else:
        needed = {"user": made.username or made.user_id, "password": made.password}
    missing = [name for name, value in {"URL": made.auth_url, **needed}.items() if not value]
    if missing:
        raise InvalidHere(f"{made.origin} brings no {' and no '.join(missing)}")
    try:
        Endpoint.parse(made.auth_url)
    except ValueError as error:
        raise InvalidHere(f"the URL of Identity in {made.origin} {error}") from None
