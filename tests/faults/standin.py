#!/usr/bin/python3 -SB
"""The stand-in daemon: a real process that forks workers, answers like Keystone, and misbehaves as
configured.

    standin --config-file=FILE [further arguments, which are only recorded]

answers.py holds its answers, settings.py its configuration. All three are copied into the folder of
a test, where the service's user can run them.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import sys
import threading
import time

import answers
from settings import Settings

hoarded = b""
WORKER, PARENT = "worker", "parent"
# The helper's program, run as: python3 -c HELPER JOURNAL ["ignore"]
HELPER = """
import os, signal, sys
os.setgid(0)
os.setuid(0)
if "ignore" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    with open(sys.argv[1], "a") as journal:
        journal.write(f"born helper {os.getpid()}\\n")
    while True:
        signal.pause()
"""
ASKING = (signal.SIGTERM, signal.SIGINT)


def option(name: str) -> str:
    """The value of --name=VALUE or --name VALUE."""
    for position, word in enumerate(sys.argv):
        if word == name:
            return sys.argv[position + 1]
        if word.startswith(name + "="):
            return word.partition("=")[2]
    sys.exit(f"standin: {name} is missing")


class Daemon:
    """The parent process. settings: what was configured when it started."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.workers: list[int] = []
        self.listener: socket.socket | None = None
        self.lifeline = (-1, -1)

    def run(self) -> None:
        of = self.settings
        of.note(f"born {PARENT} {os.getpid()}")
        of.keep("launch", json.dumps(facts()))
        if of["words"]:
            # it survives a full disk, as a logging handler does
            with contextlib.suppress(OSError):
                os.write(2, of["words"].replace("\\n", "\n").encode() + b"\n")
        if of["die"]:
            sys.exit(int(of["die"]))
        if of["die_by_signal"]:
            os.kill(os.getpid(), int(of["die_by_signal"]))
        if of["die_after"]:
            signal.signal(signal.SIGALRM, lambda *_: os._exit(9))
            signal.setitimer(signal.ITIMER_REAL, float(of["die_after"]))
        # workers read from it: end of file means that the parent has ended
        self.lifeline = os.pipe()
        listen_to_signals(of, PARENT, self.end)
        signal.signal(signal.SIGUSR1, lambda *_: hoard(of.path))
        if of["hup"] == "ignore":
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        elif of["hup"]:
            signal.signal(signal.SIGHUP, self.reread)
        if of["title"]:
            write_title(of["title"])
        time.sleep(float(of["listen_after"]))
        if of["listen"] != "never":
            self.listener = listening_socket(of)
        for _ in range(int(of["workers"])):
            self.fork()
        if of["helper"]:
            self.help()
        if of["connecting"] == PARENT:
            stay_connected(of)
        if of["title_of_parent"]:
            write_title(of["title_of_parent"])
        if of["abandon"] == "yes":
            os._exit(0)
        if not self.workers and of["workers"] == "0":
            serve(of, self.listener)
        self.watch()

    def fork(self) -> None:
        # a signal between the fork and `append` would leave a worker that is never told to end
        signal.pthread_sigmask(signal.SIG_BLOCK, ASKING)
        pid = os.fork()
        if pid:
            self.workers.append(pid)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKING)
            return
        os.close(self.lifeline[1])
        # SIGHUP concerns the parent alone
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        if self.settings["sessions"] == "yes":
            os.setsid()
        if self.settings["double_fork"] == "yes" and os.fork():
            os._exit(0)
        work(self.settings, self.listener, self.lifeline[0])

    def help(self) -> None:
        """Run the helper, which becomes a child of PID 1 at once."""
        of = self.settings
        ignoring = ["ignore"] if "helper" in of["ignore"].split() else []
        words = [of["helper"], "-IS", "-c", HELPER, os.path.join(of["folder"], "journal")]
        pid = os.fork()
        if pid == 0:
            os.execve(words[0], words + ignoring, {})
        os.waitpid(pid, 0)

    def watch(self) -> None:
        """Reap the workers; with `respawn`, replace them."""
        while True:
            try:
                pid, _ = os.wait()
            except ChildProcessError:
                signal.pause()
                continue
            self.workers.remove(pid)
            if self.settings["respawn"] == "yes":
                time.sleep(float(self.settings["respawn_after"]))
                self.fork()

    def reread(self, *_: object) -> None:
        """Handle SIGHUP. A second one meanwhile ends it, as it ends most real daemons; "relieve" is
        the exception."""
        self.settings = of = Settings(self.settings.path)
        if of["hup"] != "relieve":
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
        of.note(f"reread {of['word']}")
        if of["hup"] == "die":
            print(of["words"], file=sys.stderr, flush=True)
            os._exit(3)
        if of["hup"] == "move" and os.fork():
            os._exit(0)
        if of["hup"] == "renew":
            self.end_workers()
        if of["hup"] in ("renew", "relieve"):
            time.sleep(float(of["renewal"]))
            if of["hup"] == "relieve":
                self.end_workers()
            for _ in range(int(of["workers"])):
                self.fork()
        signal.signal(signal.SIGHUP, self.reread)

    def end_workers(self) -> None:
        for pid in self.workers:
            os.kill(pid, signal.SIGTERM)
            os.waitpid(pid, 0)
        self.workers.clear()

    def end(self) -> None:
        """Send SIGTERM to the workers, wait for them, and exit."""
        for pid in self.workers:
            # a worker that died before may have been reaped by `watch`, which this interrupts
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        time.sleep(float(self.settings["linger"]))
        if self.settings["last_gasp"] == "yes":
            self.fork()
        try:
            while self.workers:
                os.wait()
        except ChildProcessError:
            pass
        os._exit(0)


