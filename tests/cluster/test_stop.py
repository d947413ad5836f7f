"""Stop on a node where what Keystone needs is gone: the service moves, and no node is fenced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.bed.node import Node

from .site import DAEMON, KEYSTONE, Site

pytestmark = [pytest.mark.root, pytest.mark.cluster]

PURGED = ("etc", "user", "program")


@contextmanager
def hidden(node: Node, what: str) -> Iterator[None]:
    """What one node alone cannot see for a while."""
    spare = f"/run/spare-{what}"
    if what == "program":
        done = node.run("sh", "-c", "ls /usr/bin/uwsgi*").stdout
        targets = done.split()
        node.run("touch", spare)
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
        for target in targets:
            node.run("umount", target)
        node.run("rm", "-r", spare)


@pytest.mark.parametrize("gone", [("keystone.conf",), ("user",), PURGED], ids="+".join)
def test_stop_without_what_start_needs(served: Site, gone: tuple[str, ...]) -> None:
    left, target = served.where(), served.others()[0]
    with ExitStack() as stack:
        for what in gone:
            stack.enter_context(hidden(left, what))
        served.pcs("resource", "move", KEYSTONE, target.name)
        assert served.wait_healthy(target.name) == target.name
        assert left.processes(DAEMON) == []
        (stop,) = [
            each
            for each in served.cluster.operations(KEYSTONE, left.name)
            if each.task == "stop"
        ]
        assert stop.rc == 0
        assert served.cluster.failures() == []
        assert not served.state(left, "record").exists()
        served.assert_quiet()
