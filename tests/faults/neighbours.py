"""The dependencies of a service as small servers in threads of the test: a message broker and a
database that answer, freeze, refuse connections, and come back."""

from __future__ import annotations

import contextlib
import functools
import socket
import struct
import threading
import time
from collections.abc import Callable
from urllib.parse import quote

from tests.calling import Result, is_late
from tests.faults.rig import PASSWORD, Rig, wait_until

SECRET = quote(PASSWORD)

# RabbitMQ's answer to the header of AMQP 0-9-1: the beginning of Connection.Start.
CONNECTION_START = bytes.fromhex("01000000000200000a000a")


class Server:
    """A TCP server on loopback. It keeps its port even while it is down.

    address: IPv4 or IPv6. port: 0 for a free one. heads: the data that clients sent, in order.
    """

    def __init__(self, address: str = "127.0.0.1", port: int = 0) -> None:
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.address, self.port = address, port
        self.listener: socket.socket | None = None
        self.held: list[socket.socket] = []
        self.heads: list[bytes] = []
        self.frozen = threading.Event()
        self.come_back()

    def talk(self, connection: socket.socket) -> None:
        """Talk to one client; return at the end of the conversation."""
        raise NotImplementedError

    def come_back(self) -> None:
        """Listen again, at the same port as before."""
        self.listener = socket.socket(self.family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((self.address, self.port))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def go(self) -> None:
        """Stop listening and close all connections, like a server that ends."""
        self.refuse()
        self.hang_up()

    def refuse(self) -> None:
        """Stop listening; open connections stay."""
        listener, self.listener = self.listener, None
        if listener is not None:
            # wakes the thread in accept(); close() alone does not
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def hang_up(self) -> None:
        """Close all open connections."""
        held, self.held = self.held, []
        for connection in held:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def freeze(self) -> None:
        """Behave like a stopped process: the kernel accepts connections, but nothing answers."""
        self.frozen.set()

    def thaw(self) -> None:
        self.frozen.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # closed by refuse()
            self.held.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while self.frozen.is_set():
                time.sleep(0.02)
            self.talk(connection)


class Broker(Server):
    """A message broker that answers the AMQP header as a healthy one does."""

    def talk(self, connection: socket.socket) -> None:
        while head := connection.recv(4096):
            self.heads.append(head)
            connection.sendall(
                CONNECTION_START if head.startswith(b"AMQP") else b"AMQP\0\0\x09\x01"
            )


class MySql(Server):
    """A database: greeting and login of MySQL's protocol, version 10 (native password), then OK to
    every packet.

    refusal: (number, text) of the error that it sends instead of its greeting.
    """

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.refusal: tuple[int, str] | None = None
        self.logins = 0
        super().__init__(address)

    def talk(self, connection: socket.socket) -> None:
        if self.refusal is not None:
            number, text = self.refusal
            said = b"\xff" + struct.pack("<H", number) + b"#08004" + text.encode()
            connection.sendall(packet(0, said))
            connection.close()
            return
        connection.sendall(packet(0, greeting()))
        reply = read_packet(connection)
        self.heads.append(reply)
        self.logins += 1
        connection.sendall(packet(2, OK))
        while read_packet(connection):
            connection.sendall(packet(1, OK))


# no rows, no id, autocommit, no warnings
OK = b"\0\0\0\x02\0\0\0"


def greeting() -> bytes:
    """Handshake version 10 of "Connection Phase Packets"; the challenge is 8 and 12 bytes."""
    capabilities = 0x0008_A20D | 0x0000_8000  # long password, protocol 4.1, plugin auth
    facts = b"\x0a10.11.6-MariaDB\0" + struct.pack("<I", 7) + b"abcdefgh\0"
    facts += struct.pack("<HBHH", capabilities & 0xFFFF, 45, 2, capabilities >> 16)
    return facts + b"\x15" + bytes(10) + b"ijklmnopqrst\0" + b"mysql_native_password\0"


def packet(number: int, body: bytes) -> bytes:
    return struct.pack("<I", len(body))[:3] + bytes([number]) + body


def read_packet(connection: socket.socket) -> bytes:
    """The body of the next packet; b"" if the connection is closed."""
    head = receive(connection, 4)
    return receive(connection, int.from_bytes(head[:3], "little")) if head else b""


def receive(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        part = connection.recv(size - len(received))
        if not part:
            return b""
        received += part
    return received


class Neighbours:
    """A broker and a database for one test, both healthy at first."""

    def __init__(self) -> None:
        self.broker, self.database = Broker(), MySql()

    @property
    def transport_url(self) -> str:
        return f"rabbit://nova:{SECRET}@{place(self.broker)}/nova"

    @property
    def connection(self) -> str:
        return f"mysql+pymysql://nova:{SECRET}@{place(self.database)}/nova"

    def end(self) -> None:
        for server in (self.broker, self.database):
            server.thaw()
            server.go()


def place(server: Server) -> str:
    """HOST:PORT, as in a URL and in an exit reason."""
    host = f"[{server.address}]" if ":" in server.address else server.address
    return f"{host}:{server.port}"


def take_away(near: Neighbours, how: str) -> str:
    """Break the database in the given way; return what an exit reason says about it."""
    if how == "refuses":
        near.database.go()
        return "refused the connection"
    if how == "hangs":
        near.database.freeze()
        return "did not answer within"
    near.database.refusal = (1040, "Too many connections")
    return "answered error 1040 (Too many connections)"


def conductor(make_rig: Callable[..., Rig], near: Neighbours) -> Rig:
    """An agent of a service that takes its work from the broker. Its daemon will connect to the
    broker, but not to its database. Nothing is started yet."""
    rig = make_rig(agent="nova-conductor")
    rig.configure(transport_url=near.transport_url)
    rig.configure("database", connection=near.connection)
    return rig.set(listen="never", connect=near.broker.port)


def compute(make_rig: Callable[..., Rig], near: Neighbours, identity: Rig) -> Rig:
    """An agent of an API that uses Identity; it has credentials. Nothing is started yet."""
    rig = make_rig(agent="nova-api")
    identity.set(password=PASSWORD)
    url = f"http://127.0.0.1:{identity.port}"
    rig.give_credentials(os_auth_url=url + "/v3", api_timeout=1)
    rig.configure(transport_url=near.transport_url)
    rig.configure("database", connection=near.connection)
    rig.configure("keystone_authtoken", auth_url=url)
    return rig


def second(rig: Rig, level: int | None = None, **more: object) -> Result:
    """The result of the second of two monitors. The first must not report the trouble yet."""
    first = rig.monitor(level, **more)
    assert (first.code, first.err) == (0, ""), first
    return rig.monitor(level, **more)


def seen_well(rig: Rig, *levels: int) -> Rig:
    """The rig, once its monitors have found no trouble. A code of 0 is not enough: the first poll
    that sees trouble returns 0, too, and on busy cores a neighbour may answer late.

    levels: check levels of these monitors; by default 10 and 20."""

    def is_well(level: int) -> bool:
        result = rig.monitor(level)
        if is_late(result):
            return False
        assert (result.code, result.err) == (0, ""), result
        notes = rig.file("notes")
        return not notes.exists() or f"trouble.{level}" not in notes.read_text()

    for level in levels or (10, 20):
        wait_until(functools.partial(is_well, level), "its neighbours answer")
    return rig


def is_connected(server: Broker) -> bool:
    """Does any client hold a connection? A mere check closes its connection at once."""
    for connection in list(server.held):
        try:
            if connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                continue
        except BlockingIOError:
            return True
        except OSError:
            continue
    return False


def lose(rig: Rig) -> None:
    """Make the daemon close its connections to brokers, although the brokers are healthy."""
    rig.set(connect=" ")

    # the daemon's journal decides: a server may notice a connection late
    def is_done() -> bool:
        return rig.count("disconnected") == rig.count("connected") > 0

    wait_until(is_done, "it holds no connection any more")
