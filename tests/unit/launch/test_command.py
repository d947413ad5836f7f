"""The command that start runs, for each way to name it."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocf_lib.declare.service import Program
from ocf_lib.instance import Instance
from ocf_lib.launch import command, uwsgi_ini
from ocf_lib.outcomes import InvalidHere, Misconfigured, NotInstalled
from tests.unit.conftest import INI, VARIABLES, Host, demo, facts

Make = Callable[..., Instance]


@pytest.fixture
def resolve(host: Host, instance_of: Make) -> Callable[..., command.Command]:
    def act(**parameters: str) -> command.Command:
        return command.resolve(*facts(instance_of(host.service(), **parameters)))

    return act


# -- uwsgi -------------------------------------------------------------------------------------


def test_uwsgi_with_the_packaged_ini_gets_its_port(host: Host, resolve) -> None:
    uwsgi, ini = host.program("uwsgi_python3"), host.file("packaged.ini", INI)
    config = host.file("demo.conf")
    found = resolve(binary=uwsgi, config=config)
    assert found.argv == [uwsgi, "--http-socket", ":5000", "--ini", ini]
    assert found.environment == {"CONFIG_DIR": str(host.folder), "CONFIG_FILES": config}
    assert found.program.ending.signal == 2


def test_uwsgi_with_an_ini_as_config_runs_that(host: Host, resolve) -> None:
    uwsgi, ini = host.program("uwsgi"), host.file("own.ini", INI)
    host.file("packaged.ini", INI + "http-socket = :1\n")
    found = resolve(binary=uwsgi, config=ini)
    assert found.argv == [uwsgi, "--http-socket", ":5000", "--ini", ini]
    assert found.environment == {}, "the ini says what configuration it is for"


@pytest.mark.parametrize(
    "line",
    [
        "http-socket = :5000",
        "  http-socket=127.0.0.1:5000",
        "https-socket = :5000,a.crt,a.pem",
        "http = :5000",
        "https = :5000,a.crt,a.pem",
        "socket = /run/demo.sock",
        "uwsgi-socket = :3031",
        "shared-socket = :5000",
        "fastcgi-socket = :9000",
    ],
)
def test_an_ini_with_a_socket_of_its_own_gets_none(host: Host, resolve, line: str) -> None:
    uwsgi, ini = host.program("uwsgi"), host.file("own.ini", INI + line + "\n")
    assert resolve(binary=uwsgi, config=ini).argv == [uwsgi, "--ini", ini]


@pytest.mark.parametrize(
    "line", ["# http-socket = :5000", "; socket = x", "socket-timeout = 5", "http-timeout = 5"]
)
def test_an_ini_that_only_speaks_of_sockets_gets_one(host: Host, resolve, line: str) -> None:
    uwsgi, ini = host.program("uwsgi"), host.file("own.ini", INI + line + "\n")
    assert "--http-socket" in resolve(binary=uwsgi, config=ini).argv


@pytest.mark.parametrize(
    "words, opens",
    [
        ("--http-socket :5001", True),
        ("--http-socket=:5001", True),
        ("--socket /run/x", True),
        ("-s /run/x", True),
        ("--processes 4", False),
        ("--socket-timeout 5", False),
    ],
)
def test_a_socket_by_additional_parameters(host: Host, resolve, words: str, opens: bool) -> None:
    uwsgi, ini = host.program("uwsgi"), host.file("own.ini", INI)
    argv = resolve(binary=uwsgi, config=ini, additional_parameters=words).argv
    given = [] if opens else ["--http-socket", ":5000"]
    assert argv == [uwsgi, *given, "--ini", ini, *words.split()]


@pytest.mark.parametrize("kind", ["both", "key alone", "certificate alone"])
def test_tls_where_the_package_s_folders_hold_a_key_and_a_certificate(
    host: Host, resolve, kind: str
) -> None:
    uwsgi, ini = host.program("uwsgi"), host.file("own.ini", INI)
    key = certificate = ""
    if kind != "certificate alone":
        key = host.file("etc/ssl/private/deep/a.pem")
    if kind != "key alone":
        certificate = host.file("etc/ssl/public/a.crt")
    argv = resolve(binary=uwsgi, config=ini).argv
    if kind != "both":
        assert argv[1:3] == ["--http-socket", ":5000"]
        return
    assert argv[1] == "--https-socket"
    port, *paths = argv[2].split(",")
    assert port == ":5000"
    assert [os.path.realpath(path) for path in paths] == [certificate, key]


def test_uwsgi_without_its_packaged_ini_is_not_installed(host: Host, resolve) -> None:
    with pytest.raises(NotInstalled, match=r"packaged\.ini is not installed"):
        resolve(binary=host.program("uwsgi"), config=host.file("demo.conf"))


def test_another_program_with_an_ini_is_wrong_here(host: Host, resolve) -> None:
    with pytest.raises(InvalidHere, match="is for uwsgi"):
        resolve(binary=host.program("demo-all"), config=host.file("own.ini", INI))


@pytest.mark.parametrize("option", ["logto", "logto2", "log-to", "daemonize"])
def test_logs_that_uwsgi_writes_itself(host: Host, resolve, option: str) -> None:
    ini = host.file("own.ini", INI + f"{option} = /var/log/demo.log\nhttp-socket = :1\n")
    assert resolve(binary=host.program("uwsgi"), config=ini).logs == ["/var/log/demo.log"]


@pytest.mark.parametrize(
    "text, secure",
    [
        ("https-socket = :1", True),
        ("https = :1", True),
        (" https-socket=:1", True),
        ("http-socket = :1", False),
        ("# https-socket = :1", False),
        ("https-export-cert = 1", False),
    ],
)
def test_an_ini_that_opens_tls(host: Host, text: str, secure: bool) -> None:
    assert uwsgi_ini.opens_https(host.file("own.ini", INI + text + "\n")) is secure


@pytest.mark.parametrize(
    "text, is_one",
    [
        (INI, True),
        ("# comment\n\n  [uwsgi]\n", True),
        ("[DEFAULT]\nuwsgi = [uwsgi]\n", False),
        ("#[uwsgi]\n", False),
        ("", False),
        ("[DEFAULT]\n", False),
    ],
)
def test_a_uwsgi_ini_has_its_section(host: Host, text: str, is_one: bool) -> None:
    assert uwsgi_ini.is_one(host.file("some.conf", text)) is is_one


def test_a_missing_or_odd_file_is_no_ini(host: Host) -> None:
    assert not uwsgi_ini.is_one("/nonexistent/file")
    assert not uwsgi_ini.is_one(str(host.folder))
    assert not uwsgi_ini.is_one("/dev/null")
    (host.folder / "binary").write_bytes(b"\xff\xfe[uwsgi]\n")
    assert not uwsgi_ini.is_one(str(host.folder / "binary"))


# -- programs that are no uwsgi ----------------------------------------------------------------


def test_a_program_gets_the_configuration(host: Host, resolve) -> None:
    binary, config = host.program("demo-all"), host.file("demo.conf")
    found = resolve(binary=binary, config=config)
    assert found.argv == [binary, f"--config-file={config}"]
    assert found.environment == {}
    assert found.program.ending.signal == 15


def test_a_wsgi_script_gets_it_by_variables(host: Host, resolve) -> None:
    binary, config = host.program("demo-wsgi-public"), host.file("deep/demo.conf")
    found = resolve(binary=binary, config=config)
    assert found.argv == [binary, "--port=5000"]
    assert found.environment == {
        "CONFIG_DIR": os.path.dirname(config),
        "CONFIG_FILES": config,
    }


def test_a_program_of_an_unknown_name_is_run_as_daemons_are(host: Host, resolve) -> None:
    binary, config = host.program("my-wrapper"), host.file("demo.conf")
    assert resolve(binary=binary, config=config).argv == [binary, f"--config-file={config}"]


@pytest.mark.parametrize(
    "text, words",
    [
        ("--debug", ["--debug"]),
        ("--a 'b c' \"d e\" f\\ g", ["--a", "b c", "d e", "f g"]),
        ("--x='$(reboot); `id` $HOME *'", ["--x=$(reboot); `id` $HOME *"]),
        ("$HOME;reboot", ["$HOME;reboot"]),
        ("--empty ''", ["--empty", ""]),
        ("  ", []),
    ],
)
def test_additional_parameters_are_split_as_a_shell_would_and_no_further(
    host: Host, resolve, text: str, words: list[str]
) -> None:
    config = host.file("demo.conf")
    found = resolve(binary=host.program("demo-all"), config=config, additional_parameters=text)
    assert found.argv[2:] == words


@pytest.mark.parametrize("text", ["'open", '"open', "end\\"])
def test_what_no_shell_could_split_is_misconfigured(host: Host, resolve, text: str) -> None:
    config = host.file("demo.conf")
    with pytest.raises(Misconfigured, match="additional_parameters cannot be split"):
        resolve(binary=host.program("demo-all"), config=config, additional_parameters=text)


def test_braces_in_values_mean_nothing(host: Host, resolve) -> None:
    binary, config = host.program("demo-{user}"), host.file("{config}.conf")
    found = resolve(binary=binary, config=config, additional_parameters="--x={user}")
    assert found.argv == [binary, f"--config-file={config}", "--x={user}"]


def test_what_is_missing_here(host: Host, resolve) -> None:
    config = host.file("demo.conf")
    with pytest.raises(NotInstalled, match=r"^/nonexistent/demo is not installed"):
        resolve(binary="/nonexistent/demo", config=config)
    with pytest.raises(NotInstalled, match=r"^no-such-program is not installed"):
        resolve(binary="no-such-program", config=config)
    with pytest.raises(InvalidHere, match=r"^/nonexistent/demo\.conf is not on this host"):
        resolve(binary=host.program("demo-all"), config="/nonexistent/demo.conf")


def test_a_file_that_cannot_be_run_is_not_installed(host: Host, resolve) -> None:
    config = host.file("demo.conf")
    with pytest.raises(NotInstalled):
        resolve(binary=config, config=config)
    with pytest.raises(NotInstalled):
        resolve(binary=str(host.folder), config=config)


def test_a_name_is_looked_for_where_daemons_lie(
    host: Host, resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller's PATH does not count: it differs from node to node."""
    monkeypatch.setenv("PATH", "/nonexistent")
    found = resolve(binary="true", config=host.file("demo.conf"))
    assert found.argv[0] in ("/usr/bin/true", "/bin/true")


