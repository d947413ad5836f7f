"""Parameters and actions that many agents declare, written once (hot module: data alone)."""

from __future__ import annotations

from ocf_lib.declare.parameters import Boolean, Integer, Parameter, Path, Port, String, Url
from ocf_lib.declare.service import Action


def daemon(
    project: str, config: str = "", user: str = "", binary: str | None = None
) -> tuple[Parameter, ...]:
    """What is run, as whom, with what: every agent of a daemon takes these.

    config, user: defaults; unset, /etc/PROJECT/PROJECT.conf and PROJECT. binary: a default, where
    the program has had one name on every distribution.
    """
    return (
        Parameter(
            "binary",
            String(),
            "Program to run",
            "Name or path of the program to run. Unset, what the distribution starts for this "
            "service is started.",
            default=binary,
        ),
        Parameter(
            "config",
            Path(),
            "Configuration file",
            "The service's configuration file; for a service that runs under uwsgi also the uwsgi "
            "ini to use in place of the packaged one.",
            default=config or f"/etc/{project}/{project}.conf",
        ),
        Parameter(
            "user",
            String(),
            "User to run as",
            "Name or number of the user that the daemon runs as, with all the groups it has.",
            default=user or project,
        ),
        Parameter(
            "pid",
            Path(),
            "PID file",
            "Where the PID of the daemon is written, for other programs to read; this agent trusts "
            "no PID file. Unset, /run/resource-agents/NAME.pid, where NAME is the resource's.",
        ),
        Parameter(
            "additional_parameters",
            String(),
            "Further arguments for the daemon",
            "Arguments added to the daemon's command line, split into words as a shell would, but "
            "never given to one: quotes work, $ and ; mean nothing.",
        ),
        Parameter(
            "log_file",
            Path(),
            "Where the daemon's own output goes",
            "What the daemon prints is appended to this file; its last line is the exit reason "
            f"when it dies during start. Unset, /var/log/{project}/NAME.log, where NAME is the "
            "resource's.",
        ),
        Parameter(
            "crash_detection",
            Boolean(),
            "Report a crash at once",
            "When the daemon ends without having been asked to, Pacemaker is told at once "
            "(crm_resource --fail) and recovers it, rather than at the next monitor. A process of "
            "8 MiB at most waits for that, using no CPU. Nothing is told of a resource that is "
            "not managed, as in maintenance mode. Where the process is ended, monitor finds the "
            "crash.",
            default="true",
            reloadable=True,
        ),
    )


def api(usual: str) -> tuple[Parameter, ...]:
    """How the API of a service is asked. usual: an example of its URL."""
    return (
        Parameter(
            "url",
            Url(),
            "URL of the API to check",
            "Where monitor asks this instance, such as "
            + usual
            + ". Unset, it asks the socket that "
            "the instance's own processes listen on, which needs no configuration and cannot be "
            "mistaken for another node's. Set it where the daemon listens on no TCP port itself, "
            "as behind a web server.",
            reloadable=True,
        ),
        Parameter(
            "api_timeout",
            Integer(1, 600),
            "Longest wait for one answer, in seconds",
            "A request to the API that is not answered completely within this many seconds counts "
            "as unanswered. It is cut to what the timeout of the operation leaves.",
            default="10",
            reloadable=True,
        ),
    )


def client_binary(default: str) -> Parameter:
    """Older agents asked the service with a command-line client."""
    why = "monitor asks the API itself."
    return unused("client_binary", String(), default, why, short="Command-line client (unused)")


def further(name: str, default: str, what: str) -> Parameter:
    """One more path that the daemon is started with. what: "configuration of the plugin"."""
    return Parameter(
        name,
        Path(),
        f"{what[0].upper()}{what[1:]}",
        f"The {what}, given to the daemon beside parameter config. The default is left out where "
        "this host does not have it.",
        default=default,
    )


def plugin_config(default: str, what: str, blank: bool = False) -> tuple[Parameter, ...]:
    """The second configuration file of Networking's daemons. blank: an older agent of this name had
    it as "plugin config"."""
    current = further("plugin_config", default, what)
    older = Parameter(
        "plugin config",
        Path(),
        current.short + " (older name)",
        "What older agents called plugin_config, which is taken where both are set.",
        default=default,
        # its transition graph has parameters as XML attributes, whose names hold no blank (2.1.5)
        deprecated="Use plugin_config: in a cluster Pacemaker loses a parameter with a blank in "
        "its name, and all that come after it in the alphabet.",
        replaced_by="plugin_config",
    )
    return (current, older) if blank else (current,)


