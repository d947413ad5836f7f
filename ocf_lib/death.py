"""A daemon has ended unasked: say how, and have Pacemaker recover it at once (cold module).

A sentinel runs this. stop kills the sentinel before it asks the daemon to end, so what gets here
nobody asked for.

Source: `crm_resource --fail`, whose recovery began within 0.4 s on a cluster of ours; proc(5),
"Kernel log" of the kernel's documentation (/dev/kmsg).
"""

from __future__ import annotations

import os
import subprocess
from time import monotonic, sleep

from ocf_lib import lock, packages, signals
from ocf_lib.log import Log
from ocf_lib.outcomes import NotInstalled
from ocf_lib.record import Record, read

NODE = "OCF_RESKEY_CRM_meta_on_node"
KERNEL_LOG = "/dev/kmsg"
# A start that is under way ends within its timeout; one that outlasts this reports for itself.
START_SECONDS = 300.0
# Pacemaker's own tools wait for nothing: they answer in 0.1 s. Its controller may be electing.
TOOL_SECONDS, TRIES, PAUSE = 10.0, 5, 1.0


def report(name: str, record: str, pid: int, start: int, status: int) -> None:
    """name: of the instance. record: path of its record. pid, start: who ended. status: of wait(2),
    -1 where nobody could see it. Never raises: the next poll finds what this did not tell."""
    service, _, instance = name.partition("/")
    log = Log(os.environ, f"{service}({instance})")
    try:
        _report(log, instance, record, (pid, start), status)
    except Exception as error:  # noqa: BLE001 - a bug is a log entry
        log.error(f"this is a bug of the agent: crash detection: {error!r}")


def _report(log: Log, instance: str, record: str, ended: tuple[int, int], status: int) -> None:
    how = _how(*ended, status)
    if read(record) is not None:
        with lock.held(record.rpartition(".")[0] + ".lock", monotonic() + START_SECONDS):
            pass  # a start that is under way has ended
    text = read(record)
    known = Record.parse(text) if text is not None else None
    if known is None or (known.leader.pid, known.leader.start) != ended:
        log.warning(f"PID {ended[0]} {how}; no record of it is left, so nobody is told")
        return
    if not known.is_settled:
        return  # that start has failed of it, and said so
    node = os.environ.get(NODE, "")
    if not node:
        log.error(f"PID {ended[0]} {how}; nobody is told, since Pacemaker did not start it")
        return
    hindrance = _hindrance(instance, node)
    if hindrance:
        log.error(f"PID {ended[0]} {how}; Pacemaker is not told: {hindrance}")
        return
    log.error(f"PID {ended[0]} {how}; Pacemaker is told")
    for _ in range(TRIES):
        said = _run("crm_resource", "--fail", "--resource", instance, "--node", node)
        if said is not None:
            return
        sleep(PAUSE)
    log.error(f"crm_resource --fail did not succeed in {TRIES} tries: the next monitor finds it")


def _how(pid: int, start: int, status: int) -> str:
    """How it ended, in words."""
    if status < 0:
        return "ended (how is not known: it was not started by this agent)"
    told = signals.describe(status)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == 9 and _is_oom_killed(pid, start):
        told += " by the kernel's OOM killer"
    if os.WIFSIGNALED(status) and os.WCOREDUMP(status):
        told += ", core dumped"
    return told


def _is_oom_killed(pid: int, start: int) -> bool:
    """The kernel's log has it. PIDs there are those of the host, not of a container."""
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
                continue  # it was overwritten while we read
            except OSError:
                return False  # that was all
            facts, _, text = entry.partition(";")
            if wanted in text and int(facts.split(",")[2]) / 1e6 >= since:
                return True
            if not entry:
                return False
    finally:
        os.close(descriptor)


def _hindrance(instance: str, node: str) -> str:
    """Why Pacemaker is better not told; "" for no reason. A failure on record of a resource that it
    does not manage would have it restarted when that ends, whatever has been done by then."""
    text = _run("crm_mon", "--one-shot", "--output-as=xml")
    if text is None:
        return "crm_mon does not answer"
    try:
        packages.need("lxml", "python3-lxml")
    except NotInstalled as error:
        return str(error)
    from lxml import etree

    for found in etree.fromstring(text).iter("resource"):
        is_meant = instance in (found.get("id"), found.get("id", "").partition(":")[0])
        if is_meant and node in [place.get("name") for place in found.iter("node")]:
            if found.get("managed") != "true" or found.get("maintenance") == "true":
                return "it does not manage this resource now"
            return "the resource is blocked" if found.get("blocked") == "true" else ""
    return f"it does not run this resource on {node}"


def _run(*words: str) -> bytes | None:
    """What the tool printed, None where it failed."""
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
