"""How an action ends: the exit codes of OCF 1.1. Each except success is an exception that carries
its code.

Source: OCF resource agent API 1.1, "Exit status codes"; what Pacemaker does with each is in its
"Pacemaker Explained", "How are OCF Return Codes Interpreted?".
"""

SUCCESS = 0


class Outcome(Exception):
    """Ends the action. Its text becomes the exit reason: one line, the fact first.

    Pacemaker keeps 128 bytes of the reason; the rest is for people who read the log.
    """

    code = 1
    is_failure = True


class Failed(Outcome):
    """OCF_ERR_GENERIC: the service is at fault, and a restart may mend it.

    is_late: something did not happen in time, which a busy host may excuse.
    """

    is_late = False


class Died(Failed):
    """The daemon ended while we waited for it."""


class Suspect(Failed):
    """The API hangs, or answers with a server error. That is Failed, unless something that the
    service depends on is to blame, or the host is busy."""

    def __init__(self, text: str, is_late: bool = False) -> None:
        super().__init__(text)
        self.is_late = is_late


class InvalidHere(Outcome):
    """OCF_ERR_ARGS: a parameter cannot be right on this host, but may be on another node."""

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
    """OCF_DEGRADED: the service runs, but something that it depends on, or our check of it, does
    not. Pacemaker shows it and restarts nothing."""

    code = 190


class Refused(Degraded):
    """Degraded, because the API refuses a token that Identity has just issued."""


class Afflicted(Degraded):
    """Degraded by a dependency that is down. dependency: one word for it. A recurring monitor
    reports this from the second poll in a row."""

    def __init__(self, text: str, dependency: str) -> None:
        super().__init__(text)
        self.dependency = dependency


class DegradedPromoted(Outcome):
    """OCF_DEGRADED_PROMOTED: the same in the promoted role."""

    code = 191