def console_port(usual: int) -> Parameter:
    """Where a console proxy listens."""
    return Parameter(
        "console_port",
        Port(),
        "Port of the console proxy",
        "Which of the daemon's listening sockets monitor asks. Where it listens, the daemon's own "
        "configuration tells.",
        default=str(usual),
        reloadable=True,
    )


def broker(default: str | None = "5672") -> tuple[Parameter, ...]:
    """Where a daemon that works for the message broker is connected to, and how long it may not
    be."""
    return (
        Parameter(
            "amqp_server_port",
            Port(),
            "Port of the message broker",
            "start waits until the daemon is connected to this port, 20 s at most: without its "
            "broker a daemon lives on and tries again. monitor looks for the connection, too. "
            "Where it is not set, the daemon's own configuration (transport_url) tells the port, "
            "5672 if it does not.",
            default=default,
        ),
        Parameter(
            "reconnect_grace",
            Integer(1, 86400),
            "How long the daemon may be without its broker, in seconds",
            "monitor fails when the broker answers and the daemon has held no connection to it for "
            "longer than this. Real daemons take 5 to 15 s to connect again. While the broker is "
            "away the time does not count: that is degraded, and restarts nothing.",
            default="60",
            reloadable=True,
        ),
    )


def database() -> Parameter:
    """Where a daemon of old kept a connection to its database."""
    return Parameter(
        "database_server_port",
        Port(),
        "Port of the database",
        "Where it is set, start also waits until the daemon is connected to this port, 20 s at "
        "most, and monitor looks for the database there; else where the daemon's configuration "
        "says. Recent daemons connect when they first need to.",
        default="3306",
    )


def server(name: str) -> Parameter:
    """Where a Networking agent of old reached the server. name: the parameter's."""
    return Parameter(
        name,
        Port(),
        "Port of the Networking server",
        "Where it is set, monitor also looks whether the server is there: the agent is connected "
        "to this port, or something answers there on the host that neutron_url or quantum_url in "
        "the agent's configuration names. One that is away is degraded, not failed. Recent agents "
        "talk to the server over the broker alone.",
        default="9696",
    )


def zeromq() -> Parameter:
    """Messages without a broker."""
    return Parameter(
        "zeromq",
        Boolean(),
        "Messages go over ZeroMQ",
        "The daemon talks to others directly, over ZeroMQ: start and monitor look for no "
        "connection to a broker.",
        default="false",
    )


def unused(name: str, kind: String, default: str, why: str, short: str = "Unused") -> Parameter:
    """A parameter that an older agent had. why: what makes it needless, one sentence. short: its
    title."""
    return Parameter(
        name,
        kind,
        short,
        "No longer used; accepted because older agents had it.",
        default=default,
        deprecated=f"It has no effect: {why}",
    )


def actions(start: int, stop: int) -> tuple[Action, ...]:
    """The actions of a daemon that depends on nothing but its host; timeouts in seconds."""
    return (
        Action("start", start),
        Action("stop", stop),
        Action("monitor", 30, interval=20, depth=0),
        Action("status", 20),
        Action("reload-agent", 20),
        Action("validate-all", 20),
        Action("meta-data", 10),
    )


def worker_actions(
    start: int, stop: int, reports: bool = True, rereads: bool = False
) -> tuple[Action, ...]:
    """The actions of a daemon without an API that needs broker or database; timeouts in seconds.
    reports: an API lists whether it works. rereads: what the distribution starts can be made to
    re-read its configuration."""
    reread = (Action("reload", start),) if rereads else ()
    deep = (Action("monitor", 60, interval=300, depth=20),) if reports else ()
    return (
        Action("start", start),
        Action("stop", stop),
        Action("monitor", 30, interval=20, depth=0),
        Action("monitor", 30, interval=30, depth=10),
        *deep,
        Action("status", 20),
        *reread,
        Action("reload-agent", 20),
        Action("validate-all", 20),
        Action("meta-data", 10),
    )


def api_actions(
    start: int, stop: int, login: bool = True, rereads: bool = False
) -> tuple[Action, ...]:
    """The actions of a service with an API; timeouts in seconds. login: it takes tokens. rereads:
    as for worker_actions. Depth 0 comes first, for readers that take the first monitor for the only
    one; the intervals differ, for crmsh."""
    deep = (Action("monitor", 60, interval=300, depth=20),) if login else ()
    reread = (Action("reload", start),) if rereads else ()
    return (
        Action("start", start),
        Action("stop", stop),
        Action("monitor", 20, interval=10, depth=0),
        Action("monitor", 30, interval=20, depth=10),
        *deep,
        Action("status", 20),
        *reread,
        Action("reload-agent", 20),
        Action("validate-all", 20),
        Action("meta-data", 10),
    )
