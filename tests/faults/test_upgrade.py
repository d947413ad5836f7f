"""An upgrade from the version whose library was not in packages: what that version left is read,
and no running daemon is lost."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests import pace
from tests.calling import ROOT
from tests.faults.aftermath import check_no_state, check_serving, check_stopped
from tests.faults.pacemaker import Pacemaker
from tests.faults.rig import Rig, wait_until

pytestmark = pytest.mark.root

# All that it wrote into a record, in its order.
RECORD = """\
pid={pid}
start={start}
uid={uid}
exe={exe}
signal=15
patience=0
reload=0
workers=1
api={api}
url=
"""
# What its sentinel ran once the daemon had ended. A sentinel lives as long as its daemon, so it
# calls the library that is installed by then.
SENTINEL = """
import sys
sys.path.insert(0, sys.argv[1])
from ocf_lib import death
death.report(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6]))
"""


def facts_of(rig: Rig) -> dict[str, str]:
    return dict(line.split("=", 1) for line in rig.file("record").read_text().splitlines())


def test_its_record_is_what_this_version_writes(rig: Rig) -> None:
    rig.start()
    assert rig.file("record").read_text() == RECORD.format(**facts_of(rig))
    rig.stop()


@pytest.mark.usefixtures("witnesses")
def test_a_daemon_on_its_record_is_not_lost(rig: Rig) -> None:
    rig.start()
    parent = rig.parent.pid
    rig.file("record").write_text(RECORD.format(**facts_of(rig)))
    for level in (0, 10):
        assert rig.monitor(level).code == 0
    check_serving(rig)
    assert rig.start(timeout=60).err == ""
    assert (rig.parent.pid, rig.count("born parent")) == (parent, 1)
    check_stopped(rig, rig.stop(timeout=60))
    check_no_state(rig)


def test_it_is_the_record_that_monitor_reads(rig: Rig) -> None:
    """A record that names another process would be another verdict: the search is not tried."""
    rig.start()
    frozen = subprocess.Popen(["/bin/sleep", "60"])
    try:
        frozen.send_signal(signal.SIGSTOP)
        process = psutil.Process(frozen.pid)
        wait_until(lambda: process.status() == psutil.STATUS_STOPPED, "it is frozen")
        fields = Path(f"/proc/{frozen.pid}/stat").read_text().rpartition(")")[2].split()
        other = {"pid": frozen.pid, "start": fields[19], "uid": 0, "exe": process.exe()}
        right = rig.file("record").read_text()
        rig.file("record").write_text(RECORD.format(**{**facts_of(rig), **other}))
        result = rig.monitor(0)
        rig.file("record").write_text(right)
        assert result.code == 1
        assert result.reason == f"PID {frozen.pid} is frozen (stopped by a signal)"
    finally:
        frozen.kill()
        frozen.wait()
    rig.stop()


def test_its_sentinel_still_reports_a_crash(rig: Rig) -> None:
    pacemaker = Pacemaker(rig)
    rig.start(extra=pacemaker.extra)
    (sentinel,) = rig.sentinels
    environment, facts = sentinel.environ(), facts_of(rig)
    sentinel.kill()
    wait_until(lambda: rig.sentinels == [], "this version's sentinel is gone")
    rig.parent.kill()
    name = re.sub("^sentinel of ", "", environment["OPENSTACK_OCF_INSTANCE"])
    words = [str(ROOT), name, str(rig.file("record")), facts["pid"], facts["start"], "9"]
    done = subprocess.run(
        ["/usr/bin/python3", "-I", "-S", "-c", SENTINEL, *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=pace.seconds(60),
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(pacemaker.told) == 1
    assert f"PID {facts['pid']} was ended by signal 9 (SIGKILL); Pacemaker is told" in rig.agent_log
    rig.stop()
