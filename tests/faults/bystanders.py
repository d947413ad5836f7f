"""Processes that the agent under test must not touch. Each notes every signal that it gets."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psutil

from ocf_lib.processes.procfs import MARKER
from tests.faults.rig import STRANGER, service_user, wait_until

READY = "ready"
PROGRAM = f"""
import os, signal
def note(number, frame):
    os.write(1, (signal.Signals(number).name + "\\n").encode())
for number in signal.valid_signals() - {{signal.SIGKILL, signal.SIGSTOP}}:
    signal.signal(number, note)
os.write(1, b"{READY}\\n")
while True:
    signal.pause()
"""


class Bystander:
    """One such process. folder: holds its journal. user: its owner. words: the end of its command
    line. environment: variables besides PATH."""

    def __init__(
        self, folder: Path, user: str, words: tuple[str, ...] = (), **environment: str
    ) -> None:
        self.user = user
        self.journal = folder / f"bystander-{len(list(folder.glob('bystander-*')))}"
        with self.journal.open("w") as journal:
            self.process = subprocess.Popen(
                ["/usr/bin/python3", "-I", "-S", "-c", PROGRAM, *words],
                stdin=subprocess.DEVNULL,
                stdout=journal,
                user=user,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", **environment},
                start_new_session=True,
            )
        wait_until(lambda: self.journal.read_text() == READY + "\n", "the bystander is there")

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def harm(self) -> str:
        """What was done to this process; empty if nothing was."""
        code = self.process.poll()
        if code is not None:
            return f"PID {self.pid} of {self.user} was ended ({code})"
        if psutil.Process(self.pid).status() == psutil.STATUS_STOPPED:
            return f"PID {self.pid} of {self.user} was frozen"
        signals = self.journal.read_text().split()[1:]
        return f"PID {self.pid} of {self.user} got {' '.join(signals)}" if signals else ""

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


class Bystanders:
    """Four processes that an agent could confuse with its own: one that root owns, one that the
    service's user owns, one with the marker of another instance, and one of a third user with the
    marker and command line of this instance.

    name: agent and instance, such as keystone/p_keystone. words: the daemon's command line.
    """

    def __init__(self, folder: Path, name: str, words: tuple[str, ...] = ()) -> None:
        user = service_user()
        self.all = [
            Bystander(folder, "root"),
            Bystander(folder, user),
            Bystander(folder, user, **{MARKER: name + "-2"}),
            Bystander(folder, STRANGER, words, **{MARKER: name}),
        ]

    @property
    def harm(self) -> str:
        """What was done to any of them; empty if nothing was."""
        return "; ".join(filter(None, (each.harm for each in self.all)))

    def end(self) -> None:
        for each in self.all:
            each.end()
