"""Parameters that many agents share."""

from __future__ import annotations

from ocf_lib.declare.parameters import Boolean, Integer, Parameter, Path, Port, String, Url


def daemon(
    project: str, config: str = "", user: str = "", binary: str | None = None
) -> tuple[Parameter, ...]:
    """Returns the parameters of every daemon: program, configuration, user, files.

    config, user: their defaults; if empty, /etc/PROJECT/PROJECT.conf and PROJECT. binary: its
    default, for a program with the same name on every distribution.
    """
    return (
        Parameter(
            "binary",
            String(),
            "Program to run",
            "Name or path of the program to run. If unset, the program that the distribution "
            "starts for this service.",
            default=binary,
        ),
        Parameter(
            "config",
            Path(),
            "Configuration file",
            "The service's configuration file. For a service that runs under uwsgi it can also be "
            "a uwsgi ini file, which is then used in place of the packaged one.",
            default=config or f"/etc/{project}/{project}.conf",
        ),
        Parameter(
            "user",
            String(),
            "User to run as",
            "Name or numeric ID of the user that the daemon runs as. The daemon gets all groups of "
            "this user.",
            default=user or project,
        ),
        Parameter(
            "pid",
            Path(),
            "PID file",
            "The agent writes the daemon's PID to this file, for other programs to read. It trusts "
            "no PID file itself. If unset, /run/resource-agents/NAME.pid, where NAME is the name "
            "of the resource.",
        ),
        Parameter(
            "additional_parameters",
            String(),
            "Additional arguments for the daemon",
            "Arguments added to the daemon's command line. They are split into words as in a "
            "shell, but no shell reads them: quotes work, $ and ; have no special meaning.",
        ),
        Parameter(
            "log_file",
            Path(),
            "File for the daemon's output",
            "Everything that the daemon prints is appended to this file. If the daemon dies during "
            "start, the last line that it printed is the exit reason. If unset, "
            f"/var/log/{project}/NAME.log, where NAME is the name of the resource.",
        ),
        Parameter(
            "crash_detection",
            Boolean(),
            "Report a crash at once",
            "If the daemon ends unexpectedly, the agent reports it to Pacemaker at once "
            "(crm_resource --fail), and Pacemaker recovers it without waiting for the next "
            "monitor. A sentinel process waits for the end of the daemon; it takes at most 8 MiB "
            "and no CPU time. If the resource is not managed, as in maintenance mode, nothing is "
            "reported. If the sentinel is killed, the next monitor finds the crash.",
            default="true",
            reloadable=True,
        ),
    )


def api(usual: str) -> tuple[Parameter, ...]:
    """Returns the parameters for checking the API of a service. usual: an example of its URL."""
    return (
        Parameter(
            "url",
            Url(),
            "URL of the API to check",
            "The URL that monitor asks, such as " + usual + ". If unset, monitor asks the socket "
            "that the instance's own processes listen on. That needs no configuration, and it "
            "never reaches another node by mistake. Set it if the daemon itself listens on no TCP "
            "port, as behind a web server.",
            reloadable=True,
        ),
        Parameter(
            "api_timeout",
            Integer(1, 600),
            "Longest wait for one answer, in seconds",
            "A request to the API that is not answered completely within this many seconds counts "
            "as unanswered. If less time is left before the timeout of the operation, monitor "
            "waits only for that time.",
            default="10",
            reloadable=True,
        ),
        Parameter(
            "hang_grace",
            Integer(0, 86400),
            "Longest time without an answer on a busy host, in seconds",
            "If the API does not answer although its processes run, or wait for a CPU, a disk or "
            "another service's answer, the host is busy: the resource is degraded and is not "
            "restarted. monitor fails if this lasts for longer than hang_grace, counted from the "
            "first poll without an answer. An API whose processes only sleep is stuck, and fails "
            "at once.",
            default="180",
            reloadable=True,
        ),
    )


def client_binary(default: str) -> Parameter:
    """Returns the unused parameter for the client program that older agents called."""
    why = "monitor asks the API itself."
    return unused("client_binary", String(), default, why, short="Command-line client (unused)")


