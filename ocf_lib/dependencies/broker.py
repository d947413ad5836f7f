"""Which message broker does a daemon use, and which connections should it hold?

Source: oslo.messaging, "transport_url"; until Liberty rabbit_hosts, rabbit_host, rabbit_port.
"""

from __future__ import annotations

from ocf_lib import numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.declare.parameters import Parameters
    from ocf_lib.declare.service import Service
    from ocf_lib.launch.oslo import Options

USUAL_HOST, USUAL_PORT = "localhost", 5672
# oslo.messaging's transports that need a broker; fake:// and kombu+memory:// do not.
BROKERED = ("rabbit", "amqp", "kombu", "kombu+amqp", "kombu+pyamqp", "pika", "qpid")


def connections(service: Service, of: Parameters, options: Options) -> list[set[int]]:
    """The ports of each connection that a daemon with these options should hold: one to its broker
    if it takes its work from there or the operator set the broker's port, and one to its database
    if the operator set the database's port."""
    is_expected = service.rpc_server or of.is_set("amqp_server_port")
    wanted = [{port for _, port in places(of, options)}] if is_expected else []
    if of.is_set("database_server_port"):
        wanted.append({of["database_server_port"]})
    return list(filter(None, wanted))


def places(of: Parameters, options: Options) -> list[tuple[str, int]]:
    """(host, port) of each broker that a daemon with these options may use; none if it needs no
    broker. An unknown host is "". Parameter amqp_server_port takes precedence over the options."""
    if of.get("zeromq"):
        return []
    found = _configured(options)
    if of.is_set("amqp_server_port"):
        hosts = dict.fromkeys(host for host, _ in found) or {USUAL_HOST: None}
        return [(host, of["amqp_server_port"]) for host in hosts]
    return found


def speaks_tls(options: Options) -> bool:
    """Whether connections to the broker use TLS."""
    wanted = options.get("oslo_messaging_rabbit", "ssl", "rabbit_use_ssl")
    older = options.get("DEFAULT", "rabbit_use_ssl")
    query = options.get("DEFAULT", "transport_url").partition("?")[2].lower().split("&")
    said = {wanted.lower(), older.lower(), *(q[4:] for q in query if q.startswith("ssl="))}
    return bool(said & {"true", "1", "yes", "on"})


def _configured(options: Options) -> list[tuple[str, int]]:
    url = options.get("DEFAULT", "transport_url")
    if url:
        return _from_url(url)
    backend = options.get("DEFAULT", "rpc_backend")
    if "zmq" in backend or "fake" in backend:
        return []
    usual = numbers.port(_older(options, "rabbit_port", "qpid_port"), USUAL_PORT)
    hosts = _older(options, "rabbit_hosts", "qpid_hosts").split(",")
    one = _older(options, "rabbit_host", "qpid_hostname") or USUAL_HOST
    return [_place(host, usual) for host in hosts if host.strip()] or [(one, usual)]


def _older(options: Options, *names: str) -> str:
    """An option from before transport_url. Kilo moved these to a section of their own."""
    sections = ("oslo_messaging_rabbit", "oslo_messaging_qpid", "DEFAULT")
    return next(filter(None, (options.get(section, *names) for section in sections)), "")


def _from_url(url: str) -> list[tuple[str, int]]:
    """rabbit://USER:PASSWORD@HOST:PORT,USER:PASSWORD@HOST:PORT/VHOST?OPTIONS"""
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in BROKERED:
        return []
    authority = rest.partition("/")[0].partition("?")[0]
    hosts = authority.split(",")
    # Hosts and ports are shown to people. A piece of a password that lacks its quoting, as in
    # nova:12,34@HOST, nova:12/34@HOST or nova:12@34/56@HOST/, must not be taken for one. A virtual
    # host may hold an @, but is the end of its URL.
    behind = rest[len(authority) :].partition("@")[2]
    credentials = [place for place, host in enumerate(hosts) if "@" in host]
    accounts = [hosts[place].rpartition("@")[0] for place in credentials]
    is_whole = all(accounts) and len({":" in account for account in accounts}) < 2
    if not is_whole or "/" in behind or (not credentials and "@" in rest):
        return [("", USUAL_PORT)]
    last = max(credentials, default=-1)
    known = [host for place, host in enumerate(hosts) if host and ("@" in host or place > last)]
    return [_place(host, USUAL_PORT) for host in known] or [(USUAL_HOST, USUAL_PORT)]


def _place(text: str, usual: int) -> tuple[str, int]:
    """From [USER:PASSWORD@]HOST[:PORT]; HOST may be an IPv6 address in brackets."""
    _, at, text = text.rpartition("@")
    text = text.strip()
    if at and not text:
        # perhaps the @ of a password: localhost would be a guess
        return "", usual
    bracketed, found, rest = text.rpartition("]")
    host, _, port = rest.partition(":") if found else text.partition(":")
    name = bracketed.lstrip("[") if found else host or USUAL_HOST
    return name, numbers.port(port.strip(), usual)
