"""`make install` and `make uninstall` with and without Heartbeat on the host."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.calling import AGENTS, ROOT


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout with one agent and its shim."""
    made = tmp_path_factory.mktemp("checkout")
    for name in ("ocf_lib", "packaging"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, made / name, ignore=ignored)
    shutil.copy2(ROOT / "Makefile", made)
    for folder, name in ((AGENTS, "keystone"), (ROOT / "heartbeat-shims", "*[!_]")):
        (made / folder.name).mkdir()
        for file in folder.glob(name):
            if not file.is_symlink() and file.is_file():
                shutil.copy2(file, made / folder.name)
    (made / "heartbeat-shims/openstack-keystone").symlink_to("mapper")
    return made


def make(checkout: Path, target: str, to: Path, *words: str) -> str:
    """Run make; return its standard output."""
    command = ["make", "-s", target, f"DESTDIR={to}", "MANDIR=", *words]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def files(folder: Path) -> list[str]:
    found = [path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()]
    return sorted(str(path.relative_to(folder)) for path in found)


SHIM = "resource.d/openstack-keystone"


def test_shims_go_where_heartbeat_is(checkout: Path, tmp_path: Path) -> None:
    ha_d = tmp_path / "etc/ha.d"
    ha_d.mkdir(parents=True)
    (ha_d / "ha.cf").touch()
    assert "1 shims for Heartbeat" in make(checkout, "install", tmp_path)
    assert files(ha_d) == ["ha.cf", SHIM]
    assert os.readlink(ha_d / SHIM) == "/usr/lib/ocf/lib/openstack/heartbeat-shims/mapper"
    mapper = tmp_path / "usr/lib/ocf/lib/openstack/heartbeat-shims/mapper"
    done = subprocess.run([mapper], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr[:6]) == (2, "usage:")
    # this folder will hold secrets
    assert (ha_d / "openstack").stat().st_mode & 0o777 == 0o700
    (ha_d / "openstack/p_keystone.conf").touch()
    make(checkout, "uninstall", tmp_path)
    assert files(tmp_path) == ["etc/ha.d/ha.cf", "etc/ha.d/openstack/p_keystone.conf"]


def test_without_heartbeat_there_are_shims_only_if_asked_for(
    checkout: Path, tmp_path: Path
) -> None:
    assert "no shims for Heartbeat (make install HA_D=" in make(checkout, "install", tmp_path)
    assert not (tmp_path / "etc").exists()
    make(checkout, "install", tmp_path, "HA_D=")
    assert not (tmp_path / "etc").exists()
    make(checkout, "install", tmp_path, "HA_D=/etc/ha.d")
    assert files(tmp_path / "etc") == [f"ha.d/{SHIM}"]
    make(checkout, "uninstall", tmp_path)
    assert files(tmp_path) == []
