"""A host on which every Python package beyond the standard library is missing, or OpenSSL cannot be
loaded: start, stop and the frequent monitor work, and whatever does not work says what to
install."""

from __future__ import annotations

import importlib.machinery
import socket
import sysconfig
from collections.abc import Iterator

import pytest

from tests.faults.aftermath import check_no_state, check_serving, check_stopped
from tests.faults.mounts import Mounts
from tests.faults.rig import Rig

pytestmark = pytest.mark.root

VERSION = sysconfig.get_python_version()
# the folders of Debian's packages, and those of pip
FOLDERS = ("/usr/lib/python3/dist-packages", f"/usr/local/lib/python{VERSION}/dist-packages")


OPENSSL = importlib.machinery.PathFinder.find_spec("_ssl").origin


@pytest.fixture
def mounts(rig: Rig) -> Iterator[Mounts]:
    made = Mounts(rig)
    yield made
    made.end()


@pytest.fixture
def bare(mounts: Mounts) -> None:
    """Hide all packages from the agent."""
    for folder in FOLDERS:
        mounts.tmpfs(folder)


@pytest.mark.usefixtures("bare", "witnesses")
def test_start_monitor_and_stop_work(rig: Rig) -> None:
    assert rig.start().err == ""
    check_serving(rig)
    for level in (0, 10):
        assert rig.monitor(level).code == 0
    check_stopped(rig, rig.stop(timeout=60))
    check_no_state(rig)


@pytest.mark.usefixtures("witnesses")
def test_a_broken_openssl_hinders_nothing_without_tls(rig: Rig, mounts: Mounts) -> None:
    """The daemon, a Python program too, started before OpenSSL broke."""
    rig.start()
    mounts.run("mount", "--bind", "/dev/null", OPENSSL)
    assert mounts.status("/usr/bin/python3", "-c", "import ssl") == 1
    for level in (0, 10):
        assert rig.monitor(level).code == 0
    assert rig.start(timeout=60).err == "", "it runs already, and its API is found anew"
    check_serving(rig)
    check_stopped(rig, rig.stop(timeout=60))
    check_no_state(rig)


@pytest.mark.usefixtures("bare")
def test_monitor_with_credentials_runs_and_says_what_is_missing(rig: Rig) -> None:
    rig.give_credentials()
    rig.start()
    assert rig.monitor(10).code == 0, "a plain log-in needs none"
    result = rig.monitor(20, timeout=60)
    assert result.code == 190
    assert "Python package keystoneauth1 is missing: install python3-keystoneauth1" in result.reason
    check_stopped(rig, rig.stop(timeout=60))


@pytest.mark.usefixtures("bare")
def test_a_start_whose_port_is_taken_says_what_would_tell_by_which_process(rig: Rig) -> None:
    rig.configure(bind_port=str(rig.port))
    with socket.create_server(("127.0.0.1", rig.port)):
        result = rig.caller("start", timeout=60)
    assert result.code == 1
    assert result.reason.startswith("a port is taken, and nothing tells by which process (")
    assert "Python package psutil is missing: install python3-psutil" in result.reason
    assert "Address already in use" in result.reason
    rig.stop(timeout=60)


@pytest.mark.usefixtures("bare")
def test_meta_data_says_what_is_missing(rig: Rig) -> None:
    result = rig.caller("meta-data")
    assert result.code == 5
    assert result.reason == "Python package lxml is missing: install python3-lxml"
