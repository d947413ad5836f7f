"""The process that owns a stack's network namespace, and ends all that runs in it.

    unshare --net -- python3 -I guard.py FOLDER

It prints "ready" once loopback is up. The end of its standard input is the end of the stack,
however its maker died: whatever lives in the namespace is killed, FOLDER is removed, and so are the
folders in /run that agents made meanwhile for the projects which have one in FOLDER. After a line
"keep PID" it is the end of that process that ends the stack.
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

# Nothing of the stack is worth a graceful end: its data goes with it.
DEATH_SECONDS = 20


def strangers(namespace: str) -> list[int]:
    """PIDs of the living processes of this namespace, but our own."""
    found = []
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdecimal() and os.readlink(f"/proc/{name}/ns/net") == namespace:
                found.append(int(name))
    return [pid for pid in found if pid != os.getpid()]


def kill(pid: int, namespace: str) -> None:
    """The descriptor pins the process: its PID cannot become somebody else's in between."""
    with contextlib.suppress(OSError):
        descriptor = os.pidfd_open(pid)
        try:
            if os.readlink(f"/proc/{pid}/ns/net") == namespace:
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        finally:
            os.close(descriptor)


def wait_for_end() -> None:
    """Of standard input, or of the process that a line of it names."""
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
