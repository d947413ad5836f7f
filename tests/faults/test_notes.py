"""The notes that one monitor leaves for the next: they belong to one instance, stop removes them,
and garbage in them changes no result."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.faults.neighbours import Neighbours, conductor, place, second
from tests.faults.rig import Rig

pytestmark = pytest.mark.root

DEGRADED = 190


def left_behind(rig: Rig) -> list[str]:
    return sorted(name for name in os.listdir(rig.file("notes").parent))


def test_what_monitors_note_goes_at_stop(worker: Rig, near: Neighbours) -> None:
    near.broker.go()
    assert second(worker).code == DEGRADED
    assert worker.file("notes").exists()
    assert worker.file("notes").stat().st_mode & 0o777 == 0o600
    worker.stop()
    assert left_behind(worker) == [worker.file("lock").name]


def test_a_monitor_after_stop_notes_nothing(worker: Rig) -> None:
    assert worker.monitor().code == 0
    worker.stop()
    for level in (0, 10, 20):
        assert worker.monitor(level).code == 7
    assert worker.probe().code == 7
    worker.stop()
    assert left_behind(worker) == [worker.file("lock").name]


def test_a_run_begins_without_the_notes_of_the_one_before(worker: Rig, near: Neighbours) -> None:
    """The daemon was killed, so that no stop has removed the notes."""
    near.broker.go()
    assert second(worker).code == DEGRADED
    worker.parent.kill()
    worker.caller("start", timeout=6)
    assert worker.monitor().code == 0, "the first poll of this run"
    assert worker.monitor().code == DEGRADED


def test_notes_are_of_one_instance(
    worker: Rig, make_rig: Callable[..., Rig], near: Neighbours
) -> None:
    other = conductor(make_rig, near)
    other.caller.rsctmp = worker.caller.rsctmp
    other.start()
    near.database.go()
    assert second(worker).code == DEGRADED
    assert second(other).code == DEGRADED
    other.stop()
    assert worker.monitor().code == DEGRADED
    worker.stop()


def test_a_folder_that_cannot_be_written_costs_no_verdict(worker: Rig, near: Neighbours) -> None:
    assert worker.monitor().code == 0
    worker.lose_state()
    worker.caller.rsctmp.write_text("no folder")
    assert worker.monitor().code == 0
    near.broker.go()
    for _ in range(2):
        result = worker.monitor()
        assert result.code in (0, DEGRADED)
        assert "bug" not in result.reason
    worker.caller.rsctmp.unlink()


FAR, NEVER = "99999999999.000", "-99999999999.000"
GARBAGE = {
    "empty": b"",
    "no lines": b"\0" * 4096,
    "binary": bytes(range(256)) * 8,
    "huge": b"x=" + b"y" * 100_000,
    "many": b"".join(b"said.%d=z\n" % n for n in range(5000)),
    "no values": b"needs=\nbroker.lost=\nbroker.link=\ndatabase.good=\ntrouble.10.broker=\n",
    "words for times": b"broker.lost=soon\ndatabase.good=1e\nrefused.at=nan\nrefused.times=x\n",
    "no numbers": b"broker.lost=nan\ndatabase.good=nan\nbroker.good=inf\n",
    "endless": b"broker.lost=-inf\ndatabase.good=-inf\n",
    "ahead": f"broker.lost={FAR}\ndatabase.good={FAR}\nbroker.good={FAR}\n".encode(),
    "before time": f"broker.lost={NEVER}\ndatabase.good={NEVER}\n".encode(),
    "unknown needs": b"needs=moon sun\nmoon.lost=1.000\nsun.link=x\n",
    "questions": b"needs=broker database\nbroker.ask=ftp://x y\ndatabase.ask=http://[/ z\n",
    "link of words": b"needs=broker database\nbroker.link=a b c d e f\n",
    "link of few words": b"needs=broker database\nbroker.link=1 2 3\n",
    "link of numbers": b"needs=broker database\nbroker.link=-1 -1 -1 2 -1:-1 -1:-1\n",
    "link too long": b"needs=broker database\nbroker.link=1 1 1 2 %b:1 %b:1\n" % (b"F" * 999, b"0"),
    "link to nobody": b"needs=broker database\nbroker.link=1 0 1 10 0100007F:0001 0100007F:1628\n",
    "no utf-8": b"said.=\xff\xfe\nneeds=broker database\nbroker.link=\xff\n",
}


def test_garbage_in_the_notes_changes_no_verdict(worker: Rig, near: Neighbours) -> None:
    notes = worker.file("notes")
    for name, text in GARBAGE.items():
        notes.write_bytes(text)
        for _ in range(2):
            result = worker.monitor()
            assert result.code == 0, (name, result)
    near.broker.go()
    for name, text in GARBAGE.items():
        notes.write_bytes(text)
        # if the noted needs are invalid, one poll is spent on finding them again
        results = [worker.monitor() for _ in range(3)]
        assert {result.code for result in results} <= {0, DEGRADED}, (name, results)
        assert results[-1].code == DEGRADED, (name, results)
        assert results[-1].reason.startswith(f"broker {place(near.broker)} refused"), name
    assert "a bug of the agent" not in worker.agent_log


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_notes_that_are_no_file_change_no_verdict(worker: Rig, kind: str) -> None:
    notes = worker.file("notes")
    notes.unlink(missing_ok=True)
    if kind == "link":
        notes.symlink_to("/etc/hostname")
    else:
        notes.mkdir()
    for _ in range(2):
        result = worker.monitor()
        assert result.code == 0, result
    worker.stop()
