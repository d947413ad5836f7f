"""Faults of a single node, each for the length of a `with` block."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bed.node import ENVIRONMENT, Node

SQUAT = (
    "import socket; s = socket.create_server(('', 5000)); print('ready', flush=True); s.accept()"
)


@contextmanager
def hidden(node: Node, what: str) -> Iterator[None]:
    """Hide something from the node: program, user, folder (/etc/keystone) or keystone.conf.

    It uses mounts in the node's own namespace, which also go away if the node dies meanwhile.
    """
    spare = f"/run/spare-{what}"
    if what == "program":
        targets = node.run("sh", "-c", "ls /usr/bin/uwsgi*").stdout.split()
        node.run("touch", spare)  # a file that is not executable
    elif what == "user":
        targets = ["/etc/passwd"]
        node.run("sh", "-c", f"grep -v ^keystone: /etc/passwd > {spare}")
    else:
        targets = ["/etc/keystone"]
        node.run("mkdir", spare)
        if what == "keystone.conf":
            node.run("sh", "-c", f"cp -a /etc/keystone/. {spare}; rm {spare}/keystone.conf")
    for target in targets:
        node.run("mount", "--bind", spare, target)
    try:
        yield
    finally:
        if node.is_alive():
            for target in targets:
                node.run("umount", target, check=False)
            node.run("rm", "-r", spare, check=False)


@contextmanager
def port_taken(node: Node) -> Iterator[subprocess.Popen[str]]:
    """Let another program, which is yielded, listen on Keystone's port of this node."""
    words = [*node.enter(), "/usr/bin/python3", "-c", SQUAT]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as squatter:
        assert squatter.stdout
        assert squatter.stdout.readline() == "ready\n"
        try:
            yield squatter
        finally:
            for pid in node.pids("socket.create_server"):
                os.kill(pid, signal.SIGKILL)
