"""Finding an instance from what runs, rather than from what was recorded (cold module)."""

from __future__ import annotations

import contextlib
import pwd
from time import monotonic, sleep

from ocf_lib.launch import command, run
from ocf_lib.net import http, sockets, tls
from ocf_lib.net.endpoint import Endpoint
from ocf_lib.outcomes import Outcome
from ocf_lib.processes import members
from ocf_lib.processes.process import has_working_child
from ocf_lib.sentinel import spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.declare.service import Service
    from ocf_lib.instance import Instance

# A TLS server that has loaded answers a handshake on loopback in a few milliseconds.
HANDSHAKE_SECONDS = 1.0
# oslo.service and uwsgi replace a worker within a second.
WORKER_SECONDS, WORKER_POLL = 3.0, 0.1


def members_of(instance: Instance) -> members.Members:
    """All processes of the instance: those that we started, or else one daemon that somebody else
    started with just the command that start would run."""
    user = run.user_of(instance)
    uid = user.pw_uid if user else None
    service = instance.service
    found = members.find(
        instance.name, instance.record, uid, service.left_running, _workers(service)
    )
    if found:
        # the configuration is not looked at: it may lie on a file system that hangs
        return found
    try:
        argv = command.resolve(instance).argv
    except Outcome:
        return found  # what is not installed or configured here cannot have been started so
    foreign = members.find_foreign(uid, argv, service.left_running)
    foreign.sentinels = found.sentinels
    return foreign


def settle_sentinel(instance: Instance) -> None:
    """Have the daemon that runs watched for its end, or not, as crash_detection says."""
    found = members_of(instance)
    if found.leader is not None:
        spawn.settle(instance, found.leader, found.sentinels)


def _workers(service: Service) -> list[int]:
    """The uids that its workers become, of those that this host has."""
    found = []
    for name in service.worker_users:
        with contextlib.suppress(KeyError):
            found.append(pwd.getpwnam(name).pw_uid)
    return found


def await_worker(instance: Instance, leader: int) -> bool:
    """Whether the parent has a worker, or another process of the instance does its work; one that
    has died may be replaced meanwhile."""
    until = min(monotonic() + WORKER_SECONDS, instance.environment.deadline)
    while not has_working_child(leader):
        others = [p for p in members_of(instance).all if p.pid != leader]
        # nobody replaces a worker that is only frozen
        if any(process.is_frozen for process in others) or monotonic() >= until:
            return any(process.is_working for process in others)
        sleep(WORKER_POLL)
    return True


def endpoint_of(instance: Instance, leader: int) -> Endpoint | None:
    """Where the API of a running instance answers: parameter url, or else the socket that its own
    processes listen on, the service's usual port first. None where there is none yet.

    leader: PID of the parent, which holds the socket in most services.
    """
    url = instance.parameters["url"]
    if url:
        return _numeric(Endpoint.parse(url).unversioned())
    api = instance.service.api
    found = sockets.listening([leader]) or sockets.listening(members_of(instance).pids)
    if not found or api is None:
        return None
    port = instance.parameters[api.port] if isinstance(api.port, str) else api.port
    usual = [socket for socket in found if socket[1] == port]
    address, port = (usual or found)[0]
    path = Endpoint.parse(api.site).path if api.site else ""
    plain = Endpoint("http", address, port, path=path)
    if not _may_speak_tls(instance, leader):
        return plain
    https = Endpoint("https", address, port, path=path)
    secure = _speaks_tls(https)
    return None if secure is None else https if secure else plain


def _numeric(given: Endpoint) -> Endpoint:
    """Resolved once, here, so that the frequent monitor asks no name server: the first of its
    addresses that takes a connection, or the name where none does."""
    with contextlib.suppress(OSError):
        for family, address in http.resolve(given.address, given.port):
            with contextlib.suppress(OSError), tls.plain(family) as plain:
                plain.settimeout(HANDSHAKE_SECONDS)
                plain.connect(address)
                return Endpoint(given.scheme, address[0], given.port, given.name, given.path)
    return given


def _may_speak_tls(instance: Instance, leader: int) -> bool:
    """Whether it is worth a try: a handshake leaves an error in the log of a plain HTTP server."""
    if (instance.parameters.get("os_auth_url") or "").startswith("https:"):
        return True
    line = members.command_line(leader)
    inis = [word for word in line if word.endswith(".ini")]
    return any("https" in word for word in line) or any(command.opens_https(ini) for ini in inis)


def _speaks_tls(endpoint: Endpoint) -> bool | None:
    """None where it accepts but does not answer, as a daemon that is loading does."""
    family, address = http.resolve(endpoint.address, endpoint.port)[0]
    with tls.plain(family) as plain:
        plain.settimeout(HANDSHAKE_SECONDS)
        try:
            plain.connect(address)
            with tls.wrap(plain, endpoint.name, tls.context(None, insecure=True)) as secure:
                secure.do_handshake()
        except OSError as error:
            return False if error.errno is not None else _speaks_plainly(endpoint)
    return True


def _speaks_plainly(endpoint: Endpoint) -> bool | None:
    """False (no TLS) where it answers a plain request: such a server may take a handshake for the
    beginning of a request line and wait for the rest."""
    plain = Endpoint("http", endpoint.address, endpoint.port)
    try:
        http.get(plain, "/", HANDSHAKE_SECONDS)
    except http.NoAnswer:
        return None
    return False
