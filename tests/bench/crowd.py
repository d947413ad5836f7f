"""Makes a host busy: sockets and processes that have nothing to do with the service.

    python3 -I -S crowd.py PAIRS PROCESSES PORT...

A separate program, so that each of its forks takes little memory.

It holds PAIRS of connected TCP sockets, spread over the PORTs, on loopback addresses of their own,
and forks PROCESSES that sleep. If PAIRS is 0, it accepts connections on 127.0.0.1 at each PORT and
holds them, as broker and database do. It prints "ready" once everything is there, and never ends by
itself.

The pairs use the same port numbers as the service's own connections: on a controller most sockets
go to the one broker and the one database.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import socket
import sys
import threading

# Each fork holds at most 2 x 500 sockets: some hosts allow a process only 4,096 files.
PAIRS_OF_ONE = 500
FILES = 16384


def main() -> None:
    pairs, processes, *ports = map(int, sys.argv[1:])
    raise_limit()
    born, ready = os.pipe()
    # forks share these pages; the garbage collector would copy them 2,000 times
    gc.disable()
    gc.freeze()
    forks = -(-pairs // PAIRS_OF_ONE)
    for number in range(forks):
        share = pairs // forks + (number < pairs % forks)
        if not os.fork():
            hold(number, share, ports, ready)
    for _ in range(processes):
        if not os.fork():
            sleep(ready)
    listeners = []
    if not pairs:
        listeners = [socket.create_server(("127.0.0.1", port), backlog=4096) for port in ports]
    missing = forks + processes
    while missing:
        missing -= len(os.read(born, 4096))
    print("ready", flush=True)
    for listener in listeners:
        threading.Thread(target=take, args=(listener,), daemon=True).start()
    sleep()


def sockets() -> int:
    """Count the established TCP sockets of this host."""
    with open("/proc/net/tcp") as file:
        return sum(line.split()[3] == "01" for line in file if "st" not in line)


def processes() -> int:
    """Count the processes of this host."""
    return sum(name.isdecimal() for name in os.listdir("/proc"))


def raise_limit() -> None:
    """Allow as many open files as possible: root may raise its own limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(FILES, most), max(FILES, most)))
    except (OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def hold(number: int, pairs: int, ports: list[int], ready: int) -> None:
    """Hold connected pairs, on this process's own addresses so that local ports never run out."""
    here, there = f"127.0.{number + 1}.1", f"127.0.{number + 1}.2"
    listeners = [socket.create_server((there, port), backlog=16) for port in ports]
    held = []
    for pair in range(pairs):
        listener = listeners[pair % len(listeners)]
        held.append(socket.create_connection(listener.getsockname(), source_address=(here, 0)))
        held.append(listener.accept()[0])
    sleep(ready)


def take(listener: socket.socket) -> None:
    held = []
    while True:
        held.append(listener.accept()[0])


def sleep(ready: int | None = None) -> None:
    """Write one byte to `ready`, then sleep for ever."""
    if ready is not None:
        os.write(ready, b".")
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
