"""The installed package has the compiled hot modules in one file (packaging/hot-modules), and never
runs outdated ones."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.calling import PATH, ROOT
from tests.contract.node import run
from tests.contract.test_imports import OWN, PYTHON

HOT = OWN["monitor 10"] | OWN["monitor 10 connected"] | {"declare.credentials"}
LIBRARY, PROVIDER = "usr/lib/ocf/lib/openstack", "usr/lib/ocf/resource.d/openstack"
SHOW = """
import sys
sys.path.insert(0, {!r})
import ocf_lib
print(*sorted(name[8:] for name in sys.modules if name.startswith("ocf_lib.")))
if "ocf_lib.agent" in sys.modules:
    print(ocf_lib.agent.run.__code__.co_filename)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The DESTDIR of a `make install`."""
    folder = tmp_path_factory.mktemp("installed")
    words = ("make", "-C", str(ROOT), "install", f"DESTDIR={folder}", "MANDIR=")
    done = run(words, {"PATH": PATH})
    assert (done.code, done.err) == (0, "")
    return folder


@pytest.fixture
def changed(installed: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(installed, tmp_path / "copy", symlinks=True))


def brought(installed: Path) -> list[str]:
    """The modules that the package contains, and the source path that the code of `agent` names."""
    done = run((*PYTHON[:3], "-c", SHOW.format(str(installed / LIBRARY))), {})
    assert done.code == 0, done.err
    return done.out.splitlines()


def usage(installed: Path) -> tuple[str, set[str]]:
    """What an agent prints, and the modules that Python searched for one by one."""
    done = run((*PYTHON, str(installed / PROVIDER / "keystone"), "usage"), {})
    assert done.code == 0, done.err
    return done.out, {row.rpartition("|")[2].strip() for row in done.err.splitlines()}


def test_the_package_brings_what_a_monitor_loads_and_no_more(installed: Path) -> None:
    modules, _ = brought(installed)
    assert set(modules.split()) == HOT
    loaded = usage(installed)[1]
    assert {name for name in loaded if name.startswith("ocf_lib")} == {"ocf_lib"}
    assert "__future__" not in loaded, "it is a file, too"


def test_its_code_is_known_by_where_it_will_be(installed: Path) -> None:
    assert brought(installed)[1] == f"/{LIBRARY}/ocf_lib/agent.py"


@pytest.mark.parametrize("what", ["size", "time"])
def test_a_source_that_was_changed_is_what_runs(changed: Path, what: str) -> None:
    path = changed / LIBRARY / "ocf_lib/agent.py"
    before, text = path.stat(), path.read_text()
    later = before.st_mtime + (10 if what == "time" else 0)
    path.write_text(text.replace('"usage: ', '"USAGE: ' + (" " if what == "size" else "")))
    os.utime(path, (later, later))
    said, loaded = usage(changed)
    assert said.startswith("USAGE: ")
    assert "ocf_lib.agent" in loaded


def test_a_changed_package_brings_no_old_modules(changed: Path) -> None:
    later = (changed / LIBRARY / "ocf_lib/__init__.py").stat().st_mtime + 10
    os.utime(changed / LIBRARY / "ocf_lib/__init__.py", (later, later))
    said, loaded = usage(changed)
    assert said.startswith("usage: ")
    assert "ocf_lib.agent" in loaded
    assert brought(changed) == [""]
