"""A log-in that was refused is not tried again at once (cold module).

Keystone locks an account that was refused lockout_failure_attempts times, by default for
lockout_duration = 1800 s: a monitor that tries every 30 s would lock it for everybody.
"""

from __future__ import annotations

import hashlib

from ocf_lib.outcomes import Degraded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.instance import Instance

# Seconds until the next try, which double with each refusal.
FIRST, LONGEST = 300, 3600
NOTES = "refused"
ACCOUNT, AT, TIMES, BY, CHECK = (f"{NOTES}.{n}" for n in ("account", "at", "times", "by", "check"))


def check(instance: Instance, account: str) -> None:
    """Returns where a log-in of `account` may be tried. Raises Degraded where it was refused and
    the time for the next try has not come."""
    notes = instance.notes
    age = notes.since(AT)
    if age is None or notes[ACCOUNT] != _mark(instance, account):
        return
    left = _seconds(_times(instance)) - age
    if left > 0:
        raise Degraded(
            f"{notes[BY]} {age:.0f} s ago; tried again in {left:.0f} s (degraded): "
            f"check {notes[CHECK]}"
        )


def note(instance: Instance, account: str, by: str, check: str) -> None:
    """It was refused just now. by: by whom, and whom, as in "Identity http://... refused user
    admin". check: what an operator should look at."""
    notes, mark = instance.notes, _mark(instance, account)
    times = _times(instance) + 1 if notes[ACCOUNT] == mark else 1
    notes[ACCOUNT], notes[TIMES], notes[BY], notes[CHECK] = mark, times, _line(by), _line(check)
    notes.stamp(AT)
    # now, not at the end of the action: Pacemaker may kill it before
    instance.keep_notes()


def forget(instance: Instance) -> None:
    """It was accepted, or an operator wants it tried."""
    instance.notes.drop(NOTES + ".")


def _seconds(times: int) -> int:
    return LONGEST if times > 8 else min(LONGEST, FIRST << max(0, times - 1))


def _times(instance: Instance) -> int:
    text = instance.notes[TIMES]
    return int(text) if text.isdecimal() and len(text) < 6 else 0


def _mark(instance: Instance, account: str) -> str:
    """Differs where the account does, or a secret parameter, of which 16 bits are taken: cibsecret
    changes one without a word to us. They are too few to find a password by."""
    secrets = "\n".join(instance.parameters.secrets()).encode("utf-8", "backslashreplace")
    few = hashlib.sha256(secrets).hexdigest()[:4]
    return hashlib.sha256(f"{account}\n{few}".encode()).hexdigest()[:16]


def _line(text: str) -> str:
    return " ".join(text.encode("utf-8", "backslashreplace").decode().split())
