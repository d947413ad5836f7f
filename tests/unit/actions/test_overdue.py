"""A monitor whose time is over ends itself with a verdict, whatever holds it up."""

from __future__ import annotations

import subprocess

import pytest

from tests.calling import ROOT

PROGRAM = """
import sys, time
sys.path.insert(0, sys.argv[1])
from ocf_lib.actions import overdue
from ocf_lib.environment import Environment
environ = {"OCF_RESKEY_CRM_meta_timeout": "1500"}
if sys.argv[2] == "recurring":
    environ["OCF_RESKEY_CRM_meta_interval"] = "10000"
overdue.arm(Environment(["monitor"], environ), 4711)
time.sleep(float(sys.argv[3]))
sys.exit(3)
"""


def run(kind: str, seconds: float) -> subprocess.CompletedProcess[str]:
    words = ["/usr/bin/python3", "-IS", "-c", PROGRAM, str(ROOT), kind, str(seconds)]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)


def test_it_is_degraded_with_a_reason() -> None:
    done = run("recurring", 100)
    assert done.returncode == 190
    assert done.stderr.startswith("ocf-exit-reason:no verdict after ")
    assert "PID 4711 lives" in done.stderr
    assert "(degraded)" in done.stderr


def test_a_probe_finds_it_running() -> None:
    assert run("probe", 100).returncode == 0


@pytest.mark.parametrize("kind", ["recurring", "probe"])
def test_one_that_is_in_time_ends_as_it_likes(kind: str) -> None:
    assert run(kind, 0).returncode == 3
