"""A fork of an interpreter with the library loaded gives the same results as the agent itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.calling import Result
from tests.contract.warm import Interpreter, Request, Resource


def said(done: Result) -> tuple[int, str, str]:
    return done.code, done.out, done.err


@pytest.mark.library
@pytest.mark.root
def test_a_fork_says_what_the_agent_says_in_a_process_of_its_own(away: Resource) -> None:
    bad = {"OCF_RESKEY_config": "nowhere", "OCF_RESOURCE_INSTANCE": "ünïcode \udcff"}
    for action in ("usage", "monitor", "stop", "validate-all", "start"):
        for extra in ({}, bad):
            own = away.request(action, extra=extra, own=True)
            forked, alone = away.place.run([own._replace(own=False), own])
            assert said(forked) == said(alone), (action, extra)
    # the log lines differ only in time and PID
    lines = [re.sub(r"\[\d+\]:\t\S+", "", line) for line in away.log.read_text().splitlines()]
    assert lines
    assert lines[::2] == lines[1::2]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program"
    path.write_text(
        "#!/usr/bin/python3 -IS\n"
        "import os, sys, time\n"
        "__main__ = sys.modules['__main__']\n"
        "print(__name__, __main__.__file__ == __file__, sys.argv[1:], sorted(os.environ))\n"
        "sys.stdin.read()\n"
        "exec(sys.argv[1])\n"
    )
    path.chmod(0o755)
    return path


def test_what_a_program_is_given_and_how_it_may_end(here: Interpreter, program: Path) -> None:
    cases = {
        "pass": (0, ""),
        "sys.exit(3)": (3, ""),
        "sys.exit('why')": (1, "why\n"),
        "sys.stderr.write('x\\n'); os._exit(7)": (7, "x\n"),
        "os.kill(os.getpid(), 15)": (-15, ""),
    }
    for code, (status, err) in cases.items():
        request = Request([program, code], {"A": "b"})
        forked, alone = here.run([request, request._replace(own=True)])
        first = f"__main__ True {[code]} ['A']\n"
        assert said(forked) == (status, first if status not in (7, -15) else "", err)
        # output may differ: Python without a locale sets LC_CTYPE itself
        assert forked.code == alone.code
        assert forked.err == alone.err


def test_one_that_does_not_end_is_ended(here: Interpreter, program: Path) -> None:
    slow = Request([program, "time.sleep(60)"], {}, 0.3)
    done = here.run([slow, Request([program, "pass"], {}), slow._replace(own=True)])
    assert [one.code for one in done] == [-9, 0, -9]
    assert re.search(r"killed after [\d.]+ s", done[0].err)


def test_a_fault_is_a_traceback_and_no_end_of_the_others(here: Interpreter, program: Path) -> None:
    done = here.run([Request([program, "1 / 0"], {}), Request(["/nonexistent"], {})])
    done += here.run([Request(["/nonexistent"], {}, own=True)])
    assert [one.code for one in done] == [1, 127, 127]
    assert "ZeroDivisionError" in done[0].err
    assert here([program, "pass"], {}).code == 0