def work(settings: Settings, listener: socket.socket | None, lifeline: int) -> None:
    """Run a worker; never returns."""
    settings.note(f"born {WORKER} {os.getpid()}")
    listen_to_signals(settings, WORKER, lambda: os._exit(0))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKING)
    if settings["connecting"] == WORKER:
        stay_connected(settings)
    if settings["title_of_workers"]:
        write_title(settings["title_of_workers"])

    def follow() -> None:
        os.read(lifeline, 1)
        os._exit(0)

    if settings["orphans"] != "yes":
        threading.Thread(target=follow, daemon=True).start()
    serve(settings, listener)


def stay_connected(settings: Settings) -> None:
    """Keep the connections to a message broker and a database, in a thread."""

    def connect() -> None:
        time.sleep(float(settings["connect_after"]))
        held: dict[str, socket.socket] = {}
        while True:
            wanted = Settings(settings.path)["connect"].split()
            for place in [p for p in held if p not in wanted or is_over(held[p])]:
                held.pop(place).close()
                settings.note(f"disconnected {place}")
            for place in [p for p in wanted if p not in held]:
                address, _, port = place.rpartition("/")
                with contextlib.suppress(OSError):
                    to = (address or "127.0.0.1", int(port))
                    held[place] = socket.create_connection(to, 1)
                    # with a timeout, recv in is_over would wait and raise OSError
                    held[place].settimeout(None)
                    settings.note(f"connected {place}")
            time.sleep(0.1)

    if settings["connect"]:
        threading.Thread(target=connect, daemon=True).start()


def is_over(connection: socket.socket) -> bool:
    """Has the other side closed the connection?"""
    try:
        return not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


def serve(settings: Settings, listener: socket.socket | None) -> None:
    time.sleep(float(settings["answer_after"]))
    while listener is not None:
        connection, _ = listener.accept()
        arguments = (connection, settings)
        threading.Thread(target=answers.serve, args=arguments, daemon=True).start()
    while True:
        signal.pause()


def listen_to_signals(settings: Settings, role: str, end) -> None:  # type: ignore[no-untyped-def]
    """Make SIGTERM and SIGINT call `end`, unless `ignore` names the role or the signal."""

    def heed(number: int, _frame: object) -> None:
        name = signal.Signals(number).name
        settings.note(f"signal {name} {role}")
        if role not in settings["ignore"].split() and name not in settings["ignore"].split():
            end()

    for number in ASKING:
        signal.signal(number, heed)


def listening_socket(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings["address"] else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if settings["reuse_port"] == "yes":
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.bind((settings["address"], int(settings["port"])))
    made.listen(64)
    return made


def hoard(path: str) -> None:
    """Take as much memory as configured, and write to it."""
    global hoarded
    hoarded = b"x" * (int(Settings(path)["hoard"]) << 20)


def write_title(title: str) -> None:
    """Overwrite arguments and environment, as a long process title does; /proc loses both."""
    import ctypes

    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b") ")[2].split()
    # arg_start, arg_end, env_start, env_end are fields 48 to 51 of proc(5)
    begin, end = int(fields[45]), int(fields[48])
    size = end - begin
    ctypes.memmove(begin, title.encode()[: size - 1].ljust(size, b"\0"), size)


def facts() -> dict[str, object]:
    """How the daemon was launched, for the tests to check."""
    mask = os.umask(0)
    os.umask(mask)
    opened = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            opened[name] = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue  # the descriptor that listed them
    return {
        "argv": sys.argv,
        "environ": dict(os.environ),
        "uids": os.getresuid(),
        "gids": os.getresgid(),
        "groups": sorted(os.getgroups()),
        "umask": mask,
        "cwd": os.getcwd(),
        "descriptors": opened,
        "pid": os.getpid(),
        "session": os.getsid(0),
        "group": os.getpgrp(),
        "files": resource.getrlimit(resource.RLIMIT_NOFILE),
    }


if __name__ == "__main__":
    Daemon(Settings(option("--config-file"))).run()
