"""Notes that one monitor leaves for the next: read, kept, and harmless to lose."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ocf_lib.state.notes import Notes
from tests.calling import ROOT
from tests.unit.conftest import PYTHON, eventually

LONG_AGO = (1, 1)  # atime and mtime of a file, in seconds since the epoch


@pytest.fixture
def path(tmp_path: Path) -> str:
    """The path of notes in a suitable folder."""
    folder = tmp_path / "openstack"
    folder.mkdir(mode=0o700)
    return f"{folder}/demo@p_demo.notes"


def left(path: str) -> list[str]:
    """The names of the files in the notes' folder."""
    return sorted(os.listdir(os.path.dirname(path)))


def kept(path: str, **facts: object) -> Notes:
    """Notes of an earlier call. Their file gets an old time, so that a rewrite shows."""
    notes = Notes(path)
    for name, value in facts.items():
        notes[name] = value
    notes.keep()
    if facts:
        os.utime(path, LONG_AGO)
    return notes


def is_rewritten(path: str) -> bool:
    return os.stat(path).st_mtime > LONG_AGO[1]


def age_of(notes: Notes) -> float:
    """Seconds since it was lost. A noted time is rounded, so it may be half a millisecond ahead."""
    eventually(lambda: notes.since("broker.lost") is not None)
    return notes.since("broker.lost") or 0


# -- what is noted ---------------------------------------------------------------------------------


def test_the_next_call_reads_what_this_one_kept(path: str) -> None:
    notes = Notes(path)
    notes["needs"] = "database broker"
    notes["broker.ask"] = "http://127.0.0.1:5672/a=b?c==d 127.0.0.1"
    notes["number"] = 5
    notes.keep()
    found = Notes(path)
    assert found["needs"] == "database broker"
    assert found["broker.ask"] == "http://127.0.0.1:5672/a=b?c==d 127.0.0.1"
    assert found["number"] == "5"
    assert found["nobody made this"] == ""


@pytest.mark.parametrize("nothing", ["", None])
def test_what_is_empty_is_forgotten(path: str, nothing: object) -> None:
    notes = kept(path, one="1", two="2")
    notes["one"] = nothing
    notes["never there"] = nothing
    notes.keep()
    assert Notes(path).facts == {"two": "2"}


NAMES = st.text("abcdefgh.", min_size=1, max_size=12)
# a single line each: all text comes through Log.line
LINES = st.text(max_size=60).filter(lambda text: text.splitlines() == [text])


@given(facts=st.dictionaries(NAMES, LINES, max_size=8))
@example({"a": "=", "b": "x=y", "c": " ", "d": "\u20ac\U0001f600"})
def test_any_line_comes_back_as_it_was(path: str, facts: dict[str, str]) -> None:
    Path(path).unlink(missing_ok=True)
    notes = Notes(path)
    for name, value in facts.items():
        notes[name] = value
    notes.keep()
    assert Notes(path).facts == facts


def test_only_what_begins_so_is_dropped(path: str) -> None:
    notes = kept(path, **{"broker.lost": 1, "broker.link": 2, "broker2.link": 3, "said.": 4})
    notes.drop("broker.", "trouble.")
    notes.keep()
    assert Notes(path).facts == {"broker2.link": "3", "said.": "4"}


# -- times -----------------------------------------------------------------------------------------


def test_a_time_that_nobody_noted(path: str) -> None:
    notes = Notes(path)
    assert notes.since("broker.lost") is None
    assert notes.begin("broker.lost") == 0
    assert 0 <= age_of(notes) < 60


def test_it_began_when_it_was_noted_first(path: str) -> None:
    kept(path, **{"broker.lost": monotonic() - 100})
    notes = Notes(path)
    for _ in range(2):
        age = notes.begin("broker.lost")
        assert 100 <= age < 160
    notes.keep()
    assert not is_rewritten(path), "beginning again notes nothing new"
    notes.stamp("broker.lost")
    notes.keep()
    assert 0 <= age_of(Notes(path)) < 60


@pytest.mark.parametrize("ahead", [10, 1e6, float("inf")])
def test_a_time_that_lies_ahead_is_of_another_boot(path: str, ahead: float) -> None:
    """The monotonic clock restarted, but the folder outlived the boot."""
    kept(path, **{"broker.lost": monotonic() + ahead})
    notes = Notes(path)
    assert notes.since("broker.lost") is None
    assert notes.begin("broker.lost") == 0
    assert age_of(notes) < 60


@pytest.mark.parametrize("garbage", ["soon", "nan", "1.2.3", "1e", "0x10", " ", "-", "9" * 5000])
def test_a_time_that_is_none(path: str, garbage: str) -> None:
    kept(path, **{"broker.lost": garbage})
    assert Notes(path).since("broker.lost") is None
    assert Notes(path).begin("broker.lost") == 0


# -- the file --------------------------------------------------------------------------------------


def test_nothing_noted_makes_no_file(tmp_path: Path, path: str) -> None:
    Notes(path).keep()
    assert left(path) == []
    elsewhere = tmp_path / "missing" / "openstack"
    Notes(f"{elsewhere}/demo@p.notes").keep()
    assert not elsewhere.parent.exists()


def test_it_is_written_when_something_changed_and_not_else(path: str) -> None:
    kept(path, one="1", two="2")
    notes = Notes(path)
    notes.keep()
    notes["one"] = 1
    notes.keep()
    notes["one"] = 2
    notes["one"] = "1"
    notes.drop("nothing")
    notes.keep()
    assert not is_rewritten(path)
    notes["one"] = 2
    notes.keep()
    assert is_rewritten(path)
    os.utime(path, LONG_AGO)
    notes.keep()
    assert not is_rewritten(path), "once is enough"
    assert left(path) == [os.path.basename(path)]


