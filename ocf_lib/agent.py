"""The entry point: an agent file calls `run`, which carries out the action and exits.

The order is: environment, parameters, validate, act, exit. Outcomes are exceptions that carry their
exit code; only this module prints the exit reason and ends the process.
"""

from __future__ import annotations

import posix
import sys

from ocf_lib.environment import Environment, age
from ocf_lib.instance import Instance
from ocf_lib.outcomes import SUCCESS, Degraded, NoPermission, Outcome, Unimplemented

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.declare.service import Service
    from ocf_lib.log import Log

# These work for every user, and without the software: they come before every other check.
DESCRIBING = ("meta-data", "usage", "help", "--help", "-h")
ESCAPED = "surrogateescape"
# These need root: they read the executables of other users' processes, and send them signals.
PRIVILEGED = ("start", "stop", "monitor", "status", "reload", "promote", "demote")


def run(service: Service) -> None:
    """Carry out the action that the command line names, and exit with its OCF code."""
    action = sys.argv[1] if len(sys.argv) > 1 else ""
    environment = Environment(sys.argv[1:], _variables(), service.timeout_of(action), age())
    instance = Instance(service, environment)
    try:
        code = _carry_out(instance)
        instance.keep_notes()
    except BaseException:  # noqa: BLE001 - a bug becomes an exit code and a log entry
        code = _report_bug(instance)
    sys.stdout.flush()
    # skips the interpreter's own shutdown: 1 ms of every monitor
    posix._exit(code)


def _variables() -> dict[str, str]:
    """What os.environ holds. Importing `os` takes 1 ms, an eighth of a bare interpreter."""
    encoding = sys.getfilesystemencoding()
    pairs = posix.environ.items()
    return {n.decode(encoding, ESCAPED): v.decode(encoding, ESCAPED) for n, v in pairs}


def _carry_out(instance: Instance) -> int:
    try:
        _act(instance)
    except Outcome as outcome:
        return _report(instance, outcome)
    if instance.environment.is_recurring and instance.notes[instance.said]:
        log_of(instance).info(f"monitor: well again, after {instance.notes[instance.said]}")
        instance.notes[instance.said] = ""
    return SUCCESS


def _act(instance: Instance) -> None:
    environment, service = instance.environment, instance.service
    action = environment.action
    if action in DESCRIBING:
        _describe(instance)
        return
    if action == "notify":
        return  # always 0 (OCF 1.1): no agent here needs to know about its peers
    if action not in known(service):
        names = ", ".join(known(service))
        raise Unimplemented(f"{service.name} has no action {action!r}: it knows {names}")
    if not environment.speaks_our_api:
        major = environment.environ["OCF_RA_VERSION_MAJOR"]
        raise Unimplemented(f"OCF_RA_VERSION_MAJOR is {major!r}; this agent knows version 1")
    if action in PRIVILEGED and posix.geteuid() != 0:
        raise NoPermission(f"{action} needs root")
    if action in ("monitor", "status"):
        from ocf_lib.actions.monitor import monitor

        monitor(instance)
    elif action == "start":
        from ocf_lib.actions.start import start

        start(instance, log_of(instance))
    elif action == "stop":
        from ocf_lib.actions.stop import stop

        stop(instance, log_of(instance))
    elif action == "validate-all":
        from ocf_lib.actions.validate import validate_all

        validate_all(instance, log_of(instance))
    elif action == "reload":
        from ocf_lib.actions.reload import reload

        reload(instance, log_of(instance))
    elif action == "reload-agent":
        from ocf_lib.actions.reload_agent import reload_agent

        reload_agent(instance, log_of(instance))
    else:
        service.extra_actions[action](instance)


def known(service: Service) -> list[str]:
    """The actions of this agent: what meta-data lists, and usage."""
    names = [action.name for action in service.actions]
    return list(dict.fromkeys([*names, "usage"]))


def _describe(instance: Instance) -> None:
    called = sys.argv[0].rpartition("/")[2]
    name = called if called in instance.service.aliases else instance.service.name
    if instance.environment.action == "meta-data":
        from ocf_lib.actions import metadata

        sys.stdout.write(metadata.render(instance.service, name))
    else:
        sys.stdout.write(f"usage: {name} ({', '.join(known(instance.service))})\n")


def log_of(instance: Instance) -> Log:
    """The log of this action. Imported late: a monitor that finds nothing wrong logs nothing."""
    from ocf_lib import log

    return log.of(instance)


def _report(instance: Instance, outcome: Outcome) -> int:
    """Print the exit reason (Pacemaker keeps its last line) and log a failure. Returns the code."""
    log = log_of(instance)
    reason = log.line(str(outcome))
    if isinstance(outcome, Degraded) and instance.environment.is_probe:
        # a probe only asks whether the service runs; Pacemaker before 2.1 takes 190 for a failure
        log.warning(f"probe: {reason}")
        return SUCCESS
    if outcome.is_failure and _is_new(instance, reason):
        say = log.warning if isinstance(outcome, Degraded) else log.error
        say(f"{instance.environment.action}: {reason}")
    sys.stderr.write(f"ocf-exit-reason:{reason}\n")
    return outcome.code


def _is_new(instance: Instance, reason: str) -> bool:
    """Whether the reason differs from that of this level's last poll. Digits alone, such as those
    of a duration, make no difference. A reason outside a recurring monitor is always new."""
    if not instance.environment.is_recurring:
        return True
    name, notes = instance.said, instance.notes
    text = "".join(sign for sign in reason if not sign.isdigit())
    is_new = "".join(sign for sign in notes[name] if not sign.isdigit()) != text
    if is_new:
        notes[name] = reason
    return is_new


def _report_bug(instance: Instance) -> int:
    import traceback

    log = log_of(instance)
    log.error("this is a bug of the agent:\n" + traceback.format_exc())
    error = log.line(str(sys.exc_info()[1]))
    name = type(sys.exc_info()[1]).__name__
    sys.stderr.write(
        f"ocf-exit-reason:bug in the agent ({name}: {error}); the log has the details\n"
    )
    return 1
