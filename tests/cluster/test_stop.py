"""Stop on a node that has lost what Keystone needs: the service moves, and no node is fenced."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from .broken import hidden
from .site import DAEMON, KEYSTONE, Site

pytestmark = [pytest.mark.root, pytest.mark.cluster]

PURGED = ("folder", "user", "program")


@pytest.mark.parametrize("gone", [("keystone.conf",), ("user",), PURGED], ids="+".join)
def test_stop_without_what_start_needs(served: Site, gone: tuple[str, ...]) -> None:
    left, target = served.where(), served.others()[0]
    with ExitStack() as broken:
        for what in gone:
            broken.enter_context(hidden(left, what))
        served.pcs("resource", "move", KEYSTONE, target.name)
        assert served.wait_healthy(target.name) == target.name
        assert left.processes(DAEMON) == []
        history = served.cluster.operations(KEYSTONE, left.name)
        assert [each.rc for each in history if each.task == "stop"] == [0]
        assert not served.state(left, "record").exists()
        assert served.cluster.faults() == []
        served.assert_served()
        served.assert_quiet()
