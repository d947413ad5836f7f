"""What start runs: the program that the parameters name, or else what the distribution starts (cold
module)."""

from __future__ import annotations

import glob
import os
import re
import shlex
import string

from ocf_lib.declare.parameters import Path
from ocf_lib.declare.service import Program, Uwsgi
from ocf_lib.outcomes import InvalidHere, Misconfigured, NotInstalled, Outcome
from ocf_lib.processes.process import Reloading
from ocf_lib.state import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocf_lib.instance import Instance
    from ocf_lib.processes.process import Ending

# Pacemaker's own PATH has no /usr/local, where pip puts daemons.
SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# uwsgi options that open a socket (uwsgi-docs, "Options"): with one of them it needs none from us.
SOCKET = r"(?:https?|(?:(?:http|https|uwsgi|suwsgi|ssl|fastcgi|scgi|raw|udp|shared|zerg)-)?socket)"
SOCKET_LINE = re.compile(rf"^[ \t]*{SOCKET}[ \t]*=", re.MULTILINE)
SOCKET_ARGUMENT = re.compile(rf"--{SOCKET}(?:=.*)?|-s")
EXIT_LINE = re.compile(r"^[ \t]*exit-on-reload[ \t]*=[ \t]*(\S*)", re.MULTILINE)
NO = ("false", "off", "no", "0")


class Command:
    """argv: what to run, its first word an absolute path. environment: what it needs beyond the
    usual variables. ending: how to end it. logs: files that it opens itself, for its last words."""

    def __init__(
        self, argv: list[str], environment: dict[str, str], ending: Ending, logs: list[str]
    ) -> None:
        self.argv, self.environment, self.ending, self.logs = argv, environment, ending, logs


def resolve(instance: Instance) -> Command:
    """The command of this instance on this host.

    Raises NotInstalled where its program is missing, InvalidHere for a configuration file that is
    missing or of the wrong kind, Misconfigured for arguments that no shell could split.
    """
    program = _choose(instance)
    path = _installed(_program_name(instance, program))
    if path is None:
        raise NotInstalled(
            f"{_program_name(instance, program)} is not installed: set parameter binary"
        )
    config = instance.parameters["config"]
    if not os.path.isfile(config):
        raise InvalidHere(f"{config} is not on this host: parameter config names a file that is")
    if isinstance(program, Uwsgi):
        return _uwsgi(instance, program, path)
    argv = [path, *_words(instance, program.arguments)]
    logs = [program.log] if program.log and not _is_elsewhere(instance) else []
    argv += [f"--log-file={log}" for log in logs]
    argv += additional(instance)
    return Command(argv, _environment(instance, program), program.ending, logs)


def ending_of(instance: Instance) -> Ending:
    """How to end what the parameters name. Needs nothing on this host: stop may have no record."""
    return program_of(instance).ending


def reloading_of(instance: Instance) -> Reloading:
    """How what the parameters name is made to re-read its configuration: not at all where a uwsgi
    is told to exit instead, as Debian's cinder-api is."""
    program = program_of(instance)
    if isinstance(program, Uwsgi):
        lines = EXIT_LINE.findall(files.read_text(_ini(instance, program)))
        words = additional(instance)
        if any(value.lower() not in NO for value in lines) or "--exit-on-reload" in words:
            return Reloading(0, replaces_workers=False)
    return program.reloading


def program_of(instance: Instance) -> Program:
    """What the parameters name, installed or not."""
    try:
        return _choose(instance)
    except Outcome:
        return instance.service.programs[0]


def additional(instance: Instance) -> list[str]:
    """additional_parameters as a shell would split them. No shell ever sees them."""
    text = instance.parameters["additional_parameters"] or ""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise Misconfigured(
            f"parameter additional_parameters cannot be split into arguments ({error})"
        ) from None


def _choose(instance: Instance) -> Program:
    """By the name of `binary`; else by the kind of `config`; else the first that is installed."""
    programs = instance.service.programs
    binary, config = instance.parameters["binary"], instance.parameters["config"]
    takes_ini = [p for p in programs if isinstance(p, Uwsgi)]
    if binary:
        name = os.path.basename(binary)
        if takes_ini and name.startswith("uwsgi"):
            return takes_ini[0]
        if is_uwsgi_ini(config):
            raise InvalidHere(f"{config} is for uwsgi: parameter binary cannot be {binary} with it")
        named = [p for p in programs if p.program == name]
        return named[0] if named else _like_the_usual(instance, binary)
    if takes_ini and is_uwsgi_ini(config):
        return takes_ini[0]
    installed = [p for p in programs if _installed(p.program) and _has_ini(p)]
    return installed[0] if installed else programs[0]


