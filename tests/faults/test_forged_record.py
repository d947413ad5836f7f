"""A record that describes the processes of another instance exactly, as an old record may by chance
after a boot. A process with another instance's marker is never ended because of it."""

from __future__ import annotations

import pytest

from tests.faults.aftermath import check_no_state, check_serving, check_stopped
from tests.faults.rig import Rig
from tests.faults.witnesses import Witnesses

pytestmark = pytest.mark.root


@pytest.mark.parametrize("whose", ["another instance's", "another service's"])
@pytest.mark.parametrize("state", ["complete", "of a start that was killed"])
def test_a_record_of_others(rig: Rig, witnesses: Witnesses, whose: str, state: str) -> None:
    other = witnesses.twin if whose == "another instance's" else witnesses.cousin
    record = other.file("record").read_text()
    if state != "complete":
        lines = [line for line in record.splitlines() if not line.startswith(("uid=", "exe="))]
        record = "\n".join([*lines, "uid=-1", "exe="]) + "\n"
    rig.start()
    rig.file("record").write_text(record)
    rig.start(timeout=60)
    check_serving(rig)
    rig.file("record").write_text(record)
    check_stopped(rig, rig.stop(timeout=60))
    check_no_state(rig)
    witnesses.check()
    rig.file("record").write_text(record)
    rig.start(timeout=60)
    assert rig.count("born parent") == 2
    check_serving(rig)
    witnesses.check()
