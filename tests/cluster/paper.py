"""The paper's node: names and paths of 2013, with MariaDB and RabbitMQ.

A service that still exists runs its real daemon; any other runs the stand-in.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bed.bed import Bed
from tests.bed.keystone import PASSWORD, Keystone
from tests.bed.node import Node
from tests.stack import cinder, image, legacy, nova, servers, sockets
from tests.stack.identity import IDENTITY, INTERFACES
from tests.stack.stack import Stack

ADDRESS = "192.168.42.103"
# The database of the stand-ins; its user has the same name.
SQL = f"mysql://legacy:{PASSWORD}@127.0.0.1:3306/legacy"
PROGRAMS = (
    "glance-registry",
    "nova-cert",
    "nova-consoleauth",
    "nova-network",
    "quantum-server",
)
# Today's daemons read this and ignore the names of 2013; the stand-ins read it too.
NOVA = f"""
[DEFAULT]
rabbit_host = 127.0.0.1
sql_connection = {SQL}
[conductor]
workers = 1
[scheduler]
workers = 1
"""
REGISTRY = f"""
[DEFAULT]
workers = 2
sql_connection = {SQL}
"""
QUANTUM = """
[DEFAULT]
rabbit_host = 127.0.0.1
core_plugin = quantum.plugins.openvswitch.ovs_quantum_plugin.OVSQuantumPluginV2
"""
PLUGIN = f"""
[DATABASE]
sql_connection = {SQL}
"""


class Prepared(Stack):
    """Prepares today's services on this machine, while no server runs yet.

    SQLite replaces MariaDB, and every service logs in as Keystone's admin.
    """

    def __init__(self) -> None:
        super().__init__()
        self.services: list[tuple[str, str, str]] = []

    def database(self, name: str) -> str:
        path = self.home(name.partition("_")[0]) / "data" / f"{name}.sqlite"
        if not path.exists():
            with sqlite3.connect(path) as database:
                # without WAL, a reader beside a writer finds the database locked
                database.execute("pragma journal_mode=wal")
            database.close()
            shutil.copystat(path.parent, path)
            shutil.chown(path, path.parent.owner(), path.parent.group())
            path.chmod(0o640)
        return f"sqlite:///{path}"

    def credentials(self, user: str) -> str:
        lines = {
            "auth_type": "password",
            "auth_url": IDENTITY,
            "username": "admin",
            "password": PASSWORD,
            "project_name": "admin",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
            "region_name": "RegionOne",
        }
        return "".join(f"{name} = {value}\n" for name, value in lines.items())

    def endpoint(self, name: str, kind: str, url: str) -> None:
        # Placement does not run here. If its URL in the catalog has no version, nova-scheduler
        # asks Placement for one before it serves.
        self.services.append((name, kind, url + "/v1" if kind == "placement" else url))

    def fill_catalog(self, keystone: Path) -> None:
        """Enter the services in Keystone's database (the file), as the REST API would."""
        with sqlite3.connect(keystone) as database:
            for name, kind, url in self.services:
                service = uuid.uuid4().hex
                row = (service, kind, True, f'{{"name": "{name}"}}')
                database.execute(
                    "insert into service (id, type, enabled, extra) values (?,?,?,?)", row
                )
                for interface in INTERFACES:
                    database.execute(
                        "insert into endpoint (id, interface, service_id, url, enabled, region_id, "
                        "extra) values (?, ?, ?, ?, ?, ?, ?)",
                        (uuid.uuid4().hex, interface, service, url, True, "RegionOne", "{}"),
                    )
        database.close()


class Inside(Stack):
    """MariaDB and RabbitMQ in a node. They end with the node."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.prefix = tuple(node.enter())
        self.pid = node.pid() or 0

    def up(self) -> None:
        with ThreadPoolExecutor(1) as pool:
            rabbitmq = pool.submit(servers.start_rabbitmq, self)
            servers.start_mariadb(self)
            self.database("legacy")
            rabbitmq.result()

    def is_open(self, port: int) -> bool:
        return sockets.is_used(self.pid, port)


class Installation:
    """The node's files, as `binds` for a Bed of one node.

    Enter the bed, call `configure`, boot, and call `fill` before any daemon starts.
    """

    def __init__(self, folder: Path) -> None:
        self.prepared = Prepared()
        self.folder = folder
        self.etc = folder / "etc"
        self.keystone = Keystone(folder / "keystone")
        self.binds: dict[str, Path | str] = {
            "/etc": self.etc,
            "/usr/local/bin": folder / "bin",
            "/var/lib/keystone": folder / "keystone/lib",
            **{
                f"/var/lib/{p}": self.prepared.home(p) / "data"
                for p in ("nova", "cinder", "glance")
            },
        }
        (folder / "keystone/lib").mkdir(parents=True)
        legacy.install(folder / "bin", PROGRAMS)

    def configure(self, bed: Bed) -> None:
        """Fill /etc: this machine's, plus user quantum, the bed's Corosync and the old services."""
        subprocess.run(["cp", "-a", "/etc", str(self.etc)], check=True)
        node = bed.node(1)
        shutil.copy(node.folder / "etc/corosync/corosync.conf", self.etc / "corosync")
        # the same user again, under its name from before the project was renamed
        with (self.etc / "passwd").open("r+") as file:
            (neutron,) = (line for line in file if line.startswith("neutron:"))
            file.write(neutron.replace("neutron", "quantum"))
        log = node.folder / "var/log/quantum"
        log.mkdir()
        shutil.copystat(node.folder / "var/log/neutron", log)
        shutil.chown(log, "neutron", "adm")
        for path, text in (
            ("glance/glance-registry.conf", REGISTRY),
            ("quantum/quantum.conf", QUANTUM),
            ("quantum/plugins/openvswitch/ovs_quantum_plugin.ini", PLUGIN),
        ):
            (self.etc / path).parent.mkdir(parents=True, exist_ok=True)
            (self.etc / path).write_text(text)
        for path in ("nova/nova-api-uwsgi.ini", "cinder/cinder-api-uwsgi.ini"):
            # each of the 8 or 16 packaged processes loads the application itself
            text = re.sub(
                r"(?m)^(processes|threads) *=.*$", r"\1 = 1", (self.etc / path).read_text()
            )
            (self.etc / path).write_text(text)

    def fill(self) -> None:
        """Make all databases, and configure the services that use them; takes 30 s of CPU."""
        todo: list[Callable[[], None]] = [self.keystone.make]
        for module in (nova, cinder, image):
            todo.append(lambda prepare=module.prepare: prepare(self.prepared))  # type: ignore[misc]
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(job) for job in todo]:
                done.result()
        self.prepared.fill_catalog(self.folder / "keystone/lib/keystone.sqlite")
        subprocess.run(
            ["cp", "-a", f"{self.folder}/keystone/etc/.", f"{self.etc}/keystone"], check=True
        )
        made = self.prepared.folder
        for path, more in (
            ("nova/nova.conf", NOVA),
            ("cinder/cinder.conf", ""),
            ("glance/glance-api.conf", "[DEFAULT]\nworkers = 1\n"),
        ):
            (self.etc / path).write_text((made / path).read_text() + more)

    def remove(self) -> None:
        """Remove the prepared files. Call it once no node uses them any more."""
        self.prepared.down()
