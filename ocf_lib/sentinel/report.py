"""A daemon has crashed: log how it ended, and have Pacemaker recover it at once.

A sentinel runs this. stop kills the sentinel before it asks the daemon to end, so an end that gets
here was not asked for.

Source: `crm_resource --fail`, after which recovery began within 0.4 s on a cluster of ours;
proc(5), "Kernel log" of the kernel's documentation (/dev/kmsg).
"""

from __future__ import annotations

import os
import subprocess
from time import monotonic, sleep

from ocf_lib import libraries
from ocf_lib.log import Log
from ocf_lib.outcomes import NotInstalled
from ocf_lib.processes import signals
from ocf_lib.state import lock, statefile
from ocf_lib.state.record import Record

NODE = "OCF_RESKEY_CRM_meta_on_node"
KERNEL_LOG = "/dev/kmsg"
# Seconds that a running start may take to end; it reports its own failures.
START_SECONDS = 300.0
# Pacemaker's tools answer in 0.1 s, but its controller may be in an election. Times in seconds.
TOOL_SECONDS, TRIES, PAUSE = 10.0, 5, 1.0


def report(name: str, record: str, pid: int, start: int, status: int) -> None:
    """Log the end of a daemon and report it to Pacemaker.

    name: the instance. record: path of its record. pid, start: the daemon's. status: as from
    wait(2), -1 if unknown. Never raises: the next monitor finds a crash that was not reported.
    """
    agent, _, instance = name.partition("/")
    log = Log(os.environ, agent, instance)
    try:
        _report(log, instance, record, (pid, start), status)
    except Exception as error:  # noqa: BLE001 - a bug is a log entry
        log.error(f"this is a bug of the agent: crash detection: {error!r}")


def _report(log: Log, instance: str, record: str, ended: tuple[int, int], status: int) -> None:
    how = _how(*ended, status)
    if statefile.read(record) is not None:
        with lock.held(record.rpartition(".")[0] + ".lock", monotonic() + START_SECONDS):
            pass  # a running start has ended
    text = statefile.read(record)
    known = Record.parse(text) if text is not None else None
    if known is None or (known.leader.pid, known.leader.start) != ended:
        log.warning(f"PID {ended[0]} {how}; no record of it is left, so nobody is told")
        return
    if not known.is_settled:
        return  # its start failed because of this, and said so
    node = os.environ.get(NODE, "")
    if not node:
        log.error(f"PID {ended[0]} {how}; nobody is told, since Pacemaker did not start it")
        return
    _tell(log, f"PID {ended[0]} {how}", instance, node)


def _tell(log: Log, fact: str, instance: str, node: str) -> None:
    """Have Pacemaker recover the resource, as soon as Pacemaker accepts the report."""
    why, is_said = "", False
    for turn in range(TRIES):
        sleep(PAUSE if turn else 0)
        try:
            option = _option(instance, node)
        except _NotYetError as error:
            why = str(error)
            continue
        except _NeverError as error:
            why = str(error)
            break
        if not is_said:
            # logged before Pacemaker is told: the stop that follows ends us
            log.error(f"{fact}; Pacemaker is told")
            is_said = True
        if _run("crm_resource", option, "--resource", instance, "--node", node) is not None:
            return
        why = f"crm_resource {option} fails"
    log.error(f"{fact}; Pacemaker is not told: {why}")


def _how(pid: int, start: int, status: int) -> str:
    """How the daemon ended, in words."""
    if status < 0:
        return "ended (how is not known: it was not started by this agent)"
    told = signals.describe(status)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == 9 and _is_oom_killed(pid, start):
        told += " by the kernel's OOM killer"
    if os.WIFSIGNALED(status) and os.WCOREDUMP(status):
        told += ", core dumped"
    return told


def _is_oom_killed(pid: int, start: int) -> bool:
    """Whether the kernel's log says so. Its PIDs are those of the host, not of a container."""
    wanted = f"Killed process {pid} ("
    since = start / os.sysconf("SC_CLK_TCK")
    try:
        descriptor = os.open(KERNEL_LOG, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        while True:
            try:
                entry = os.read(descriptor, 8192).decode("utf-8", "replace")
            except BrokenPipeError:
                continue  # the kernel overwrote it meanwhile
            except OSError:
                return False  # that was all
            facts, _, text = entry.partition(";")
            if wanted in text and int(facts.split(",")[2]) / 1e6 >= since:
                return True
            if not entry:
                return False
    finally:
        os.close(descriptor)


def _option(instance: str, node: str) -> str:
    """The option for crm_resource.

    Raises _NeverError if Pacemaker must not be told: a failure on record of an unmanaged resource
    restarts the resource once it is managed again, even if somebody has repaired it by then. Raises
    _NotYetError if Pacemaker does not answer, or does not know yet that the resource runs here,
    perhaps because it has not read the result of start.
    """
    text = _run("crm_mon", "--one-shot", "--output-as=xml")
    if text is None:
        raise _NotYetError("crm_mon does not answer")
    try:
        libraries.need("lxml", "python3-lxml")
    except NotInstalled as error:
        raise _NeverError(str(error)) from None
    from lxml import etree

    try:
        status = etree.fromstring(text)
    except etree.XMLSyntaxError:
        raise _NotYetError("crm_mon answers no XML") from None
    for found in status.iter("resource"):
        is_meant = instance in (found.get("id"), found.get("id", "").partition(":")[0])
        if is_meant and node in [place.get("name") for place in found.iter("node")]:
            if found.get("managed") != "true" or found.get("maintenance") == "true":
                raise _NeverError("it does not manage this resource now")
            if found.get("blocked") == "true":
                raise _NeverError("the resource is blocked")
            # the cluster takes no failure from a Pacemaker Remote node (2.1.5: "does not have
            # permission to fail"), although crm_resource succeeds; it does take a probe
            kinds = [each.get("type") for each in status.iter("node") if each.get("name") == node]
            return "--refresh" if "remote" in kinds else "--fail"
    raise _NotYetError(f"it does not run this resource on {node}")


class _NotYetError(Exception):
    """Pacemaker may accept the report a moment later."""


class _NeverError(Exception):
    """Pacemaker is not to be told."""


def _run(*words: str) -> bytes | None:
    """What the tool printed, None if it failed."""
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TOOL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
