"""Whole agents, in this process, with any content of state files, parameters and environment: the
result is an OCF exit code, one line of exit reason if it is not 0, and nothing else."""

from __future__ import annotations

import contextlib
import io
import os
import posix
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocf_lib import agent
from ocf_lib.declare import actions, standard
from ocf_lib.declare.service import Ending, Service
from ocf_lib.processes.process import Process, stat
from ocf_lib.processes.procfs import MARKER
from ocf_lib.state.record import Record
from tests.unit.conftest import demo

CODES = {*range(10), 190, 191}
# instance names that no other run on this host uses
STOPPED, LIVING = (f"p_{kind}_{uuid.uuid4().hex[:8]}" for kind in ("stopped", "living"))
KINDS = ("record", "notes", "token", "lock")
SECRET = "s3cret-Pässwörd"
CLOSED = "127.0.0.1:1"
NEEDS = f"""[DEFAULT]
transport_url = rabbit://nova:{SECRET}@{CLOSED}/
[database]
connection = mysql+pymysql://nova:{SECRET}@{CLOSED}/nova
"""

# --- what our state files may hold

NAMES = (
    *("pid", "start", "uid", "exe", "signal", "patience", "api", "url", "needs", ""),
    *("broker.link", "broker.lost", "broker.good", "broker.ask", "database.link", "database.good"),
    *("database.ask", "identity.good", "identity.ask", "trouble.10", "trouble.10.seen", "said."),
    *("said.10", "trouble.20", "refused.account", "refused.at", "refused.times", "warned"),
)
WORDS = st.one_of(
    st.sampled_from(
        [
            *("", "nothing", "broker", "database", "broker database identity", "x y z", "\0", "²"),
            *(f"http://{CLOSED}", f"http://{CLOSED} localhost", "http://[::1]:1 x", "http://", "é"),
            *("1 3 4 2 127.0.0.1:1 127.0.0.1:2", "9" * 5000, "-0", "nan", "inf", "-inf", "1e999"),
        ]
    ),
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(str),
    st.text(max_size=20),
)
LINES = st.lists(st.builds("{}={}".format, st.sampled_from(NAMES), WORDS) | WORDS, max_size=12)
CONTENTS = st.binary(max_size=200) | LINES.map(
    lambda lines: "\n".join(lines).encode("utf-8", "backslashreplace")
)
FILES = st.dictionaries(st.sampled_from(KINDS), CONTENTS, max_size=4)

# --- what the caller may pass

VALUES = st.one_of(
    st.sampled_from(
        [
            *(
                b"",
                b" ",
                b"0",
                b"-1",
                b"1",
                b"30000",
                b"true",
                b"off",
                b"JA",
                b"maybe",
                b"\n",
                b"'",
            ),
            *(b"/", b"/dev/null", b"/proc/self/mem", b"..", b"a" * 5000, b"9" * 5000, b"\x1b[2J"),
            *(b"http://127.0.0.1:1/", b"https://[::1]:1/v3", b"http://", b"http://\xc3\xa9/"),
            *(b"\xff", b"\xed\xa0\x80", b"\xc2\xb2", b"%s{}$(x)", b"nobody", SECRET.encode()),
        ]
    ),
    st.binary(max_size=30).map(lambda value: value.replace(b"\0", b"")),
)
PARAMETERS = st.dictionaries(
    st.sampled_from(
        [
            *(parameter.name for parameter in demo().parameters if not parameter.secret),
            *("CRM_meta_interval", "CRM_meta_timeout", "CRM_meta_on_fail", "CRM_meta_clone"),
            "no such parameter",
        ]
    ),
    VALUES,
    max_size=8,
)
OTHERS = st.fixed_dictionaries(
    {},
    optional={
        "HA_RSCTMP": st.sampled_from(
            [
                b"relative",
                b"/dev/null/x",
                b"/proc",
                b"/sys/x",
                b"/" + b"a" * 300,
                b"state\xff",
                b" ",
            ]
        ),
        "HA_LOGFILE": st.sampled_from([b"/dev/full", b"/", b"relative.log", b"\xff", b"a" * 5000]),
        "HA_DEBUGLOG": st.sampled_from([b"/dev/null", b"/proc/x", b"fifo"]),
        "HA_LOGTAG": VALUES,
        "HA_debug": VALUES,
        "OCF_CHECK_LEVEL": VALUES,
        "OCF_RESOURCE_INSTANCE": VALUES,
        "OCF_RA_VERSION_MAJOR": VALUES,
        "PATH": VALUES,
        "LC_ALL": VALUES,
    },
)
ACTIONS = actions.api()
ACTED = ("monitor", "status", "stop", "start", "validate-all", "reload-agent")


class Ended(BaseException):
    """Raised instead of ending this process. code: the exit code."""

    def __init__(self, code: int) -> None:
        self.code = code


