"""A real Keystone for each test: Debian's uwsgi and Keystone with SQLite, on loopback."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bed.keystone import PASSWORD, Keystone
from tests.calling import Caller


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def parameters(keystone: Keystone, port: int) -> dict[str, str]:
    """The paper's parameters, except that Keystone's files are not in the package's places."""
    return {
        "config": f"{keystone.etc}/keystone-uwsgi.ini",
        "additional_parameters": f"--env OS_KEYSTONE_CONFIG_DIR={keystone.etc}",
        "log_file": f"{keystone.log}/output.log",
        "os_username": "admin",
        "os_password": PASSWORD,
        "os_tenant_name": "admin",
        "os_auth_url": f"http://127.0.0.1:{port}/v2.0/",
    }


@pytest.fixture(scope="session")
def template() -> Iterator[Keystone]:
    """The data of a Keystone. Made once: keystone-manage takes 10 s."""
    folder = Path(tempfile.mkdtemp(prefix="ocf-keystone-"))
    folder.chmod(0o711)
    keystone = Keystone.alone(folder, 5000)
    keystone.make()
    yield keystone
    shutil.rmtree(folder)


@pytest.fixture
def keystone(template: Keystone) -> Iterator[Caller]:
    """The agent, for a Keystone with its own data. The Keystone is stopped at the end."""
    folder = Path(tempfile.mkdtemp(prefix="ocf-keystone-"))
    folder.chmod(0o711)
    port = free_port()
    own = Keystone.alone(folder, port)
    own.make(template)
    caller = Caller("keystone", folder, f"p_keystone_{port}", **parameters(own, port))
    yield caller
    stopped = caller("stop", timeout=60)
    assert stopped.code == 0, stopped
    shutil.rmtree(folder)
