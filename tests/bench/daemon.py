#!/usr/bin/python3 -SB
"""A stand-in daemon for measurements: idle unless asked, so that it adds no CPU of its own.

    daemon --config-file=FILE [further arguments, which are ignored]

The stand-in of tests/faults reads its configuration ten times a second; 45 of those would distort
the figures. Like it, this one forks workers, notes what happens, and answers as answers.py does.
Each worker opens one connection for each port listed in `connect` (a port may be listed more than
once) and keeps it.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading

import answers
from settings import Settings


def main() -> None:
    words = [word.partition("=")[2] for word in sys.argv if word.startswith("--config-file=")]
    settings = Settings(words[0])
    listener = None
    if settings["listen"] != "never":
        listener = socket.create_server(("127.0.0.1", int(settings["port"])), backlog=64)
    settings.note(f"born parent {os.getpid()}")
    workers = []
    for _ in range(int(settings["workers"])):
        if not (worker := os.fork()):
            work(settings, listener)
        workers.append(worker)

    def end(*_: object) -> None:
        for pid in workers:
            os.kill(pid, signal.SIGTERM)
        for pid in workers:
            os.waitpid(pid, 0)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    while True:
        signal.pause()


def work(settings: Settings, listener: socket.socket | None) -> None:
    """Run a worker; never returns."""
    settings.note(f"born worker {os.getpid()}")
    held = []
    for port in settings["connect"].split():
        held.append(socket.create_connection(("127.0.0.1", int(port))))
    settings.note("connected")
    while listener is not None:
        connection, _ = listener.accept()
        threading.Thread(target=answers.serve, args=(connection, settings), daemon=True).start()
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
