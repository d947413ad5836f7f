"""validate-all: are the parameters right (level 0), and right for this host (level 10)?

Wrong everywhere is Misconfigured, wrong on this host InvalidHere, missing software NotInstalled.
"""

from __future__ import annotations

import os

from ocf_lib import libraries
from ocf_lib.keystone import credentials, token
from ocf_lib.launch import command, user
from ocf_lib.outcomes import InvalidHere, NotInstalled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.declare.parameters import Parameters
    from ocf_lib.declare.service import Service
    from ocf_lib.instance import Instance
    from ocf_lib.launch.command import Command
    from ocf_lib.log import Log

HOST_LEVEL = 10
USER = ("os_auth_url", "os_username", "os_password")
APPLICATION = (
    "os_auth_url",
    "os_application_credential_id",
    "os_application_credential_secret",
)
# The sources of a password, or of the secret of an application credential; the first that is set
# counts.
SOURCES = ("os_cloud", "openrc", "os_password_file", "os_password")


def validate_all(instance: Instance, log: Log) -> None:
    """Level 0 looks at the parameters alone and says the same on every host. Level 10 also looks at
    this host."""
    parameters(instance, log)
    if (instance.environment.check_level or 0) >= HOST_LEVEL:
        host(instance)
        if token.account(instance.parameters, instance.service.needs_project) is not None:
            libraries.need("keystoneclient", "python3-keystoneclient")


def parameters(instance: Instance, log: Log) -> None:
    """Raises Misconfigured at the first wrong value."""
    of = instance.parameters
    of.check()
    command.additional(of)
    for parameter in of:
        if parameter.deprecated and of.is_set(parameter.name):
            log.warning(f"parameter {parameter.name} is deprecated: {parameter.deprecated}")
    if "os_auth_url" in of.declared:
        _credentials(instance.service, of, log)


def host(instance: Instance) -> Command:
    """What start runs on this host. Raises NotInstalled for a missing program or user, InvalidHere
    for a missing file, or for a file with a secret that is not only root's."""
    of = instance.parameters
    wanted = command.resolve(instance.service, of)
    credentials.check_files(of)
    if user.account_of(of["user"]) is None:
        raise NotInstalled(f"user {of['user']} does not exist: parameter user names another")
    cacert = of.get("os_cacert")
    if cacert and not os.path.isfile(cacert):
        raise InvalidHere(f"{cacert} is not on this host: parameter os_cacert names a file that is")
    if token.account(of, instance.service.needs_project) is not None:
        credentials.check(of)
    return wanted


def _credentials(service: Service, of: Parameters, log: Log) -> None:
    """Warn of credentials that are not used or not complete. No file is read: another host may have
    a different one."""
    set_ = [name for name in SOURCES if of.is_set(name)]
    for name in set_[1:]:
        # a file may lack the password, which then comes from the next source
        what = "is used only if" if name.startswith("os_password") else "is not used, because"
        why = "brings no password" if name.startswith("os_password") else "is set, too"
        log.warning(f"parameter {name} {what} {set_[0]} {why}")
    if of.is_set("os_client_config_file") and not of["os_cloud"]:
        log.warning("parameter os_client_config_file has no effect without os_cloud")
    names = list(APPLICATION if any(of[name] for name in APPLICATION[1:]) else USER)
    if service.needs_project and names[1] == USER[1]:
        names.append("os_project_id" if of["os_project_id"] else "os_project_name")
    given = [name for name in (*names, "os_password_file") if of.is_set(name)]
    missing = [name for name in names if not of[name]]
    if of["os_password_file"]:
        missing = [name for name in missing if name not in (USER[-1], APPLICATION[-1])]
    if given and token.account(of, service.needs_project) is None:
        log.warning(
            f"monitor asks without credentials, because {' and '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not set"
        )
