"""The words an agent file declares its service in: data, nothing that acts (hot module)."""

from __future__ import annotations

from ocf_lib.processes.process import Ending, Reloading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ocf_lib.declare.parameters import Parameter

# What asks a daemon to re-read its configuration (signal(7)).
HUP = 1


class OwnPidFile:
    """A PID file of a daemon's own that keeps it from starting while anything lives under the PID
    in there, also long after the daemon was killed.

    refusal: what it prints then, a regular expression whose group is the PID. query: the arguments
    with which, after those of its start, it prints its settings and ends. setting: a regular
    expression for the line among them that has the file's path. programs: what may have written it
    and be alive, by the beginning of their names.
    """

    def __init__(
        self, refusal: str, query: Sequence[str], setting: str, programs: Sequence[str]
    ) -> None:
        self.refusal, self.query, self.setting = refusal, query, setting
        self.programs = tuple(programs)


class Program:
    """A daemon of its own, started as `PROGRAM ARGUMENTS`.

    program: its name or path.
    arguments: each may hold parameters, as in --config-file={config}. One whose parameter has no
    value is left out, and so is one that names, by default, a path that this host does not have.
    environment: variables that it gets where `config` is not the packaged default; their values
    may hold {config} and {config_folder}.
    variables: what it gets in any case. log: the file that its package has it log to.
    reload: the signal at which it re-reads its configuration and goes on working, 0 for none.
    renews: it replaces its workers then. own_pid_file: one that it heeds at its start.
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

    ini: the packaged file. port: given on the command line where the file opens no socket itself,
    as the package's own init script does.
    environment: as for Program. pyargv: the application's own arguments, likewise only where
    `config` is not the packaged default, or always where the package itself gives them.
    """

    # TERM makes a uwsgi without die-on-term reload (uwsgi-docs, "Signals for controlling uWSGI");
    # SIGINT ends it with and without, at once and not gracefully: 1 s. One that is still loading
    # its application hears it in one worker and then lives on for 60 s, answering 500 (measured):
    # there is nothing to wait for.
    ending = Ending(2, 5)

    def __init__(
        self,
        ini: str,
        port: int,
        environment: Mapping[str, str] | None = None,
        pyargv: Sequence[str] = (),
        always_pass_arguments: bool = False,
    ) -> None:
        # the master lets the workers finish, and runs itself anew on the sockets that it has; what
        # comes meanwhile waits in their queue ("Things to know", Graceful Reloading)
        super().__init__("uwsgi", pyargv, environment, reload=HUP, replaces_workers=True)
        self.ini, self.port, self.always_pass_arguments = ini, port, always_pass_arguments


class Api:
    """The HTTP API of a service.

    port: where it listens by default; of several listening sockets this one is asked. A parameter's
    name where an operator may say.
    path: answers anybody, without work for the service. page: what stands in the page that it
    answers, where any other page is an error's. site: the URL that it is usually known by, where
    it answers no other host name, or not at the root.
    authenticated: answers a token; it may hold {project}, and where it matters, there is one for
    each version of the Identity API that issued it. "" for an API that takes no token.
    token_headers: what carries it. service_type: what the service catalog calls it.
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

    @property
    def issues_tokens(self) -> bool:
        """This is Identity itself: a log-in is made at the instance that is checked."""
        return self.service_type == "identity"

    @property
    def needs_project(self) -> bool:
        """Its path names the project, so credentials without os_tenant_name are of no use."""
        return "{project}" in str(self.authenticated)


class Report:
    """How a daemon reports that it works, and where an API lists what all of them reported.

    service_type: what the service catalog calls that API. path: of the list, below the URL in the
    catalog. binary: what the daemon is called in it.
    seconds: after this long without a report the API calls it down (down-time). option: of section
    [DEFAULT] of the daemon's configuration, which says so too where it is set; the down-time is
    `times` its value.
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
    project: owner of /etc/PROJECT, /run/PROJECT and /var/log/PROJECT.
    programs: what a distribution may start for it; the first that is installed is taken.
    parameters, actions: what the agent takes and offers.
    consumes: it takes its work from the message broker (AMQP), so it is ready when connected to it.
    calls: it asks others over the broker, and connects when it first has something to ask.
    databases: the sections of its configuration that name its databases. forks: it makes a child
    for each connection, so children that are gone tell nothing.
    spares: programs that it starts and that outlive it on purpose (dnsmasq), because the traffic of
    guests goes through them: they are no part of the instance.
    becomes: users that its workers become, where the daemon itself runs as root (Apache).
    offers: what the actions beyond the usual ones do (promote, demote), each a function of the
    instance.
    report: how it reports that it works, where it does.
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
        self.api, self.aliases, self.rpc_server = api, aliases, rpc_server
        self.rpc_client, self.databases, self.child_per_connection = (
            rpc_client,
            databases,
            child_per_connection,
        )
        self.left_running, self.worker_users, self.extra_actions = (
            left_running,
            worker_users,
            extra_actions or {},
        )
        self.report = report

    def timeout_of(self, action: str) -> float:
        """The longest timeout, in seconds, that this action advertises; 0 for none."""
        return max((a.timeout for a in self.actions if a.name == action), default=0)
