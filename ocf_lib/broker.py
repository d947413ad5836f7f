"""What a daemon that takes its work from a message broker is connected to (cold module)."""

from __future__ import annotations

from ocf_lib.oslo import Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocf_lib.instance import Instance

USUAL_PORT = 5672
# oslo.messaging's transports that need a broker; fake:// and kombu+memory:// do not.
BROKERED = ("rabbit", "amqp", "kombu", "kombu+amqp", "kombu+pyamqp", "qpid")


def connections(instance: Instance, argv: Sequence[str]) -> list[set[int]]:
    """The ports of each connection that the daemon with the command line `argv` ought to hold: one
    to its broker, where it takes its work from there or the operator names it, and one to its
    database where the operator names that."""
    of = instance.parameters
    is_expected = instance.service.consumes or of.is_set("amqp_server_port")
    wanted = [ports(instance, argv)] if is_expected else []
    if of.is_set("database_server_port"):
        wanted.append({of["database_server_port"]})
    return list(filter(None, wanted))


def ports(instance: Instance, argv: Sequence[str]) -> set[int]:
    """The ports that the daemon with the command line `argv` reaches its broker on; none where it
    needs no broker. Parameter amqp_server_port wins over the daemon's own configuration.

    Source: oslo.messaging, "transport_url"; until Liberty rabbit_hosts, rabbit_host, rabbit_port.
    """
    of = instance.parameters
    if of.get("zeromq"):
        return set()
    if of.is_set("amqp_server_port"):
        return {of["amqp_server_port"]}
    options = Options(argv)
    url = options.get("DEFAULT", "transport_url")
    if url:
        return _of_url(url)
    if "zmq" in options.get("DEFAULT", "rpc_backend"):
        return set()
    sections = ("DEFAULT", "oslo_messaging_rabbit")
    hosts = next(filter(None, (options.get(section, "rabbit_hosts") for section in sections)), "")
    listed = {_port(host) for host in hosts.split(",") if host.strip()}
    single = next(
        filter(None, (options.get(section, "rabbit_port", "qpid_port") for section in sections)), ""
    )
    return listed or {int(single) if single.isdecimal() else USUAL_PORT}


def _of_url(url: str) -> set[int]:
    """rabbit://USER:PASSWORD@HOST:PORT,USER:PASSWORD@HOST:PORT/VHOST?OPTIONS"""
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in BROKERED:
        return set()
    return {_port(host) for host in rest.partition("/")[0].partition("?")[0].split(",")}


def _port(host: str) -> int:
    """Of [USER:PASSWORD@]HOST[:PORT], where HOST may be an IPv6 address in brackets."""
    text = host.rpartition("@")[2].rpartition("]")[2].rpartition(":")[2].strip()
    return int(text) if text.isdecimal() and len(text) < 6 else USUAL_PORT
