"""Does a connection found earlier still exist? Real sockets of real processes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ocf_lib.net import sockets
from ocf_lib.net.links import ORDER, Link
from tests.unit.conftest import Processes, eventually

# The client's family, the server's address, the address that the client asks for, and its own.
FAMILIES = {
    "IPv4": (socket.AF_INET, "127.0.0.1", "127.0.0.1", "127.0.0.2"),
    "IPv6": (socket.AF_INET6, "::1", "::1", "::1"),
    "mapped": (socket.AF_INET6, "127.0.0.1", "::ffff:127.0.0.1", "::ffff:127.0.0.2"),
}
AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset
TIME_WAIT = "06"
HIGH = 900  # a descriptor that nothing else here uses
# Prints the descriptor of its connection to a port, then waits.
CLIENT = """
import os, socket, sys, time
made = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
os.write(1, b"%d\\n" % made.fileno())
time.sleep(600)
"""
# Connects to itself, because nothing else is in its network namespace; prints the port.
ALONE = """
import os, socket, sys, time
server = socket.create_server(("127.0.0.1", 0))
made = socket.create_connection(server.getsockname())
os.write(1, b"%d\\n" % server.getsockname()[1])
time.sleep(600)
"""


class Network:
    """A listening socket and connections to it; this process holds both ends."""

    def __init__(self, family: str = "IPv4") -> None:
        self.family, own, self.target, self.origin = FAMILIES[family]
        self.close = contextlib.ExitStack()
        listening = socket.AF_INET if family != "IPv6" else socket.AF_INET6
        try:
            self.server = self.close.enter_context(socket.socket(listening))
            self.server.bind((own, 0))
        except OSError:
            self.close.close()
            pytest.skip(f"this host has no {family}")
        self.server.listen(512)
        self.port: int = self.server.getsockname()[1]

    def connect(self) -> tuple[socket.socket, socket.socket]:
        """The client's end and the server's."""
        client = self.close.enter_context(socket.socket(self.family))
        client.bind((self.origin, 0))
        client.connect((self.target, self.port))
        return client, self.close.enter_context(self.server.accept()[0])

    def link(self) -> Link:
        """The link of the only connection."""
        found = sockets.connection([os.getpid()], [self.port])
        assert found is not None
        return found


@pytest.fixture
def network() -> Iterator[Network]:
    made = Network()
    with made.close:
        yield made


@pytest.fixture(params=FAMILIES)
def any_network(request: pytest.FixtureRequest) -> Iterator[Network]:
    made = Network(request.param)
    with made.close:
        yield made


def table(name: str = "tcp") -> list[list[str]]:
    """The rows of the kernel's table of sockets."""
    with contextlib.suppress(FileNotFoundError):  # a host may have no IPv6
        return [row.split() for row in Path(f"/proc/self/net/{name}").read_text().splitlines()[1:]]
    return []


def links_of(*made: socket.socket) -> list[Link]:
    """Links made from what the kernel lists for exactly these sockets."""
    rows = {row[9]: row for name in ("tcp", "tcp6") for row in table(name)}
    found = []
    for one in made:
        inode = os.stat(one.fileno()).st_ino
        ends = rows[str(inode)][1:3]
        found.append(Link(os.getpid(), one.fileno(), inode, one.family, *ends))
    return found


def link_of(made: socket.socket) -> Link:
    return links_of(made)[0]


def but(link: Link, **changes: object) -> Link:
    """A link with some facts changed, parsed as if read from the notes."""
    made = Link.parse(" ".join(str(changes.get(name, getattr(link, name))) for name in ORDER))
    assert made is not None
    return made


# -- held ------------------------------------------------------------------------------------------


def test_a_connection_that_is_there_is_held(any_network: Network) -> None:
    client, server = any_network.connect()
    link = any_network.link()
    assert (link.pid, link.descriptor) == (os.getpid(), client.fileno())
    assert link.inode == os.stat(client.fileno()).st_ino
    assert str(link) == str(link_of(client))
    assert link.is_held()
    assert link.is_held(), "asking changes nothing"
    again = Link.parse(str(link))
    assert again is not None
    assert str(again) == str(link)
    assert again.is_held()
    client.send(b"x")
    assert server.recv(1) == b"x"
    assert link.is_held()


