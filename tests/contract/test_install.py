"""make install: all of it is there, or what was there before."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests import pace
from tests.calling import PATH, ROOT, agents

LIBRARY, PROVIDER = "usr/lib/ocf/lib/openstack", "usr/lib/ocf/resource.d/openstack"
# An `install` that cannot write one file, as on a full disk.
FAILING = """#!/bin/sh
case "$*" in *{what}*) echo "No space left on device" >&2; exit 1 ;; esac
exec /usr/bin/install "$@"
"""


def make(folder: Path, path: str = PATH) -> subprocess.CompletedProcess[str]:
    words = ["make", "-C", str(ROOT), "install", f"DESTDIR={folder}", "MANDIR=", "HA_D=/etc/ha.d"]
    return subprocess.run(
        words,
        env={"PATH": path},
        capture_output=True,
        text=True,
        timeout=pace.seconds(300),
        check=False,
    )


def files(folder: Path) -> dict[str, bytes | str]:
    """Every file and link, with its content or target; compiled ones, which hold times, by name."""
    found: dict[str, bytes | str] = {}
    for path in folder.rglob("*"):
        if path.is_symlink():
            found[str(path)] = os.readlink(path)
        elif path.is_file():
            found[str(path)] = b"" if path.suffix == ".pyc" else path.read_bytes()
    return found


def usage(folder: Path) -> str:
    words = ["/usr/bin/python3", "-I", "-S", str(folder / PROVIDER / "keystone"), "usage"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def test_all_of_it_is_there_and_nothing_else(tmp_path: Path) -> None:
    done = make(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(os.listdir(tmp_path / PROVIDER)) == agents()
    assert sorted(os.listdir(tmp_path / LIBRARY)) == ["heartbeat-shims", "ocf_lib"]
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "ocf_lib").rglob("*.py")}
    installed = (tmp_path / LIBRARY / "ocf_lib").rglob("*.py")
    assert {str(path.relative_to(tmp_path / LIBRARY)) for path in installed} == sources
    assert usage(tmp_path).startswith("usage: keystone (start, stop, ")


def test_an_upgrade_leaves_no_module_of_the_version_before(tmp_path: Path) -> None:
    make(tmp_path)
    first = files(tmp_path)
    (tmp_path / LIBRARY / "ocf_lib/adoption.py").write_text("")
    assert make(tmp_path).returncode == 0
    assert files(tmp_path) == first


@pytest.mark.parametrize("what", ["actions/stop.py", "heartbeat-shims/call.py"])
def test_an_install_that_cannot_write_changes_nothing(tmp_path: Path, what: str) -> None:
    folder, tools = tmp_path / "root", tmp_path / "tools"
    make(folder)
    before, said = files(folder / PROVIDER), usage(folder)
    library = files(folder / LIBRARY / "ocf_lib")
    tools.mkdir()
    (tools / "install").write_text(FAILING.format(what=what))
    (tools / "install").chmod(0o755)
    done = make(folder, f"{tools}:{PATH}")
    assert done.returncode != 0
    assert "No space left on device" in done.stderr
    assert files(folder / PROVIDER) == before
    assert files(folder / LIBRARY / "ocf_lib") == library
    assert usage(folder) == said
