"""What a service depends on, found where the service itself finds it.

The message broker in transport_url, the databases in [database] connection, Identity in
[keystone_authtoken]. Parameters that older agents had take precedence if they are set.
"""

from __future__ import annotations

from ocf_lib.dependencies import broker, database
from ocf_lib.launch import command
from ocf_lib.launch import options as daemon_options
from ocf_lib.net.endpoint import Endpoint
from ocf_lib.outcomes import Outcome
from ocf_lib.state.notes import NOTHING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocf_lib.declare.parameters import Parameters
    from ocf_lib.declare.service import Service
    from ocf_lib.launch.oslo import Options
    from ocf_lib.state.notes import Notes

# The sections of keystonemiddleware's options: in the service's own configuration, and in that of
# its WSGI pipeline.
AUTHTOKEN = ("keystone_authtoken", "filter:authtoken")
SERVER_PORTS = ("neutron_server_port", "quantum_server_port")


class Need:
    """One thing that the service depends on.

    name: one word, its name in notes. title: its name for people. places: (host, port) of each
    server that may serve it; one is enough. is_held: one of the service's processes always holds a
    connection to it. asked: what a check has to know: the Database, the Endpoint of Identity, or
    whether a broker speaks TLS.
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
        """The remote ports of connections to it; none for Identity, which gets single requests."""
        return set() if isinstance(self.asked, Endpoint) else {port for _, port in self.places}

    def __str__(self) -> str:
        if isinstance(self.asked, Endpoint):
            return f"{self.title} {self.asked.url}"
        host, port = self.places[0]
        shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}" if host else f"port {port}"
        more = len(self.places) - 1
        return f"{self.title} {shown}" + (f" (and {more} more)" if more else "")


def of(service: Service, parameters: Parameters) -> list[Need]:
    """All that the service depends on. The most basic comes first: Identity has a database, too.

    Raises Outcome if the service's configuration cannot be found.
    """
    argv = command.resolve(service, parameters).argv
    return _configured(service, parameters, daemon_options.of(service, parameters, argv))


def note(notes: Notes, service: Service, parameters: Parameters) -> None:
    """Write the names of all needs into the notes, for the next monitors."""
    try:
        found = of(service, parameters)
    except Outcome:
        # the daemon runs, but the configuration with which it was started is gone
        found = []
    notes["needs"] = " ".join(need.name for need in found) or NOTHING


def _configured(service: Service, given: Parameters, options: Options) -> list[Need]:
    needs = []
    for number, one in enumerate(_databases(service, given, options), 1):
        name = "database" if number == 1 else f"database{number}"
        needs.append(Need(name, "database", [(one.host, one.port)], one))
    if service.rpc_server or service.rpc_client or given.is_set("amqp_server_port"):
        places = broker.places(given, options)
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


def _databases(service: Service, given: Parameters, options: Options) -> list[database.Database]:
    """Parameter database_server_port takes precedence, also for a service whose declaration names
    no database."""
    found = database.configured(options, service.databases) if service.databases else []
    if not given.is_set("database_server_port"):
        return found
    port = given["database_server_port"]
    if not found:
        return [database.Database("", "localhost", port)]
    return [one.on(port) for one in found[:1]]


def _identity(options: Options) -> str:
    """The URL at which the service has tokens validated: auth_url of its own log-in; in 2013
    auth_host, auth_port and auth_protocol; otherwise the URL for its clients."""
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