class Place:
    """A folder in which agents run. rsctmp: the folder of their state."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rsctmp, self.log = folder, folder / "rsctmp", folder / "ha.log"
        os.mkfifo(folder / "fifo")

    def write(self, files: dict[str, bytes], name: str = STOPPED) -> None:
        """Leaves exactly these files in the state folder."""
        shutil.rmtree(self.rsctmp, ignore_errors=True)
        state = self.rsctmp / "openstack"
        state.mkdir(0o700, parents=True)
        for kind, content in files.items():
            (state / f"demo@{name}.{kind}").write_bytes(content)

    def run(self, service: Service, action: str, **environment: bytes) -> int:
        """Runs one action, checks that it ends properly, and returns its exit code."""
        given = {
            "HA_LOGFACILITY": b"none",
            "HA_LOGFILE": os.fsencode(self.log),
            "HA_RSCTMP": os.fsencode(self.rsctmp),
            "OCF_RESOURCE_INSTANCE": STOPPED.encode(),
            **environment,
        }
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as printed:
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", ["demo", action])
            patch.setattr(posix, "environ", {name.encode(): v for name, v in given.items()})
            patch.setattr(posix, "_exit", end)
            printed.enter_context(contextlib.redirect_stdout(out))
            printed.enter_context(contextlib.redirect_stderr(err))
            with pytest.raises(Ended) as ended:
                agent.run(service)
        code, said = ended.value.code, err.getvalue()
        logged = self.log.read_text(errors="replace") if self.log.exists() else ""
        self.log.unlink(missing_ok=True)
        assert code in CODES
        assert out.getvalue() == ""
        assert "bug" not in said + logged, said + logged
        assert SECRET not in said + logged
        assert said.count("\n") == (code != 0), said
        assert said.startswith("ocf-exit-reason:") == (code != 0)
        return code


def end(code: int) -> None:
    raise Ended(code)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("any"))


@pytest.fixture(scope="module")
def living(place: Place) -> Iterator[tuple[subprocess.Popen[bytes], bytes]]:
    """A process that looks exactly like one that start launched, and its record."""
    child = subprocess.Popen(
        ["sleep", "600"], env={MARKER: f"demo/{LIVING}"}, cwd="/", start_new_session=True
    )
    found = stat(child.pid)
    assert found is not None
    yield child, str(Record(Process.of(found), Ending(15, 0))).encode()
    child.kill()
    child.wait()


def consumer(place: Place) -> Service:
    """A service that takes its work from a broker."""
    config = place.folder / "demo.conf"
    config.write_text(NEEDS)
    return demo(
        actions=ACTIONS,
        api=None,
        rpc_server=True,
        databases=("database",),
        parameters=(
            *standard.daemon("demo-of-ocf-lib", str(config), user="root"),
            *standard.broker(),
            standard.database(),
        ),
    )


@pytest.mark.root
@pytest.mark.parametrize("action", ACTED)
@settings(max_examples=100)
@given(files=FILES, parameters=PARAMETERS, others=OTHERS)
@example(files={}, parameters={"os_auth_url": b"\xff"}, others={})
@example(files={}, parameters={}, others={"HA_DEBUGLOG": b"fifo"})
def test_whatever_comes_in_a_code_of_ocf_comes_out(
    place: Place,
    action: str,
    files: dict[str, bytes],
    parameters: dict[str, bytes],
    others: dict[str, bytes],
) -> None:
    """Nothing runs or could run: there is no such program."""
    place.write(files)
    given = {**parameters, "os_password": SECRET.encode(), "binary": b"no-such-program"}
    prefixed = {f"OCF_RESKEY_{name}": value for name, value in given.items()}
    code = place.run(demo(actions=ACTIONS), action, **prefixed, **others)
    if others.get("OCF_RA_VERSION_MAJOR", b"1") in (b"1", b""):
        if action == "stop":
            assert code == 0
        elif action in ("monitor", "status"):
            assert code == 7
        elif action == "start":
            assert code in (2, 5, 6)


@pytest.mark.root
@settings(max_examples=100)
@given(notes=LINES, record=LINES, token=CONTENTS, level=st.sampled_from(["", "0", "10", "20"]))
@pytest.mark.parametrize(
    "of", [consumer, lambda place: demo(actions=ACTIONS)], ids=["consumer", "API"]
)
def test_what_lives_is_never_stopped_whatever_was_noted(
    place: Place,
    living: tuple[subprocess.Popen[bytes], bytes],
    of: Callable[[Place], Service],
    notes: list[str],
    record: list[str],
    token: bytes,
    level: str,
) -> None:
    """The record is complete, but lines after it may contradict it."""
    child, whole = living
    written = ["\n".join(lines).encode("utf-8", "backslashreplace") for lines in (notes, record)]
    place.write({"notes": written[0], "record": whole + written[1], "token": token}, LIVING)
    for interval in (b"10000", b"0"):
        code = place.run(
            of(place),
            "monitor",
            OCF_RESOURCE_INSTANCE=LIVING.encode(),
            OCF_RESKEY_CRM_meta_interval=interval,
            OCF_CHECK_LEVEL=level.encode(),
        )
        assert code in (0, 1, 190)
    assert child.poll() is None
