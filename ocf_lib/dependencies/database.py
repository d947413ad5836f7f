"""The databases of a service: where they are, and whether one answers.

Source: SQLAlchemy, "Database URLs"; MariaDB's "Client/Server Protocol", PostgreSQL's "Message
Flow".
"""

from __future__ import annotations

import importlib.util
import re
import socket
from urllib.parse import parse_qs, unquote

from ocf_lib import libraries, numbers
from ocf_lib.net import failures

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocf_lib.launch.oslo import Options

PORTS = {"mysql": 3306, "mariadb": 3306, "postgresql": 5432, "postgres": 5432}
# As SQLAlchemy parses a URL: an unquoted password may hold any sign except @.
URL = re.compile(
    r"(?P<kind>\w+)(?:\+(?P<driver>\w+))?://"
    r"(?:(?P<user>[^:/]*)(?::(?P<password>[^@]*))?@)?"
    r"(?:\[(?P<v6>[^/?]+)\]|(?P<host>[^/:?]+))?(?::(?P<port>[^/?]*))?"
    r"(?P<path>/[^?]*)?(?:\?(?P<query>.*))?"
)
# Errors that a living MySQL server sends to a client which it does not let in, or only under TLS:
# 1044, 1045 and 1698 access denied, 1049 no such database, 1227 no privilege, 3159 TLS wanted.
ALIVE = (1044, 1045, 1049, 1227, 1698, 3159)
# PostgreSQL's question whether it speaks TLS (SSLRequest): it answers S or N.
SSL_REQUEST = b"\0\0\0\x08\x04\xd2\x16\x2f"


class Database:
    """One database server.

    kind: mysql or postgresql, "" if only its port is known. host, port: where it listens. user,
    password: those of the service itself; never shown. ca: file with certificates, if it speaks
    TLS.
    """

    def __init__(
        self, kind: str, host: str, port: int, user: str = "", password: str = "", ca: str = ""
    ) -> None:
        self.kind, self.host, self.port = kind, host, port
        self.user, self.password, self.ca = user, password, ca

    def on(self, port: int) -> Database:
        """The same on another port."""
        return Database(self.kind, self.host, port, self.user, self.password, self.ca)


def configured(options: Options, sections: Sequence[str]) -> list[Database]:
    """The servers that these sections name, each once, in order. SQLite has no server, and a server
    on a Unix socket is on this host and has no port.

    Until Icehouse the option was sql_connection, in [DEFAULT], [sql] or [database].
    """
    found: dict[tuple[str, int], Database] = {}
    for section in sections:
        database = _from_url(options.get(section, "connection", "sql_connection"))
        if database is not None:
            found.setdefault((database.host, database.port), database)
    if not found:
        older = options.get("DEFAULT", "sql_connection") or options.get("sql", "connection")
        database = _from_url(older)
        if database is not None:
            found[database.host, database.port] = database
    return list(found.values())


def _from_url(url: str) -> Database | None:
    parts = URL.fullmatch(url)
    # an @ behind the host: a piece of an unquoted password would be taken for the host
    if parts is None or "@" in "".join(parts[name] or "" for name in ("port", "path", "query")):
        return None
    kind, driver = parts["kind"].lower(), parts["driver"] or ""
    if kind not in PORTS:
        return None
    query = parse_qs(parts["query"] or "")
    # the last @ ends the password, if one in it is unquoted
    host = (parts["v6"] or parts["host"] or "").rpartition("@")[2]
    port = parts["port"] or ""
    usual = "mysql" if PORTS[kind] == 3306 else "postgresql"
    if usual == "postgresql" and not host:
        host, port = query.get("host", [""])[0], query.get("port", [port])[0]
    # libmysqlclient connects to the Unix socket for localhost, PyMySQL does not
    is_local = usual == "mysql" and driver in ("", "mysqldb") and host in ("", "localhost")
    if "unix_socket" in query or host.startswith("/") or is_local:
        return None
    if not host and usual == "postgresql":
        return None
    number = numbers.port(port, PORTS[kind])
    user, password = unquote(parts["user"] or ""), unquote(parts["password"] or "")
    ca = query.get("ssl_ca", [""])[0]
    return Database(usual, host or "localhost", number, user, password, ca)


def check(
    database: Database, address: str, port: int, seconds: float, in_doubt: bool = False
) -> str:
    """What is wrong with the database as seen from here, "" for nothing.

    address, port: where to ask; the port may be a parameter's. seconds: for all of it. in_doubt:
    the service answers with errors, as one does whose database does not let it in.

    If pymysql is installed, a MySQL server gets a log-in as the service itself. The server counts a
    connection without a log-in as an error of this host, and after max_connect_errors of those it
    accepts no connection from this host any more.
    """
    libraries.enable()
    if database.kind == "mysql" and importlib.util.find_spec("pymysql") is not None:
        return _log_in(database, address, port, seconds, in_doubt)
    question = SSL_REQUEST if database.kind == "postgresql" else b""
    return greeting(address, port, seconds, question)


def greeting(address: str, port: int, seconds: float, question: bytes) -> str:
    """What is wrong with a server that should send something, "" for nothing. question: what is
    sent to the server first."""
    try:
        with socket.create_connection((address, port), seconds) as connection:
            connection.sendall(question)
            if not connection.recv(1):
                return "closed the connection without a word"
    except (OSError, UnicodeError) as error:
        return failures.describe(error, seconds)
    return ""


def _log_in(database: Database, address: str, port: int, seconds: float, in_doubt: bool) -> str:
    import pymysql

    try:
        connection = pymysql.connect(
            host=address,
            port=port,
            user=database.user,
            password=database.password,
            connect_timeout=max(1, int(seconds)),
            read_timeout=seconds,
            write_timeout=seconds,
            ssl={"ca": database.ca, "check_hostname": False} if database.ca else None,
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute("select 1")
        finally:
            connection.close()
    except pymysql.err.MySQLError as error:
        return _said(error, seconds, in_doubt)
    except OSError as error:
        return failures.describe(error, seconds)
    except Exception:  # noqa: BLE001 - a greeting cut short; a log-in that pymysql cannot do
        return greeting(address, port, seconds, b"")
    return ""


def _said(error: Exception, seconds: float, in_doubt: bool) -> str:
    """The fact in an error of pymysql. No server repeats a password in its errors."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    if number in ALIVE and not in_doubt:
        return ""
    text = str(error.args[-1]) if error.args else type(error).__name__
    if "refused" in text:
        return failures.REFUSED
    if "timed out" in text:
        return failures.silent(seconds)
    return f"answered error {number} ({text.splitlines()[0][:80] if text else 'no text'})"
