"""One node of a bed."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests import pace

if TYPE_CHECKING:
    from .bed import Bed

ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "TERM": os.environ.get("TERM", "dumb"),
}


class CommandFailed(Exception):
    """A command in the bed ended with a status other than 0; the message has its output."""


def finish(done: subprocess.CompletedProcess[str], words: tuple[str, ...], where: str) -> None:
    """Raise CommandFailed if the command failed."""
    if done.returncode:
        said = (done.stdout + done.stderr).strip()
        raise CommandFailed(f"{where}: {' '.join(words)}: status {done.returncode}: {said}")


@dataclass(frozen=True)
class Process:
    """A process in a node: PIDs are the host's, the user is a name."""

    pid: int
    parent: int
    command: str
    user: str


def leader(processes: Iterable[Process]) -> int:
    """The PID of the one process whose parent is not among these.

    Raises ValueError if there is not exactly one.
    """
    found = {process.pid: process.parent for process in processes}
    (pid,) = [pid for pid, parent in found.items() if parent not in found]
    return pid


class Node:
    """A node by its name. All times are seconds since 1970."""

    def __init__(self, bed: Bed, name: str, address: str) -> None:
        self.bed = bed
        self.name = name
        self.address = address

    def __repr__(self) -> str:
        return self.name

    @property
    def folder(self) -> Path:
        """What the node keeps from boot to boot, seen from the host: folder / "var/log/..."."""
        return self.bed.folder / self.name

    def prepare(self, private: Sequence[str]) -> None:
        """Create the node's private folders, with the subfolders (no files) that the host has."""
        for path in private:
            copy_folders(Path(path), self.folder / path[1:])

    def boot(self) -> None:
        """Boot the node. Returns when Corosync is up or Heartbeat has started; the node is not yet
        online in the cluster."""
        self.bed.ask(do="boot", node=self.name, late=pace.factor())

    def kill(self) -> float:
        """Kill the node, by a SIGKILL to its first process; return when that was sent."""
        return float(self.bed.ask(do="kill", node=self.name)["time"])

    def pid(self) -> int | None:
        """The host PID of the node's first process, None while the node is dead."""
        pid = self.bed.ask(do="state")["nodes"][self.name]
        return None if pid is None else int(pid)

    def is_alive(self) -> bool:
        return self.pid() is not None

    def enter(self) -> list[str]:
        """The command prefix that runs a command inside this node.

        Raises CommandFailed if the node is dead.
        """
        pid = self.pid()
        if pid is None:
            raise CommandFailed(f"{self.name} is dead")
        return ["/usr/bin/nsenter", "-t", str(pid), "-m", "-u", "-i", "-n", "-p", "-r", "-w"]

    def run(
        self,
        *words: str,
        check: bool = True,
        timeout: float = 60,
        stdin: str | None = None,
        env: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside the node; return its status, stdout and stderr as text.

        It runs with a clean environment plus `env`. If `check`, raises CommandFailed on a status
        other than 0. After `timeout` seconds, which grow with the machine's lateness, kills the
        command and raises TimeoutError.
        """
        timeout = pace.seconds(timeout)
        # nsenter forks to enter the PID namespace, so killing it would not end the command.
        limited = ["timeout", "--signal=KILL", str(timeout), *words]
        begun = time.monotonic()
        done = subprocess.run(
            [*self.enter(), *limited],
            check=False,
            capture_output=True,
            text=True,
            input=stdin or "",
            env={**ENVIRONMENT, **(env or {})},
        )
        if done.returncode in (-9, 137) and time.monotonic() - begun >= timeout:
            raise TimeoutError(f"{self.name}: {' '.join(words)}: not finished within {timeout:g} s")
        if check:
            finish(done, words, self.name)
        return done

    def processes(self, pattern: str = "") -> list[Process]:
        """The node's processes whose command line matches the regular expression; no zombies.

        They include what the node's service managers started and what `run` runs. The list is
        empty if the node is dead.
        """
        first = self.pid()
        if first is None:
            return []
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(folder / "ns/pid") != os.readlink(f"/proc/{first}/ns/pid"):
                    continue
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                owner = folder.stat().st_uid
                # The second field, in brackets, may hold blanks; the parent comes after the state.
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:  # it ended meanwhile
                continue
            if command and re.search(pattern, command):
                user = pwd.getpwuid(owner).pw_name
                found.append(Process(int(folder.name), parent, command, user))
        return sorted(found, key=lambda process: process.pid)

    def pids(self, pattern: str = "") -> list[int]:
        """The host PIDs of processes(pattern)."""
        return [process.pid for process in self.processes(pattern)]


def copy_folders(source: Path, target: Path) -> None:
    """Copy a tree of folders with modes and owners, without the files."""
    for path, folders, _ in os.walk(source):
        copy = target / Path(path).relative_to(source)
        copy.mkdir(parents=True, exist_ok=True)
        shutil.copystat(path, copy)
        status = os.stat(path)
        os.chown(copy, status.st_uid, status.st_gid)
        folders[:] = [name for name in folders if not Path(path, name).is_symlink()]
