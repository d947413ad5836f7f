"""Runs a daemon as its user, in a session of its own, with nothing of ours about it (cold)."""

from __future__ import annotations

import contextlib
import os
import pwd
import resource
import signal
import subprocess

from ocf_lib.instance import MARKER
from ocf_lib.launch.last_words import Printed, size_of
from ocf_lib.outcomes import Failed, NotInstalled
from ocf_lib.sentinel import spawn
from ocf_lib.state import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ocf_lib.instance import Instance
    from ocf_lib.launch.command import Command
    from ocf_lib.log import Log

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Of the caller's environment only what says how this host is set up. Everything else stays behind:
# OCF_RESKEY_os_password is among it.
KEPT = ("LANG", "LC_ALL", "LC_CTYPE", "TZ")
UMASK = 0o022
OOM_SCORE = "/proc/self/oom_score_adj"
# What Debian's units for OpenStack give (LimitNOFILE); Pacemaker's own may be 1024.
OPEN_FILES = 65535


def user_of(instance: Instance) -> pwd.struct_passwd | None:
    """The account that parameter user names, by name or number; None where this host has none."""
    name = instance.parameters["user"]
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(name)
    with contextlib.suppress(KeyError, ValueError):
        return pwd.getpwuid(int(name))
    return None


class Daemon:
    """A daemon that we started.

    process: what is known of it. argv: its command line. uid: its user. printed: where its last
    words may be.
    """

    def __init__(
        self, process: spawn.Watched, argv: Sequence[str], uid: int, printed: Sequence[Printed]
    ) -> None:
        self.process, self.argv, self.uid, self.printed = process, argv, uid, printed

    def last_words(self) -> str:
        """The last line that it printed since the start, "" for none."""
        lines = (printed.last_line(self.uid) for printed in self.printed)
        return next(filter(None, lines), "")


def launch(instance: Instance, command: Command, log: Log) -> Daemon:
    """Start `command` as the user of `instance`, under a sentinel; both live on when the agent ends
    or is killed.

    Raises NotInstalled where the user is missing, Failed where the program cannot be run.
    """
    user = user_of(instance)
    if user is None:
        raise NotInstalled(f"user {instance.parameters['user']} does not exist: set parameter user")
    _make_runtime_folder(instance, user)
    output = _open_output(instance, user, log)
    # its own log first: what it prints before it opens that one is seldom why it dies
    printed = [Printed(path, -1, size_of(path)) for path in command.logs]
    printed.append(Printed("", output, os.fstat(output).st_size))
    lift_limits()
    _heed_signals()
    home = user.pw_dir if os.path.isdir(user.pw_dir) else "/"

    def run() -> int:
        process = subprocess.Popen(  # noqa: S603 - words, not a shell; the operator's own command
            command.argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=home,
            env=environment(instance, command, user),
            umask=UMASK,
            start_new_session=True,
            **_credentials(user),
        )
        return process.pid

    try:
        process = spawn.launch(instance, run)
    except OSError as error:
        raise Failed(f"{command.argv[0]} could not be run: {error.strerror}") from None
    return Daemon(process, command.argv, user.pw_uid, printed)


def ask(instance: Instance, command: Command, query: Sequence[str], seconds: float) -> str:
    """What the daemon's program prints with these arguments after its own, run as its user; "" if
    it fails, or takes longer than that."""
    user = user_of(instance)
    if user is None:
        return ""
    try:
        done = subprocess.run(  # noqa: S603 - words, not a shell; the operator's own command
            [*command.argv, *query],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=max(0.0, seconds),
            cwd="/",
            env=environment(instance, command, user),
            **_credentials(user),
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return "" if done.returncode else done.stdout.decode("utf-8", "replace")


def environment(instance: Instance, command: Command, user: pwd.struct_passwd) -> dict[str, str]:
    """All variables of the daemon: the usual ones, its own, and the marker of the instance."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {
        "PATH": PATH,
        "HOME": user.pw_dir,
        "USER": user.pw_name,
        "LOGNAME": user.pw_name,
        "SHELL": "/bin/sh",
        **kept,
        **command.environment,
        MARKER: instance.name,
    }


def _credentials(user: pwd.struct_passwd) -> dict[str, Any]:
    """Only root can become somebody; for its own user (tests) there is nothing to change."""
    if os.geteuid() != 0:
        return {}
    groups = os.getgrouplist(user.pw_name, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": groups}


def _make_runtime_folder(instance: Instance, user: pwd.struct_passwd) -> None:
    """What the package's unit would make, RuntimeDirectory and CacheDirectory; /run is empty after
    a boot. One that is there is left alone, unless a stranger made it: anybody may in /run/lock."""
    usual = instance.parameters.declared["user"].default or ""
    for parent in ("/run", "/run/lock", "/var/cache"):
        folder = f"{parent}/{instance.service.project}"
        with contextlib.suppress(OSError):
            os.mkdir(folder, 0o755)
            os.chown(folder, user.pw_uid, user.pw_gid)
            continue
        with contextlib.suppress(OSError, KeyError):
            if os.stat(parent).st_mode & 0o002:
                friends = (0, user.pw_uid, pwd.getpwnam(usual).pw_uid)
                _take(folder, user, friends)


def _take(folder: str, user: pwd.struct_passwd, friends: Sequence[int]) -> None:
    """Make it the user's where it is none of the friends'. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(descriptor).st_uid not in friends:
            os.fchown(descriptor, user.pw_uid, user.pw_gid)
            os.fchmod(descriptor, 0o755)
    finally:
        os.close(descriptor)


def log_path(instance: Instance) -> str:
    """Where the daemon's own output goes: parameter log_file or /var/log/PROJECT/INSTANCE.log."""
    given: str | None = instance.parameters["log_file"]
    name = instance.environment.instance.replace("/", "_")
    return given or f"/var/log/{instance.service.project}/{name}.log"


def _open_output(instance: Instance, user: pwd.struct_passwd, log: Log) -> int:
    """The log file, or one among our state where it cannot be had: never /dev/null."""
    owner = (user.pw_uid, user.pw_gid)
    path = log_path(instance)
    try:
        return files.open_log(path, owner)
    except OSError as error:
        spare = instance.file("log")
        log.warning(f"the daemon's output goes to {spare}: {path} cannot be opened ({error})")
    try:
        return files.open_log(spare, owner)
    except OSError as error:
        raise Failed(f"no log file for the daemon: {spare} cannot be opened ({error})") from None


def _heed_signals() -> None:
    """A signal that we were started to ignore (nohup, a shell's `&`) would be ignored by the daemon
    too. Those that Python itself ignores Popen sets back."""
    for number in signal.valid_signals():
        if signal.getsignal(number) is signal.SIG_IGN and number not in (
            signal.SIGPIPE,
            signal.SIGXFSZ,
        ):
            with contextlib.suppress(OSError):
                signal.signal(number, signal.SIG_DFL)


def lift_limits() -> None:
    """Set on ourselves; the daemon inherits them, and we end soon."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > soft:
        wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    # a cluster manager that the OOM killer spares must not pass that on to every service
    with contextlib.suppress(OSError, ValueError), open(OOM_SCORE, "r+") as file:
        if int(file.read()) < 0:
            file.seek(0)
            file.write("0")
