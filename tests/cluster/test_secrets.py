"""Where the password and the token of a running Keystone's monitor are, and where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bed.keystone import PASSWORD

from .site import Site

pytestmark = [pytest.mark.root, pytest.mark.cluster]

# Pacemaker logs each change of the CIB with all its values; no agent can prevent that.
OF_THE_CIB = ("(cib_perform_op)", "(abort_transition_graph)")


def test_password_and_token_are_nowhere_else(served: Site) -> None:
    served.wait_monitor(0)
    node = served.where()
    kept = served.kept_token(node)
    token = kept.read_text().split("\n")[3]
    assert token
    assert kept.stat().st_mode & 0o777 == 0o600
    for process in served.processes():
        for name in ("environ", "cmdline"):
            shown = Path(f"/proc/{process.pid}/{name}").read_bytes()
            assert token.encode() not in shown
            assert PASSWORD.encode() not in shown
    for secret in (PASSWORD, token):
        words = ("grep", "--recursive", "--word-regexp", "--fixed-strings", "--", secret)
        said = node.run(*words, "/run", "/var/log", check=False).stdout.splitlines()
        known = (*OF_THE_CIB, f"/run/resource-agents/openstack/{kept.name}:")
        assert [line for line in said if not any(text in line for text in known)] == []
    # The PID file is the only file that other users may read.
    public = node.run("find", "/run/resource-agents", "-type", "f", "-perm", "/044").stdout.split()
    assert public == ["/run/resource-agents/p_keystone.pid"]
    assert kept.parent.stat().st_mode & 0o077 == 0
    served.assert_quiet()
