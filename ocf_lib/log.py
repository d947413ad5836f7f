"""Log lines as Pacemaker's own agents write them: to syslog, HA_LOGFILE and HA_DEBUGLOG.

Source: ocf_log and ha_log of resource-agents' ocf-shellfuncs, whose variables these are.
"""

from __future__ import annotations

import os
import re
import sys
import syslog
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ocf_lib.instance import Instance

PRIORITIES = {
    "ERROR": syslog.LOG_ERR,
    "WARNING": syslog.LOG_WARNING,
    "INFO": syslog.LOG_INFO,
    "DEBUG": syslog.LOG_DEBUG,
}
MASK = "********"
# what stands before the @ of a URL
ACCOUNT = re.compile(r"[^\s/'\"@]+@")
APPENDING = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK


class Log:
    """The log of one call.

    environ: has the HA_ variables. agent, instance: the tag of each line, AGENT(INSTANCE)[PID],
    unless HA_LOGTAG names another. secrets: values that are masked in every line.
    """

    def __init__(
        self, environ: Mapping[str, str], agent: str, instance: str, secrets: Iterable[str] = ()
    ) -> None:
        self.secrets = list(secrets)
        tag = environ.get("HA_LOGTAG") or f"{agent}({instance})[{os.getpid()}]"
        self.tag = _printable(self.mask(tag))
        self.file, self.debug_file = environ.get("HA_LOGFILE"), environ.get("HA_DEBUGLOG")
        facility = environ.get("HA_LOGFACILITY") or "daemon"
        named = getattr(syslog, "LOG_" + facility.upper(), None)
        self.facility = named if isinstance(named, int) else syslog.LOG_DAEMON
        self.uses_syslog = facility != "none"
        self.debugs = environ.get("HA_debug", "0") not in ("", "0")

    def error(self, text: str) -> None:
        self._write("ERROR", text)

    def warning(self, text: str) -> None:
        self._write("WARNING", text)

    def info(self, text: str) -> None:
        self._write("INFO", text)

    def debug(self, text: str) -> None:
        if self.debugs:
            self._write("DEBUG", text)

    def line(self, text: str) -> str:
        """`text` as one line that may be shown: masked, and without control characters."""
        return " ".join(_printable(self.mask(text)).split())

    def mask(self, text: str) -> str:
        """`text` without the values of secret parameters."""
        return mask(text, self.secrets)

    def _write(self, level: str, text: str) -> None:
        text = "\n".join(_printable(line) for line in self.mask(text).splitlines())
        if self.uses_syslog:
            syslog.openlog(self.tag, 0, self.facility)
            for line in text.splitlines():
                syslog.syslog(PRIORITIES[level], f"{level}: {line}")
            syslog.closelog()
        stamp = time.strftime("%Y/%m/%d_%H:%M:%S")
        lines = "".join(f"{self.tag}:\t{stamp} {level}: {line}\n" for line in text.splitlines())
        for name in {self.debug_file if level == "DEBUG" else self.file, self.debug_file}:
            if name:
                _append(name, lines)
        if sys.stderr is not None and sys.stderr.isatty():
            sys.stderr.write(f"{level}: {text}\n")


def of(instance: Instance, secrets: Iterable[str] = ()) -> Log:
    """The log of an action of this instance. secrets: further values to mask in every line."""
    environment, known = instance.environment, instance.parameters.secrets()
    agent = instance.service.name
    return Log(environment.environ, agent, environment.instance, [*known, *secrets])


def mask(text: str, secrets: Iterable[str]) -> str:
    """The text without these values. The longest is masked first: one may begin with another."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def conceal(text: str, secrets: Iterable[str]) -> str:
    """The text without these values, and without what precedes the @ of a URL: daemons that cannot
    parse the URLs of their database and broker print them, passwords included."""
    return ACCOUNT.sub(MASK + "@", mask(text, secrets))


def _append(name: str, lines: str) -> None:
    # the cluster names the file; a full disk or a missing folder must not change a verdict, and a
    # pipe that nobody reads must not keep us waiting
    try:
        with open(os.open(name, APPENDING, 0o666), "a", encoding="utf-8") as file:
            file.write(lines)
    except OSError:
        pass


def _printable(text: str) -> str:
    """The text on one line, without surrogates for bytes that are not UTF-8, and without control
    characters: a daemon's last words may hold some, which would act on a reader's terminal."""
    text = " ".join(text.encode("utf-8", "backslashreplace").decode().splitlines())
    return "".join(sign if sign.isprintable() else " " for sign in text)