@given(content=st.binary(max_size=300))
@example(b"=\n==\nno sign\nbroker.lost\n\xff\xfe=\xff\n\0=\0\nbroker.lost=soon")
@example(b"a=1\x0cb=2\xe2\x80\xa8c=3\r\nd=4")
def test_garbage_does_no_harm(path: str, content: bytes) -> None:
    Path(path).write_bytes(content)
    notes = Notes(path)
    for name in [*notes.facts, "broker.lost"]:
        assert isinstance(notes[name], str)
        since = notes.since(name)
        assert since is None or since >= 0
    notes.drop("b")
    assert notes.begin("broker.lost") == 0
    notes.keep()
    assert age_of(Notes(path)) < 60


@pytest.mark.parametrize("sign", ["\ud800", "\udcff"])
def test_signs_that_no_encoding_has_do_no_harm(tmp_path: Path, path: str, sign: str) -> None:
    """os.environ holds such characters for bytes that are not UTF-8."""
    for where in (path, f"{tmp_path}/missing/openstack/demo@p.notes"):
        notes = Notes(where)
        notes["said."] = f"a{sign}b"
        notes["needs"] = "none"
        notes.keep()
        assert Notes(where)["needs"] == "none"


def test_what_we_never_wrote_is_no_note(path: str) -> None:
    Path(path).write_text("broker.lost=1.0\n" * 5000)
    assert Notes(path).facts == {}
    os.unlink(path)
    os.mkfifo(path)
    notes = Notes(path)
    assert notes.facts == {}
    notes["one"] = "1"
    notes.keep()
    assert Notes(path)["one"] == "1"
    os.unlink(path)
    os.mkdir(path)
    notes = Notes(path)
    notes["one"] = "1"
    notes.keep()
    assert left(path) == [os.path.basename(path)]


def test_a_folder_that_is_missing_is_made(tmp_path: Path) -> None:
    path = f"{tmp_path}/rsctmp/openstack/demo@p.notes"
    kept(path, one="1")
    assert Notes(path)["one"] == "1"
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700


def test_nobody_else_can_read_the_file(path: str) -> None:
    kept(path, one="1")
    assert os.stat(path).st_mode & 0o777 == 0o600
    kept(path, one="2")
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "rsctmp").write_text("a file")
    notes = Notes(f"{tmp_path}/rsctmp/openstack/demo@p.notes")
    notes["one"] = "1"
    notes.keep()
    assert (tmp_path / "rsctmp").read_text() == "a file"


# -- which folders and files it trusts -------------------------------------------------------------


def writable(path: str) -> None:
    Path(path).parent.chmod(0o777)


def linked(path: str) -> None:
    folder = Path(path).parent
    folder.rename(folder.with_name("real"))
    folder.symlink_to("real")


def anothers(path: str) -> None:
    os.chown(os.path.dirname(path), 65534, 65534)


@pytest.mark.parametrize(
    "spoil", [writable, linked, pytest.param(anothers, marks=pytest.mark.root)]
)
def test_a_folder_of_others_is_neither_read_nor_written(
    path: str, spoil: Callable[[str], None]
) -> None:
    kept(path, **{"broker.lost": "1.0"})
    before = Path(path).read_text()
    spoil(path)
    notes = Notes(path)
    assert notes.facts == {}
    assert notes.since("broker.lost") is None
    notes["one"] = "1"
    notes.keep()
    assert Path(path).read_text() == before
    assert left(path) == [os.path.basename(path)]


def test_a_link_in_its_place_is_replaced(tmp_path: Path, path: str) -> None:
    other = tmp_path / "other"
    other.write_text("mine\n")
    os.symlink(other, path)
    notes = Notes(path)
    notes["one"] = "1"
    notes.keep()
    assert other.read_text() == "mine\n"
    assert not os.path.islink(path)
    assert Notes(path)["one"] == "1"


# -- failures while it is written -----------------------------------------------------------------


# A limit on file sizes stands in for a full disk: only a part of a longer text is written.
KEEP = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from ocf_lib.state.notes import Notes
notes = Notes(sys.argv[2])
notes["broker.lost"] = "123456.789"
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
notes.keep()
notes.keep()
"""


@pytest.mark.parametrize("room", [0, 14], ids=["no byte", "some bytes"])
@pytest.mark.parametrize("older", [{}, {"broker.lost": "99.5"}], ids=["new", "replaced"])
def test_a_full_disk_costs_the_memory_and_no_more(
    path: str, room: int, older: dict[str, str]
) -> None:
    """Half a number would be another time, such as an outage of a day."""
    kept(path, **older)
    words = [PYTHON, "-I", "-S", "-B", "-c", KEEP, str(ROOT), path, str(room)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert Notes(path).facts == older
    assert left(path) == ([os.path.basename(path)] if older else []), "nothing half-written"


def test_what_a_killed_monitor_left_is_not_in_the_way_for_long(path: str) -> None:
    """Pacemaker's SIGKILL, then the same PID again: at most one monitor's notes are lost."""
    for name in (f"{path}.{os.getpid()}", f"{os.path.dirname(path)}/.demo@p_demo.{os.getpid()}"):
        Path(name).write_text("broker.lo")
    for _ in range(2):
        notes = Notes(path)
        notes["one"] = "1"
        notes.keep()
    assert Notes(path).facts == {"one": "1"}
