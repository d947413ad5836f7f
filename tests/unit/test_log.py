"""Log lines in Pacemaker's own form, without secrets."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocf_lib.log import MASK, Log

LINE = re.compile(
    r"^agent\(instance\)\[\d+\]:\t\d{4}/\d\d/\d\d_\d\d:\d\d:\d\d (ERROR|WARNING|INFO|DEBUG): .*$"
)


def log_to(path: Path, secrets: tuple[str, ...] = (), **environ: str) -> Log:
    return Log(
        {"HA_LOGFACILITY": "none", "HA_LOGFILE": str(path), **environ}, "agent", "instance", secrets
    )


def test_one_line_for_each_with_time_and_level(tmp_path: Path) -> None:
    log = log_to(tmp_path / "log")
    log.error("one")
    log.warning("two\nthree\n")
    log.info("four")
    lines = (tmp_path / "log").read_text().splitlines()
    assert all(LINE.match(line) for line in lines)
    assert all(line.startswith(f"agent(instance)[{os.getpid()}]") for line in lines)
    assert [line.split(" ", 1)[1] for line in lines] == [
        "ERROR: one",
        "WARNING: two",
        "WARNING: three",
        "INFO: four",
    ]


@pytest.mark.parametrize("value, debugs", [("0", False), ("", False), ("1", True), ("2", True)])
def test_debug(tmp_path: Path, value: str, debugs: bool) -> None:
    log = log_to(tmp_path / "log", HA_debug=value, HA_DEBUGLOG=str(tmp_path / "debug"))
    log.debug("detail")
    assert not (tmp_path / "log").exists(), "debug lines go to the debug log alone"
    assert (tmp_path / "debug").exists() is debugs


def test_debug_is_off_where_nobody_said(tmp_path: Path) -> None:
    log_to(tmp_path / "log", HA_DEBUGLOG=str(tmp_path / "debug")).debug("detail")
    assert os.listdir(tmp_path) == []


def test_secrets_are_masked_in_every_line(tmp_path: Path) -> None:
    log = log_to(tmp_path / "log", ("sesame", "open", ""))
    log.error("sesame: open sesame\nopensesame")
    text = (tmp_path / "log").read_text()
    assert "sesame" not in text
    assert "open" not in text
    assert text.count(MASK) == 5


def test_a_secret_with_a_line_break_is_masked(tmp_path: Path) -> None:
    log = log_to(tmp_path / "log", ("two\nlines",))
    log.error("it is two\nlines")
    assert "lines" not in (tmp_path / "log").read_text()


def test_a_secret_within_another_leaves_nothing_of_the_longer(tmp_path: Path) -> None:
    assert "more" not in log_to(tmp_path / "log", ("open", "openmore")).mask("openmore")


@pytest.mark.parametrize(
    "facility", ["daemon", "", "DAEMON", "local0", "nonsense", "upto", "mask", "openlog", "\udcff"]
)
def test_any_facility_is_taken(tmp_path: Path, facility: str) -> None:
    environ = {"HA_LOGFACILITY": facility, "HA_LOGFILE": str(tmp_path / "log")}
    Log(environ, "ocf-lib-test", "x").debug("nothing is written")
    Log({**environ, "HA_debug": "1"}, "ocf-lib-test", "x").debug("a test line")


@given(text=st.text(st.characters(blacklist_categories=[]), max_size=60))
def test_any_text_can_be_logged(tmp_path: Path, text: str) -> None:
    path = tmp_path / "log"
    log = Log({"HA_LOGFACILITY": "none", "HA_LOGFILE": str(path)}, text, text, ("secret",))
    log.error(text)
    log_to(path, HA_LOGTAG=text.replace("\0", "") or "x").error("x")
    for line in path.read_text().split("\n")[:-1]:
        assert line.count("\t") >= 1
    path.unlink()


@pytest.mark.parametrize("name", ["/nonexistent/log", "/", "/dev/full"])
def test_a_log_that_cannot_be_written_is_no_error(name: str) -> None:
    Log({"HA_LOGFACILITY": "none", "HA_LOGFILE": name}, "agent", "instance").error("text")


def test_a_pipe_that_nobody_reads_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    log = log_to(tmp_path / "log")
    log.error("text")
    reader = os.open(tmp_path / "log", os.O_RDONLY | os.O_NONBLOCK)
    for _ in range(3):
        log.error("it is full " * 10_000)
    assert b"ERROR: it is full" in os.read(reader, 1000)
    os.close(reader)
