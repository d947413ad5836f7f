"""State that another version of the agent left: it is read if possible; otherwise the agent finds
the daemon among the running processes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.aftermath import check_no_state, check_serving, check_stopped
from tests.faults.rig import Rig

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("witnesses")]


def lines_of(text: str, *without: str) -> str:
    kept = [line for line in text.splitlines() if not line.startswith(without)]
    return "\n".join(kept) + "\n"


# The first version wrote no patience and no workers, and the API's socket as three words.
def first(text: str) -> str:
    return lines_of(text, "patience=", "api=", "workers=") + "api=http 127.0.0.1 5000\n"


def before_workers(text: str) -> str:
    return lines_of(text, "workers=")


def with_unknown_names(text: str) -> str:
    return f"format=9\n{text}watched_by=4711\ncolour=\n=\nand a line\n"


def with_other_values(text: str) -> str:
    other = {"signal=": "signal=SIGTERM,SIGKILL", "api=": "api=unix:/run/keystone.sock"}
    for name, line in other.items():
        text = lines_of(text, name) + line + "\n"
    return text


def with_other_names(text: str) -> str:
    return text.replace("pid=", "leader.pid=").replace("start=", "leader.start=")


def as_json(text: str) -> str:
    pairs = [line.partition("=") for line in text.splitlines()]
    return "{" + ", ".join(f'"{name}": "{value}"' for name, _, value in pairs) + "}"


def much_more(text: str) -> str:
    return text + "worker=1\n" * 5000


VERSIONS = [
    first,
    before_workers,
    with_unknown_names,
    with_other_values,
    with_other_names,
    as_json,
    much_more,
]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_record_of_another_version(rig: Rig, version: Callable[[str], str]) -> None:
    rig.start()
    record = rig.file("record")
    record.write_text(version(record.read_text()))
    check_serving(rig)
    assert rig.monitor().code == 0
    assert rig.start(timeout=60).err == ""
    assert rig.count("born parent") == 1
    record.write_text(version(record.read_text()))
    check_stopped(rig, rig.stop(timeout=60))
    check_no_state(rig)


def test_notes_and_token_of_another_version(rig: Rig) -> None:
    rig.give_credentials()
    rig.start()
    for path in (rig.file("notes"), rig.token_file):
        path.write_text('{"format": 9}\n=\nsaid.10\ntrouble.10=\0\nseen.10.seen=soon\n')
    assert rig.monitor().code == 0
    check_stopped(rig, rig.stop(timeout=60))
    check_no_state(rig)
