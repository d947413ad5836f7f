"""One instance of an agent with a stand-in daemon, in its own folder. It finds the processes of the
daemon without the agent's help (psutil, the daemon's journal)."""

from __future__ import annotations

import configparser
import json
import os
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import psutil

from tests import pace
from tests.calling import AGENTS, GRACE, TIMEOUT, Caller, Result, unshare

HERE = Path(__file__).resolve().parent
PROGRAM = ("standin.py", "answers.py", "settings.py")
POLL = 0.02
STRANGER = "nobody"
PASSWORD = "s3cret-Pässwörd"
# Seconds that a few monitors with a login may take on busy cores. A test that must stay below a
# time limit ages its notes to this long before the limit.
LATE = 40


def service_user() -> str:
    """The user that runs the stand-in: keystone if that user exists."""
    try:
        return pwd.getpwnam("keystone").pw_name
    except KeyError:
        return STRANGER


def wait_until(is_so: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Return once `is_so()` is true; fail with `what` if that takes longer than `seconds`, which
    grow with the machine's lateness."""
    limit = pace.Limit(seconds)
    while not is_so():
        assert not limit.is_over(), f"not within {limit}: {what}"
        time.sleep(POLL)


def free_port(address: str = "127.0.0.1") -> int:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


class Rig:
    """One instance and its daemon.

    folder: holds all files of this instance. caller: calls the agent; its parameters may be
    changed. user: runs the daemon. binary, config: program and configuration file of the stand-in.
    options: further options in that file, by section."""

    def __init__(
        self,
        folder: Path,
        name: str | None = None,
        user: str | None = None,
        agent: str = "keystone",
    ) -> None:
        self.folder, self.user = folder, user or service_user()
        self.account = pwd.getpwnam(self.user)
        self.settings: dict[str, str] = {}
        self.modes: dict[str, str] = {}
        self.options: dict[str, dict[str, str]] = {}
        self.port = free_port()
        self.config = folder / "etc" / "standin.ini"
        self.binary = folder / "bin" / "standin"
        self.notes, self.logs = folder / "notes", folder / "log"
        self.log_file = self.logs / "daemon.log"
        for made in (folder, self.config.parent, self.binary.parent):
            made.mkdir(mode=0o755, parents=True, exist_ok=True)
        for owned in (self.notes, self.logs):
            owned.mkdir(mode=0o755)
            os.chown(owned, self.account.pw_uid, self.account.pw_gid)
        for file in PROGRAM:
            shutil.copy(HERE / file, self.binary.parent / file)
        (self.binary.parent / "standin.py").rename(self.binary)
        self.binary.chmod(0o755)
        self.caller = Caller(
            agent,
            folder,
            name or f"p_{uuid.uuid4().hex[:12]}",
            binary=self.binary,
            config=self.config,
            user=self.user,
            log_file=self.log_file,
            api_timeout=2,
        )
        self.spawned: list[subprocess.Popen[str]] = []
        self.set(folder=str(self.notes), port=str(self.port))

    @property
    def parameters(self) -> dict[str, str]:
        return self.caller.parameters

    def set(self, **settings: object) -> Rig:
        """Change the stand-in's configuration; a running stand-in reads it at its next request."""
        self.settings.update({name: str(value) for name, value in settings.items()})
        return self._write()

    def answer(self, request: str, mode: str) -> Rig:
        """Answer one request, such as "POST /v3/auth/tokens", in this mode from now on."""
        self.modes[request] = mode
        return self._write()

    def configure(self, section: str = "DEFAULT", **options: str) -> Rig:
        """Set options that both the service and its agent read from the configuration file."""
        self.options.setdefault(section, {}).update(options)
        return self._write()

    def _write(self) -> Rig:
        parser = configparser.RawConfigParser(delimiters=("=",))
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_dict(self.options)
        parser["standin"], parser["modes"] = self.settings, self.modes
        new = self.config.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            parser.write(file)
        new.rename(self.config)
        return self

    def give_credentials(self, **parameters: object) -> Rig:
        """Give the stand-in a password, and the agent the parameters to log in with it."""
        self.set(password=PASSWORD)
        self.parameters.update(
            os_auth_url=f"http://127.0.0.1:{self.port}/v2.0/",
            os_username="admin",
            os_password=PASSWORD,
            os_tenant_name="admin",
        )
        self.parameters.update({name: str(value) for name, value in parameters.items()})
        return self

    # --- calling

    def start(self, **more: object) -> Result:
        """Call start, which must succeed."""
        result = self.caller("start", **more)  # type: ignore[arg-type]
        assert result.code == 0, f"{result}\n{self.agent_log}"
        return result

    def stop(self, **more: object) -> Result:
        """Call stop, which must succeed and leave no process."""
        result = self.caller("stop", **more)  # type: ignore[arg-type]
        assert result.code == 0, f"{result}\n{self.agent_log}"
        assert self.processes() == []
        return result

    def probe(self, **more: object) -> Result:
        return self.caller("monitor", **more)  # type: ignore[arg-type]

    def monitor(self, level: int | None = None, **more: object) -> Result:
        return self.caller.monitor(level, **more)

    def spawn(self, action: str, **more: object) -> subprocess.Popen[str]:
        """Begin an action and do not wait for it; it is killed at the end of the test."""
        child = self.caller.spawn(action, **more)  # type: ignore[arg-type]
        self.spawned.append(child)
        return child

    def call_with(self, action: str, covered: dict[str, Path]) -> Result:
        """Call an action that sees other files in place of some of the system's.

        covered: the replacement for each path."""
        mounts = [f"mount --bind {shlex.quote(str(f))} {name}" for name, f in covered.items()]
        agent = shlex.quote(str(AGENTS / self.caller.agent))
        script = " && ".join([*mounts, f"exec {agent} {action}"])
        environment = self.caller.environment()
        timeout = pace.seconds(TIMEOUT)
        environment["OCF_RESKEY_CRM_meta_timeout"] = str(int(timeout * 1000))
        began = time.monotonic()
        words = [*unshare(), "sh", "-c", script]
        done = pace.run(words, own=timeout, timeout=GRACE, env=environment, text=True)
        seconds = time.monotonic() - began
        return Result(done.returncode, done.stdout, done.stderr, seconds, timeout)

    # --- observing

    @property
    def journal(self) -> list[str]:
        path = self.notes / "journal"
        return path.read_text().splitlines() if path.exists() else []

    def count(self, beginning: str) -> int:
        return sum(line.startswith(beginning) for line in self.journal)

    @property
    def launch(self) -> dict:  # type: ignore[type-arg]
        """How the daemon was last started (`facts` in standin.py)."""
        return json.loads((self.notes / "launch").read_text())  # type: ignore[no-any-return]

    @property
    def agent_log(self) -> str:
        path = self.caller.log
        return path.read_text(errors="replace") if path.exists() else ""

    def born(self, role: str = "") -> list[int]:
        """The PIDs of all processes of the stand-in, dead ones too; role: parent or worker."""
        words = [line.split() for line in self.journal if line.startswith(f"born {role}")]
        return [int(pid) for _, _, pid in words]

    def processes(self) -> list[psutil.Process]:
        """Every living process of the stand-in, found by any sign; zombies do not count."""
        noted, found = set(self.born()), []
        for pid in psutil.pids():
            try:
                if os.stat(f"/proc/{pid}").st_uid != self.account.pw_uid:
                    continue
                process = psutil.Process(pid)
                signs = " ".join(process.cmdline())
                if pid in noted:
                    # a process title may hide all other signs; no PID is reused within a test
                    signs += str(self.config)
                if str(self.config) not in signs or process.status() == psutil.STATUS_ZOMBIE:
                    continue
                # a process that is about to end has no executable any more
                if pid in noted or process.exe().startswith("/usr/bin/python3"):
                    found.append(process)
            except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                continue
        return found

    @property
    def sentinels(self) -> list[psutil.Process]:
        """The agent's living processes that wait for the daemon's end."""
        found, caller = [], self.caller
        for process in psutil.process_iter():
            try:
                words = process.cmdline() if process.uids().real == os.getuid() else []
                if f"{caller.agent}/{caller.instance}" in words and any(
                    word.startswith(f"{caller.rsctmp}/") for word in words
                ):
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
        return found

    def lose_sentinels(self) -> None:
        """Kill the sentinels, as the OOM killer or a careless administrator might."""
        for process in self.sentinels:
            process.kill()
        wait_until(lambda: self.sentinels == [], "no sentinel is left")

    @property
    def parent(self) -> psutil.Process:
        """The parent process that was started last."""
        return psutil.Process(self.born("parent")[-1])

    @property
    def pids(self) -> list[int]:
        return sorted(process.pid for process in self.processes())

    def file(self, kind: str) -> Path:
        """A state file of an instance with a plain name: record, token, lock or log."""
        return (
            self.caller.rsctmp / "openstack" / f"{self.caller.agent}@{self.caller.instance}.{kind}"
        )

    @property
    def token_file(self) -> Path:
        """The kept token of the only account here; a path without a file if none is kept."""
        folder = self.file("token").parent
        found = list(folder.glob("account-*.token"))
        assert len(found) < 2
        return found[0] if found else folder / "account-none.token"

    def leave_token(self, seconds: int) -> None:
        """Move the end of the kept token: it has so many seconds left."""
        lines = self.token_file.read_text().split("\n")
        lines[2] = str(int(time.time()) + seconds)
        self.token_file.write_text("\n".join(lines))

    @property
    def pid_file(self) -> Path:
        return self.caller.rsctmp / f"{self.caller.instance}.pid"

    def lose_state(self) -> None:
        shutil.rmtree(self.caller.rsctmp)

    def age(self, seconds: float) -> None:
        """Move all times in the monitors' notes, and those of refused log-ins, into the past by
        `seconds`."""
        folder = self.file("notes").parent
        for path in (self.file("notes"), *folder.glob("account-*.refused")):
            found = []
            for line in path.read_text().splitlines() if path.exists() else ():
                name, _, value = line.partition("=")
                is_time = value.replace(".", "", 1).isdigit() and "." in value
                found.append(f"{name}={float(value) - seconds:.3f}" if is_time else line)
            path.write_text("".join(f"{line}\n" for line in found))

    def run_by_hand(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the daemon without the agent, as an init script does."""
        with self.log_file.open("a") as output:
            child = subprocess.Popen(
                [str(self.binary), f"--config-file={self.config}", *arguments],
                user=self.user,
                group=self.account.pw_gid,
                extra_groups=[],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env={"PATH": "/usr/bin:/bin"},
                start_new_session=True,
                text=True,
            )
        self.spawned.append(child)
        return child

    # --- cleaning up

    def end(self) -> None:
        """Kill everything that was started, whatever the test did."""
        for child in self.spawned:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
        # the sentinels first, because the daemons' end would wake them
        self.lose_sentinels()
        limit = pace.Limit(10)
        while left := self.processes():
            for process in left:
                try:
                    process.kill()  # psutil checks that the PID was not reused
                except psutil.NoSuchProcess:
                    continue
            assert not limit.is_over(), f"these outlive SIGKILL: {left}"
            time.sleep(POLL)
