"""What start runs: the program that the parameters name, or else what the distribution starts."""

from __future__ import annotations

import glob
import os
import shlex
import string

from ocf_lib.declare.parameters import Path
from ocf_lib.declare.service import Program, Reloading, Uwsgi
from ocf_lib.launch import uwsgi_ini
from ocf_lib.outcomes import InvalidHere, Misconfigured, NotInstalled, Outcome
from ocf_lib.state import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocf_lib.declare.parameters import Parameters
    from ocf_lib.declare.service import Ending, Service

# Pacemaker's own PATH lacks /usr/local, in which pip installs daemons.
SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Command:
    """The command that starts a daemon.

    argv: what to run, its first word an absolute path. environment: variables beyond the usual
    ones. logs: files that the daemon opens itself, for its last words. program: how the agent
    declares it. reloading: how it is made to re-read its configuration.
    """

    def __init__(
        self,
        argv: list[str],
        environment: dict[str, str],
        logs: list[str],
        program: Program,
        reloading: Reloading,
    ) -> None:
        self.argv, self.environment, self.logs = argv, environment, logs
        self.program, self.reloading = program, reloading


def resolve(service: Service, of: Parameters) -> Command:
    """The command of a service with these parameters, on this host.

    Raises NotInstalled if its program is missing, InvalidHere for a configuration file that is
    missing or of the wrong kind, Misconfigured for arguments that no shell could split.
    """
    program = _choose(service, of)
    name: str = of["binary"] or program.program
    path = _installed(name)
    if path is None:
        raise NotInstalled(f"{name} is not installed: set parameter binary")
    config = of["config"]
    if not os.path.isfile(config):
        raise InvalidHere(f"{config} is not on this host: parameter config names a file that is")
    if isinstance(program, Uwsgi):
        return _uwsgi(of, program, path, service.project)
    argv = [path, *_words(of, program.arguments)]
    logs = [program.log] if program.log and not _is_elsewhere(of) else []
    argv += [f"--log-file={log}" for log in logs]
    argv += additional(of)
    return Command(argv, _environment(of, program), logs, program, _reloading(of, program))


def ending_of(service: Service, of: Parameters) -> Ending:
    """How to end what the parameters name. Needs nothing on this host: stop may have no record."""
    try:
        return _choose(service, of).ending
    except Outcome:
        return service.programs[0].ending


def _reloading(of: Parameters, program: Program) -> Reloading:
    """How the program re-reads its configuration. A uwsgi that would exit instead has no way."""
    if isinstance(program, Uwsgi):
        ini = _ini(of["config"], program)
        if uwsgi_ini.exits_on_reload(ini, additional(of)):
            return Reloading(0, replaces_workers=False)
    return program.reloading


def additional(of: Parameters) -> list[str]:
    """additional_parameters, split as a shell would. No shell ever sees them."""
    try:
        return shlex.split(of["additional_parameters"] or "")
    except ValueError as error:
        raise Misconfigured(
            f"parameter additional_parameters cannot be split into arguments ({error})"
        ) from None


def _choose(service: Service, of: Parameters) -> Program:
    """The program by the name of `binary`, else by the kind of `config`, else the first that is
    installed."""
    programs, binary, config = service.programs, of["binary"], of["config"]
    takes_ini = [p for p in programs if isinstance(p, Uwsgi)]
    if binary:
        name = os.path.basename(binary)
        if takes_ini and name.startswith("uwsgi"):
            return takes_ini[0]
        if uwsgi_ini.is_one(config):
            raise InvalidHere(f"{config} is for uwsgi: parameter binary cannot be {binary} with it")
        named = [p for p in programs if p.program == name]
        return named[0] if named else _like_the_usual(programs, binary)
    if takes_ini and uwsgi_ini.is_one(config):
        return takes_ini[0]
    installed = [p for p in programs if _installed(p.program) and _has_ini(p)]
    return installed[0] if installed else programs[0]


def _like_the_usual(programs: Sequence[Program], binary: str) -> Program:
    """A program of an unknown name gets the arguments of the service's own."""
    usual = [p for p in programs if not isinstance(p, Uwsgi)]
    if not usual:
        return Program(binary)
    first = usual[0]
    return Program(binary, first.arguments, first.environment, variables=first.variables)


