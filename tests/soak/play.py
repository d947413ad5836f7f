"""Runs one step after the other. After each, when things have settled, checks that the agents'
reports are true, that no process is untracked, and that the bystanders are unharmed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests import pace
from tests.calling import ROOT
from tests.soak import verdicts
from tests.soak.acts import Acts, Problem
from tests.soak.oracle import Sight, look, strays
from tests.soak.plan import Step, steps
from tests.soak.site import GRACE, WELL, Member, Site
from tests.soak.verdicts import Around

# Seconds within which processes have appeared or ended on a quiet machine; they need less than one.
SETTLE_SECONDS, POLL = 20, 0.05
STRAY_SECONDS = 5
SLOW_SECONDS = 1
# How many lines of the agent's log the report of a problem has.
LOG_LINES = 8


class Play:
    """One soak.

    seed: selects its steps. root: where agents/ and ocf_lib/ are. say: is called with each line.
    """

    def __init__(
        self, folder: Path, seed: int, root: Path = ROOT, say: Callable[[str], object] = print
    ) -> None:
        self.folder, self.seed, self.root, self.say = folder, seed, root, say
        self.began = time.monotonic()
        self.away = {"broker": float("-inf"), "database": float("-inf")}
        self.taken = 0
        # each instance's state and verdict at its last check, and how long the check took
        self.asked: dict[str, tuple[Sight, int, float]] = {}
        # each instance's last verdict, for the log
        self.shown: dict[str, int] = {}

    def run(self, seconds: float) -> str:
        """Take steps for `seconds`. Returns what went wrong, empty if nothing did."""
        site = Site(self.folder, self.root)
        try:
            self.acts = Acts(site)
            for step in steps(random.Random(self.seed), list(site.members)):
                if time.monotonic() - self.began > seconds:
                    break
                said = ""
                try:
                    said = self.acts.do(step)
                    seen = self.check(site, step)
                except Problem as problem:
                    self._tell(step, said, "")
                    return self._report(site, step, problem)
                self._tell(step, said, seen)
                self.taken += 1
        finally:
            site.end()
        return ""

    def _tell(self, step: Step, said: str, seen: str) -> None:
        passed = time.monotonic() - self.began
        choice = f" ({step.choice})" if step.choice else ""
        done = f"{step.name or 'all':9} {step.action}{choice}: {said}"
        self.say(f"{passed:6.1f} s {self.taken:4} {done:75} | {seen}")

    def _report(self, site: Site, step: Step, problem: Problem) -> str:
        lines = [f"step {self.taken}, {step.action} of {step.name or 'all'}: {problem}"]
        lines += [f"broker: {site.states['broker']}, database: {site.states['database']}"]
        for member in site.members.values():
            sight = look(site, member)
            lines.append(f"{member.name} ({member.manners}, API {member.mode}): {sight}")
        member = site.members.get(step.name)
        if member is not None:
            lines += member.rig.agent_log.splitlines()[-LOG_LINES:]
        return "\n".join(lines)

    # --- what must hold after each step

    def check(self, site: Site, step: Step) -> str:
        """Check all instances; return their verdicts, for the log. Raises Problem."""
        now = time.monotonic()
        self.away.update({name: now for name, state in site.states.items() if state != WELL})

        def agree(member: Member) -> int:
            return self._agree(site, member, step.name in (member.name, "", *member.needs))

        with ThreadPoolExecutor(len(site.members)) as pool:
            codes = dict(zip(site.members, pool.map(agree, site.members.values())))
        tracked = [site.members[name] for name, code in codes.items() if code != verdicts.STOPPED]
        self._await(lambda: strays(site, tracked), STRAY_SECONDS, "untracked processes")
        if site.harm:
            raise Problem(f"a bystander was harmed: {site.harm}")
        return " ".join(f"{name} {self.shown[name]}" for name in site.members)

    def _agree(self, site: Site, member: Member, is_near: bool) -> int:
        """Check that this instance's verdict is correct, and return it. Raises Problem.

        The check is at depth 0. If the step affected the instance (is_near), it is also at depth
        10, and by a probe. It is repeated if the instance's state changed meanwhile. A slow check
        is not repeated until the state changes.
        """
        limit = pace.Limit(SETTLE_SECONDS)
        while True:
            sight = look(site, member)
            if len(sight.parents) > 1:
                raise Problem(f"there are two daemons of {member.name}: {sight}")
            around = self._around(site, member)
            before = self.asked.get(member.name)
            if before and not is_near and before[0] == sight and before[2] > SLOW_SECONDS:
                return before[1]
            begun = time.monotonic()
            code, wrong = (0, "") if sight.loads else self._ask(member, sight, around, is_near)
            if not sight.loads and look(site, member) == sight:
                if wrong:
                    raise Problem(f"{member.name}: {wrong}; found: {sight}; {around}")
                self.asked[member.name] = sight, code, time.monotonic() - begun
                # depth 0 says only "running"; the verdict before it came from a deeper check
                self.shown[member.name] = (
                    code if code or is_near else self.shown.get(member.name, code)
                )
                return code
            if limit.is_over():
                raise Problem(f"{member.name} did not settle: {sight}, then {look(site, member)}")
            time.sleep(POLL)

    def _ask(self, member: Member, sight: Sight, around: Around, is_near: bool) -> tuple[int, str]:
        """Call the agent; return its verdict and what is wrong with it, empty if nothing is."""
        processes = verdicts.of_processes(sight, around)
        first, second = verdicts.of_all(sight, around)
        calls: list[tuple[str, dict[str, object], set[int]]] = [
            ("probe 0", {"level": 0}, verdicts.of_probe(processes)),
            ("monitor 0", {"interval": 10, "level": 0}, processes),
            ("monitor 10", {"interval": 10}, first),
            ("second monitor 10", {"interval": 10}, second),
            ("probe", {}, verdicts.of_probe(first | second)),
        ]
        if not is_near:
            calls = calls[:1]
        elif processes == {verdicts.FAILED}:
            # the processes alone decide, so ask no deeper: some calls wait seconds for a worker
            calls = calls[1:3]
        code = -1
        for what, more, expected in calls:
            result = self.acts.call(member, "monitor", **more)
            if result.code not in expected:
                return result.code, f"{what} returned {result!r}, not one of {sorted(expected)}"
            if what != "probe":  # a probe reports a degraded instance as running
                code = result.code
        return code, ""

    def _around(self, site: Site, member: Member) -> Around:
        now = time.monotonic()
        states = {name: site.states[name] if name in member.needs else "" for name in self.away}
        since = [now - self.away[name] for name in member.needs]
        missing = 0.0 if member.unconnected is None else now - member.unconnected
        return Around(
            member.has_api,
            member.mode,
            member.knows_workers,
            member.is_misled,
            states["broker"],
            states["database"],
            min(since, default=float("inf")),
            missing,
            GRACE,
        )

    @staticmethod
    def _await(found: Callable[[], list[str]], seconds: float, what: str) -> None:
        """Wait until nothing is found any more. Raises Problem after `seconds`."""
        limit = pace.Limit(seconds)
        while left := found():
            if limit.is_over():
                raise Problem(f"{what}: {', '.join(left)}")
            time.sleep(POLL)
