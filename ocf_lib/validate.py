"""validate-all: are the parameters right (level 0), and right for this host (level 10)? (cold)

Wrong everywhere is Misconfigured, wrong on this host InvalidHere, software missing NotInstalled.
"""

from __future__ import annotations

import os

from ocf_lib import command, files, launcher, packages, token
from ocf_lib.outcomes import InvalidHere, NotInstalled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.instance import Instance
    from ocf_lib.log import Log

HOST_LEVEL = 10
CREDENTIALS = ("os_auth_url", "os_username", "os_password")


def validate_all(instance: Instance, log: Log) -> None:
    """Level 0 looks at the parameters alone and says the same on every host. Level 10 also looks at
    this host."""
    parameters(instance, log)
    if (instance.environment.check_level or 0) >= HOST_LEVEL:
        host(instance)
        if token.account(instance) is not None:
            packages.need("keystoneclient", "python3-keystoneclient")


def reload_agent(instance: Instance, log: Log) -> None:
    """Make changed parameters effective without touching the daemon. Raises Misconfigured.

    The next monitor reads them all anew. A token that was had with the old ones would hide for an
    hour that the new ones are refused.
    """
    parameters(instance, log)
    files.remove(instance.file("token"))


def parameters(instance: Instance, log: Log) -> None:
    """Raises Misconfigured at the first wrong value."""
    of = instance.parameters
    of.check()
    command.additional(instance)
    for parameter in of:
        if parameter.deprecated and of.is_set(parameter.name):
            log.warning(f"parameter {parameter.name} is deprecated: {parameter.deprecated}")
    api = instance.service.api
    if "os_auth_url" in of.declared:
        names = [*CREDENTIALS, *(["os_tenant_name"] if api and api.needs_project else [])]
        given = [name for name in names if of.is_set(name)]
        missing = [name for name in names if not of[name]]
        if given and token.account(instance) is None:
            log.warning(
                f"monitor asks without credentials, because {' and '.join(missing)} "
                f"{'is' if len(missing) == 1 else 'are'} not set"
            )


def host(instance: Instance) -> None:
    """Raises NotInstalled for a missing program or user, InvalidHere for a missing file."""
    command.resolve(instance)
    of = instance.parameters
    if launcher.user_of(instance) is None:
        raise NotInstalled(f"user {of['user']} does not exist: parameter user names another")
    cacert = of.get("os_cacert")
    if cacert and not os.path.isfile(cacert):
        raise InvalidHere(f"{cacert} is not on this host: parameter os_cacert names a file that is")