def _words(of: Parameters, arguments: Sequence[str]) -> list[str]:
    """The arguments with the parameters' values. Raises InvalidHere for a path that was set and is
    not on this host. An argument is left out if its missing path is only a default."""
    words = []
    for argument in arguments:
        values = {}
        for _, name, _, _ in string.Formatter().parse(argument):
            if name:
                values[name] = of.text(of.declared[name])
                is_path = isinstance(of.declared[name].kind, Path)
                if is_path and values[name] and not os.path.exists(values[name]):
                    if of.is_set(name):
                        raise InvalidHere(
                            f"{values[name]} is not on this host: parameter {of.written(name)} "
                            "names a path that is"
                        )
                    values[name] = ""
        if all(values.values()):
            words.append(argument.format_map(values))
    return words


def _has_ini(program: Program) -> bool:
    return not isinstance(program, Uwsgi) or os.path.isfile(program.ini)


def _installed(name: str) -> str | None:
    """The absolute path of a program, None if it is not installed. The name "uwsgi" means one that
    runs Python 3: Debian calls it uwsgi_python3 or, without that, by its version
    (uwsgi_python311)."""
    if "/" in name:
        return name if name.startswith("/") and _is_program(name) else None
    paths = [os.path.join(folder, name) for folder in SEARCH.split(":")]
    if name == "uwsgi":
        versions = sorted(glob.glob("/usr/bin/uwsgi_python3*"), key=lambda path: (len(path), path))
        paths = [*reversed(versions), *paths]
    return next(filter(_is_program, paths), None)


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _uwsgi(of: Parameters, program: Uwsgi, path: str, project: str) -> Command:
    config = of["config"]
    ini = _ini(config, program)
    text = files.read_text(ini)
    if not text:
        raise NotInstalled(f"{ini} is not installed: name a uwsgi ini by parameter config")
    extra = additional(of)
    opens_socket = uwsgi_ini.opens_socket(text, extra)
    socket = [] if opens_socket else _packaged_socket(project, program.port)
    own = [] if ini == config else _pyargv(of, program)
    environment = {} if ini == config else _environment(of, program)
    argv = [path, *socket, "--ini", ini, *own, *extra]
    return Command(argv, environment, uwsgi_ini.logs(text), program, _reloading(of, program))


def _ini(config: str, program: Uwsgi) -> str:
    return config if uwsgi_ini.is_one(config) else program.ini


def _pyargv(of: Parameters, program: Uwsgi) -> list[str]:
    """The application's own arguments, which uwsgi takes as one word and splits at blanks."""
    if not (program.arguments and (program.always_pass_arguments or _is_elsewhere(of))):
        return []
    words = _words(of, program.arguments)
    for word in words:
        if len(word.split()) > 1:
            raise Misconfigured(
                f"uwsgi cannot pass on {word}: its path must have no blanks, or config name an ini"
            )
    return ["--pyargv", " ".join(words)]


def _packaged_socket(project: str, port: int) -> list[str]:
    """As in Debian's init script: TLS if /etc/PROJECT/ssl holds a key and a certificate."""
    keys = sorted(glob.glob(f"/etc/{project}/ssl/private/**/*.pem", recursive=True))
    certificates = sorted(glob.glob(f"/etc/{project}/ssl/public/**/*.crt", recursive=True))
    if keys and certificates:
        return ["--https-socket", f":{port},{certificates[0]},{keys[0]}"]
    return ["--http-socket", f":{port}"]


def _environment(of: Parameters, program: Program) -> dict[str, str]:
    """The program's variables, and those that name the configuration unless it is the packaged
    one."""
    config = of["config"]
    values = {"config": config, "config_folder": os.path.dirname(config)}
    given = program.environment if _is_elsewhere(of) else {}
    return {
        **program.variables,
        **{name: text.format_map(values) for name, text in given.items()},
    }


def _is_elsewhere(of: Parameters) -> bool:
    """The configuration is not the packaged one: this may be one of several on this host."""
    return bool(of["config"] != of.declared["config"].default)
