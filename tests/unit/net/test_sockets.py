"""Which sockets belong to a process? Real listeners in real processes."""

from __future__ import annotations

import socket

import pytest

from ocf_lib.net import sockets
from tests.unit.conftest import PYTHON, Processes, eventually

LISTEN = """
import socket, sys, time
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
server = socket.socket(family, socket.SOCK_STREAM)
if family == socket.AF_INET6:
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(sys.argv[2]))
server.bind((sys.argv[1], 0))
server.listen()
print(server.getsockname()[1], flush=True)
time.sleep(600)
"""


def listener(processes: Processes, address: str, only: int = 1) -> tuple[int, int]:
    """Starts a listener; returns its PID and port."""
    process, (port,) = processes.run(PYTHON, "-I", "-c", LISTEN, address, str(only), lines=1)
    return process.pid, port


@pytest.mark.parametrize(
    "address, asked, only",
    [
        ("127.0.0.1", "127.0.0.1", 1),
        ("127.0.0.2", "127.0.0.2", 1),
        ("0.0.0.0", "127.0.0.1", 1),
        ("::1", "::1", 1),
        ("::", "::1", 1),
        ("::", "::1", 0),
        ("::ffff:127.0.0.1", "127.0.0.1", 0),
    ],
)
def test_where_a_listener_is_asked(
    processes: Processes, address: str, asked: str, only: int
) -> None:
    pid, port = listener(processes, address, only)
    assert sockets.listening([pid]) == [(asked, port)]
    family = socket.AF_INET6 if ":" in asked else socket.AF_INET
    with socket.socket(family) as client:
        client.settimeout(5)
        client.connect((asked, port))  # proof that it can be asked there


def test_only_sockets_of_these_processes(processes: Processes) -> None:
    one, port = listener(processes, "127.0.0.1")
    two, other = listener(processes, "127.0.0.1")
    assert sockets.listening([one]) == [("127.0.0.1", port)]
    assert sockets.listening([two]) == [("127.0.0.1", other)]
    both = sorted([("127.0.0.1", port), ("127.0.0.1", other)], key=lambda found: found[1])
    assert sockets.listening([one, two]) == both


def test_ipv4_first_then_by_port(processes: Processes) -> None:
    six, six_port = listener(processes, "::1")
    four, four_port = listener(processes, "127.0.0.1")
    assert sockets.listening([six, four]) == [("127.0.0.1", four_port), ("::1", six_port)]


def test_what_does_not_listen_is_not_there(processes: Processes) -> None:
    pid, port = listener(processes, "127.0.0.1")
    code = """
import socket, sys, time
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
bound = socket.socket(); bound.bind(("127.0.0.1", 0))
datagrams = socket.socket(type=socket.SOCK_DGRAM); datagrams.bind(("127.0.0.1", 0))
print(0, flush=True)
time.sleep(600)
"""
    process, _ = processes.run(PYTHON, "-I", "-c", code, str(port), lines=1)
    assert sockets.listening([process.pid]) == []
    assert sockets.listening([pid]) == [("127.0.0.1", port)]


def test_no_process_no_sockets() -> None:
    assert sockets.listening([]) == []
    assert sockets.listening([2**22 + 1]) == []


def test_a_dead_one_among_the_living(processes: Processes) -> None:
    pid, port = listener(processes, "127.0.0.1")
    assert ("127.0.0.1", port) in sockets.listening([2**22 + 1, pid])


# -- connections -------------------------------------------------------------------------------

CONNECT = """
import socket, sys, time
client = socket.create_connection((sys.argv[1], int(sys.argv[2])))
print(client.getsockname()[1], flush=True)
time.sleep(600)
"""


def connect(processes: Processes, address: str, port: int) -> tuple[int, int]:
    """Starts a client; returns its PID and the port of its own end."""
    process, (own,) = processes.run(PYTHON, "-I", "-c", CONNECT, address, str(port), lines=1)
    return process.pid, own


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_connection_to_a_port(processes: Processes, address: str) -> None:
    server, port = listener(processes, address)
    other, other_port = listener(processes, address)
    client, own = connect(processes, address, port)
    assert sockets.is_connected([client], [port])
    assert sockets.is_connected([2**22 + 1, other, client], [other_port, port])
    assert not sockets.is_connected([client], [other_port, own]), "to these it has none"
    assert not sockets.is_connected([client], [])
    assert not sockets.is_connected([other], [port]), "another's connection"
    # the server has not accepted it: no process holds the kernel's end
    assert not sockets.is_connected([server], [port, own])
    assert not sockets.is_connected([], [port])


def test_a_connection_that_a_worker_inherited(processes: Processes) -> None:
    _, port = listener(processes, "127.0.0.1")
    code = """
import os, socket, sys, time
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
told, tell = os.pipe()
if os.fork():
    client.close()
    os.write(tell, b"closed")
    os.wait()
os.read(told, 6)
print(os.getpid(), flush=True)
time.sleep(600)
"""
    parent, (worker,) = processes.run(PYTHON, "-I", "-c", code, str(port), lines=1)
    assert not sockets.is_connected([parent.pid], [port])
    assert sockets.is_connected([parent.pid, worker], [port])


def test_what_is_not_established_is_no_connection(processes: Processes) -> None:
    """A daemon whose broker does not answer keeps trying (SYN_SENT); if the broker is gone, the
    daemon holds a half-closed socket."""
    with socket.socket() as full, socket.socket() as filler:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        filler.connect(("127.0.0.1", port))
        code = """
import socket, sys, time
client = socket.socket()
client.setblocking(False)
client.connect_ex(("127.0.0.1", int(sys.argv[1])))
print(0, flush=True)
time.sleep(600)
"""
        process, _ = processes.run(PYTHON, "-I", "-c", code, str(port), lines=1)
        assert not sockets.is_connected([process.pid], [port])
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        pid, _ = connect(processes, "127.0.0.1", port)
        accepted, _ = server.accept()
        assert sockets.is_connected([pid], [port])
        accepted.close()
        eventually(lambda: not sockets.is_connected([pid], [port]))


def test_connections_are_no_listeners(processes: Processes) -> None:
    _, port = listener(processes, "127.0.0.1")
    client, _ = connect(processes, "127.0.0.1", port)
    assert sockets.listening([client]) == []


@pytest.mark.root
def test_a_process_in_a_network_of_its_own(processes: Processes) -> None:
    """Neutron's agents hold sockets in the network namespaces of routers."""
    code = """
import socket, subprocess, time
subprocess.run(["/usr/sbin/ip", "link", "set", "lo", "up"], check=True)
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
print(server.getsockname()[1], flush=True)
time.sleep(600)
"""
    process, (port,) = processes.run("unshare", "--net", PYTHON, "-I", "-c", code, lines=1)
    assert sockets.listening([process.pid]) == [("127.0.0.1", port)]
    assert sockets.is_connected([process.pid], [port])