def further(name: str, default: str, what: str) -> Parameter:
    """Returns a parameter for another path on the daemon's command line.

    what: its description, such as "configuration file of the plugin".
    """
    return Parameter(
        name,
        Path(),
        f"{what[0].upper()}{what[1:]}",
        f"The {what}, passed to the daemon in addition to parameter config. The default is left "
        "out if it does not exist on this host.",
        default=default,
    )


def plugin_config(default: str, what: str, blank: bool = False) -> tuple[Parameter, ...]:
    """Returns the parameters for the second configuration file of Networking's daemons.

    blank: also accept the name "plugin config", with a space, as older agents did.
    """
    current = further("plugin_config", default, what)
    older = Parameter(
        "plugin config",
        Path(),
        current.short + " (older name)",
        "Older name of plugin_config. If both are set, plugin_config takes precedence.",
        default=default,
        # Pacemaker's transition graph has parameters as XML attributes, whose names cannot contain
        # a space (2.1.5)
        deprecated="Use plugin_config: in a cluster, Pacemaker loses a parameter with a space in "
        "its name, and all parameters that follow it in alphabetical order.",
        replaced_by="plugin_config",
    )
    return (current, older) if blank else (current,)


def console_port(usual: int) -> Parameter:
    """Returns the parameter for the port of a console proxy. usual: its default."""
    return Parameter(
        "console_port",
        Port(),
        "Port of the console proxy",
        "The port that monitor asks. It does not change where the daemon listens: that is set in "
        "the daemon's own configuration.",
        default=str(usual),
        reloadable=True,
    )


def broker(default: str | None = "5672") -> tuple[Parameter, ...]:
    """Returns the parameters of a daemon that takes its work from the message broker.

    default: the usual port, or None if only the daemon's configuration gives it.
    """
    return (
        Parameter(
            "amqp_server_port",
            Port(),
            "Port of the message broker",
            "start waits up to 20 s until the daemon is connected to this port: without its broker "
            "a daemon keeps running and tries again. monitor checks this connection too. If you "
            "do not set the port, it is taken from transport_url in the daemon's configuration; "
            "if that names none, it is 5672.",
            default=default,
        ),
        Parameter(
            "reconnect_grace",
            Integer(1, 86400),
            "Longest time without a broker connection, in seconds",
            "monitor fails if the broker answers but the daemon has had no connection to it for "
            "longer than this. Real daemons reconnect within 5 to 15 s. Time during which the "
            "broker itself is down does not count: the resource is then degraded and is not "
            "restarted.",
            default="60",
            reloadable=True,
        ),
    )


def database() -> Parameter:
    """Returns the parameter for the database connection that old daemons always kept open."""
    return Parameter(
        "database_server_port",
        Port(),
        "Port of the database",
        "If you set it, start also waits up to 20 s until the daemon is connected to this port, "
        "and monitor looks for the database there. Otherwise monitor looks where the daemon's "
        "configuration says. Recent daemons connect only when they first need the database.",
        default="3306",
    )


def server(name: str) -> Parameter:
    """Returns the parameter for the server that old Networking agents called directly.

    name: the parameter's name.
    """
    return Parameter(
        name,
        Port(),
        "Port of the Networking server",
        "If you set it, monitor also checks that the server is up: the agent is connected to this "
        "port, or something answers on this port at the host that neutron_url or quantum_url in "
        "the agent's configuration names. If the server is down, the resource is degraded, not "
        "failed. Recent agents reach the server only through the broker.",
        default="9696",
    )


def zeromq() -> Parameter:
    """Returns the parameter for daemons that exchange messages without a broker."""
    return Parameter(
        "zeromq",
        Boolean(),
        "Messages go over ZeroMQ",
        "The daemon talks to other daemons directly, over ZeroMQ. start and monitor then do not "
        "look for a connection to a broker.",
        default="false",
    )


def unused(name: str, kind: String, default: str, why: str, short: str = "Unused") -> Parameter:
    """Returns a parameter that is accepted but ignored, because an older agent had it.

    why: why it has no effect, one sentence. short: its title.
    """
    return Parameter(
        name,
        kind,
        short,
        "No longer used; accepted because older agents had it.",
        default=default,
        deprecated=f"It has no effect: {why}",
    )
