"""What the steps do. Each act returns its result for the log, and raises Problem if an agent did
what it must not do."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable

import psutil

from tests import pace
from tests.calling import Result
from tests.faults.neighbours import SECRET
from tests.faults.rig import PASSWORD
from tests.soak.oracle import Sight, look, watchers
from tests.soak.plan import MANNERS, Step
from tests.soak.site import WELL, Member, Site

CODES = {*range(10), 190, 191}
# Seconds. TIMEOUT: for an action if all is well, on a quiet machine. SHORT: for a start that cannot
# succeed, and for a stop that may have to kill. LONGEST_DELAY: until an action is interrupted or a
# second one starts.
TIMEOUT, SHORT, LONGEST_DELAY = 15, 5, 0.5
ODDITIES = ("Traceback", "bug in the agent", "bug of the agent", PASSWORD, SECRET)


class Problem(Exception):
    """An agent did what it must not do, or reported what is not true."""


class Acts:
    """The actions of the steps, on one site."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def do(self, step: Step) -> str:
        act = getattr(self, step.action)
        member = self.site.members.get(step.name)
        said: str = act(step) if member is None else act(member, step)
        return said

    # --- the agent

    def call(self, member: Member, action: str, **more: object) -> Result:
        result = member.rig.caller(action, **more)  # type: ignore[arg-type]
        examine(member, action, result)
        return result

    def start(self, member: Member, step: Step) -> str:
        """Start with the step's manners; a daemon that runs already keeps its own."""
        member.behave(step.choice, MANNERS[step.choice])
        before = look(self.site, member)
        is_well = member.mode == "ok"
        result = self.call(member, "start", timeout=self._patience(member))
        self._judge_start(member, before, is_well, result)
        return shown("start", result)

    def _patience(self, member: Member) -> float:
        waits = not member.has_api and self.site.states["broker"] != WELL
        return pace.seconds(TIMEOUT) if member.mode == "ok" and not waits else SHORT

    def _judge_start(self, member: Member, before: Sight, is_well: bool, result: Result) -> None:
        after = look(self.site, member)
        if len(after.parents) > 1:
            raise Problem(f"a second daemon was started: {before}, then {after}")
        if result.code == 0 and not after.parents:
            raise Problem(f"start returned 0, but the daemon does not run: {after}")
        if result.code not in (0, 1):
            raise Problem(f"start returned {result.code}")
        if before.loads:
            return
        orphans = before.workers & after.workers if not before.parents else frozenset()
        if orphans and (result.code == 0 or after.parents):
            raise Problem(f"start left orphaned workers running: {before}, then {after}")
        if is_well and not before.parents and not before.workers and result.code:
            raise Problem(f"start of a healthy daemon returned {result.code}")

    def stop(self, member: Member, step: Step) -> str:
        result = self.call(member, "stop", timeout=SHORT)
        if result.code != 0:
            raise Problem(f"stop returned {result.code}")
        if left := member.rig.processes():
            raise Problem(f"stop returned 0 but left {left}")
        return shown("stop", result)

    def recover(self, member: Member, step: Step) -> str:
        """Stop and start, as Pacemaker recovers a resource, with the daemon repaired between."""
        stopped = self.stop(member, step)
        self.mend(member, step)
        return f"{stopped}, {self.start(member, step)}"

    def monitor(self, member: Member, step: Step) -> str:
        """Run status, a probe, or twice a monitor of the step's level."""
        if step.choice == "status":
            return shown("status", self.call(member, "status"))
        if step.choice == "probe":
            return shown("probe", self.call(member, "monitor"))
        results = [
            self.call(member, "monitor", interval=10, level=int(step.choice)) for _ in range(2)
        ]
        return ", ".join(shown(f"monitor {step.choice}", result) for result in results)

    def interrupt_start(self, member: Member, step: Step) -> str:
        return self._interrupt(member, "start", step)

    def interrupt_stop(self, member: Member, step: Step) -> str:
        return self._interrupt(member, "stop", step)

    def _interrupt(self, member: Member, action: str, step: Step) -> str:
        """Kill the action after a delay, as Pacemaker does at the action's timeout."""
        delay = step.chance * LONGEST_DELAY
        child = member.rig.caller.spawn(action, SHORT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(delay)
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            return f"{action} was killed after {delay:.2f} s"
        return shown(action, _finish(member, action, child))

    def pair(self, member: Member, step: Step) -> str:
        """Run two actions, the second at once or after a delay, each as if it were alone."""
        before = look(self.site, member)
        actions = step.choice.split()
        times = [self._patience(member) if action == "start" else SHORT for action in actions]
        first = member.rig.caller.spawn(actions[0], times[0])
        time.sleep(LONGEST_DELAY * step.chance**3)
        both = [first, member.rig.caller.spawn(actions[1], times[1])]
        results = [_finish(member, action, child) for action, child in zip(actions, both)]
        said = ", ".join(shown(action, result) for action, result in zip(actions, results))
        if any(action == "stop" and result.code for action, result in zip(actions, results)):
            raise Problem(f"a stop failed: {said}")
        if actions == ["stop", "stop"] and (left := member.rig.processes()):
            raise Problem(f"two stops returned 0 but left {left}")
        if actions == ["start", "start"]:
            for result in results:
                self._judge_start(member, before, member.mode == "ok", result)
        return said

    # --- the daemon

    def kill_parent(self, member: Member, step: Step) -> str:
        return self._signal(look(self.site, member).parents, signal.SIGKILL)

    def kill_worker(self, member: Member, step: Step) -> str:
        return self._signal(self._one(member, step), signal.SIGKILL)

    def kill_workers(self, member: Member, step: Step) -> str:
        return self._signal(look(self.site, member).workers, signal.SIGKILL)

    def kill_watcher(self, member: Member, step: Step) -> str:
        """Kill the sentinel; monitor finds a crash without it."""
        return self._signal(watchers(member), signal.SIGKILL)

    def freeze(self, member: Member, step: Step) -> str:
        sight = look(self.site, member)
        who = {
            "parent": sight.parents,
            "worker": self._one(member, step),
            "workers": sight.workers,
            "all": sight.parents | sight.workers,
        }
        return self._signal(who[step.choice], signal.SIGSTOP)

    def thaw(self, member: Member, step: Step) -> str:
        return self._signal(look(self.site, member).frozen, signal.SIGCONT)

    def _one(self, member: Member, step: Step) -> list[int]:
        workers = sorted(look(self.site, member).workers)
        return workers[int(step.chance * len(workers)) :][:1]

    def _signal(self, pids: Iterable[int], number: signal.Signals) -> str:
        for pid in pids:
            # a process may have ended since the look, but its PID is reused only much later
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if number == signal.SIGSTOP:
            for pid in pids:
                _await_freeze(pid)
        return f"{number.name} to {' '.join(map(str, sorted(pids))) or 'no process'}"

    def trouble(self, member: Member, step: Step) -> str:
        """Let the API answer as the step says, or let a consumer close its connections."""
        if not member.has_api:
            member.mode = "alone"
            member.rig.set(connect=" ")
            return "closes its connection to the broker"
        member.mode = step.choice
        member.rig.set(mode=step.choice)
        return f"its API now: {step.choice}"

    def mend(self, member: Member, step: Step) -> str:
        member.mode = "ok"
        member.rig.set(mode="ok")
        if not member.has_api:
            member.rig.set(connect=self.site.near.broker.port)
        return f"repaired, {self.thaw(member, step)}"

    # --- the node

    def lose_record(self, member: Member, step: Step) -> str:
        member.rig.file("record").unlink(missing_ok=True)
        member.knows_workers = False
        return "its record is deleted"

    def spoil_record(self, member: Member, step: Step) -> str:
        path = member.rig.file("record")
        if not path.exists():
            return "it has no record"
        whole = path.read_bytes()
        stranger = self.site.bystanders[0].all[1].pid
        spoilt = {
            "half": whole[: int(step.chance * len(whole) / 2)],
            "garbage": b"\0\xff" + whole[::-1],
            "nothing": b"",
            "a stranger's PID": whole.replace(b"pid=", b"pid=%d\npid_was=" % stranger, 1),
        }
        path.write_bytes(spoilt[step.choice])
        member.knows_workers = False
        return f"its record now: {step.choice}"

    def lose_state(self, step: Step) -> str:
        with contextlib.suppress(FileNotFoundError):
            next(iter(self.site.members.values())).rig.lose_state()
        for member in self.site.members.values():
            member.knows_workers = False
        return "all state is deleted"

    def outage(self, step: Step) -> str:
        neighbour = getattr(self.site.near, step.name)
        getattr(neighbour, step.choice)()
        self.site.states[step.name] = step.choice
        return "is frozen" if step.choice == "freeze" else "is down"

    def come_back(self, step: Step) -> str:
        neighbour = getattr(self.site.near, step.name)
        if self.site.states[step.name] == "go":
            neighbour.come_back()
        neighbour.thaw()
        self.site.states[step.name] = WELL
        return "is back"


def _finish(member: Member, action: str, child: subprocess.Popen[str]) -> Result:
    out, err = pace.communicate(child, 3 * TIMEOUT)
    result = Result(child.returncode, out, err, 0.0)
    examine(member, action, result)
    return result


def _await_freeze(pid: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process, until = psutil.Process(pid), time.monotonic() + 5
        while process.status() != psutil.STATUS_STOPPED and time.monotonic() < until:
            time.sleep(0.005)


def examine(member: Member, action: str, result: Result) -> None:
    """Check what must hold for every call of an agent. Raises Problem."""
    if result.code not in CODES:
        raise Problem(f"{action} returned {result.code}, which is not an OCF code: {result.err}")
    said = result.out + result.err
    for oddity in ODDITIES:
        if oddity in said or oddity in member.rig.agent_log:
            raise Problem(f"{action} printed or logged {oddity!r}: {said}")
    if result.out or len(result.err.splitlines()) > 1:
        raise Problem(f"{action} wrote to stdout, or more than one line: {said}")
    if result.code and not result.reason:
        raise Problem(f"{action} returned {result.code} without an exit reason")


def shown(action: str, result: Result) -> str:
    return f"{action} {result.code}" + (f" in {result.seconds:.1f} s" if result.seconds else "")