def _like_the_usual(instance: Instance, binary: str) -> Program:
    """A program of an unknown name takes the arguments that the service's own takes."""
    usual = [p for p in instance.service.programs if not isinstance(p, Uwsgi)]
    if not usual:
        return Program(binary)
    first = usual[0]
    return Program(binary, first.arguments, first.environment, variables=first.variables)


def _words(instance: Instance, arguments: Sequence[str]) -> list[str]:
    """The arguments, with the values of the parameters in them. Raises InvalidHere for a path that
    was given and is not on this host; one that is a mere default is left out then."""
    of = instance.parameters
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


def _program_name(instance: Instance, program: Program) -> str:
    name: str = instance.parameters["binary"] or program.program
    return name


def _installed(name: str) -> str | None:
    """Its absolute path, None where there is none. The name "uwsgi" means one that runs Python 3:
    Debian names those uwsgi_python3 or, alone, after a version (uwsgi_python311)."""
    if "/" in name:
        return name if name.startswith("/") and _is_program(name) else None
    paths = [os.path.join(folder, name) for folder in SEARCH.split(":")]
    if name == "uwsgi":
        versions = sorted(glob.glob("/usr/bin/uwsgi_python3*"), key=lambda path: (len(path), path))
        paths = [*reversed(versions), *paths]
    return next(filter(_is_program, paths), None)


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def is_uwsgi_ini(path: str) -> bool:
    """The file has a [uwsgi] section. A missing one is none."""
    return bool(re.search(r"^\s*\[uwsgi\]", files.read_text(path), re.MULTILINE))


def opens_https(path: str) -> bool:
    """The uwsgi file has a socket that speaks TLS."""
    return bool(re.search(r"^[ \t]*https(?:-socket)?[ \t]*=", files.read_text(path), re.MULTILINE))


def _uwsgi(instance: Instance, program: Uwsgi, path: str) -> Command:
    config, ini = instance.parameters["config"], _ini(instance, program)
    text = files.read_text(ini)
    if not text:
        raise NotInstalled(f"{ini} is not installed: name a uwsgi ini by parameter config")
    extra = additional(instance)
    opens_socket = SOCKET_LINE.search(text) or any(map(SOCKET_ARGUMENT.fullmatch, extra))
    socket = [] if opens_socket else _packaged_socket(instance.service.project, program.port)
    logs = re.findall(r"^\s*(?:logto2?|log-?to|daemonize)\s*=\s*(/\S+)", text, re.MULTILINE)
    own = [] if ini == config else _pyargv(instance, program)
    environment = {} if ini == config else _environment(instance, program)
    return Command([path, *socket, "--ini", ini, *own, *extra], environment, program.ending, logs)


def _ini(instance: Instance, program: Uwsgi) -> str:
    config: str = instance.parameters["config"]
    return config if is_uwsgi_ini(config) else program.ini


def _pyargv(instance: Instance, program: Uwsgi) -> list[str]:
    """The application's own arguments, which uwsgi takes as one word and splits at blanks."""
    if not (program.arguments and (program.always_pass_arguments or _is_elsewhere(instance))):
        return []
    words = _words(instance, program.arguments)
    for word in words:
        if len(word.split()) > 1:
            raise Misconfigured(
                f"uwsgi cannot pass on {word}: its path must have no blanks, or config name an ini"
            )
    return ["--pyargv", " ".join(words)]


def _packaged_socket(project: str, port: int) -> list[str]:
    """As Debian's init script does: TLS where a key and a certificate lie in /etc/PROJECT/ssl."""
    keys = sorted(glob.glob(f"/etc/{project}/ssl/private/**/*.pem", recursive=True))
    certificates = sorted(glob.glob(f"/etc/{project}/ssl/public/**/*.crt", recursive=True))
    if keys and certificates:
        return ["--https-socket", f":{port},{certificates[0]},{keys[0]}"]
    return ["--http-socket", f":{port}"]


def _environment(instance: Instance, program: Program) -> dict[str, str]:
    """Its variables, and those that name a configuration other than the packaged one, which is
    found without."""
    config = instance.parameters["config"]
    values = {"config": config, "config_folder": os.path.dirname(config)}
    given = program.environment if _is_elsewhere(instance) else {}
    return {
        **program.variables,
        **{name: text.format_map(values) for name, text in given.items()},
    }


def _is_elsewhere(instance: Instance) -> bool:
    """The configuration is not the packaged one: this may be one of several on this host."""
    default = instance.parameters.declared["config"].default
    return bool(instance.parameters["config"] != default)
