"""What a service depends on, as small servers in threads of the test: a message broker and a
database that live, freeze, refuse, and come back."""

from __future__ import annotations

import contextlib
import functools
import socket
import struct
import threading
import time
from collections.abc import Callable
from urllib.parse import quote

from tests.calling import Result
from tests.faults.rig import PASSWORD, Rig, wait_until

SECRET = quote(PASSWORD)

# What RabbitMQ says to the header of AMQP 0-9-1: the beginning of Connection.Start.
CONNECTION_START = bytes.fromhex("01000000000200000a000a")


class Server:
    """A TCP server on loopback, at a port of its own for as long as the object lives.

    address: IPv4 or IPv6. port: 0 for a free one. heads: what was
    said to it, first words first.
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
        """With one client; returns when all is said."""
        raise NotImplementedError

    def come_back(self) -> None:
        """Listen, at the port it had before."""
        self.listener = socket.socket(self.family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((self.address, self.port))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def go(self) -> None:
        """As a server that ends: nobody listens, its connections are closed."""
        self.refuse()
        self.hang_up()

    def refuse(self) -> None:
        """Listen no more; its connections stay."""
        listener, self.listener = self.listener, None
        if listener is not None:
            # wakes the thread that accepts, which close alone does not
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def hang_up(self) -> None:
        """Close the connections that there are."""
        held, self.held = self.held, []
        for connection in held:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def freeze(self) -> None:
        """As a process that was stopped: the kernel takes connections, nobody says a word."""
        self.frozen.set()

    def thaw(self) -> None:
        self.frozen.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # it went
            self.held.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while self.frozen.is_set():
                time.sleep(0.02)
            self.talk(connection)


class Broker(Server):
    """Answers the header of AMQP, as one that lives does."""

    def talk(self, connection: socket.socket) -> None:
        while head := connection.recv(4096):
            self.heads.append(head)
            connection.sendall(
                CONNECTION_START if head.startswith(b"AMQP") else b"AMQP\0\0\x09\x01"
            )


class MySql(Server):
    """The greeting and the log-in of MySQL's protocol, version 10 (native password), then OK to
    whatever comes.

    refusal: (number, text) of the error that it says in place of its greeting.
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
    """b"" where there is none any more."""
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
    """A broker and a database for one test, both well."""

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
    """HOST:PORT, as a URL and an exit reason have it."""
    host = f"[{server.address}]" if ":" in server.address else server.address
    return f"{host}:{server.port}"


def take_away(near: Neighbours, how: str) -> str:
    """The database, in one way; what is said of it."""
    if how == "refuses":
        near.database.go()
        return "refused the connection"
    if how == "hangs":
        near.database.freeze()
        return "did not answer within"
    near.database.refusal = (1040, "Too many connections")
    return "answered error 1040 (Too many connections)"


def conductor(make_rig: Callable[..., Rig], near: Neighbours) -> Rig:
    """An agent of a service that works for the broker; it is connected there, and holds no
    connection to its database. Nothing is started yet."""
    rig = make_rig(agent="nova-conductor")
    rig.configure(transport_url=near.transport_url)
    rig.configure("database", connection=near.connection)
    return rig.set(listen="never", connect=near.broker.port)


def compute(make_rig: Callable[..., Rig], near: Neighbours, identity: Rig) -> Rig:
    """An agent of an API that asks Identity, with credentials. Nothing is started yet."""
    rig = make_rig(agent="nova-api")
    identity.set(password=PASSWORD)
    url = f"http://127.0.0.1:{identity.port}"
    rig.give_credentials(os_auth_url=url + "/v3", api_timeout=1)
    rig.configure(transport_url=near.transport_url)
    rig.configure("database", connection=near.connection)
    rig.configure("keystone_authtoken", auth_url=url)
    return rig


def second(rig: Rig, level: int | None = None, **more: object) -> Result:
    """What a monitor says of a trouble at the second poll; at the first it says nothing."""
    first = rig.monitor(level, **more)
    assert (first.code, first.err) == (0, ""), first
    return rig.monitor(level, **more)


def seen_well(rig: Rig, *levels: int) -> Rig:
    """The same, once its monitors have found all well. A poll that saw trouble is 0, too, if it is
    the first; on busy cores a neighbour may be late with an answer.

    levels: of these monitors, 10 and 20 unless told."""

    def is_well(level: int) -> bool:
        result = rig.monitor(level)
        assert (result.code, result.err) == (0, ""), result
        notes = rig.file("notes")
        return not notes.exists() or f"trouble.{level}" not in notes.read_text()

    for level in levels or (10, 20):
        wait_until(functools.partial(is_well, level), "its neighbours answer")
    return rig


def is_connected(server: Broker) -> bool:
    """Some client of it has stayed (one that looked is gone at once)."""
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
    """The daemon gives up its connections to brokers, for whatever reason; the brokers are well."""
    rig.set(connect=" ")

    # what it notes, for a server may be late to see that somebody came
    def is_done() -> bool:
        return rig.count("disconnected") == rig.count("connected") > 0

    wait_until(is_done, "it holds no connection any more")
