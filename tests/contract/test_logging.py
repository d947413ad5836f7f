"""Contract line 7: the environment decides where log lines go."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.calling import AGENTS, Caller
from tests.contract.kinds import current
from tests.contract.node import BareNode
from tests.contract.warm import Resource

BAD = {"api_timeout": "never", "config": "nowhere", "url": "nonsense"}


def failing(call: Caller, **extra: str) -> None:
    """Make a call that certainly logs an error."""
    done = call("bounce", extra=extra, **BAD)
    assert done.code == 3


def test_errors_go_to_the_log_file_with_the_agents_name(call: Resource) -> None:
    failing(call)
    line = call.log.read_text()
    assert line.count("\n") == 1
    assert line.startswith(f"{current(call.agent)}({call.instance})[")
    assert "ERROR: bounce: " in line


@pytest.mark.library
def test_ha_logtag_replaces_the_tag(call: Resource) -> None:
    failing(call, HA_LOGTAG="my-tag")
    assert call.log.read_text().startswith("my-tag:\t")


@pytest.mark.library
def test_errors_go_to_the_debug_log_too_and_once_where_both_are_one(call: Resource) -> None:
    debug = call.folder / "debug.log"
    failing(call, HA_DEBUGLOG=str(debug))
    assert debug.read_text() == call.log.read_text()
    call.log.unlink()
    failing(call, HA_DEBUGLOG=str(call.log))
    assert call.log.read_text().count("\n") == 1


@pytest.mark.library
def test_debug_is_off_unless_asked_for(call: Resource) -> None:
    debug = call.folder / "debug.log"
    for value in ("0", ""):
        call("validate-all", extra={"HA_debug": value, "HA_DEBUGLOG": str(debug)})
    assert not debug.exists() or "DEBUG" not in debug.read_text()


@pytest.mark.library
@pytest.mark.parametrize("name", ["/nonexistent/folder/ha.log", "/dev/full", "/"])
def test_a_log_that_cannot_be_written_changes_no_verdict(call: Resource, name: str) -> None:
    failing(call, HA_LOGFILE=name, HA_DEBUGLOG=name)


class SyslogNode(BareNode):
    """A bare node whose /dev/log is a socket of the test."""

    def __init__(self, scratch: Path) -> None:
        super().__init__(scratch)
        devices = self._folder("dev")
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        # a socket's path may have 108 bytes, and pytest's paths are long
        descriptor = os.open(devices, os.O_PATH)
        self.server.bind(f"/proc/self/fd/{descriptor}/log")
        os.close(descriptor)
        self.server.settimeout(5)
        (devices / "null").touch()
        self.mounts[:0] = [
            f"mount --bind /dev/null {devices}/null",
            f"mount --rbind {devices} /dev",
        ]

    def lines(self) -> list[bytes]:
        found = []
        self.server.setblocking(False)
        while True:
            try:
                found.append(self.server.recv(65536))
            except BlockingIOError:
                return found


@pytest.mark.library
@pytest.mark.root
def test_syslog_unless_the_facility_is_none(call: Resource, tmp_path: Path) -> None:
    node = SyslogNode(tmp_path)
    environment = call.environment(**BAD)
    with node.server:
        assert node([AGENTS / call.agent, "bounce"], environment).code == 3
        assert node.lines() == []
        for facility, number in (("daemon", 3), ("local3", 19), ("", 3), ("no-such-facility", 3)):
            environment["HA_LOGFACILITY"] = facility
            assert node([AGENTS / call.agent, "bounce"], environment).code == 3
            (line,) = node.lines()
            assert line.startswith(b"<%d>" % (number * 8 + 3)), "facility and priority err"
            assert f"{current(call.agent)}({call.instance})[".encode() in line
            assert b"ERROR: bounce: " in line


@pytest.mark.library
@pytest.mark.root
def test_no_syslog_daemon_is_no_reason_to_fail(call: Resource, tmp_path: Path) -> None:
    node = SyslogNode(tmp_path)
    node.server.close()
    os.unlink(node.folder / "dev" / "log")
    environment = {**call.environment(), "HA_LOGFACILITY": "daemon"}
    assert node([AGENTS / call.agent, "stop"], environment).code == 0
