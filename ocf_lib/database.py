"""The databases of a service: where they are, and whether one answers (cold module).

Source: SQLAlchemy, "Database URLs"; MariaDB's "Client/Server Protocol", PostgreSQL's "Message
Flow".
"""

from __future__ import annotations

import importlib.util
import socket
from urllib.parse import parse_qs, unquote, urlsplit

from ocf_lib import packages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocf_lib.oslo import Options

PORTS = {"mysql": 3306, "mariadb": 3306, "postgresql": 5432, "postgres": 5432}
# What a MySQL server says to somebody it knows and does not let in, or lets in only under TLS. It
# lives, and a restart of the service would not change its mind: 1044 and 1045 access denied, 1049
# no such database, 1227 no privilege, 1698 no such plugin, 3159 TLS wanted.
ALIVE = (1044, 1045, 1049, 1227, 1698, 3159)
# PostgreSQL's question whether it speaks TLS (SSLRequest): it answers S or N.
SSL_REQUEST = b"\0\0\0\x08\x04\xd2\x16\x2f"


class Database:
    """One database server. kind: mysql or postgresql. host, port: where it listens. url: as
    configured, with its password: never shown."""

    def __init__(self, kind: str, host: str, port: int, url: str) -> None:
        self.kind, self.host, self.port, self.url = kind, host, port, url


def configured(options: Options, sections: Sequence[str]) -> list[Database]:
    """The servers that these sections name, each once, in order. SQLite has none, and one on a Unix
    socket lies on this host and has no port.

    Until Icehouse the option was sql_connection, in [DEFAULT], [sql] or [database].
    """
    found: dict[tuple[str, int], Database] = {}
    for section in sections:
        database = _of_url(options.get(section, "connection", "sql_connection"))
        if database is not None:
            found.setdefault((database.host, database.port), database)
    if not found:
        older = options.get("DEFAULT", "sql_connection") or options.get("sql", "connection")
        database = _of_url(older)
        if database is not None:
            found[database.host, database.port] = database
    return list(found.values())


def _of_url(url: str) -> Database | None:
    kind = url.partition(":")[0].partition("+")[0].lower()
    if kind not in PORTS:
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or PORTS[kind]
    except ValueError:
        return None
    if "unix_socket" in parse_qs(parts.query):
        return None
    usual = "mysql" if PORTS[kind] == 3306 else "postgresql"
    return Database(usual, host or "localhost", port, url)


def look(database: Database, address: str, port: int, seconds: float) -> str:
    """What is wrong with the database as seen from here, "" for nothing.

    address, port: where; it may be a parameter's port. A MySQL server is logged in to, as the
    service itself, where the package is there: a connection that ends without counts as an error of
    this host's, and after max_connect_errors of those the server takes no more.
    """
    packages.enable()
    if database.kind == "mysql" and importlib.util.find_spec("pymysql") is not None:
        return _log_in(database, address, port, seconds)
    question = SSL_REQUEST if database.kind == "postgresql" else b""
    return greeting(address, port, seconds, question)


def greeting(address: str, port: int, seconds: float, question: bytes) -> str:
    """What is wrong with a server that has to say something, "" for nothing. question: what is sent
    to it first."""
    try:
        with socket.create_connection((address, port), seconds) as connection:
            connection.sendall(question)
            if not connection.recv(1):
                return "closed the connection without a word"
    except ConnectionRefusedError:
        return "refused the connection"
    except TimeoutError:
        return f"did not answer within {seconds:.2g} s"
    except ConnectionResetError:
        return "reset the connection"
    except OSError as error:
        return f"cannot be reached ({error.strerror or error})"
    return ""


def _log_in(database: Database, address: str, port: int, seconds: float) -> str:
    import pymysql

    parts = urlsplit(database.url)
    query = parse_qs(parts.query)
    ca = query.get("ssl_ca", [None])[0]
    try:
        connection = pymysql.connect(
            host=address,
            port=port,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            connect_timeout=max(1, int(seconds)),
            read_timeout=seconds,
            write_timeout=seconds,
            ssl={"ca": ca, "check_hostname": False} if ca else None,
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute("select 1")
        finally:
            connection.close()
    except pymysql.err.MySQLError as error:
        return _said(error, seconds)
    except OSError as error:
        return f"cannot be reached ({error.strerror or type(error).__name__})"
    return ""


def _said(error: Exception, seconds: float) -> str:
    """The fact in an error of pymysql's. What a server says repeats no password."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    if number in ALIVE:
        return ""
    text = str(error.args[-1]) if error.args else type(error).__name__
    if "refused" in text:
        return "refused the connection"
    if "timed out" in text:
        return f"did not answer within {seconds:.2g} s"
    return f"answered error {number} ({text.splitlines()[0][:80] if text else 'no text'})"
