"""A refused log-in is not tried again at once, by any resource of this node.

Keystone locks an account after lockout_failure_attempts refusals, by default for
lockout_duration = 1800 s: a monitor that tries every 30 s would lock it for everybody, and so would
one try of each of 26 resources.
"""

from __future__ import annotations

from ocf_lib import numbers
from ocf_lib.keystone import token
from ocf_lib.outcomes import Degraded
from ocf_lib.state import files
from ocf_lib.state.notes import Notes

# Seconds until the next try. They double with each refusal.
FIRST, LONGEST = 300, 3600
# A start tries sooner: an operator who has mended the account restarts a resource to see it.
AT_START = 60


class Backoff:
    """The pause between tries of one account. folder: Instance.folder. account: as token.account
    has it."""

    def __init__(self, folder: str, account: str) -> None:
        self.account, self._path = account, token.file_of(folder, account, "refused")

    def check(self, evidence: str, longest: int = LONGEST) -> None:
        """Returns if a log-in may be tried. Raises Degraded if it was refused and the time for the
        next try has not come: at most `longest` seconds. evidence: what is known about the service
        that is checked."""
        notes = self._notes()
        age = notes.since("at")
        if age is None:
            return
        left = min(longest, _pause(numbers.whole(notes["times"], 5) or 0)) - age
        if left > 0:
            raise Degraded(
                f"{notes['by']} {age:.0f} s ago; tried again in {left:.0f} s: check "
                f"{notes['check']}; {evidence} (degraded)"
            )

    def note(self, by: str, check: str) -> None:
        """Note that a log-in was refused just now. by: who refused which user, for the message.
        check: what an operator should check."""
        notes = self._notes()
        notes["account"] = self.account
        notes["times"] = (numbers.whole(notes["times"], 5) or 0) + 1
        notes["by"], notes["check"] = _line(by), _line(check)
        notes.stamp("at")
        notes.keep()

    def forget(self) -> None:
        """Forget all refusals: a log-in was accepted, or an operator wants one tried now."""
        files.remove(self._path)

    def _notes(self) -> Notes:
        """What is noted now, by any resource."""
        notes = Notes(self._path)
        if notes["account"] != self.account:
            notes.drop("")
        return notes


def _pause(times: int) -> int:
    return LONGEST if times > 8 else min(LONGEST, FIRST << max(0, times - 1))


def _line(text: str) -> str:
    return " ".join(text.encode("utf-8", "backslashreplace").decode().split())