def test_the_other_end_is_a_connection_too(any_network: Network) -> None:
    _, server = any_network.connect()
    assert link_of(server).is_held()


def test_each_of_hundreds_is_told_from_the_others(network: Network) -> None:
    made = [network.connect() for _ in range(300)]
    links = links_of(*(client for client, _ in made))
    assert len({str(link) for link in links}) == 300
    assert all(link.is_held() for link in links)
    for client, _ in made[::3]:
        client.close()
    assert [link.is_held() for link in links] == [number % 3 != 0 for number in range(300)]
    mixed = [but(one, local=other.local) for one, other in zip(links[1::3], links[2::3])]
    assert not any(link.is_held() for link in mixed)


def test_what_another_process_holds(network: Network, processes: Processes) -> None:
    process, (descriptor,) = processes.python(CLIENT, network.port)
    with network.server.accept()[0]:
        link = sockets.connection([os.getpid(), process.pid], [network.port])
        assert link is not None
        assert (link.pid, link.descriptor) == (process.pid, descriptor)
        assert link.is_held()
        assert not but(link, pid=os.getpid()).is_held(), "it is not ours"
        process.kill()
        process.wait()
        assert not link.is_held()


def test_what_a_worker_inherited_outlives_the_parents_copy(
    network: Network, processes: Processes
) -> None:
    client, _ = network.connect()
    descriptor = client.fileno()
    child, _ = processes.run("sleep", "600", pass_fds=[descriptor])
    ours, theirs = link_of(client), but(link_of(client), pid=child.pid)
    assert ours.is_held()
    assert theirs.is_held()
    client.close()
    assert not ours.is_held()
    assert theirs.is_held()


# -- not held --------------------------------------------------------------------------------------


def test_the_peer_has_closed(any_network: Network) -> None:
    """Half-open: the daemon has not noticed yet."""
    _, server = any_network.connect()
    link = any_network.link()
    server.close()
    eventually(lambda: not link.is_held())


def test_the_peer_has_reset(any_network: Network) -> None:
    _, server = any_network.connect()
    link = any_network.link()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    server.close()
    eventually(lambda: not link.is_held())


def test_our_side_has_said_good_bye(any_network: Network) -> None:
    client, _ = any_network.connect()
    link = any_network.link()
    client.shutdown(socket.SHUT_WR)
    assert not link.is_held()


def test_the_descriptor_is_closed(any_network: Network) -> None:
    client, _ = any_network.connect()
    link = any_network.link()
    client.close()
    assert not link.is_held()


def test_the_descriptor_is_of_a_file_now(network: Network, tmp_path: Path) -> None:
    client, _ = network.connect()
    link = network.link()
    (tmp_path / "x").touch()
    with open(tmp_path / "x") as file:
        os.dup2(file.fileno(), client.fileno())
    assert not link.is_held()


def test_another_connection_has_the_descriptor(any_network: Network) -> None:
    """A daemon that reconnects mostly gets the same descriptor again."""
    client, _ = any_network.connect()
    old = any_network.link()
    other, _ = any_network.connect()
    os.dup2(other.fileno(), client.fileno())
    assert not old.is_held()
    other.close()
    new = any_network.link()
    assert new.descriptor == old.descriptor
    assert new.is_held()
    assert not old.is_held()


def moved(made: socket.socket) -> Link:
    """Moves the socket to a descriptor of its own, closed at the end of the test, so that no later
    socket gets it."""
    os.dup2(made.fileno(), HIGH)
    return but(link_of(made), descriptor=HIGH)


def test_another_connection_has_descriptor_and_ends(network: Network) -> None:
    client, server = network.connect()
    network.close.callback(os.close, HIGH)
    old, at = moved(client), client.getsockname()
    os.dup2(network.server.fileno(), HIGH)
    for end in (client, server):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        end.close()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(at)
        again.connect(("127.0.0.1", network.port))
        new = moved(again)
        assert (new.local, new.remote) == (old.local, old.remote)
        assert new.is_held()
        assert not old.is_held()


