"""The process that owns a stack's network namespace, and ends all that runs in it.

    unshare --net -- python3 -I guard.py FOLDER

It prints "ready" once loopback is up. The stack ends when the guard's standard input does, however
the maker died: all processes in the namespace are killed, FOLDER is removed, and so are the folders
in /run that agents have made meanwhile for the projects that have one in FOLDER. After a line
"keep PID", the stack ends when that process does.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

# The processes need no graceful end, because the stack's data is removed too.
DEATH_SECONDS = 20


def strangers(namespace: str) -> list[int]:
    """The PIDs of the processes in this namespace, except our own."""
    found = []
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdecimal() and os.readlink(f"/proc/{name}/ns/net") == namespace:
                found.append(int(name))
    return [pid for pid in found if pid != os.getpid()]


def kill(pid: int, namespace: str) -> None:
    """Kill a process of the namespace. With the descriptor, a reused PID can do no harm."""
    with contextlib.suppress(OSError):
        descriptor = os.pidfd_open(pid)
        try:
            if os.readlink(f"/proc/{pid}/ns/net") == namespace:
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        finally:
            os.close(descriptor)


def wait_for_end() -> None:
    """Wait for the end of standard input, or of the process that a "keep" line names."""
    for line in sys.stdin:
        word, _, pid = line.partition(" ")
        if word == "keep":
            with contextlib.suppress(ProcessLookupError):
                select.select([os.pidfd_open(int(pid))], [], [])
            return


def main() -> None:
    folder = Path(sys.argv[1])
    before = set(os.listdir("/run"))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    print("ready", flush=True)
    wait_for_end()
    namespace = os.readlink("/proc/self/ns/net")
    until = time.monotonic() + DEATH_SECONDS
    while (left := strangers(namespace)) and time.monotonic() < until:
        for pid in left:
            kill(pid, namespace)
        time.sleep(0.02)
    projects = set(os.listdir(folder))
    shutil.rmtree(folder, ignore_errors=True)
    for name in projects - before:
        with contextlib.suppress(OSError):
            Path("/run", name).rmdir()
    if left:
        sys.exit(f"still alive in the stack's namespace: {left}")


if __name__ == "__main__":
    main()
