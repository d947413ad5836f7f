"""Which process holds the TCP port that a daemon could not get?"""

from __future__ import annotations

import re

from ocf_lib import libraries, numbers
from ocf_lib.launch import uwsgi_ini
from ocf_lib.launch.oslo import Options
from ocf_lib.outcomes import NotInstalled
from ocf_lib.processes import procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from ocf_lib.instance import Instance

# What a daemon prints if it cannot get its socket: the error (EADDRINUSE), or the line that
# glance, cinder, nova and Swift print after they have tried for 30 s.
REFUSED = re.compile("address already in use|errno 98|could not bind", re.IGNORECASE)
# A port in such a line: 0.0.0.0:9292, [::]:9292, ('0.0.0.0', 9292), (:5000)
SAID = re.compile(r"(?::|['\"], )(\d{2,5})\b")
# On a command line: --port=5000, --port 5000, --http-socket :5000,CERTIFICATE,KEY.
GIVEN = re.compile(r"(?:port[= ]|:)(\d{2,5})(?=[ ,]|$)")
HIDDEN = "a process that cannot be seen from here"
# Options that name a port of the daemon's own, not one of a neighbour.
OWN = re.compile(r"(?:.*_)?(?:bind|listen|proxy|public|admin)_port")


def explain(words: str, instance: Instance, argv: Sequence[str]) -> str:
    """If the last words of a daemon with the command line `argv` tell of a taken port, the process
    that holds it: "port 5000 is held by PID 4711 (haproxy): "; else ""."""
    if not REFUSED.search(words):
        return ""
    try:
        found = holder(instance, argv, words)
    except NotInstalled as error:
        return f"a port is taken, and nothing tells by which process ({error}): "
    return f"{found}: " if found else ""


def holder(instance: Instance, argv: Sequence[str], words: str = "") -> str:
    """The first port that this daemon may want and another program holds: "port 5000 is held by PID
    4711 (haproxy)"; "" if there is none, or if a broken psutil cannot tell: this is a hint, which
    decides nothing. Raises NotInstalled without psutil."""
    libraries.need("psutil", "python3-psutil")
    try:
        taken = _listening()
    except Exception:  # noqa: BLE001 - psutil's own, and whatever a broken psutil raises
        return ""
    for port in dict.fromkeys(_wanted(instance, argv, words)):
        pids = taken.get(port)
        if pids is None:
            continue
        others = [pid for pid in pids if procfs.read_marker(pid) != instance.name]
        if others or not pids:
            return f"port {port} is held by {_name(min(others), port) if others else HIDDEN}"
    return ""


def _listening() -> dict[int, set[int]]:
    """The PIDs that listen on each port of our network namespace; a process that we cannot see adds
    its port without a PID."""
    import psutil

    found: dict[int, set[int]] = {}
    for each in psutil.net_connections("tcp"):
        if each.status == psutil.CONN_LISTEN:
            found.setdefault(each.laddr.port, set()).update({each.pid} - {None})
    return found


def _wanted(instance: Instance, argv: Sequence[str], words: str) -> Iterator[int]:
    """The ports that the daemon may want, the most certain first: what the daemon itself says. The
    usual port of the service is last."""
    yield from map(int, SAID.findall(words))
    yield from map(int, GIVEN.findall(" ".join(argv)))
    config = instance.parameters["config"]
    for path in dict.fromkeys([config, *(word for word in argv if word.endswith(".ini"))]):
        yield from uwsgi_ini.ports(path)
    options = Options([*argv, f"--config-file={config}"], instance.service.project).values
    for (_, name), value in options.items():
        if OWN.fullmatch(name):
            yield numbers.port(value, 0)
    api = instance.service.api
    if api is not None:
        usual = api.usual_port(instance.parameters)
        if usual:
            yield int(usual)


def _name(pid: int, port: int) -> str:
    """The process in words: its topmost ancestor that holds the same port, and the instance to
    which that belongs."""
    import psutil

    try:
        process = psutil.Process(pid)
        while (parent := process.parent()) is not None and _holds(parent, port):
            process = parent
        pid, program = process.pid, process.name()
    except psutil.Error:
        program = "ended"
    marker = procfs.read_marker(pid)
    return f"PID {pid} ({program}{' of ' + marker if marker else ''})"


def _holds(process: Any, port: int) -> bool:
    # Process.connections until psutil 6
    sockets = getattr(process, "net_connections", None) or process.connections
    return any(each.status == "LISTEN" and each.laddr.port == port for each in sockets("tcp"))
