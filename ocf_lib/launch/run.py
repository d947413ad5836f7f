"""Runs a daemon as its user, in a session of its own, without our environment and descriptors.

Source: daemon(7), setsid(2), proc(5) for oom_score_adj.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import resource
import signal
import subprocess

from ocf_lib.launch import user
from ocf_lib.launch.last_words import Printed, size_of
from ocf_lib.outcomes import Failed, NotInstalled
from ocf_lib.processes.procfs import MARKER
from ocf_lib.sentinel.spawn import Sentinel, Watched
from ocf_lib.state import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ocf_lib.instance import Instance
    from ocf_lib.launch.command import Command
    from ocf_lib.log import Log

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The daemon gets these variables of the caller, which say how this host is set up, and no others:
# one of the others is OCF_RESKEY_os_password.
KEPT = ("LANG", "LC_ALL", "LC_CTYPE", "TZ")
UMASK = 0o022
OOM_SCORE = "/proc/self/oom_score_adj"
# LimitNOFILE of Debian's units for OpenStack; Pacemaker's own limit may be 1024.
OPEN_FILES = 65535


class Daemon:
    """A daemon that we started.

    process: its PID and, later, how it ended. argv: its command line. account: its user.
    environment: its variables. printed: the files that may have its last words.
    """

    def __init__(
        self,
        process: Watched,
        argv: Sequence[str],
        account: pwd.struct_passwd,
        environment: dict[str, str],
        printed: Sequence[Printed],
    ) -> None:
        self.process, self.argv, self.printed = process, argv, printed
        self.account, self.environment = account, environment

    def last_words(self) -> str:
        """The last line that it printed since the start, "" for none."""
        lines = (printed.last_line(self.account.pw_uid) for printed in self.printed)
        return next(filter(None, lines), "")

    def ask(self, query: Sequence[str], seconds: float) -> str:
        """Run the daemon's command line with `query` behind it, as its user, and return what it
        prints; "" if it fails or takes longer than `seconds`."""
        try:
            done = subprocess.run(  # noqa: S603 - words, not a shell; the operator's own command
                [*self.argv, *query],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=max(0.0, seconds),
                cwd="/",
                env=self.environment,
                **_identity(self.account),
            )
        except (OSError, subprocess.SubprocessError):
            return ""
        return "" if done.returncode else done.stdout.decode("utf-8", "replace")


def launch(instance: Instance, command: Command, log: Log) -> Daemon:
    """Start `command` as the user of `instance`, under a sentinel. Both live on when the agent ends
    or is killed.

    Raises NotInstalled if the user is missing, Failed if the program cannot be run.
    """
    name = instance.parameters["user"]
    account = user.account_of(name)
    if account is None:
        raise NotInstalled(f"user {name} does not exist: set parameter user")
    _make_runtime_folders(instance, account)
    output = _open_output(instance, account, log)
    # the daemon's own log first: what it prints before it opens that log is seldom why it died
    printed = [Printed(path, -1, size_of(path)) for path in command.logs]
    printed.append(Printed("", output, os.fstat(output).st_size))
    lift_limits()
    _heed_signals()
    home = account.pw_dir if os.path.isdir(account.pw_dir) else "/"
    variables = environment(instance.name, command, account)

    def run() -> int:
        process = subprocess.Popen(  # noqa: S603 - words, not a shell; the operator's own command
            command.argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=home,
            env=variables,
            umask=UMASK,
            start_new_session=True,
            **_identity(account),
        )
        return process.pid

    try:
        process = Sentinel(instance).launch(run)
    except OSError as error:
        raise Failed(f"{command.argv[0]} could not be run: {error.strerror}") from None
    return Daemon(process, command.argv, account, variables, printed)


def environment(name: str, command: Command, account: pwd.struct_passwd) -> dict[str, str]:
    """All variables of the daemon: the usual ones, its own, and the marker of the instance
    `name`."""
    kept = {each: os.environ[each] for each in KEPT if each in os.environ}
    return {
        "PATH": PATH,
        "HOME": account.pw_dir,
        "USER": account.pw_name,
        "LOGNAME": account.pw_name,
        "SHELL": "/bin/sh",
        **kept,
        **command.environment,
        MARKER: name,
    }


def _identity(account: pwd.struct_passwd) -> dict[str, Any]:
    """Options of subprocess that make the child this user. Only root can do that."""
    if os.geteuid() != 0:
        return {}
    groups = os.getgrouplist(account.pw_name, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": groups}


def _make_runtime_folders(instance: Instance, account: pwd.struct_passwd) -> None:
    """Make what the package's unit would make (RuntimeDirectory, CacheDirectory): /run is empty
    after a boot. A folder that exists is left alone, unless a stranger made it: every user may make
    one in /run/lock."""
    usual = instance.parameters.declared["user"].default or ""
    for parent in ("/run", "/run/lock", "/var/cache"):
        folder = f"{parent}/{instance.service.project}"
        with contextlib.suppress(OSError):
            os.mkdir(folder, 0o755)
            os.chown(folder, account.pw_uid, account.pw_gid)
            continue
        with contextlib.suppress(OSError, KeyError):
            if os.stat(parent).st_mode & 0o002:
                trusted = (0, account.pw_uid, pwd.getpwnam(usual).pw_uid)
                _take(folder, account, trusted)


def _take(folder: str, account: pwd.struct_passwd, trusted: Sequence[int]) -> None:
    """Give the folder to the account unless one of the trusted uids owns it. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(descriptor).st_uid not in trusted:
            os.fchown(descriptor, account.pw_uid, account.pw_gid)
            os.fchmod(descriptor, 0o755)
    finally:
        os.close(descriptor)


def log_path(instance: Instance) -> str:
    """The file for the daemon's own output: parameter log_file or /var/log/PROJECT/INSTANCE.log."""
    given: str | None = instance.parameters["log_file"]
    name = instance.environment.instance.replace("/", "_")
    return given or f"/var/log/{instance.service.project}/{name}.log"


def _open_output(instance: Instance, account: pwd.struct_passwd, log: Log) -> int:
    """The log file or, if it cannot be opened, one in our state folder: never /dev/null."""
    owner = (account.pw_uid, account.pw_gid)
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
    """Restore signals that we inherited as ignored (from nohup, or a shell's `&`): the daemon would
    ignore them too. Popen restores those that Python itself ignores."""
    for number in signal.valid_signals():
        if signal.getsignal(number) is signal.SIG_IGN and number not in (
            signal.SIGPIPE,
            signal.SIGXFSZ,
        ):
            with contextlib.suppress(OSError):
                signal.signal(number, signal.SIG_DFL)


def lift_limits() -> None:
    """Raise our own limits: the daemon inherits them, and we end soon."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > soft:
        wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    # the OOM killer may spare a cluster manager, but not every service that it starts
    with contextlib.suppress(OSError, ValueError), open(OOM_SCORE, "r+") as file:
        if int(file.read()) < 0:
            file.seek(0)
            file.write("0")
