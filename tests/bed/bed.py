"""Builds a bed, finds a running one again, and ends it."""

from __future__ import annotations

import json
import os
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests import pace

from .configuration import PACEMAKER, PATIENT, Timing
from .node import ENVIRONMENT, Node, finish
from .software import Software

HERE = Path(__file__).resolve().parent
NETWORK = "192.168.42"
CLIENT = f"{NETWORK}.254"
# In a node, PROGRAM replaces these in /usr/sbin, so that nothing in it can reboot the host.
PROGRAM = HERE / "fence_bed"
PROGRAMS = ("fence_bed", "reboot", "init", "halt", "poweroff", "shutdown", "telinit")
START_SECONDS = 30
STOP_SECONDS = 60


class BedError(Exception):
    """The bed cannot be built, or no longer answers."""


def missing_packages(needs: Mapping[str, str] = PACEMAKER.needs) -> list[str]:
    """The Debian packages whose needed files are missing on this host."""
    return sorted({package for path, package in needs.items() if not Path(path).exists()})


class Bed:
    """A cluster of nodes named node-1 to node-N at 192.168.42.1 to .N, and a client at .254.

    layers  folders as made by `make install DESTDIR=folder`. The nodes see their usr/ in /usr,
            the first uppermost. An openstack provider in a layer replaces the host's
    binds   node path to host path, for storage that the nodes share; both must exist before
            boot. A relative host path is a folder made in the bed's own tmpfs, Bed.folder. If it
            contains "{name}", each node has its own folder, named after the node
    software  the cluster software that the nodes run
    timing  how soon Corosync gives up on a silent node

    A context manager: entering builds the network and boots no node (see boot); leaving ends the
    bed. If this process dies instead, the bed ends too, unless it was kept (see keep).
    """

    def __init__(
        self,
        nodes: int = 3,
        layers: Sequence[Path | str] = (),
        binds: Mapping[str, Path | str] | None = None,
        software: Software = PACEMAKER,
        timing: Timing = PATIENT,
    ) -> None:
        self.software = software
        self.supervisor: subprocess.Popen[str] | None = None
        self.pid = 0
        self.is_kept = False
        self.spec: dict[str, Any] = {
            "folder": f"/run/ocf-bed-{os.getpid()}-{id(self):x}",
            "address": f"{CLIENT}/24",
            "nodes": {f"node-{n}": f"{NETWORK}.{n}/24" for n in range(1, nodes + 1)},
            "layers": [str(Path(layer).resolve()) for layer in layers],
            "binds": {path: str(source) for path, source in (binds or {}).items()},
            "private": [path for path in software.private if Path(path).is_dir()],
            "software": software.name,
            "timing": asdict(timing),
        }

    @classmethod
    def find(cls, pid: int) -> Bed:
        """Return the running bed whose supervisor has this PID. Raises BedError if none has."""
        try:
            (folder,) = Path(f"/proc/{pid}/root/run").glob("ocf-bed-*/shared/bed.json")
            spec = json.loads(folder.read_text())
        except (OSError, ValueError) as fault:
            raise BedError(f"no bed has a supervisor with PID {pid}") from fault
        bed = cls()
        bed.pid = pid
        bed.spec = spec
        return bed

    @property
    def folder(self) -> Path:
        """The bed's own tmpfs, seen from the host through its supervisor."""
        return Path(f"/proc/{self.pid}/root{self.spec['folder']}")

    @property
    def timing(self) -> Timing:
        return Timing(**self.spec["timing"])

    @property
    def nodes(self) -> list[Node]:
        return [Node(self, name, at.split("/")[0]) for name, at in self.spec["nodes"].items()]

    def node(self, which: int | str) -> Node:
        """The node with this name or number (from 1). Raises BedError if there is none."""
        for node in self.nodes:
            if node.name in (which, f"node-{which}"):
                return node
        raise BedError(f"no node {which}; the nodes are {self.nodes}")

    def living(self) -> list[Node]:
        """The nodes that are alive."""
        state = self.ask(do="state")["nodes"]
        return [node for node in self.nodes if state[node.name]]

    def start(self) -> None:
        """Start the supervisor and prepare all nodes. If it raises BedError, call stop."""
        if os.geteuid():
            raise BedError("a bed is made of namespaces, so it needs root")
        if missing := missing_packages(self.software.needs):
            raise BedError(f"missing Debian packages: {' '.join(missing)}")
        words = ["/usr/bin/unshare", "--net", "--mount", "--propagation", "unchanged", "--"]
        self.spec["layers"].insert(0, str(Path(self.spec["folder"], "programs")))
        self.supervisor = subprocess.Popen(
            [*words, sys.executable, "-I", str(HERE / "supervisor.py"), json.dumps(self.spec)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,  # Ctrl-C ends this process only, which ends the bed in order
        )
        self.pid = self.supervisor.pid
        assert self.supervisor.stdout is not None
        if self.supervisor.stdout.readline() != "ready\n":
            raise BedError("the bed's supervisor did not start; its output is above")
        sbin = self.folder / "programs/usr/sbin"
        sbin.mkdir(parents=True)
        for name in PROGRAMS:
            shutil.copy(PROGRAM, sbin / name)
        for source in self.spec["binds"].values():
            for node in self.nodes:
                if not source.startswith("/"):
                    own = source.replace("{name}", node.name)
                    (self.folder / own).mkdir(parents=True, exist_ok=True)
        for node in self.nodes:
            node.prepare(self.spec["private"])
        self.software.configure(self)
        (self.folder / "shared/bed.json").write_text(json.dumps(self.spec))

    def boot(self) -> None:
        """Boot all nodes that are dead."""
        living = {node.name for node in self.living()}
        for node in self.nodes:
            if node.name not in living:
                node.boot()

    def keep(self) -> None:
        """Keep the bed running when this process ends; from now on only stop ends it."""
        self.ask(do="keep")
        self.supervisor = None
        self.is_kept = True

    def stop(self) -> None:
        """End all nodes and remove what the bed made. Does nothing if the bed has ended."""
        if self.supervisor:
            assert self.supervisor.stdin and self.supervisor.stdout
            self.supervisor.stdin.close()  # the supervisor ends the bed when its input ends
            self.supervisor.wait(pace.seconds(STOP_SECONDS))
            self.supervisor.stdout.close()
            self.supervisor = None
        elif self.pid and self.folder.is_dir():
            handle = os.pidfd_open(self.pid)
            self.ask(do="stop")
            if not select.select([handle], [], [], pace.seconds(STOP_SECONDS))[0]:
                raise BedError(f"the bed's supervisor (PID {self.pid}) does not end")
            os.close(handle)

    def __enter__(self) -> Bed:
        try:
            self.start()
        except BaseException:  # Ctrl-C during start must not leave the supervisor running
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if not self.is_kept:
            self.stop()

    def ask(self, **request: object) -> dict[str, Any]:
        """Send a request to the supervisor (see supervisor.py); return its answer.

        Raises BedError if it refuses or does not answer.
        """
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(pace.seconds(START_SECONDS))
                connection.connect(str(self.folder / "shared/supervisor.sock"))
                with connection.makefile("rw") as stream:
                    stream.write(json.dumps(request) + "\n")
                    stream.flush()
                    answer: dict[str, Any] = json.loads(stream.readline())
        except (OSError, ValueError) as fault:
            raise BedError(f"the bed's supervisor does not answer: {fault}") from fault
        if "error" in answer:
            raise BedError(answer["error"])
        return answer

    def fencings(self) -> list[dict[str, Any]]:
        """All fencings so far: time (seconds since 1970), node, action, by, was_alive."""
        return list(self.ask(do="state")["fencings"])

    def enter_client(self) -> list[str]:
        """The command prefix that runs a command on the client's side of the network."""
        return ["/usr/bin/nsenter", "-t", str(self.pid), "-n"]

    def client(
        self, *words: str, check: bool = True, timeout: float = 60, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as a client of the cluster, with the host's files.

        If `check`, raises CommandFailed on a status other than 0. Raises subprocess.TimeoutExpired
        after `timeout` seconds, which grow with the machine's lateness.
        """
        line = [*self.enter_client(), *words]
        done = pace.run(line, timeout=timeout, text=True, input=stdin or "", env=ENVIRONMENT)
        if check:
            finish(done, words, "client")
        return done
