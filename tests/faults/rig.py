"""One instance of an agent over a stand-in daemon, in a folder of its own, and an oracle of its own
(psutil, the daemon's journal) of which processes there are."""

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

from tests.calling import AGENTS, Caller, Result, unshare

HERE = Path(__file__).resolve().parent
PROGRAM = ("standin.py", "answers.py", "settings.py")
POLL = 0.02
STRANGER = "nobody"
PASSWORD = "s3cret-Pässwörd"
# In seconds: what a few monitors with a log-in may take where the cores are busy. What is to be
# short of a limit is aged to so long before it.
LATE = 40


def service_user() -> str:
    """Who runs the stand-in: keystone where that is installed."""
    try:
        return pwd.getpwnam("keystone").pw_name
    except KeyError:
        return STRANGER


def wait_until(is_so: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Return when `is_so()` is true; fail with `what` when it is not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(POLL)


def free_port(address: str = "127.0.0.1") -> int:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


class Rig:
    """folder: everything of this instance. caller: calls the agent for it; its parameters may be
    changed. user: whom the daemon runs as. binary, config: the stand-in's. options: what else its
    configuration has, by section."""

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
        """Change the stand-in's configuration; a running one reads it at its next request."""
        self.settings.update({name: str(value) for name, value in settings.items()})
        return self._write()

    def answer(self, request: str, mode: str) -> Rig:
        """Have one request, such as "POST /v3/auth/tokens", answered in this mode."""
        self.modes[request] = mode
        return self._write()

    def configure(self, section: str = "DEFAULT", **options: str) -> Rig:
        """What a service of this agent reads from its configuration, and the agent does."""
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
        """A password that the stand-in takes, and parameters that log in with it."""
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
        """start, which must succeed."""
        result = self.caller("start", **more)  # type: ignore[arg-type]
        assert result.code == 0, f"{result}\n{self.agent_log}"
        return result

    def stop(self, **more: object) -> Result:
        """stop, which must succeed and leave nothing."""
        result = self.caller("stop", **more)  # type: ignore[arg-type]
        assert result.code == 0, f"{result}\n{self.agent_log}"
        assert self.processes() == []
        return result

    def probe(self, **more: object) -> Result:
        return self.caller("monitor", **more)  # type: ignore[arg-type]

    def monitor(self, level: int | None = None, **more: object) -> Result:
        return self.caller.monitor(level, **more)

    def spawn(self, action: str, **more: object) -> subprocess.Popen[str]:
        """An action that is not waited for; ended with the test."""
        child = self.caller.spawn(action, **more)  # type: ignore[arg-type]
        self.spawned.append(child)
        return child

    def call_with(self, action: str, covered: dict[str, Path], timeout: float = 20) -> Result:
        """An action on a host where other files lie over some of the system's."""
        mounts = [f"mount --bind {shlex.quote(str(f))} {name}" for name, f in covered.items()]
        agent = shlex.quote(str(AGENTS / self.caller.agent))
        script = " && ".join([*mounts, f"exec {agent} {action}"])
        environment = self.caller.environment()
        environment["OCF_RESKEY_CRM_meta_timeout"] = str(int(timeout * 1000))
        began = time.monotonic()
        done = subprocess.run(
            [*unshare(), "sh", "-c", script],
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout + 15,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr, time.monotonic() - began)

    # --- what there is

    @property
    def journal(self) -> list[str]:
        path = self.notes / "journal"
        return path.read_text().splitlines() if path.exists() else []

    def count(self, beginning: str) -> int:
        return sum(line.startswith(beginning) for line in self.journal)

    @property
    def launch(self) -> dict:  # type: ignore[type-arg]
        """How the daemon was started last (facts in standin.py)."""
        return json.loads((self.notes / "launch").read_text())  # type: ignore[no-any-return]

    @property
    def agent_log(self) -> str:
        path = self.caller.log
        return path.read_text(errors="replace") if path.exists() else ""

    def born(self, role: str = "") -> list[int]:
        """The PIDs of all that the stand-in forked, dead ones too; role: parent or worker."""
        words = [line.split() for line in self.journal if line.startswith(f"born {role}")]
        return [int(pid) for _, _, pid in words]

    def processes(self) -> list[psutil.Process]:
        """Every living process of the stand-in, zombies left out, by any sign there is of it."""
        noted, found = set(self.born()), []
        for pid in psutil.pids():
            try:
                if os.stat(f"/proc/{pid}").st_uid != self.account.pw_uid:
                    continue
                process = psutil.Process(pid)
                signs = " ".join(process.cmdline())
                if pid in noted:
                    # a title may have been written over all other signs; a PID comes round again
                    # much later than a test lasts
                    signs += str(self.config)
                if str(self.config) not in signs or process.status() == psutil.STATUS_ZOMBIE:
                    continue
                # one that is ending has no executable any more
                if pid in noted or process.exe().startswith("/usr/bin/python3"):
                    found.append(process)
            except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                continue
        return found

    @property
    def sentinels(self) -> list[psutil.Process]:
        """The living processes that wait for the daemon's end."""
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
        """As the OOM killer would, or somebody who does not know what they are."""
        for process in self.sentinels:
            process.kill()
        wait_until(lambda: self.sentinels == [], "no sentinel is left")

    @property
    def parent(self) -> psutil.Process:
        """The parent that was started last."""
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
    def pid_file(self) -> Path:
        return self.caller.rsctmp / f"{self.caller.instance}.pid"

    def lose_state(self) -> None:
        shutil.rmtree(self.caller.rsctmp)

    def age(self, seconds: float) -> None:
        """As if all times that monitors noted had been noted so much earlier."""
        path, found = self.file("notes"), []
        for line in path.read_text().splitlines():
            name, _, value = line.partition("=")
            is_time = value.replace(".", "", 1).isdigit() and "." in value
            found.append(f"{name}={float(value) - seconds:.3f}" if is_time else line)
        path.write_text("\n".join(found) + "\n")

    def run_by_hand(self, *arguments: str) -> subprocess.Popen[str]:
        """The daemon as somebody else, such as an init script, starts it."""
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

    # --- the end

    def end(self) -> None:
        """Nothing that was started outlives this, whatever the test did."""
        for child in self.spawned:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
        # first: what the daemons' end would wake
        self.lose_sentinels()
        deadline = time.monotonic() + 10
        while left := self.processes():
            for process in left:
                try:
                    process.kill()  # psutil looks whether the PID is another's by now
                except psutil.NoSuchProcess:
                    continue
            assert time.monotonic() < deadline, f"these outlive SIGKILL: {left}"
            time.sleep(POLL)