def test_the_ends_are_in_time_wait(network: Network) -> None:
    """The kernel lists them for a minute more, but they belong to no process."""
    client, server = network.connect()
    network.close.callback(os.close, HIGH)
    link = moved(client)
    os.dup2(network.server.fileno(), HIGH)
    client.close()
    server.close()
    ends = [link.local, link.remote]
    eventually(lambda: [*ends, TIME_WAIT] in [row[1:4] for row in table()])
    assert not link.is_held()
    assert not but(link, inode=os.stat(HIGH).st_ino).is_held()
    with socket.socket() as other:
        os.dup2(other.fileno(), HIGH)
        assert not but(link, inode=os.stat(HIGH).st_ino).is_held()


def test_a_listening_socket_is_no_connection(network: Network) -> None:
    network.connect()
    made = network.server
    nobody = "00000000:0000"
    inode = os.stat(made.fileno()).st_ino
    local = link_of(made).local
    link = Link(os.getpid(), made.fileno(), inode, socket.AF_INET, local, nobody)
    assert not link.is_held()
    assert sockets.connection([os.getpid()], [0]) is None


def test_a_frozen_process_holds_what_it_held(network: Network, processes: Processes) -> None:
    process, _ = processes.python(CLIENT, network.port)
    with network.server.accept()[0]:
        link = sockets.connection([process.pid], [network.port])
        assert link is not None
        os.kill(process.pid, signal.SIGSTOP)
        assert link.is_held()


@pytest.mark.root
def test_another_network_cannot_be_asked(processes: Processes) -> None:
    """The same addresses may be another connection here, so the link does not count as held."""
    up = "ip link set lo up && exec /usr/bin/python3 -I -S -c"
    process, (port,) = processes.run("unshare", "--net", "sh", "-c", f"{up} '{ALONE}'", lines=1)
    link = sockets.connection([process.pid], [port])
    assert link is not None
    assert not link.is_held()


# -- what is no link -------------------------------------------------------------------------------

WORDS = st.one_of(
    st.integers(-(10**30), 10**30).map(str),
    st.text("0123456789abcdefABCDEF:.-+_x", max_size=40),
    st.text(max_size=8),
    st.sampled_from(["2", "10", "0", "-1", "0100007F:1628", "9" * 5000, "0" * 64 + ":0", ":", ""]),
)


@given(st.one_of(st.text(), st.lists(WORDS, min_size=5, max_size=7).map(" ".join)))
@example("")
@example("1 0 0 2 0100007F:1628 0100007F:1628")
@example("1 0 0 1 0100007F:1628 0100007F:1628")
@example("1 0 0 2 : :")
@example("1 0 0 2 0100007F 0100007F:1628")
@example("1 0 0 300 0100007F:1628 0100007F:1628")
@example("1 0 0 2 0100007F:FFFFFF 0100007F:1628")
@example("1 0 0 2 -100007F:-1 0100007F:1628")
@example("1 0 0 10 " + "0" * 400 + ":1 " + "0" * 400 + ":1")
@example("-1 -1 -1 2 0100007F:1628 0100007F:1628")
def test_any_text_is_no_link_or_one_that_is_not_held(text: str) -> None:
    found = Link.parse(text)
    assert found is None or not found.is_held()


@given(st.dictionaries(st.sampled_from(ORDER), WORDS, min_size=1))
@example({"family": "10"})
@example({"local": "00000000000000000000000000000000:0000"})
@example({"remote": "0100007F:0000"})
@example({"inode": "0"})
@example({"descriptor": "0"})
@example({"pid": "1"})
def test_a_link_with_a_wrong_fact_is_not_held(changes: dict[str, str]) -> None:
    network = Network()
    with network.close:
        network.connect()
        link = network.link()
        facts = {name: str(getattr(link, name)) for name in ORDER}
        found = Link.parse(" ".join({**facts, **changes}.values()))
        if found is not None and str(found) != str(link):
            assert not found.is_held()
        assert link.is_held()
