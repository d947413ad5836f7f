"""Runs programs; Python programs run in forks of itself: `python3 -c THIS PATHS MODULES`.

PATHS and MODULES are JSON lists: folders to put before sys.path, and modules to import. Then each
line of stdin is a JSON list of [words, environment, seconds, whether to exec]; the answer is a line
with a JSON list of [exit code, stdout, stderr]. It needs only the standard library, since some
nodes have nothing else.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import sys
import time
import traceback
import types

# Calls at once: more than cores, since calls also wait for child processes and for a busy host.
AT_ONCE = 2 * (os.cpu_count() or 1)


def become(words: list[str], environment: dict[str, str]) -> None:
    """Run the Python program words[0] in this process, and exit as it does."""
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = words
    main = types.ModuleType("__main__")
    main.__file__ = words[0]
    sys.modules["__main__"] = main
    with open(words[0], "rb") as file:
        code = compile(file.read(), words[0], "exec")
    status: object = 0
    try:
        exec(code, main.__dict__)
    except SystemExit as end:
        status = end.code or 0
        if not isinstance(status, int):
            sys.stderr.write(f"{status}\n")
            status = 1
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
        status = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(str(status)))


class Child:
    """A running call. Raises OSError if the program does not exist."""

    def __init__(
        self, words: list[str], environment: dict[str, str], seconds: float, execute: bool
    ) -> None:
        # nobody reads while the program runs, and a pipe would fill up
        self.printed = [os.memfd_create("stdout"), os.memfd_create("stderr")]
        self.until = time.monotonic() + seconds
        self.seconds = seconds
        # another program is spawned: a fork would cost more, since this process is large
        self.pid = self._spawn(words, environment) if execute else self._fork(words, environment)
        self.handle = os.pidfd_open(self.pid)

    def _spawn(self, words: list[str], environment: dict[str, str]) -> int:
        files = [
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, self.printed[0], 1),
            (os.POSIX_SPAWN_DUP2, self.printed[1], 2),
        ]
        signals = [signal.SIGPIPE, signal.SIGINT]
        return os.posix_spawn(words[0], words, environment, file_actions=files, setsigdef=signals)

    def _fork(self, words: list[str], environment: dict[str, str]) -> int:
        pid = os.fork()
        if pid:
            return pid
        try:
            os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
            os.dup2(self.printed[0], 1)
            os.dup2(self.printed[1], 2)
            os.closerange(3, 256)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            become(words, environment)
        except BaseException:  # noqa: BLE001 - the child must not go on as its parent
            traceback.print_exc()
        os._exit(127)

    def result(self) -> tuple[int, str, str]:
        """Wait for the end; kill the program if it is past its deadline."""
        late = time.monotonic() >= self.until and not select.select([self.handle], [], [], 0)[0]
        if late:
            os.kill(self.pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.handle)
        texts = []
        for descriptor in self.printed:
            with open(descriptor, "rb") as file:
                file.seek(0)
                texts.append(file.read().decode("utf-8", "surrogateescape"))
        if late:
            texts[1] += f"killed after {self.seconds:g} s"
        return code, texts[0], texts[1]


def carry_out(calls: list[list[object]]) -> list[tuple[int, str, str]]:
    results: dict[int, tuple[int, str, str]] = {}
    running: dict[int, Child] = {}
    waiting = list(enumerate(calls))
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            number, call = waiting.pop(0)
            try:
                running[number] = Child(*call)  # type: ignore[arg-type]
            except OSError as error:
                results[number] = 127, "", f"{error}\n"
        if not running:
            break
        left = min(child.until for child in running.values()) - time.monotonic()
        handles = [child.handle for child in running.values()]
        ready = select.select(handles, [], [], max(0.0, left))[0]
        for number, child in list(running.items()):
            if child.handle in ready or time.monotonic() >= child.until:
                results[number] = child.result()
                del running[number]
    return [results[number] for number in range(len(calls))]


def main() -> None:
    paths, modules = map(json.loads, sys.argv[1:])
    sys.path[:0] = paths
    for module in modules:
        with contextlib.suppress(ImportError):  # the programs will report it themselves
            importlib.import_module(module)
    gc.freeze()  # garbage collection in a child would copy every page
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller ends this process
    for line in sys.stdin:
        answer = json.dumps(carry_out(json.loads(line)))
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()


main()
