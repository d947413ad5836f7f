"""What a service depends on, found where the service itself finds it (cold module).

The message broker in transport_url, the databases in [database] connection, Identity in
[keystone_authtoken]; parameters of older agents win where they are given.
"""

from __future__ import annotations

import os
import re

from ocf_lib.dependencies import broker, database
from ocf_lib.launch import command
from ocf_lib.launch.oslo import Options
from ocf_lib.net.endpoint import Endpoint
from ocf_lib.outcomes import Outcome
from ocf_lib.state import files
from ocf_lib.state.notes import NOTHING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocf_lib.instance import Instance

# uwsgi's applications are told their configuration by OS_NOVA_CONFIG_DIR, OS_NOVA_CONFIG_FILES.
# The files lie in the folder, /etc/PROJECT by default.
VARIABLE = re.compile(r"^\s*env\s*=\s*OS_\w+?_CONFIG_(DIR|FILES)\s*=\s*(\S+)", re.MULTILINE)
PYARGV = re.compile(r"^\s*pyargv\s*=\s*(.+)$", re.MULTILINE)
# keystonemiddleware's options, in the service's configuration or in that of its WSGI pipeline.
AUTHTOKEN = ("keystone_authtoken", "filter:authtoken")
SERVER_PORTS = ("neutron_server_port", "quantum_server_port")


class Need:
    """One thing that the service depends on.

    name: how notes call it, one word. title: how people do. places: (host, port) of each server
    that may serve it; one is enough. is_held: one of the service's processes always holds a
    connection to it. asked: what a look at it needs to know: the Database, the Endpoint of
    Identity, or whether a broker speaks TLS.
    """

    def __init__(
        self,
        name: str,
        title: str,
        places: Sequence[tuple[str, int]],
        asked: object = None,
        is_held: bool = False,
    ) -> None:
        self.name, self.title, self.places = name, title, places
        self.asked, self.is_held = asked, is_held

    @property
    def ports(self) -> set[int]:
        """Where connections of it lead to; none for Identity, which is asked and left."""
        return set() if isinstance(self.asked, Endpoint) else {port for _, port in self.places}

    def __str__(self) -> str:
        if isinstance(self.asked, Endpoint):
            return f"{self.title} {self.asked.url}"
        host, port = self.places[0]
        shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}" if host else f"port {port}"
        more = len(self.places) - 1
        return f"{self.title} {shown}" + (f" (and {more} more)" if more else "")


def of(instance: Instance) -> list[Need]:
    """All that the service depends on. What stands nearest to the ground comes first: Identity has
    a database, too. Raises Outcome where its configuration cannot be found."""
    return _configured(instance, options_of(instance, command.resolve(instance).argv))


def note(instance: Instance) -> None:
    """Have the names of all needs in the notes, for the monitors to come."""
    try:
        found = of(instance)
    except Outcome:
        # the daemon runs, and what it was started with is gone: nothing to be told from
        found = []
    instance.notes["needs"] = " ".join(need.name for need in found) or NOTHING


def options_of(instance: Instance, argv: Sequence[str]) -> Options:
    """The service's own configuration. argv: the command line that it is started with."""
    config = instance.parameters["config"]
    project = instance.service.project
    more = [f"--config-file={config}"]
    if config in argv and config.endswith(".ini") and command.is_uwsgi_ini(config):
        told = _told_by(files.read_text(config), project)
        more = told or [f"--config-file=/etc/{project}/{project}.conf"]
    # first: what the command line names after it wins, as it does in the daemon
    return Options([argv[0], *more, *argv[1:]], project)


def _told_by(ini: str, project: str) -> list[str]:
    """The arguments that name the same configuration as a uwsgi file does."""
    told = dict(VARIABLE.findall(ini))
    folder = told.get("DIR", f"/etc/{project}")
    names = told.get("FILES", f"{project}.conf").split(";") if told else []
    found = [f"--config-file={os.path.join(folder, name)}" for name in names if name]
    for words in PYARGV.findall(ini):
        found += words.strip().strip("\"'").split()
    return found


def _configured(instance: Instance, options: Options) -> list[Need]:
    service, given = instance.service, instance.parameters
    needs = []
    for number, one in enumerate(_databases(instance, options), 1):
        name = "database" if number == 1 else f"database{number}"
        needs.append(Need(name, "database", [(one.host, one.port)], one))
    if service.rpc_server or service.rpc_client or given.is_set("amqp_server_port"):
        places = broker.places(instance, options)
        tls = broker.speaks_tls(options)
        if places:
            needs.append(Need("broker", "broker", places, tls, is_held=service.rpc_server))
    for name in filter(given.is_set, SERVER_PORTS):
        host = _host_of(options.get("DEFAULT", "neutron_url", "quantum_url"))
        needs.append(Need("networking", "Networking API", [(host, given[name])]))
    if service.api is not None and service.api.authenticated and not service.api.issues_tokens:
        identity = _identity(options) or given.get("os_auth_url")
        if identity:
            try:
                at = Endpoint.parse(identity).unversioned()
            except ValueError:
                return needs
            needs.append(Need("identity", "Identity", [(at.address, at.port)], at))
    return needs


def _host_of(url: str) -> str:
    try:
        return Endpoint.parse(url).address
    except ValueError:
        return ""


def _databases(instance: Instance, options: Options) -> list[database.Database]:
    """Parameter database_server_port wins where it is given, also for a service that has its
    database from others."""
    given = instance.parameters
    sections = instance.service.databases
    found = database.configured(options, sections) if sections else []
    if not given.is_set("database_server_port"):
        return found
    port = given["database_server_port"]
    if not found:
        return [database.Database("", "localhost", port)]
    return [one.on(port) for one in found[:1]]


def _identity(options: Options) -> str:
    """The URL that the service has tokens looked at: auth_url of its own log-in first; in 2013
    auth_host, auth_port and auth_protocol; the URL for its clients last."""
    for section in AUTHTOKEN:
        url = options.get(section, "auth_url", "identity_uri")
        if url:
            return url
        host = options.get(section, "auth_host")
        if host:
            scheme = options.get(section, "auth_protocol") or "https"
            return f"{scheme}://{host}:{options.get(section, 'auth_port') or 35357}"
    sections = (options.get(name, "www_authenticate_uri", "auth_uri") for name in AUTHTOKEN)
    return next(filter(None, sections), "")
