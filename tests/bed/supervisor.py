"""The process that owns a bed: its bridge, its tmpfs, its nodes and the record of fencings.

    unshare --net --mount --propagation unchanged -- python3 -I supervisor.py SPEC

SPEC is JSON: folder (where the bed's tmpfs goes), address (of the client side, with prefix),
nodes (name to address with prefix), layers, binds, private (see boot.py). It prints "ready" once
it answers requests. It is a separate process so that a bed can outlive its maker (`keep`).
Otherwise the bed ends when the supervisor's standard input does, however the maker died.

Its network namespace holds the bridge, and is the client side of the bed. Its mount namespace
holds the tmpfs, so even after a SIGKILL to this process nothing stays mounted.

It answers one request per connection on FOLDER/shared/supervisor.sock, a line of JSON each way:

    {"do": "boot", "node": N, "late": F}   -> {"pid": host PID of the node's first process}
    {"do": "kill", "node": N}              -> {"time": when SIGKILL was sent, seconds since 1970}
    {"do": "fence", "node": N, "action": A, "by": M}   as kill, and recorded
    {"do": "state"}                        -> {"nodes": {N: PID or null}, "fencings": [...]}
    {"do": "keep"}                         -> {}   from now on only "stop" ends the bed
    {"do": "stop"}                         -> {}
    anything that fails                    -> {"error": text}

F: how late this machine is (tests/pace.py), 1 if it is quiet.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

BOOT = Path(__file__).resolve().with_name("boot.py")
# setpriv: if the supervisor is killed, the kernel kills the node too.
SHELL = ["setpriv", "--pdeathsig", "KILL", "--"]
SHELL += ["unshare", "--net", "--mount", "--uts", "--ipc", "--propagation", "unchanged"]
PYTHON = [sys.executable, "-I"]
# A node is dead when the kernel has reaped all its processes; if it takes longer, one hangs there.
DEATH_SECONDS = 60
# For the request of a client that has connected, and for the answer to be taken.
CLIENT_SECONDS = 30


class Refused(Exception):
    """The request cannot be carried out; the message goes to the client."""


def run(*command: str) -> None:
    """Run a command; raise Refused with what it printed if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")


def first_process(parent: int) -> int:
    """The host PID of the child of `parent` that is process 1 of its own PID namespace."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except OSError:  # it ended between the listing and the read
            continue
        if int(fields["PPid"]) == parent and fields["NSpid"].split()[-1] == "1":
            return int(fields["Pid"])
    raise Refused(f"process {parent} has no first process below it")


class Machine:
    """One node as the supervisor sees it: the `unshare` it starts and the node's process 1."""

    def __init__(self, name: str, spec: dict[str, Any]) -> None:
        self.name = name
        self.spec = spec
        self.console = Path(spec["folder"], name, "console.log")
        self.shell: subprocess.Popen[str] | None = None
        self.first: int | None = None

    def pid(self) -> int | None:
        """The host PID of the node's first process, None while the node is dead."""
        if self.shell and self.shell.poll() is not None:
            self.bury()
        return self.first

    def boot(self, late: float) -> int:
        """Start the node; return its first process's host PID once boot.py says that it is up.

        late: how late this machine is.
        """
        if self.pid():
            raise Refused(f"{self.name} is already alive")
        own = {"name": self.name, "supervisor": os.getpid(), "late": late}
        argument = json.dumps({**self.spec, **own})
        with self.console.open("a") as console:
            self.shell = subprocess.Popen(
                [*SHELL, *PYTHON, str(BOOT), "network", argument],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=console,
                text=True,
            )
        assert self.shell.stdout is not None
        with self.shell.stdout as said:
            if said.readline() != "up\n":
                self.shell.kill()
                self.bury()
                last = self.console.read_text().strip().splitlines()[-3:]
                raise Refused(f"{self.name} did not boot: {' / '.join(last)}")
        self.first = first_process(self.shell.pid)
        return self.first

    def kill(self) -> float:
        """Kill the node's first process, and so the node; return when, in seconds since 1970."""
        pid = self.pid()
        if not pid:
            raise Refused(f"{self.name} is already dead")
        at = time.time()
        os.kill(pid, signal.SIGKILL)
        self.bury()
        return at

    def bury(self) -> None:
        """Reap the node, and remove its cable from the bridge.

        The kernel removes network namespaces later, in the background: a node that boots again at
        once would find the name of its cable taken.
        """
        assert self.shell
        self.shell.wait(DEATH_SECONDS)
        self.first = self.shell = None
        subprocess.run(["ip", "link", "delete", self.name], capture_output=True, check=False)


