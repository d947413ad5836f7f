"""The databases of a service: where they are, and whether one answers (cold module).

Source: SQLAlchemy, "Database URLs"; MariaDB's "Client/Server Protocol", PostgreSQL's "Message
Flow".
"""

from __future__ import annotations

import importlib.util
import re
import socket
from urllib.parse import parse_qs, unquote

from ocf_lib import libraries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocf_lib.launch.oslo import Options

PORTS = {"mysql": 3306, "mariadb": 3306, "postgresql": 5432, "postgres": 5432}
# As SQLAlchemy takes a URL apart: a password may hold any sign but @ without its quoting.
URL = re.compile(
    r"(?P<kind>\w+)(?:\+(?P<driver>\w+))?://"
    r"(?:(?P<user>[^:/]*)(?::(?P<password>[^@]*))?@)?"
    r"(?:\[(?P<v6>[^/?]+)\]|(?P<host>[^/:?]+))?(?::(?P<port>[^/?]*))?"
    r"(?P<path>/[^?]*)?(?:\?(?P<query>.*))?"
)
# What a MySQL server says to somebody it does not let in, or lets in only under TLS. It lives:
# 1044, 1045 and 1698 access denied, 1049 no such database, 1227 no privilege, 3159 TLS wanted.
ALIVE = (1044, 1045, 1049, 1227, 1698, 3159)
# PostgreSQL's question whether it speaks TLS (SSLRequest): it answers S or N.
SSL_REQUEST = b"\0\0\0\x08\x04\xd2\x16\x2f"


class Database:
    """One database server.

    kind: mysql or postgresql, "" where only its port is known. host, port: where it listens. user,
    password: of the service itself; never shown. ca: file with certificates, where it speaks TLS.
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
    parts = URL.fullmatch(url)
    # an @ behind the host: a password that lacks its quoting, of which a piece would pass for it
    if parts is None or "@" in "".join(parts[name] or "" for name in ("port", "path", "query")):
        return None
    kind, driver = parts["kind"].lower(), parts["driver"] or ""
    if kind not in PORTS:
        return None
    query = parse_qs(parts["query"] or "")
    # of an unquoted @ in a password the last one counts
    host = (parts["v6"] or parts["host"] or "").rpartition("@")[2]
    port = parts["port"] or ""
    usual = "mysql" if PORTS[kind] == 3306 else "postgresql"
    if usual == "postgresql" and not host:
        host, port = query.get("host", [""])[0], query.get("port", [port])[0]
    # libmysqlclient takes the Unix socket for localhost, PyMySQL does not
    is_local = usual == "mysql" and driver in ("", "mysqldb") and host in ("", "localhost")
    if "unix_socket" in query or host.startswith("/") or is_local:
        return None
    if not host and usual == "postgresql":
        return None
    number = int(port) if port.isdecimal() and len(port) < 6 else PORTS[kind]
    user, password = unquote(parts["user"] or ""), unquote(parts["password"] or "")
    ca = query.get("ssl_ca", [""])[0]
    return Database(usual, host or "localhost", number, user, password, ca)


def look(
    database: Database, address: str, port: int, seconds: float, in_doubt: bool = False
) -> str:
    """What is wrong with the database as seen from here, "" for nothing.

    address, port: where; it may be a parameter's port. A MySQL server is logged in to, as the
    service itself, where the package is there: a connection that ends without counts as an error of
    this host's, and after max_connect_errors of those the server takes no more. in_doubt: the
    service answers errors, which one that is not let in would do.
    """
    libraries.enable()
    if database.kind == "mysql" and importlib.util.find_spec("pymysql") is not None:
        return _log_in(database, address, port, seconds, in_doubt)
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
    except (OSError, UnicodeError) as error:
        return f"cannot be reached ({getattr(error, 'strerror', None) or error})"
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
        return f"cannot be reached ({error.strerror or type(error).__name__})"
    except Exception:  # noqa: BLE001 - a greeting cut short; a way to log in that it cannot do
        return greeting(address, port, seconds, b"")
    return ""


def _said(error: Exception, seconds: float, in_doubt: bool) -> str:
    """The fact in an error of pymysql's. What a server says repeats no password."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    if number in ALIVE and not in_doubt:
        return ""
    text = str(error.args[-1]) if error.args else type(error).__name__
    if "refused" in text:
        return "refused the connection"
    if "timed out" in text:
        return f"did not answer within {seconds:.2g} s"
    return f"answered error {number} ({text.splitlines()[0][:80] if text else 'no text'})"
