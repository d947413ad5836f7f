"""The words in which an agent file declares its service: data, nothing that acts."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ocf_lib.declare.parameters import Parameter, Parameters

# The signal that asks most daemons to re-read their configuration (signal(7)).
HUP = 1


class Ending:
    """How a daemon is ended. signal: what asks it to end. patience: SIGKILL follows after this many
    seconds; 0 stands for a share of the time that the action has left."""

    __slots__ = ("patience", "signal")

    def __init__(self, signal: int, patience: int) -> None:
        self.signal, self.patience = signal, patience


class Reloading:
    """How a daemon is made to re-read its configuration. signal: what asks it to, 0 if nothing
    does. replaces_workers: it then has new workers, at least one."""

    __slots__ = ("replaces_workers", "signal")

    def __init__(self, signal: int, replaces_workers: bool) -> None:
        self.signal, self.replaces_workers = signal, replaces_workers


class OwnPidFile:
    """A PID file that the daemon itself reads. The daemon does not start while any process has the
    PID in this file, even long after the daemon was killed.

    refusal: what it prints then, a regular expression whose group is the PID. query: the arguments
    which, after those of its start, make it print its settings and end. setting: a regular
    expression for the line of that output that has the file's path. programs: what may have written
    the file and still live, by the beginnings of their names.
    """

    def __init__(
        self, refusal: str, query: Sequence[str], setting: str, programs: Sequence[str]
    ) -> None:
        self.refusal, self.query, self.setting = refusal, query, setting
        self.programs = tuple(programs)


class Program:
    """A daemon of its own, started as `PROGRAM ARGUMENTS`.

    program: its name or path.
    arguments: each may hold parameters, as in --config-file={config}. An argument is left out if
    its parameter has no value, or if its parameter's default names a path that this host lacks.
    environment: variables that it gets if `config` is not the packaged default; their values may
    hold {config} and {config_folder}.
    variables: those that it gets in any case. log: the log file that its package sets.
    reload: the signal at which it re-reads its configuration and goes on working, 0 for none.
    replaces_workers: it replaces its workers then. own_pid_file: a PID file that it reads at start.
    """

    ending = Ending(15, 0)  # SIGTERM

    def __init__(
        self,
        program: str,
        arguments: Sequence[str] = ("--config-file={config}",),
        environment: Mapping[str, str] | None = None,
        log: str = "",
        variables: Mapping[str, str] | None = None,
        reload: int = 0,
        replaces_workers: bool = False,
        own_pid_file: OwnPidFile | None = None,
    ) -> None:
        self.program, self.arguments, self.environment = program, arguments, environment or {}
        self.log, self.variables = log, variables or {}
        self.own_pid_file = own_pid_file
        self.reloading = Reloading(reload, replaces_workers)


class Uwsgi(Program):
    """A WSGI application under uwsgi, as Debian packages it: `uwsgi_python3 --ini INI`.

    ini: the packaged file. port: given on the command line if the file opens no socket itself, as
    the package's own init script does.
    environment: as for Program. pyargv: the application's own arguments, also only if `config` is
    not the packaged default. always_pass_arguments: the package itself passes them in any case.
    """

    # TERM makes a uwsgi without die-on-term reload (uwsgi-docs, "Signals for controlling uWSGI").
    # SIGINT ends it either way, at once and not gracefully: 1 s. A uwsgi that is still loading its
    # application hears SIGINT in one worker and then lives on for 60 s, answering 500 (measured):
    # waiting longer would not help.
    ending = Ending(2, 5)

    def __init__(
        self,
        ini: str,
        port: int,
        environment: Mapping[str, str] | None = None,
        pyargv: Sequence[str] = (),
        always_pass_arguments: bool = False,
    ) -> None:
        # the master lets the workers finish, and runs itself anew on the sockets that it has; new
        # requests wait in their queue ("Things to know", Graceful Reloading)
        super().__init__("uwsgi", pyargv, environment, reload=HUP, replaces_workers=True)
        self.ini, self.port, self.always_pass_arguments = ini, port, always_pass_arguments


class Api:
    """The HTTP API of a service.

    port: where it listens by default; if there are several listening sockets, this one is asked. A
    string is the name of the parameter that has the port.
    path: answers anybody, without work for the service. page: text in the page at that path; a page
    without this text is an error page. site: the URL by which the API is usually known, if it
    answers under no other host name, or not at the root.
    authenticated: a path that needs a token; it may hold {project}. If the path depends on the
    version of the Identity API that issued the token, a mapping from versions. "" for an API
    without tokens.
    token_headers: the headers that carry the token. service_type: its type in the service catalog.
    """

    def __init__(
        self,
        port: int | str,
        path: str,
        authenticated: Mapping[str, str] | str = "",
        service_type: str = "",
        token_headers: Sequence[str] = ("X-Auth-Token",),
        page: str = "",
        site: str = "",
    ) -> None:
        self.port, self.path, self.authenticated = port, path, authenticated
        self.service_type, self.token_headers = service_type, token_headers
        self.page, self.site = page, site

    def usual_port(self, of: Parameters) -> int | None:
        """Where the API listens unless its configuration says otherwise. of: the parameters."""
        return of[self.port] if isinstance(self.port, str) else self.port

    @property
    def issues_tokens(self) -> bool:
        """It is Identity itself: a log-in goes to the instance that is checked."""
        return self.service_type == "identity"

    @property
    def needs_project(self) -> bool:
        """Its path names the project, so credentials without a project are useless."""
        return "{project}" in str(self.authenticated)


class Report:
    """How a daemon reports that it works, and which API lists the reports of all daemons.

    service_type: that API's type in the service catalog. path: the list, below the URL in the
    catalog. binary: the daemon's name in the list.
    seconds: the down-time: after this many seconds without a report the API calls the daemon down.
    option: sets it in section [DEFAULT] of the daemon's configuration; the down-time is then
    `times` the option's value.
    backends: option that names the daemon's backends, each of which reports as HOST@BACKEND.
    """

    def __init__(
        self,
        service_type: str,
        path: str,
        binary: str,
        seconds: int,
        option: str = "service_down_time",
        times: int = 1,
        backends: str = "",
    ) -> None:
        self.service_type, self.path, self.binary = service_type, path, binary
        self.seconds, self.option, self.times = seconds, option, times
        self.backends = backends


class Action:
    """An action as meta-data advertises it; times in seconds."""

    def __init__(
        self, name: str, timeout: int, interval: int | None = None, depth: int | None = None
    ) -> None:
        self.name, self.timeout, self.interval, self.depth = name, timeout, interval, depth


class Service:
    """One OpenStack service, as its agent declares it.

    name: the agent's. aliases: older names, links to the agent's file. title: one line.
    longdesc: paragraphs for people who configure it.
    project: it owns /etc/PROJECT, /run/PROJECT and /var/log/PROJECT.
    programs: what a distribution may start for it; the first that is installed is taken.
    parameters, actions: what the agent takes and offers.
    rpc_server: it takes its work from the message broker (AMQP), so it is ready once it is
    connected there.
    rpc_client: it calls others through the broker, and connects at its first call.
    databases: the sections of its configuration that name its databases.
    child_per_connection: it forks a child for each connection, so missing children mean nothing.
    left_running: programs that it starts and that outlive it on purpose (dnsmasq), because the
    traffic of guests passes through them: they are no part of the instance.
    worker_users: the users of its workers, if the daemon itself runs as root (Apache).
    extra_actions: functions of the instance, for actions beyond the usual ones (promote, demote).
    report: how it reports that it works, None if it does not.
    """

    def __init__(
        self,
        *,
        name: str,
        title: str,
        longdesc: str,
        project: str,
        programs: Sequence[Program],
        parameters: Sequence[Parameter],
        actions: Sequence[Action],
        api: Api | None = None,
        aliases: Sequence[str] = (),
        rpc_server: bool = False,
        rpc_client: bool = False,
        databases: Sequence[str] = (),
        child_per_connection: bool = False,
        left_running: Sequence[str] = (),
        worker_users: Sequence[str] = (),
        extra_actions: Mapping[str, Callable[..., None]] | None = None,
        report: Report | None = None,
    ) -> None:
        self.name, self.title, self.longdesc, self.project = name, title, longdesc, project
        self.programs, self.parameters, self.actions = programs, parameters, actions
        self.api, self.report, self.aliases = api, report, aliases
        self.rpc_server, self.rpc_client, self.databases = rpc_server, rpc_client, databases
        self.child_per_connection = child_per_connection
        self.left_running, self.worker_users = left_running, worker_users
        self.extra_actions = extra_actions or {}

    @property
    def needs_project(self) -> bool:
        """A log-in without a project is useless for this service."""
        return self.api is not None and self.api.needs_project

    @property
    def issues_tokens(self) -> bool:
        """It is Identity itself."""
        return self.api is not None and self.api.issues_tokens

    def timeout_of(self, action: str) -> float:
        """The longest timeout, in seconds, that this action advertises; 0 for none."""
        return max((a.timeout for a in self.actions if a.name == action), default=0)
