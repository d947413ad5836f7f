"""Property tests: a real agent and real processes, with state files, PID files, parameters and
environments of any content. Each call returns an OCF exit code and at most one line of reason, and
it prints no traceback and no secret. It signals no other process and changes no other file."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from ocf_lib.declare.service import Ending
from ocf_lib.processes.process import Process, stat
from ocf_lib.state.record import Record
from tests import pace
from tests.calling import granted
from tests.faults.bystanders import Bystanders
from tests.faults.rig import PASSWORD, Rig

pytestmark = pytest.mark.root

# otherwise hypothesis writes its Unicode tables into the checkout
set_hypothesis_home_dir(os.path.join(tempfile.gettempdir(), f"hypothesis-{os.getuid()}"))
BOUNDED = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
CODES = {*range(10), 190, 191}
CANARY = "what was written here stays\n"
# Timeout of a start that need not succeed.
SECONDS = 1.5

# --- what may replace the agent's files

KINDS = ("record", "notes", "lock", "pid")
WHOSE = ("root", "user", "other instance", "stranger", "init", "nobody's")
FIELDS = ("pid", "start", "uid", "exe", "signal", "patience", "workers", "api", "url", "needs")
WORDS = st.one_of(
    st.sampled_from(["", "0", "1", "-1", "9" * 5000, "\0", "²", "http://127.0.0.1:1", "/bin/sh"]),
    st.integers(-(2**65), 2**65).map(str),
    st.text(max_size=12),
)


def shapes() -> st.SearchStrategy[tuple[str, object]]:
    """Strategies for a replaced file: its kind, and the details that this kind needs."""
    return st.one_of(
        st.tuples(st.just("bytes"), st.binary(max_size=120)),
        st.tuples(st.just("half"), st.floats(0, 1)),
        st.tuples(st.just("PID of"), st.sampled_from(WHOSE)),
        st.tuples(st.just("copy"), st.none()),
        st.tuples(st.just("lines"), st.dictionaries(st.sampled_from(FIELDS), WORDS, max_size=4)),
        st.tuples(st.sampled_from(["link", "hard link", "folder", "pipe", "nothing"]), st.none()),
    )


FILES = st.dictionaries(st.sampled_from(KINDS), shapes(), min_size=1, max_size=4)
# Another instance's record: only the file's name says which instance a record belongs to.
COPIED: dict[str, tuple[str, object]] = {"record": ("copy", None)}

# --- what the caller passes

ODD = (
    *(b"", b" ", b"0", b"-1", b"1", b"99999", b"true", b"JA", b"off", b"maybe", b"\n", b"'", b".."),
    *(b"/", b"/dev/null", b"/proc/self/mem", b"/dev/full", b"a" * 5000, b"9" * 5000, b"\x1b[2J"),
    *(b"http://127.0.0.1:1/", b"https://[::1]:1/v3", b"http://", b"\xff", b"\xed\xa0\x80", b"%s{}"),
)
ANY = st.binary(max_size=20).map(lambda value: value.replace(b"\0", b""))
VALUES = st.sampled_from(ODD) | ANY
# Without user and binary: if these were wrong and the record missing, no agent could find a daemon.
NAMES = (
    *("config", "pid", "additional_parameters", "log_file", "url", "api_timeout", "os_auth_url"),
    *("os_username", "os_tenant_name", "os_cacert", "os_interface", "insecure", "openrc"),
    *("os_cloud", "os_client_config_file", "os_password_file", "os_project_id", "client_binary"),
    *("CRM_meta_interval", "CRM_meta_on_fail", "CRM_meta_clone", "CRM_meta_notify_type", "x y"),
)
PARAMETERS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)
FOLDERS = (b"relative", b"/dev/null/x", b"/proc", b"/sys/x", b"/" + b"a" * 300, b"\xff", b" ", b"/")
OTHERS = st.fixed_dictionaries(
    {},
    optional={
        "HA_RSCTMP": st.sampled_from(FOLDERS),
        "HA_LOGFILE": st.sampled_from(
            [b"/dev/full", b"/", b"a.log", b"\xff", b"pipe", b"a" * 5000]
        ),
        "HA_DEBUGLOG": st.sampled_from([b"/dev/null", b"/proc/x", b"pipe"]),
        "HA_LOGFACILITY": st.sampled_from([b"none", b"daemon", b"", b"\xff", b"upto"]),
        "HA_LOGTAG": VALUES,
        "HA_debug": VALUES,
        "OCF_CHECK_LEVEL": st.sampled_from([b"", b"0", b"10", b"ten", b"-1", b"9" * 5000, b"\xff"]),
        "OCF_ROOT": VALUES,
        "LC_ALL": st.sampled_from([b"C", b"POSIX", b"en_US.ISO-8859-1", b"nonsense", b"\xff"]),
        "TZ": VALUES,
        "PATH": st.sampled_from([b"", b"/nonexistent", b".", b"\xff", b":" * 3000]),
        "PYTHONIOENCODING": st.just(b"ascii"),
        "PYTHONPATH": st.just(b"."),
        "HOME": VALUES,
    },
)
WATCHING = st.sampled_from(["monitor", "status", "monitor 0", "monitor 10"])


class Place:
    """One instance, the processes beside it, and a canary file as the target of links."""

    def __init__(self, folder: Path) -> None:
        self.rig = Rig(folder / "rig")
        # a secret, but no user name: a login would double the time
        self.rig.parameters.update(os_password=PASSWORD, api_timeout="1")
        # a PID file that the service's user can write
        self.pid_file = self.rig.logs / "daemon.pid"
        self.rig.parameters["pid"] = str(self.pid_file)
        self.folder = folder / "here"
        self.folder.mkdir(mode=0o755)
        words = (str(self.rig.binary), f"--config-file={self.rig.config}")
        name = f"keystone/{self.rig.caller.instance}"
        self.bystanders = Bystanders(self.folder, name, words)
        self.canary = self.folder / "canary"
        self.canary.write_text(CANARY)
        self.mode = self.canary.stat().st_mode
        os.mkfifo(self.folder / "pipe")
        self.started = ""

    def start(self) -> None:
        """Start the daemon with its agent, and keep the record for the examples."""
        shutil.rmtree(self.rig.caller.rsctmp, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.pid_file.unlink()
        self.rig.start()
        assert self.rig.monitor().code == 0
        self.started = self.rig.file("record").read_text()

    def path(self, kind: str) -> Path:
        return self.pid_file if kind == "pid" else self.rig.file(kind)

    def spoil(self, files: dict[str, tuple[str, object]]) -> None:
        """Restore the state that start left, then replace the given files."""
        shutil.rmtree(self.rig.caller.rsctmp, ignore_errors=True)
        self.rig.file("record").parent.mkdir(0o700, parents=True)
        if self.started:
            self.rig.file("record").write_text(self.started)
        for kind, (shape, more) in files.items():
            path = self.path(kind)
            if path.is_dir():
                path.rmdir()
            path.unlink(missing_ok=True)
            self._make(path, shape, more)

    def _make(self, path: Path, shape: str, more: object) -> None:
        if shape == "link":
            path.symlink_to(self.canary)
        elif shape == "hard link":
            os.link(self.canary, path)
        elif shape == "folder":
            path.mkdir()
        elif shape == "pipe":
            os.mkfifo(path)
        elif shape != "nothing":
            path.write_bytes(self._content(path, shape, more))

    def _content(self, path: Path, shape: str, more: object) -> bytes:
        if shape == "bytes":
            assert isinstance(more, bytes)
            return more
        # the record of the running daemon, or an invented one
        whole = self.started or "pid=2\nstart=1\nuid=0\nexe=\nsignal=15\npatience=0\n"
        if shape == "half":
            assert isinstance(more, float)
            return whole.encode()[: int(more * len(whole))]
        if shape == "PID of":
            pid = self._pid_of(str(more))
            return b"%d\n" % pid if path == self.pid_file else with_lines(whole, {"pid": str(pid)})
        if shape == "copy":
            return str(Record(self._other(), Ending(15, 0))).encode()
        assert isinstance(more, dict)
        return with_lines(whole, more)

    def _other(self) -> Process:
        found = stat(self._pid_of("other instance"))
        assert found is not None
        return Process.of(found)

    def _pid_of(self, whose: str) -> int:
        if whose in WHOSE[:4]:
            return self.bystanders.all[WHOSE.index(whose)].pid
        return 1 if whose == "init" else 2**22 - 1

    def call(
        self,
        words: str,
        parameters: dict[str, bytes] | None = None,
        others: dict[str, bytes] | None = None,
        timeout: float = 20,
    ) -> int:
        """Call an action, check its output, and return its exit code."""
        timeout = granted(timeout)
        action, _, level = words.partition(" ")
        caller = self.rig.caller
        caller.log.unlink(missing_ok=True)
        environment = {n: os.fsencode(v) for n, v in caller.environment().items()}
        environment["OCF_RESKEY_CRM_meta_timeout"] = b"%d" % (timeout * 1000)
        if level:
            environment.update(OCF_CHECK_LEVEL=level.encode(), OCF_RESKEY_CRM_meta_interval=b"9000")
        environment.update({f"OCF_RESKEY_{n}": v for n, v in (parameters or {}).items()})
        environment.update(others or {})
        if not environment["PATH"]:
            del environment["PATH"]
        done = subprocess.run(
            [str(caller.agents / caller.agent), action],
            env=environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout + pace.seconds(15),
            check=False,
        )
        said, logged = done.stderr.decode(errors="replace"), self.rig.agent_log
        assert done.returncode in CODES, said
        assert done.stdout == b""
        for oddity in ("Traceback", "bug in the agent", "bug of the agent", PASSWORD):
            assert oddity not in said + logged
        assert said.count("ocf-exit-reason:") == said.count("\n") <= 1, said
        assert bool(said) == (done.returncode != 0)
        self.look_round()
        return done.returncode

    def look_round(self) -> None:
        """Assert that no other process and no other file was touched."""
        assert self.bystanders.harm == ""
        assert self.canary.read_text() == CANARY
        assert self.canary.stat().st_mode == self.mode
        assert self.canary.stat().st_uid == os.geteuid()


def with_lines(text: str, changed: dict[str, str]) -> bytes:
    lines = [line for line in text.splitlines() if line.partition("=")[0] not in changed]
    lines += [f"{name}={value}" for name, value in changed.items()]
    return ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")


@pytest.fixture(scope="module")
def make_place() -> Iterator[Callable[[], Place]]:
    made: list[Place] = []
    with tempfile.TemporaryDirectory(prefix="faults.") as folder:
        Path(folder).chmod(0o755)

        def make() -> Place:
            place = Path(folder, str(len(made)))
            place.mkdir(mode=0o755)
            made.append(Place(place))
            return made[-1]

        yield make
        for place in made:
            place.rig.end()
            place.bystanders.end()


@pytest.fixture(scope="module")
def stopped(make_place: Callable[[], Place]) -> Place:
    """An instance that has never run."""
    return make_place()


@pytest.fixture(scope="module")
def running(make_place: Callable[[], Place]) -> Place:
    """An instance that runs; each example leaves it running."""
    place = make_place()
    place.start()
    return place


@pytest.fixture(scope="module")
def restarted(make_place: Callable[[], Place]) -> Place:
    """An instance that each example starts."""
    return make_place()


# --- files


@BOUNDED
@given(files=FILES, words=WATCHING)
@example(files=COPIED, words="monitor")
def test_any_files_beside_what_is_stopped(
    stopped: Place, files: dict[str, tuple[str, object]], words: str
) -> None:
    stopped.spoil(files)
    is_copied = files.get("record") == COPIED["record"]
    assert stopped.call(words) in ((0, 1) if is_copied else (7,))
    assert stopped.call("stop") == 0


@BOUNDED
@given(files=FILES, words=WATCHING)
@example(files=COPIED, words="monitor")
def test_any_files_beside_what_runs(
    running: Place, files: dict[str, tuple[str, object]], words: str
) -> None:
    before = running.rig.pids
    running.spoil(files)
    assert running.call(words) in (0, 1, 190)
    assert running.call("start", timeout=SECONDS) in (0, 1)
    assert running.rig.pids == before


@settings(BOUNDED, max_examples=6)
@given(files=FILES)
@example(files=COPIED)
def test_stop_ends_all_with_any_files(
    restarted: Place, files: dict[str, tuple[str, object]]
) -> None:
    restarted.start()
    restarted.spoil(files)
    assert restarted.call("stop", timeout=6) == 0
    assert restarted.rig.processes() == []
    assert restarted.call("monitor") == 7


@settings(BOUNDED, max_examples=6)
@given(files=FILES)
@example(files=COPIED)
def test_start_starts_with_any_files(
    restarted: Place, files: dict[str, tuple[str, object]]
) -> None:
    restarted.started = ""
    restarted.spoil(files)
    assert restarted.call("start") == 0
    assert len(restarted.rig.pids) == 3
    assert restarted.call("monitor 10") in (0, 190)
    assert restarted.call("stop", timeout=6) == 0
    assert restarted.rig.processes() == []


# --- parameters and environments


@BOUNDED
@given(parameters=PARAMETERS, others=OTHERS, words=WATCHING)
def test_any_environment_of_what_is_stopped(
    stopped: Place, parameters: dict[str, bytes], others: dict[str, bytes], words: str
) -> None:
    stopped.spoil({})
    assert stopped.call(words, parameters, others) == 7
    assert stopped.call("stop", parameters, others) == 0
    for action in ("validate-all", "reload-agent"):
        assert stopped.call(action, parameters, others) in (0, 2, 5, 6)


@BOUNDED
@given(parameters=PARAMETERS, others=OTHERS, words=WATCHING)
def test_any_environment_of_what_runs(
    running: Place, parameters: dict[str, bytes], others: dict[str, bytes], words: str
) -> None:
    before = running.rig.pids
    running.spoil({})
    assert running.call(words, parameters, others) in (0, 1, 190)
    parameters.pop("pid", None)  # start writes whatever file the operator names
    assert running.call("start", parameters, others, SECONDS) in (0, 1, 2, 5, 6)
    assert running.rig.pids == before


@settings(BOUNDED, max_examples=6)
@given(parameters=PARAMETERS, others=OTHERS)
def test_stop_ends_all_in_any_environment(
    restarted: Place, parameters: dict[str, bytes], others: dict[str, bytes]
) -> None:
    restarted.start()
    assert restarted.call("stop", parameters, others, 6) == 0
    assert restarted.rig.processes() == []


@BOUNDED
@given(timeout=VALUES, interval=VALUES, level=VALUES)
def test_any_times_of_what_is_stopped(
    stopped: Place, timeout: bytes, interval: bytes, level: bytes
) -> None:
    stopped.spoil({})
    given = {"CRM_meta_timeout": timeout, "CRM_meta_interval": interval}
    for action, code in (("monitor", 7), ("stop", 0)):
        assert stopped.call(action, given, {"OCF_CHECK_LEVEL": level}) == code