class Supervisor:
    """All of one bed."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.folder = Path(spec["folder"])
        self.address = spec["address"]
        self.machines = {name: Machine(name, spec) for name in spec["nodes"]}
        self.fencings: list[dict[str, Any]] = []
        self.is_kept = False
        self.is_ended = False

    def build(self) -> socket.socket:
        """Make the tmpfs, the bridge and the socket; return the listening socket."""
        # In a chroot whose / is not a mount point this fails and changes nothing. Then the tmpfs
        # may also show in the host's namespace, until clean_up() removes it from both.
        subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True, check=False)
        run("mount", "-t", "tmpfs", "-o", "mode=755", "ocf-bed", str(self.folder))
        run("mount", "--make-private", str(self.folder))
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "bed", "type", "bridge", "stp_state", "0", "forward_delay", "0")
        run("ip", "address", "add", self.address, "dev", "bed")
        run("ip", "link", "set", "bed", "up")
        for name in self.machines:
            (self.folder / name).mkdir()
        shared = self.folder / "shared"
        shared.mkdir()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(shared / "supervisor.sock"))
        listener.listen(16)
        return listener

    def serve(self, listener: socket.socket) -> None:
        """Answer requests until told to stop, or until the maker of an unkept bed is gone."""
        waiting = selectors.DefaultSelector()
        waiting.register(listener, selectors.EVENT_READ)
        waiting.register(sys.stdin, selectors.EVENT_READ)
        while not self.is_ended:
            for key, _ in waiting.select():
                if key.fileobj is sys.stdin:
                    waiting.unregister(sys.stdin)
                    self.is_ended = not self.is_kept
                else:
                    connection, _ = listener.accept()
                    self.converse(connection)

    def converse(self, connection: socket.socket) -> None:
        """Answer the one request of a connection; ignore a client that has gone away."""
        connection.settimeout(CLIENT_SECONDS)
        try:
            with connection, connection.makefile("rw") as stream:
                try:
                    answer = self.answer(json.loads(stream.readline()))
                except (Refused, ValueError, KeyError, subprocess.TimeoutExpired) as fault:
                    answer = {"error": str(fault)}
                stream.write(json.dumps(answer) + "\n")
        except OSError:
            pass

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out a request and return the answer. Raises Refused."""
        do = request["do"]
        if do == "boot":
            return {"pid": self.machines[request["node"]].boot(request["late"])}
        if do == "kill":
            return {"time": self.machines[request["node"]].kill()}
        if do == "fence":
            return self.fence(*(str(request[key]) for key in ("node", "action", "by")))
        if do == "state":
            nodes = {name: machine.pid() for name, machine in self.machines.items()}
            return {"nodes": nodes, "fencings": self.fencings}
        if do == "keep":
            self.is_kept = True
        elif do == "stop":
            self.is_ended = True
        else:
            raise Refused(f"unknown request {do}")
        return {}

    def fence(self, node: str, action: str, by: str) -> dict[str, Any]:
        """End a node at the cluster's request, and record it. Succeeds if it is dead already."""
        machine = self.machines[node]
        was_alive = machine.pid() is not None
        at = machine.kill() if was_alive else time.time()
        record = {"time": at, "node": node, "action": action, "by": by, "was_alive": was_alive}
        self.fencings.append(record)
        return record

    def clean_up(self) -> None:
        """End all nodes, then remove the tmpfs. The namespaces end with this process."""
        alive = [machine for machine in self.machines.values() if machine.pid()]
        for machine in alive:
            assert machine.first
            os.kill(machine.first, signal.SIGKILL)
        for machine in alive:
            machine.bury()
        subprocess.run(["umount", "--lazy", str(self.folder)], capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def main() -> None:
    supervisor = Supervisor(json.loads(sys.argv[1]))
    supervisor.folder.mkdir(mode=0o755)  # if the folder exists, it is another bed's: end here
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        with supervisor.build() as listener:
            print("ready", flush=True)
            supervisor.serve(listener)
    except Refused as fault:
        sys.exit(str(fault))
    except BrokenPipeError:  # the maker is gone and reads no "ready"
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        supervisor.clean_up()


if __name__ == "__main__":
    main()
