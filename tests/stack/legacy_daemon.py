#!/usr/bin/python3 -IB
"""Stands in for a daemon that no release has any more. Copied under the daemon's name, it reads its
configuration, holds its connections to RabbitMQ and MariaDB, and answers on its ports.

    nova-cert --config-file=FILE [--config-file=FILE ...] [--log-file=FILE]
"""

from __future__ import annotations

import configparser
import json
import os
import signal
import socket
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import amqp
import pymysql

NAME = os.path.basename(sys.argv[0])
HEARTBEAT = 30
RETRY_SECONDS = 1.0
SQL_SECONDS = 5
# The only user who can log in to keystone-all; the original has its users in the database.
USER, PASSWORD, TENANT = "admin", "secret", "admin"
TOKEN_SECONDS = 3600


class Shape(NamedTuple):
    """How the original daemon behaved.

    amqp, sql: whether it holds such a connection; if it has workers, they hold it. ports: the
    options for its ports, and their defaults. host: the option for its address. forks: by default
    it has workers; option `workers` says how many.
    """

    amqp: bool = False
    sql: bool = False
    ports: tuple[tuple[str, int], ...] = ()
    host: str = "bind_host"
    forks: bool = False


BOTH = Shape(amqp=True, sql=True)
SHAPES = {
    "keystone-all": Shape(sql=True, ports=(("public_port", 5000), ("admin_port", 35357))),
    "glance-registry": Shape(sql=True, ports=(("bind_port", 9191),), forks=True),
    "nova-cert": BOTH,
    "nova-consoleauth": BOTH,
    "nova-network": BOTH,
    "nova-volume": BOTH,
    "nova-objectstore": Shape(ports=(("s3_listen_port", 3333),), host="s3_listen"),
    "quantum-server": Shape(amqp=True, sql=True, ports=(("bind_port", 9696),)),
    "quantum-dhcp-agent": Shape(amqp=True),
    "quantum-l3-agent": Shape(amqp=True),
    "quantum-metadata-agent": Shape(amqp=True),
    # These two still exist; their stand-ins are for the tests of their agents' older names.
    "cinder-scheduler": BOTH,
    "nova-novncproxy": Shape(ports=(("novncproxy_port", 6080),), host="novncproxy_host"),
}


class Options:
    """The options in the files on the command line. Later files take precedence."""

    def __init__(self, words: list[str]) -> None:
        self.parser = configparser.RawConfigParser(strict=False, default_section="no such section")
        self.log = ""
        for position, word in enumerate(words):
            name, found, value = word.partition("=")
            if not found and position + 1 < len(words):
                value = words[position + 1]
            if name == "--config-file":
                with open(value, encoding="utf-8") as file:
                    self.parser.read_file(file)
            elif name == "--log-file":
                self.log = value

    def get(self, name: str, default: str, *sections: str) -> str:
        for section in sections or ("DEFAULT",):
            if self.parser.has_option(section, name):
                return self.parser.get(section, name)
        return default

    def sql(self) -> str:
        """The database's URL, DIALECT://USER:PASSWORD@HOST:PORT/DATABASE."""
        return self.get("sql_connection", "", "DEFAULT", "DATABASE") or self.get(
            "connection", "", "database", "sql"
        )

    def brokers(self) -> list[urllib.parse.SplitResult]:
        url = self.get("transport_url", "")
        if not url:
            port = self.get("rabbit_port", "5672")
            single = f"{self.get('rabbit_host', 'localhost')}:{port}"
            user = self.get("rabbit_userid", "guest")
            password = self.get("rabbit_password", "guest")
            hosts = self.get("rabbit_hosts", single)
            vhost = self.get("rabbit_virtual_host", "/")
            url = "rabbit://" + ",".join(f"{user}:{password}@{h.strip()}" for h in hosts.split(","))
            url += "/" + vhost
        scheme, _, rest = url.partition("://")
        hosts, _, path = rest.partition("/")
        return [urllib.parse.urlsplit(f"{scheme}://{host}/{path}") for host in hosts.split(",")]


def say(text: str) -> None:
    print(f"{time.strftime('%F %T')} {os.getpid()} {NAME} {text}", file=sys.stderr, flush=True)


def consume(options: Options) -> None:
    """Take work from a queue; reconnect if the broker was away."""
    while True:
        for broker in options.brokers():
            try:
                for _ in messages(broker):
                    pass
            except (OSError, amqp.exceptions.AMQPError) as fault:
                say(f"ERROR AMQP server on {broker.hostname}:{broker.port} is unreachable: {fault}")
            time.sleep(RETRY_SECONDS)


def messages(broker: urllib.parse.SplitResult) -> Iterator[None]:
    """Yield once for each message, and every few seconds without one.

    Raises the error that ends the connection.
    """
    connection = amqp.Connection(
        host=f"{broker.hostname}:{broker.port or 5672}",
        userid=broker.username,
        password=broker.password,
        virtual_host=broker.path[1:] or "/",
        heartbeat=HEARTBEAT,
        connect_timeout=5,
    )
    connection.connect()
    channel = connection.channel()
    channel.queue_declare(NAME, auto_delete=True)
    channel.basic_consume(NAME, no_ack=True)
    say(f"INFO Connected to AMQP server on {connection.host}")
    while True:
        try:
            connection.drain_events(timeout=HEARTBEAT / 6)
        except socket.timeout:
            # tells RabbitMQ that we live, and us that RabbitMQ does
            connection.heartbeat_tick()
        yield


