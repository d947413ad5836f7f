"""A network namespace. When it ends, so does all that runs in it."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from tests import pace

T = TypeVar("T")

GUARD = Path(__file__).with_name("guard.py")
CLONE_NEWNET = 0x40000000
DEATH_SECONDS = 60


class Namespace:
    """One network namespace, and the guard that keeps it.

    folder: is removed at its end. prefix: the command prefix that runs a command in it, once made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.prefix: tuple[str, ...] = ()
        self._guard: subprocess.Popen[str] | None = None
        self._thread: ThreadPoolExecutor | None = None

    def make(self) -> None:
        words = ["unshare", "--net", "--", sys.executable, "-I", str(GUARD), str(self.folder)]
        self._guard = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            start_new_session=True,  # Ctrl-C ends pytest only, which ends the guard in order
        )
        assert self._guard.stdout is not None
        assert self._guard.stdout.readline() == "ready\n", "guard.py does not start"
        path = f"/proc/{self._guard.pid}/ns/net"
        self.prefix = ("nsenter", f"--net={path}", "--")
        self._thread = ThreadPoolExecutor(1, "inside", initializer=_enter, initargs=(path,))

    @property
    def pid(self) -> int:
        """The PID of the guard, which runs in the namespace."""
        assert self._guard is not None
        return self._guard.pid

    def inside(self, function: Callable[..., T], *args: Any, **more: Any) -> T:
        """Call a function in a thread in the namespace, so that its sockets are made there."""
        assert self._thread is not None
        return self._thread.submit(function, *args, **more).result()

    def threads(self, number: int) -> ThreadPoolExecutor:
        """A pool of `number` more threads in the namespace, for work beside a test."""
        return ThreadPoolExecutor(
            number, "beside", initializer=_enter, initargs=(f"/proc/{self.pid}/ns/net",)
        )

    def keep(self, pid: int) -> None:
        """From now on the namespace ends with process `pid`, not with this process."""
        assert self._guard is not None and self._guard.stdin is not None
        self._guard.stdin.write(f"keep {pid}\n")
        self._guard.stdin.flush()

    def end(self) -> None:
        """End every process in the namespace, and remove the folder."""
        if self._guard is None:
            shutil.rmtree(self.folder)
            return
        self._guard.communicate(timeout=pace.seconds(DEATH_SECONDS))
        if self._thread is not None:
            self._thread.shutdown()
        code = self._guard.returncode
        assert code == 0, f"guard.py exited with {code}: what it printed is above"


def _enter(namespace: str) -> None:
    """Move this thread into the network namespace (setns(2); os.setns needs Python 3.12)."""
    with Path(namespace).open() as file:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
