"""A refused log-in is not tried again at once.

Keystone locks an account after lockout_failure_attempts refusals, by default for
lockout_duration = 1800 s: a monitor that tries every 30 s would lock it for everybody.
"""

from __future__ import annotations

import hashlib

from ocf_lib import numbers
from ocf_lib.outcomes import Degraded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocf_lib.state.notes import Notes

# Seconds until the next try. They double with each refusal.
FIRST, LONGEST = 300, 3600
NOTES = "refused"
ACCOUNT, AT, TIMES, BY, CHECK = (f"{NOTES}.{n}" for n in ("account", "at", "times", "by", "check"))


class Backoff:
    """The pause between tries of one account. notes: where refusals are kept. account: as
    token.account has it. secrets: the values of secret parameters."""

    def __init__(self, notes: Notes, account: str, secrets: Sequence[str]) -> None:
        self.notes, self._mark = notes, _mark(account, secrets)

    def check(self) -> None:
        """Returns if a log-in may be tried. Raises Degraded if it was refused and the time for the
        next try has not come."""
        notes = self.notes
        age = notes.since(AT)
        if age is None or notes[ACCOUNT] != self._mark:
            return
        left = _pause(self._times) - age
        if left > 0:
            raise Degraded(
                f"{notes[BY]} {age:.0f} s ago; tried again in {left:.0f} s (degraded): "
                f"check {notes[CHECK]}"
            )

    def note(self, by: str, check: str) -> None:
        """Note that a log-in was refused just now. by: who refused which user, for the message.
        check: what an operator should check."""
        notes = self.notes
        times = self._times + 1 if notes[ACCOUNT] == self._mark else 1
        notes[ACCOUNT], notes[TIMES] = self._mark, times
        notes[BY], notes[CHECK] = _line(by), _line(check)
        notes.stamp(AT)
        # now, not at the end of the action: Pacemaker may kill it before
        notes.keep()

    @property
    def _times(self) -> int:
        return numbers.whole(self.notes[TIMES], 5) or 0


def forget(notes: Notes) -> None:
    """Forget all refusals: a log-in was accepted, or an operator wants one tried now."""
    notes.drop(NOTES + ".")


def _pause(times: int) -> int:
    return LONGEST if times > 8 else min(LONGEST, FIRST << max(0, times - 1))


def _mark(account: str, secrets: Sequence[str]) -> str:
    """A hash that changes with the account and with a secret parameter: cibsecret changes one
    without telling us. Only 16 bits of the secrets are in it, too few to find a password."""
    text = "\n".join(secrets).encode("utf-8", "backslashreplace")
    few = hashlib.sha256(text).hexdigest()[:4]
    return hashlib.sha256(f"{account}\n{few}".encode()).hexdigest()[:16]


def _line(text: str) -> str:
    return " ".join(text.encode("utf-8", "backslashreplace").decode().split())
