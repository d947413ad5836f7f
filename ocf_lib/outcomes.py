"""How an action ends: the exit codes of OCF 1.1, each but success as an exception that carries it.

Hot module: every monitor loads it.

Source: OCF resource agent API 1.1, "Exit status codes"; what Pacemaker does with each is in its
"Pacemaker Explained", "How are OCF Return Codes Interpreted?".
"""

SUCCESS = 0


class Outcome(Exception):
    """Ends the action. Its text becomes the exit reason: one line, the fact first.

    Pacemaker keeps 128 bytes of the reason, so what comes after is for people who read the log.
    """

    code = 1
    is_failure = True


class Failed(Outcome):
    """OCF_ERR_GENERIC: the service is at fault, and a restart may mend it."""


class Suspect(Failed):
    """Failed, unless something that the service depends on is to blame: its API hangs, or answers a
    server error."""


class InvalidHere(Outcome):
    """OCF_ERR_ARGS: a parameter cannot be right on this host; another node may do."""

    code = 2


class Unimplemented(Outcome):
    """OCF_ERR_UNIMPLEMENTED: the agent has no such action."""

    code = 3


class NoPermission(Outcome):
    """OCF_ERR_PERM: the caller may not do this (agents run as root)."""

    code = 4


class NotInstalled(Outcome):
    """OCF_ERR_INSTALLED: the software is not on this host."""

    code = 5


class Misconfigured(Outcome):
    """OCF_ERR_CONFIGURED: a parameter is wrong on every host."""

    code = 6


class NotRunning(Outcome):
    """OCF_NOT_RUNNING: cleanly stopped. Anything less certain is Failed: a probe's 7 on a live
    process makes Pacemaker start a second copy elsewhere."""

    code = 7
    is_failure = False


class RunningPromoted(Outcome):
    """OCF_RUNNING_PROMOTED: running in the promoted role."""

    code = 8
    is_failure = False


class FailedPromoted(Outcome):
    """OCF_FAILED_PROMOTED: failed in the promoted role."""

    code = 9


class Degraded(Outcome):
    """OCF_DEGRADED: the service runs, what it depends on (or our check of it) does not. Pacemaker
    shows it and restarts nothing."""

    code = 190


class Refused(Degraded):
    """Degraded, because it refuses what Identity has just said is good."""


class Afflicted(Degraded):
    """Degraded by a dependency that is away. dependency: one word for it. One poll that sees it is
    no news: it counts from the second in a row."""

    def __init__(self, text: str, dependency: str) -> None:
        super().__init__(text)
        self.dependency = dependency


class DegradedPromoted(Outcome):
    """OCF_DEGRADED_PROMOTED: the same in the promoted role."""

    code = 191
