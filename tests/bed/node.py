"""One node of a bed."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .bed import Bed

ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "TERM": os.environ.get("TERM", "dumb"),
}
# Where the daemons of a node write; of each, its folders (no files) are copied from the host with
# their owners and modes. /var/cache because the packages' init scripts make folders in it.
PRIVATE = (
    "/etc/corosync",
    "/var/cache",
    "/var/lib/corosync",
    "/var/lib/pacemaker",
    "/var/lib/pcsd",
    "/var/log",
)


class CommandFailed(Exception):
    """A command in the bed ended with another status than 0; the text has all it printed."""


def finish(done: subprocess.CompletedProcess[str], words: tuple[str, ...], where: str) -> None:
    """Raise CommandFailed for a command that failed."""
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

    def prepare(self, corosync_conf: str, cib: str) -> None:
        """Make the folders the node writes to, and its configuration."""
        for path in PRIVATE:
            if Path(path).is_dir():
                copy_folders(Path(path), self.folder / path[1:])
        (self.folder / "etc/corosync/corosync.conf").write_text(corosync_conf)
        first = self.folder / "var/lib/pacemaker/cib/cib.xml"
        first.write_text(cib)
        first.chmod(0o600)
        shutil.chown(first, "hacluster", "haclient")

    def boot(self) -> None:
        """Boot the node; returns when Corosync is up, before the cluster has it online."""
        self.bed.ask(do="boot", node=self.name)

    def kill(self) -> float:
        """Let the node die: SIGKILL to its first process. Return when it was sent."""
        return float(self.bed.ask(do="kill", node=self.name)["time"])

    def pid(self) -> int | None:
        """The host PID of the node's first process, None while the node is dead."""
        pid = self.bed.ask(do="state")["nodes"][self.name]
        return None if pid is None else int(pid)

    def is_alive(self) -> bool:
        return self.pid() is not None

    def enter(self) -> list[str]:
        """The words that run a command inside this node when put before it.

        Raises CommandFailed for a dead node.
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

        It runs with a clean environment plus `env`. Raises CommandFailed on a status other than 0
        if `check`, and TimeoutError after `timeout` seconds, when it was killed.
        """
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
            raise TimeoutError(f"{self.name}: {' '.join(words)}: not done in {timeout:g} s")
        if check:
            finish(done, words, self.name)
        return done

    def processes(self, pattern: str = "") -> list[Process]:
        """The node's processes whose command line the regular expression finds; no zombies.

        What the node's own service managers started is among them, and so are running commands
        of `run`. The list is empty for a dead node.
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


def leader(processes: Iterable[Process]) -> int:
    """The PID of the one among a daemon's processes whose parent is not. Raises ValueError where
    there is none, or more than one."""
    known = list(processes)
    pids = {process.pid for process in known}
    (pid,) = [process.pid for process in known if process.parent not in pids]
    return pid


def copy_folders(source: Path, target: Path) -> None:
    """Copy a tree of folders with modes and owners, and none of the files in them."""
    for path, folders, _ in os.walk(source):
        copy = target / Path(path).relative_to(source)
        copy.mkdir(parents=True, exist_ok=True)
        shutil.copystat(path, copy)
        status = os.stat(path)
        os.chown(copy, status.st_uid, status.st_gid)
        folders[:] = [name for name in folders if not Path(path, name).is_symlink()]