def test_the_first_word_is_an_absolute_path(
    host: Host, resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon's working folder differs from ours."""
    host.program("demo-all")
    monkeypatch.chdir(host.folder)
    with pytest.raises(NotInstalled):
        resolve(binary="./demo-all", config=host.file("demo.conf"))


def test_the_default_configuration_needs_no_variables(host: Host, instance_of: Make) -> None:
    binary, config = host.program("demo-wsgi-public"), host.file("demo.conf")
    service = demo(
        programs=(Program("demo-wsgi-public", (), VARIABLES),),
        parameters=[
            parameter.but(default=config) if parameter.name == "config" else parameter
            for parameter in demo().parameters
        ],
    )
    found = command.resolve(*facts(instance_of(service, binary=binary)))
    assert found.environment == {}


def test_nothing_set_and_nothing_installed(host: Host, instance_of: Make) -> None:
    service = demo(programs=(Program("no-such-daemon"), Program("nor-this")))
    with pytest.raises(
        NotInstalled, match=r"^no-such-daemon is not installed: set parameter binary"
    ):
        command.resolve(*facts(instance_of(service, config=host.file("demo.conf"))))


def test_nothing_set_takes_the_first_that_is_installed(host: Host, instance_of: Make) -> None:
    service = demo(programs=(Program("no-such-daemon"), Program("true"), Program("false")))
    found = command.resolve(*facts(instance_of(service, config=host.file("demo.conf"))))
    assert os.path.basename(found.argv[0]) == "true"


@given(text=st.text(st.characters(blacklist_characters="\n\0"), max_size=40))
def test_any_additional_parameters_are_words_or_misconfigured(instance_of: Make, text: str) -> None:
    try:
        words = command.additional(instance_of(additional_parameters=text).parameters)
    except Misconfigured as wrong:
        assert "additional_parameters" in str(wrong)
    else:
        assert all(isinstance(word, str) for word in words)


# -- how it re-reads its configuration ---------------------------------------------------------


def test_a_uwsgi_reloads_and_renews_its_workers(host: Host, resolve) -> None:
    uwsgi = host.program("uwsgi_python3")
    host.file("packaged.ini", INI)
    found = resolve(binary=uwsgi, config=host.file("demo.conf")).reloading
    assert (found.signal, found.replaces_workers) == (1, True)


def test_another_program_does_not(host: Host, resolve) -> None:
    config = host.file("demo.conf")
    for name in ("demo-all", "a-program-of-ones-own"):
        assert resolve(binary=host.program(name), config=config).reloading.signal == 0


@pytest.mark.parametrize(
    "line, is_told",
    [
        ("exit-on-reload = true", True),
        (" exit-on-reload=1", True),
        ("exit-on-reload =", True),
        ("exit-on-reload = false", False),
        ("exit-on-reload = No", False),
        ("# exit-on-reload = true", False),
    ],
)
def test_a_uwsgi_that_is_told_to_exit_does_not(
    host: Host, resolve, line: str, is_told: bool
) -> None:
    """uwsgi takes any other word as true (core/uwsgi.c, uwsgi_opt_true)."""
    host.program("uwsgi_python3")
    packaged = host.file("packaged.ini", f"{INI}{line}\n")
    uwsgi = str(host.folder / "uwsgi_python3")
    for config in (host.file("demo.conf"), packaged):
        found = resolve(binary=uwsgi, config=config).reloading
        assert bool(found.signal) != is_told


def test_a_uwsgi_that_an_argument_tells_to_exit(host: Host, resolve) -> None:
    uwsgi, _ = host.program("uwsgi_python3"), host.file("packaged.ini", INI)
    given = {"binary": uwsgi, "additional_parameters": "--exit-on-reload --threads 2"}
    assert resolve(config=host.file("demo.conf"), **given).reloading.signal == 0
