"""Contract lines 6, 15, 16: stop of a stopped instance returns 0, whatever its name and whatever
happened to its state files. No two instances share a file."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.calling import AGENTS
from tests.contract.kinds import current
from tests.contract.node import BareNode
from tests.contract.state import keep, state_file
from tests.contract.warm import Interpreter, Resource

pytestmark = pytest.mark.root

STRIPPED = {"PATH": "/usr/sbin:/bin:/usr/bin", "HA_LOGFACILITY": "none"}


@pytest.mark.library
def test_stopped_stays_0_for_any_name_of_an_instance(away: Resource) -> None:
    for name in ("../../p", "p" * 300, "ünïcode", "\udcff", "new\nline", ".", "p q"):
        stop = away.request("stop", instance=name)
        probe = away.request("monitor", instance=name)
        done, state = away.several([stop, probe])
        assert (done.code, done.err) == (0, ""), name
        assert state.code == 7


def _a_file(call: Resource) -> None:
    call.rsctmp.write_text("in the way")


def _of_another_user(call: Resource) -> None:
    call.rsctmp.mkdir()
    os.chown(call.rsctmp, 65534, 65534)


def _ours_is_a_link(call: Resource) -> None:
    call.rsctmp.mkdir()
    (call.rsctmp / "openstack").symlink_to("/nonexistent/elsewhere")


def _open_to_all(call: Resource) -> None:
    (call.rsctmp / "openstack").mkdir(parents=True)
    (call.rsctmp / "openstack").chmod(0o777)


def _garbage(call: Resource) -> None:
    for kind in ("record", "notes", "lock"):
        keep(call, kind, b"\xff\x00=\n=\n")


def _a_folder_in_place_of_each_file(call: Resource) -> None:
    for kind in ("record", "notes", "lock"):
        keep(call, kind, "").unlink()
        state_file(call, kind).mkdir()


@pytest.mark.library
@pytest.mark.parametrize(
    "spoil",
    [
        _a_file,
        _of_another_user,
        _ours_is_a_link,
        _open_to_all,
        _garbage,
        _a_folder_in_place_of_each_file,
    ],
)
def test_stopped_stays_0_with_any_state_folder(
    away: Resource, spoil: Callable[[Resource], None]
) -> None:
    spoil(away)
    assert away("monitor").code == 7
    done = away("stop")
    assert (done.code, done.err) == (0, "")


@pytest.mark.library
def test_stopped_stays_0_on_a_read_only_state_folder(away: Resource, node: BareNode) -> None:
    away.rsctmp = node.read_only
    done = away("stop")
    assert (done.code, done.err) == (0, "")


@pytest.mark.library
def test_ha_rsctmp_is_made_where_it_is_missing(away: Resource) -> None:
    away.rsctmp = away.folder / "deep" / "down" / "rsctmp"
    assert away("stop").code == 0
    assert away.rsctmp.is_dir()
    assert stat.S_IMODE(away.rsctmp.stat().st_mode) == 0o755


def test_root_instance_and_rsctmp_have_defaults(
    agent: str, bare: Interpreter, node: BareNode
) -> None:
    """Heartbeat's own OCF wrapper sets none of these three variables."""

    folder = node.run_folder / "resource-agents"
    shutil.rmtree(folder, ignore_errors=True)
    for action in ("status", "monitor"):
        assert bare([AGENTS / agent, action], STRIPPED).code == 7
    assert not folder.exists(), "a monitor changes nothing"
    assert bare([AGENTS / agent, "stop"], STRIPPED).code == 0
    assert os.listdir(folder / "openstack") == [f"{current(agent)}@default.lock"]


@pytest.mark.library
def test_state_of_two_instances_lies_in_two_files(away: Resource, tmp_path: Path) -> None:
    found: set[str] = set()
    for instance in ("one", "two", "one:0", "one:1", "../one", "ein s"):
        away.instance = instance
        assert away("stop").code == 0
        made = {str(path) for path in tmp_path.rglob("*.lock")}
        assert len(made - found) == 1, "the lock that a stop leaves is its own"
        found |= made
    assert all(name.startswith(str(away.rsctmp)) for name in found)
