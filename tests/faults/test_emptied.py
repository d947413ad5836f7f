"""stop after program, configuration, parameters, state or user have been removed from the host: it
ends the daemon and no other process."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.aftermath import check_serving, check_stopped
from tests.faults.mounts import Mounts
from tests.faults.rig import Rig, wait_until

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("witnesses")]


@pytest.fixture
def mounts(rig: Rig) -> Iterator[Mounts]:
    made = Mounts(rig)
    yield made
    made.end()


def lose_config_folder(rig: Rig) -> None:
    shutil.rmtree(rig.config.parent)


def lose_program_folder(rig: Rig) -> None:
    shutil.rmtree(rig.binary.parent)


def lose_every_parameter(rig: Rig) -> None:
    rig.parameters.clear()


def lose_all(rig: Rig) -> None:
    rig.lose_state()
    for lose in (lose_config_folder, lose_program_folder, lose_every_parameter):
        lose(rig)


@pytest.mark.parametrize(
    "lose", [lose_config_folder, lose_program_folder, lose_every_parameter, lose_all]
)
def test_stop_without(rig: Rig, lose: Callable[[Rig], None]) -> None:
    rig.start()
    lose(rig)
    check_stopped(rig, rig.stop(timeout=60))


def test_stop_without_anything_of_workers_that_do_not_heed(rig: Rig) -> None:
    rig.set(ignore="worker", orphans="yes")
    rig.start()
    lose_all(rig)
    check_stopped(rig, rig.stop(timeout=4), within=None)


def without_user(rig: Rig, mounts: Mounts) -> None:
    """Hide the service's user, as if userdel had removed it while its daemon runs."""
    lines = Path("/etc/passwd").read_text().splitlines(keepends=True)
    kept = rig.folder / "passwd"
    kept.write_text("".join(line for line in lines if not line.startswith(f"{rig.user}:")))
    kept.chmod(0o644)
    mounts.run("mount", "--bind", kept, "/etc/passwd")


@pytest.mark.parametrize("state", ["kept", "lost"])
def test_stop_without_the_user(rig: Rig, mounts: Mounts, state: str) -> None:
    rig.set(orphans="yes")
    rig.start()
    without_user(rig, mounts)
    if state == "lost":
        rig.lose_state()
    assert rig.caller("validate-all", level=10).code == 5
    check_stopped(rig, rig.stop(timeout=60))


def test_orphans_of_a_user_that_is_gone(rig: Rig, mounts: Mounts) -> None:
    rig.set(orphans="yes", sessions="yes")
    rig.start()
    without_user(rig, mounts)
    rig.lose_state()
    rig.parent.kill()
    wait_until(lambda: len(rig.pids) == 2, "the parent is gone")
    check_stopped(rig, rig.stop(timeout=60))


def test_run_emptied_beneath_a_daemon(rig: Rig, mounts: Mounts) -> None:
    """HA_RSCTMP has its default value here, below /run."""
    rig.caller.rsctmp = Path("/run/resource-agents")
    mounts.tmpfs("/run")
    rig.start()
    mounts.tmpfs("/run")
    check_serving(rig)
    assert rig.monitor().code == 0
    rig.start()
    assert rig.count("born parent") == 1
    mounts.tmpfs("/run")
    check_stopped(rig, rig.stop(timeout=60))
