"""A test run that is told to end leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bed.waiting import wait_until
from tests.calling import ROOT

SECONDS = 30.0
TEST = """
import time

def test(folder):
    time.sleep(600)
"""


def test_what_they_made_is_taken_away(tmp_path: Path) -> None:
    file = tmp_path / "test_that_takes_long.py"
    file.write_text(TEST)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-c", os.devnull]
    with subprocess.Popen(
        [*words, f"--rootdir={tmp_path}", str(file)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as tests:
        wait_until(lambda: [*tmp_path.glob("ocf-cluster-*")], SECONDS, "they have made a folder")
        tests.terminate()
        said, _ = tests.communicate(timeout=SECONDS)
    assert tests.returncode == pytest.ExitCode.INTERRUPTED, said
    assert not [*tmp_path.glob("ocf-cluster-*")]
