"""An unknown new service takes one declaration; no other file changes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import pace
from tests.calling import AGENTS, PATH, ROOT
from tests.contract.kinds import declaration, is_alias, typical

NAME = "fictitious-api"
TITLE = "OpenStack Fiction API (Fictitious)"
COPIED = ("ocf_lib", "packaging", "tests", "docs", "Makefile", "README.md", "pyproject.toml")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the repository with one agent of each kind."""
    made = tmp_path / "checkout"
    (made / "agents").mkdir(parents=True)
    ignore = shutil.ignore_patterns("__pycache__")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, made / name, ignore=ignore)
        else:
            shutil.copy2(ROOT / name, made / name)
    for name in typical():
        if not is_alias(name):
            shutil.copy2(AGENTS / name, made / "agents")
    return made


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        cwd=folder,
        env={"PATH": PATH, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=pace.seconds(600),
        check=False,
    )


def add(checkout: Path, pattern: str) -> Path:
    """Adds an agent: the declaration of `pattern` under another name."""
    text = re.sub(r'name="[^"]*"', f'name="{NAME}"', declaration(pattern), count=1)
    text = re.sub(r'title="[^"]*"', f'title="{TITLE}"', text, count=1)
    path = checkout / "agents" / NAME
    path.write_text(text)
    path.chmod(0o755)
    return path


def contract_of_it(checkout: Path) -> subprocess.CompletedProcess[str]:
    """Runs the contract tests on the new agent, except those that start other programs."""
    options = ("-q", "-p", "no:cacheprovider", f"--basetemp={checkout}/temporary")
    chosen = f"[{NAME}] and not (consumers or imports or man or warm)"
    return run(checkout, sys.executable, "-m", "pytest", *options, "tests/contract", "-k", chosen)


def test_a_new_service_takes_one_declaration(checkout: Path) -> None:
    """The table and the manual list it, and every test that runs for each agent runs for it."""
    path = add(checkout, next(name for name in typical() if "api=" in declaration(name)))
    done = run(checkout, "make", "docs")
    assert done.returncode == 0, done.stdout
    assert f"\n| `{NAME}` | {TITLE} |" in (checkout / "docs/agents.md").read_text()
    assert (checkout / f"build/man/man7/ocf_openstack_{NAME}.7").exists()

    right = contract_of_it(checkout)
    assert right.returncode == 0, right.stdout
    count = re.search(r"(\d+) passed", right.stdout)
    assert count and int(count.group(1)) > 40, right.stdout

    path.write_text(path.read_text().replace("active/", "active, "))
    wrong = contract_of_it(checkout)
    assert re.findall(r"FAILED (\S+)", wrong.stdout) == [
        f"tests/contract/test_metadata.py::test_it_says_how_to_run_it_in_a_cluster[{NAME}]"
    ]
