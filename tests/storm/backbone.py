"""The servers that the control plane needs: MariaDB, RabbitMQ, memcached, on a separate machine."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from tests import pace
from tests.bed.bed import NETWORK, Bed
from tests.stack import servers
from tests.stack.stack import Stack

ADDRESS = f"{NETWORK}.253"
# Keystone's address, which moves with it from node to node.
IDENTITY_ADDRESS = f"{NETWORK}.103"
STOP_SECONDS = 60


class Backbone(Stack):
    """A stack whose projects run on the nodes of a bed, but whose servers do not.

    The servers' machine is a network namespace with a veth cable to the bed's bridge. It ends, with
    all its processes, when the process that made it ends. The stack's folder is in /tmp, where the
    nodes see it.

    addresses: by port of an API, the address of its node.
    """

    host = ADDRESS
    listen = "0.0.0.0"
    identity = f"http://{IDENTITY_ADDRESS}:5000"

    def __init__(self, bed: Bed, addresses: Mapping[int, str]) -> None:
        super().__init__()
        self.bed = bed
        self.addresses = addresses
        self._running: dict[str, subprocess.Popen[str]] = {}

    def up(self) -> None:
        """Connect the machine and start its servers."""
        self._namespace.make()
        self.prefix = self._namespace.prefix
        self._plug_in()
        with ThreadPoolExecutor(1) as pool:
            rabbitmq = pool.submit(servers.start_rabbitmq, self)
            servers.start_memcached(self)
            self._running["database"] = servers.start_mariadb(self)
            self._running["broker"] = rabbitmq.result()

    def _plug_in(self) -> None:
        cable = ("type", "veth", "peer", "name", "eth0", "netns", str(self._namespace.pid))
        self.bed.client("ip", "link", "add", "servers", *cable)
        self.bed.client("ip", "link", "set", "servers", "master", "bed", "up")
        for words in (
            ("address", "add", f"{ADDRESS}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
        ):
            subprocess.run([*self.prefix, "ip", *words], check=True)

    @property
    def pid(self) -> int:
        """The PID of a process on the servers' machine."""
        return self._namespace.pid

    def keep(self) -> None:
        """Keep the machine up as long as the bed, whose supervisor outlives this process."""
        self._namespace.keep(self.bed.pid)

    def address(self, port: int) -> str:
        """Return the address of the API at a port: its node's; Keystone's if it has no node."""
        return self.addresses.get(port, IDENTITY_ADDRESS)

    def stop(self, name: str) -> None:
        """Stop the "broker" or the "database" cleanly, as an operator or an update does."""
        process = self._running.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(pace.seconds(STOP_SECONDS))

    def start(self, name: str) -> None:
        """Start it again; returns once it answers."""
        run: dict[str, Callable[[Stack], subprocess.Popen[str]]] = {
            "broker": servers.run_rabbitmq,
            "database": servers.run_mariadb,
        }
        self._running[name] = run[name](self)
