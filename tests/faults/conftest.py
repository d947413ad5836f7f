"""Fixtures of the fault tests: an agent with a stand-in daemon, and processes that must survive."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.faults.neighbours import Neighbours, conductor
from tests.faults.rig import STRANGER, Rig, service_user, wait_until
from tests.faults.witnesses import Witnesses

# linux/prctl.h
PR_SET_CHILD_SUBREAPER = 36


@pytest.fixture(scope="session", autouse=True)
def runtime_folders() -> Iterator[None]:
    """Remove the runtime folders that start creates if the project's package has not."""
    folders = [
        Path(parent, project)
        for parent in ("/run", "/run/lock", "/var/cache")
        for project in ("keystone", "nova", "apache2")
    ]
    before = {folder for folder in folders if folder.exists()}
    yield
    for folder in folders:
        if folder not in before:
            with contextlib.suppress(OSError):
                folder.rmdir()


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder that the service's user can reach; only root can reach pytest's own tmp_path."""
    made = Path(tempfile.mkdtemp(prefix="faults."))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def make_rig(base: Path, bystander: subprocess.Popen[bytes]) -> Iterator[Callable[..., Rig]]:
    """Makes instances, each with its own folder, port and name."""
    made: list[Rig] = []

    def make(
        name: str | None = None,
        folder: str = "",
        user: str | None = None,
        agent: str = "keystone",
    ) -> Rig:
        made.append(Rig(base / (folder or f"rig{len(made)}"), name, user, agent))
        return made[-1]

    yield make
    for rig in made:
        rig.end()


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    """One instance of the agent; nothing is started yet."""
    return make_rig()


@pytest.fixture
def running(rig: Rig) -> Rig:
    """One instance whose healthy daemon the agent has started."""
    rig.start()
    return rig


@pytest.fixture
def near() -> Iterator[Neighbours]:
    """A broker and a database that the test controls."""
    made = Neighbours()
    yield made
    made.end()


@pytest.fixture
def identity(make_rig: Callable[..., Rig]) -> Rig:
    """A running Keystone for other services."""
    rig = make_rig()
    rig.start()
    return rig


@pytest.fixture
def unstarted(make_rig: Callable[..., Rig], near: Neighbours) -> Rig:
    """A service that takes its work from the broker; nothing is started yet."""
    return conductor(make_rig, near)


@pytest.fixture
def worker(unstarted: Rig) -> Rig:
    """The same service, started and connected to its broker; no monitor has run yet."""
    unstarted.start()
    return unstarted


@pytest.fixture
def reaperless() -> Iterator[None]:
    """Make orphans children of this process, which does not wait for them: they stay zombies."""
    subreap = ctypes.CDLL(None, use_errno=True).prctl
    assert subreap(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    yield
    subreap(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    for child in psutil.Process().children():
        if child.status() == psutil.STATUS_ZOMBIE:
            os.waitpid(child.pid, 0)


@pytest.fixture
def memory_limit() -> Iterator[str]:
    """The folder of a memory control group of 64 MiB. A process whose PID is written to its file
    cgroup.procs is killed by the kernel if it takes more."""
    kind = Path("/sys/fs/cgroup/memory")
    name, limit = "memory.limit_in_bytes", kind
    if not kind.is_dir():
        name, limit = "memory.max", Path("/sys/fs/cgroup")
    made = limit / f"ocf-faults-{os.getpid()}"
    try:
        made.mkdir()
        (made / name).write_text(str(64 << 20))
    except OSError as error:
        if made.is_dir():
            made.rmdir()
        pytest.skip(f"no memory control group can be made here: {error}")
    yield str(made)
    wait_until(lambda: not (made / "cgroup.procs").read_text(), "nobody is left in it")
    made.rmdir()


def _sleeper(user: str) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(["sleep", "3600"], user=user, cwd="/", start_new_session=True)
    yield child
    code = child.poll()
    child.kill()
    child.wait()
    assert code is None, f"a process of {user} that is nothing to the agent was ended: {code}"


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process of the service's user that does not belong to the service. It must survive."""
    yield from _sleeper(service_user())


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process of another user. It must survive too."""
    yield from _sleeper(STRANGER)


@pytest.fixture(scope="session")
def town() -> Iterator[Witnesses]:
    """The processes that run beside every test that uses `witnesses`."""
    with tempfile.TemporaryDirectory(prefix="faults.") as folder:
        Path(folder).chmod(0o755)
        made = Witnesses(Path(folder))
        try:
            made.begin()
            yield made
        finally:
            made.end()


@pytest.fixture
def witnesses(town: Witnesses) -> Iterator[Witnesses]:
    """Other processes on this host. The agent must not touch them."""
    yield town
    town.check()
