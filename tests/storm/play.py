"""The storm: the outages, and what must and must not happen during them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests import pace
from tests.bed.timeline import Timeline
from tests.bed.waiting import wait_until

from .backbone import ADDRESS, Backbone
from .plant import Plant
from .recorder import Recorder
from .services import BROKER, DATABASE, IDENTITY, KEYSTONE, TITLES, dependants
from .standing import DEGRADED, HEALTHY

# How the exit reason must name each dependency.
NAMES = {
    IDENTITY: f"Identity {Backbone.identity}",
    BROKER: f"broker {ADDRESS}:5672",
    DATABASE: f"database {ADDRESS}:3306",
}
# The order of return: Keystone needs the database.
ORDER = (DATABASE, BROKER, IDENTITY)
FROZEN = "p_nova-api"
# Late recoveries are waited for, so that the next outage begins with everything healthy.
LATE_SECONDS = 120
# Time limit for all to report an outage: a good check of the database stays valid for 55 s
# (ocf_lib/dependencies/quick_check.py), and a single poll without the dependency is not reported.
TELL_SECONDS = 100
FREEZE_SECONDS = 180


@dataclass(frozen=True)
class Outage:
    """began, back, healed: seconds since 1970; healed is None if something stayed unhealthy."""

    gone: tuple[str, ...]
    began: float
    back: float
    healed: float | None

    @property
    def title(self) -> str:
        return " + ".join(TITLES[each] for each in self.gone)


class Play:
    """One storm. seconds: how long each outage lasts at least. heal_seconds: how soon everything
    must be healthy after it. problems: a line for each thing that went wrong."""

    def __init__(self, plant: Plant, seconds: float, heal_seconds: float) -> None:
        self.plant, self.seconds, self.heal_seconds = plant, seconds, heal_seconds
        self.timeline = Timeline()
        self.recorder: Recorder | None = None
        self.outages: list[Outage] = []
        self.problems: list[str] = []

    def run(self) -> None:
        """Play the storm. Raises what the bed raises, and TimeoutError if the cluster does not come
        up."""
        self.timeline.title(f"{len(self.plant.resources)} services on three nodes")
        self.plant.build()
        self.timeline.say("all services are healthy")
        recorder = Recorder(self.plant.cluster, self.plant.resources, self.timeline.say)
        self.recorder = recorder
        recorder.start()
        try:
            for gone in ((IDENTITY,), (BROKER,), (DATABASE,), (IDENTITY, BROKER, DATABASE)):
                self.outage(recorder, gone)
            self.freeze(recorder)
        finally:
            recorder.stop()
        if recorder.fault is not None:
            self.problem(f"the cluster did not answer: {recorder.fault}")

    def problem(self, text: str) -> None:
        self.problems.append(text)
        self.timeline.say(f"PROBLEM: {text}")

    # An outage.

    def outage(self, recorder: Recorder, gone: tuple[str, ...]) -> None:
        """Take these dependencies away for a while and check what happens."""
        self.timeline.title(" + ".join(TITLES[each] for each in gone) + " down")
        began = time.time()
        with ThreadPoolExecutor(len(gone)) as pool:
            for each in gone:
                recorder.note("away", each, f"stopping {TITLES[each]}")
            for done in [pool.submit(self.plant.take_away, each) for each in gone]:
                done.result()
        expected = dependants(self.plant.services, gone)
        told = began + max(self.seconds, pace.seconds(TELL_SECONDS))
        self._wait(lambda: self._are(recorder, expected, DEGRADED), told)
        self._wait(lambda: False, began + self.seconds)
        self._check_degraded(recorder, expected, gone)
        for each in sorted(gone, key=ORDER.index):
            self.plant.bring_back(each)
            back = recorder.note("back", each, f"{TITLES[each]} is back")
        healed = self._heal(recorder, back)
        self.outages.append(Outage(gone, began, back, healed))
        self._settle(recorder)
        self._check_quiet(recorder, began, {KEYSTONE} if IDENTITY in gone else set())

    def _wait(self, condition: Callable[[], bool], until: float) -> bool:
        while not (met := condition()) and time.time() < until:
            time.sleep(0.2)
        return met

    @staticmethod
    def _are(recorder: Recorder, names: Collection[str], state: str) -> bool:
        now = recorder.now
        return all(now[name].state == state for name in names)

    def _check_degraded(
        self, recorder: Recorder, expected: Sequence[str], gone: Collection[str]
    ) -> None:
        """Check that each expected resource is degraded, its reason names a missing dependency, and
        crm_mon shows it."""
        now = recorder.now
        shown = {each.resource: each for each in self.plant.cluster.failures() if each.rc == 190}
        for name in expected:
            if now[name].state != DEGRADED:
                self.problem(f"{name} is {now[name].state}, not degraded ({now[name].reason})")
            elif not any(NAMES[each] in now[name].reason for each in gone):
                self.problem(f"the exit reason of {name} names none of {gone}: {now[name].reason}")
            elif name not in shown or shown[name].reason != now[name].reason:
                self.problem(f"crm_mon does not show {name} as degraded")
        said = self.plant.cluster.run("crm_mon", "--one-shot", "--inactive").stdout
        _, found, rest = said.partition("Failed Resource Actions:")
        if found:
            self.timeline.note("crm_mon shows:")
            self.timeline.output(rest.strip("\n"))

    def _heal(self, recorder: Recorder, back: float) -> float | None:
        """Wait until all are healthy; return the time, None if some are not."""
        everything = self.plant.resources
        try:
            wait_until(lambda: self._are(recorder, everything, HEALTHY), LATE_SECONDS, "healthy")
        except TimeoutError as fault:
            ill = {n: each for n, each in recorder.now.items() if each.state != HEALTHY}
            self.problem(f"{fault}: {ill}")
            return None
        healed = max((each.at for each in recorder.since(back, "state")), default=back)
        took = healed - back
        self.timeline.say(f"all services are healthy, {took:.0f} s after the return")
        if took > self.heal_seconds:
            late = {e.subject for e in recorder.since(back + self.heal_seconds, "state")}
            promised = pace.faster(self.heal_seconds, pace.factor())
            text = f"took {took:.0f} s to become healthy: {', '.join(sorted(late))}"
            if pace.is_within(took, self.heal_seconds):
                self.timeline.say(f"{text}; promised {promised}")
            else:
                self.problem(text)
        return healed

    def _settle(self, recorder: Recorder) -> None:
        """Check that everything stays healthy for one more monitor each."""
        until = time.time() + self.plant.interval + 1
        if self._wait(lambda: not self._are(recorder, self.plant.resources, HEALTHY), until):
            ill = {n: each for n, each in recorder.now.items() if each.state != HEALTHY}
            self.problem(f"healthy only for a moment: {ill}")

    def _check_quiet(
        self, recorder: Recorder, since: float, ordered: Collection[str], failed: Sequence[str] = ()
    ) -> None:
        """Check: only `ordered` restarted or moved, only `failed` failed, no node was fenced."""
        for event in recorder.since(since, "fencing"):
            self.problem(event.text)
        counted = recorder.since(since, "fail-count")
        if [event.subject for event in counted] != list(failed):
            self.problem("; ".join(event.text for event in counted) or f"{failed} did not fail")
        kinds = ("start", "process", "state")
        for event in (each for kind in kinds for each in recorder.since(since, kind)):
            if event.subject not in ordered and event.state not in (HEALTHY, DEGRADED):
                self.problem(event.text)

    # A service that hangs.

    def freeze(self, recorder: Recorder) -> None:
        """SIGSTOP all processes of nova-api: only nova-api must restart, and only once."""
        self.timeline.title("nova-api hangs")
        node = self.plant.bed.node(recorder.now[FROZEN].node)
        pids = node.pids(r"uwsgi.*/nova-api\.ini")
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        text = f"sent SIGSTOP to all {len(pids)} processes of nova-api on {node.name}"
        began = recorder.note("fault", FROZEN, text, node=node.name)

        def is_restarted() -> bool:
            started = recorder.since(began, "start")
            return bool(started) and self._are(recorder, self.plant.resources, HEALTHY)

        try:
            wait_until(is_restarted, FREEZE_SECONDS, "nova-api restarted, and all are healthy")
        except TimeoutError as fault:
            self.problem(str(fault))
            return
        self.timeline.say(f"all services are healthy, {time.time() - began:.0f} s after the signal")
        self._check_quiet(recorder, began, {FROZEN}, [FROZEN])
        starts = [each for each in recorder.since(began, "start") if each.subject == FROZEN]
        if len(starts) != 1 or starts[0].node != node.name:
            self.problem(f"nova-api was not restarted exactly once and in place: {starts}")
        if not all(each.reason for each in recorder.since(began, "fail-count")):
            self.problem("Pacemaker recorded no exit reason for the failure of nova-api")
