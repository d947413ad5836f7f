"""Waits for the first answer of an API: to the very question that monitor will ask."""

from __future__ import annotations

import contextlib
from time import monotonic, sleep

from ocf_lib.health import discover
from ocf_lib.health.api import Client
from ocf_lib.health.late import ENOUGH_SECONDS, LOOK_SECONDS
from ocf_lib.health.watch import Watch
from ocf_lib.launch import port_conflict
from ocf_lib.net.http import Idle
from ocf_lib.net.patience import Patience
from ocf_lib.outcomes import Degraded, Died, Failed, NotInstalled, Suspect
from ocf_lib.processes import procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ocf_lib.instance import Instance
    from ocf_lib.log import Log
    from ocf_lib.net.endpoint import Endpoint

# Seconds between polls: while nothing answers, and after an error.
POLL, RETRY = 0.05, 0.5
# Seconds until something else is suspected of keeping the API from answering, and between two
# suspicions.
EXPLAIN_SECONDS = 10.0
# Seconds without an answer, in which the processes did nothing, after which a start has failed.
IDLE_SECONDS = 60.0
# Seconds that are kept for a full check of the dependencies at the end.
BLAME_SECONDS = 4.0
# Seconds within which a living API answers.
FAIR_SECONDS = 1.0
# Seconds of the daemon's life that say whether it makes progress now.
RECENT_SECONDS = 5.0
SILENT = "it listens on no TCP port yet"
# What has no answer counts from here for the monitors of both depths.
UNANSWERED = ("unanswered.10", "unanswered.20")


def wait(instance: Instance, leader: int, watch: Callable[[], None], log: Log) -> Endpoint | None:
    """Wait for the API, and return where it answers; None if it does not listen yet and that is no
    failure. Polls are short, so that start takes no longer than the daemon does.

    The last question is the one that monitor asks, with a token if there are credentials: a daemon
    that loads its application at the first request does so now. If a dependency or a busy host
    keeps the API from answering, that is no failure.

    watch: called all the time; raises Died if the daemon has died. Raises Failed if the API does
    not answer in time.
    """
    waiting = _Waiting(instance, leader, watch, log)
    for note in UNANSWERED:
        instance.notes.begin(note)
    while waiting.is_on():
        if waiting.is_answered() or waiting.is_explained():
            instance.notes.drop(*UNANSWERED)
            return waiting.endpoint
        sleep(POLL)
    waiting.give_up()
    return waiting.endpoint


class _Waiting:
    """The wait of one start. fault: why the service is not usable yet. endpoint: where it listens.
    progress: what its processes did in the last RECENT_SECONDS, at most. before: what they did
    before that, in as many seconds."""

    def __init__(
        self, instance: Instance, leader: int, watch: Callable[[], None], log: Log
    ) -> None:
        self.instance, self.leader, self.watch, self.log = instance, leader, watch, log
        self.progress, self.before = Watch(instance), Watch(instance)
        deadline = instance.environment.deadline
        longest, idle = (
            instance.parameters.get("api_timeout"),
            Idle(self.look, LOOK_SECONDS, LOOK_SECONDS),
        )
        self.patience = Patience(deadline, longest, idle)
        self.until = deadline - min(BLAME_SECONDS, (deadline - monotonic()) / 4)
        self.fault = Failed(SILENT)
        self.endpoint: Endpoint | None = None
        self.explain_at = monotonic() + EXPLAIN_SECONDS
        self.awake_at = monotonic()

    def look(self) -> None:
        self.watch()
        if self.progress.seconds > RECENT_SECONDS:
            self.progress, self.before = Watch(self.instance), self.progress
        self.progress.look()

    def is_on(self) -> bool:
        """There is time left, and the processes did something in the last of it."""
        from ocf_lib.health import stuck  # 20 ms, while the daemon starts

        now = monotonic()
        if self.progress.seconds >= ENOUGH_SECONDS and stuck.progress_of(self.progress):
            self.awake_at = now
        return now < min(self.until, self.awake_at + IDLE_SECONDS)

    def is_answered(self) -> bool:
        self.look()
        self.endpoint = discover.endpoint_of(self.instance, self.leader)
        if self.endpoint is None:
            return False
        client = Client(self.instance, self.endpoint, self.patience)
        left = self.until - monotonic()
        try:
            client.ask()
            client.check()
        except Died:
            raise
        except Degraded as outcome:
            # it answers; a refused log-in, or a certificate that we refuse, is not its failure
            self.log.warning(f"{self.instance.name} runs, but {outcome}")
        except Failed as fault:
            is_error = isinstance(fault, Suspect) and not fault.is_late
            # the last request is cut short: its silence says less than the error before it
            is_cut = left < FAIR_SECONDS and fault.is_late
            if not is_cut or str(self.fault) == SILENT:
                self.fault = fault
            if is_error:
                sleep(min(RETRY, max(0.0, left)))
            return False
        return True

    def is_explained(self) -> bool:
        """A dependency is to blame. That is looked up now and then."""
        if not isinstance(self.fault, Suspect) or monotonic() < self.explain_at:
            return False
        from ocf_lib.health import blame

        self.explain_at = monotonic() + EXPLAIN_SECONDS
        try:
            blame.explain(self.instance, self.fault, self.patience)
        except Degraded as outcome:
            self.log.warning(f"{self.instance.name} runs, but {outcome}")
            return True
        # nobody has looked since
        self.progress, self.before = Watch(self.instance), Watch(self.instance)
        return False

    def give_up(self) -> None:
        """More time does not help. Raises Failed, unless a dependency explains that, or the daemon
        makes progress on a busy host: monitor then waits on, until hang_grace is over."""
        from ocf_lib.health import blame, stuck

        instance, said = self.instance, str(self.fault)
        if self.endpoint is None:
            with contextlib.suppress(NotInstalled):
                found = port_conflict.holder(instance, procfs.command_line(self.leader))
                said = f"{found}; {said}" if found else said
        seconds = monotonic() - instance.environment.began
        said = f"{said}; not usable {seconds:.0f} s after the {instance.environment.action}"
        is_late = self.endpoint is None or self.fault.is_late
        is_suspect = is_late or isinstance(self.fault, Suspect)
        fault = Suspect(said, is_late) if is_suspect else Failed(said)
        try:
            blame.explain(instance, fault, self.patience)
            if isinstance(fault, Suspect):
                is_told = self.progress.seconds >= ENOUGH_SECONDS
                seen = self.progress if is_told else max(self.progress, self.before, key=_seconds)
                stuck.excuse(instance, fault, seen, self.patience, UNANSWERED[0])
        except Degraded as outcome:
            self.log.warning(f"{instance.name} runs, but {outcome}")
            return
        raise fault


def _seconds(watch: Watch) -> float:
    return watch.seconds