def hold_database(options: Options) -> None:
    """Hold a connection, use it every SQL_SECONDS, and connect again if it is lost."""
    url = urllib.parse.urlsplit(options.sql())
    while True:
        try:
            connection = pymysql.connect(
                host=url.hostname,
                port=url.port or 3306,
                user=url.username,
                password=urllib.parse.unquote(url.password or ""),
                database=url.path[1:],
            )
            say(f"INFO Connected to {url.hostname}")
            while True:
                connection.ping(reconnect=False)
                time.sleep(SQL_SECONDS)
        except (OSError, pymysql.Error) as fault:
            say(f"ERROR SQL connection failed: {fault}")
            time.sleep(RETRY_SECONDS)


class Answers(BaseHTTPRequestHandler):
    """The API. Every service except Identity accepts any token."""

    def do_GET(self) -> None:  # noqa: N802
        path = self.path.partition("?")[0].rstrip("/") or "/"
        if NAME == "keystone-all":
            self.identify(path)
        elif NAME == "nova-objectstore":
            self.answer(200, "<ListAllMyBucketsResult/>")
        elif NAME == "nova-novncproxy":
            self.answer(200 if path == "/" else 404, "noVNC")
        elif path == "/" and NAME == "quantum-server":
            self.answer(200, {"versions": [{"id": "v2.0", "status": "CURRENT"}]})
        elif self.headers.get("X-Auth-Token"):
            self.answer(200, {path.rpartition("/")[2]: []})
        else:
            self.answer(401, "Authentication required")

    def do_POST(self) -> None:  # noqa: N802
        """Answer POST /v2.0/tokens: log in."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if NAME != "keystone-all" or self.path != "/v2.0/tokens":
            self.answer(404, "no such thing")
            return
        auth = json.loads(body)["auth"]
        given = auth["passwordCredentials"]
        if (given["username"], given["password"]) != (USER, PASSWORD):
            self.answer(401, {"error": {"code": 401, "message": "Invalid user / password"}})
            return
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + TOKEN_SECONDS))
        tenant = {"id": "t1", "name": TENANT, "enabled": True}
        url = self.base() + "/v2.0"
        endpoint = {"region": "RegionOne", "publicURL": url, "internalURL": url, "adminURL": url}
        catalog = [{"type": "identity", "name": "keystone", "endpoints": [endpoint]}]
        user = {"id": "u1", "name": USER, "username": USER, "roles": []}
        token = {"id": f"legacy-{os.urandom(8).hex()}", "expires": end, "tenant": tenant}
        self.answer(200, {"access": {"token": token, "user": user, "serviceCatalog": catalog}})

    def identify(self, path: str) -> None:
        """Answer as Identity v2.0, the only version that there was."""
        links = [{"rel": "self", "href": self.base() + "/v2.0/"}]
        version = {"id": "v2.0", "status": "stable", "updated": "2013-03-06T00:00:00Z"}
        if path == "/":
            self.answer(300, {"versions": {"values": [{**version, "links": links}]}})
        elif path == "/v2.0":
            self.answer(200, {"version": {**version, "links": links}})
        elif path != "/v2.0/tenants":
            self.answer(404, "no such thing")
        elif self.headers.get("X-Auth-Token", "").startswith("legacy-"):
            self.answer(200, {"tenants": [{"id": "t1", "name": TENANT, "enabled": True}]})
        else:
            self.answer(401, {"error": {"code": 401, "message": "Could not find token"}})

    def base(self) -> str:
        return f"http://{self.headers.get('Host', 'localhost')}"

    def answer(self, status: int, body: object) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        self.send_response(status)
        is_json = not isinstance(body, str)
        self.send_header("Content-Type", "application/json" if is_json else "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *words: object) -> None:
        say("INFO " + str(words[0]) % words[1:])


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass  # the client is gone


def work(options: Options, shape: Shape, servers: list[Server]) -> None:
    """Do the daemon's work: in its only process, or in each worker if it forks."""
    jobs = [(server.serve_forever, ()) for server in servers]
    jobs += [(consume, (options,))] * shape.amqp
    jobs += [(hold_database, (options,))] * (shape.sql and bool(options.sql()))
    for function, arguments in jobs:
        threading.Thread(target=function, args=arguments, daemon=True).start()
    while True:
        signal.pause()


def fork(options: Options, shape: Shape, servers: list[Server]) -> int:
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        work(options, shape, servers)
    return pid


def main() -> None:
    shape = SHAPES[NAME]
    options = Options(sys.argv[1:])
    if options.log:
        descriptor = os.open(options.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.dup2(descriptor, 2)
    workers: list[int] = []

    def end(*_: object) -> None:
        for pid in workers:
            os.kill(pid, signal.SIGTERM)
        for pid in workers:
            os.waitpid(pid, 0)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    address = options.get(shape.host, "0.0.0.0")
    ports = [int(options.get(name, str(default))) for name, default in shape.ports]
    servers = [Server((address, port), Answers) for port in ports]
    if shape.forks:
        for _ in range(int(options.get("workers", "1"))):
            workers.append(fork(options, shape, servers))
        while True:
            signal.pause()
    work(options, shape, servers)


if __name__ == "__main__":
    main()
