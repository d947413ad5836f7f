"""What start passes beyond the program and its configuration: further arguments, environment
variables, and the arguments of an application under uwsgi."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ocf_lib.declare import standard
from ocf_lib.declare.parameters import Parameter, Select, String
from ocf_lib.declare.service import Program, Service, Uwsgi
from ocf_lib.instance import Instance
from ocf_lib.launch import command
from ocf_lib.outcomes import InvalidHere, Misconfigured
from tests.unit.conftest import INI, Host, demo, facts

Make = Callable[..., Instance]


class Further:
    """A host with a service that takes more than its configuration: a second file, a folder, a
    word. The default paths are below the host's folder."""

    ARGUMENTS = (
        "--fixed",
        "--config-dir={config_dir}",
        "--config-file={config}",
        "--config-file={plugin_config}",
        "--web={web}",
        "--{mode}={user}",
    )

    def __init__(self, host: Host, make: Make) -> None:
        self.host, self.make = host, make
        self.binary = host.program("demo-agent")
        self.config = host.file("etc/demo.conf")
        self.plugin, self.folder = f"{host.folder}/etc/plugin.ini", f"{host.folder}/etc/conf.d"

    def service(self, **changes: object) -> Service:
        facts: dict[str, object] = {
            "programs": (Program("demo-agent", self.ARGUMENTS),),
            "parameters": (
                *standard.daemon("demo-of-ocf-lib", self.config, user="root"),
                *standard.plugin_config(self.plugin, "configuration of the plugin", blank=True),
                standard.further("config_dir", self.folder, "folder of further configuration"),
                Parameter("web", String(), "Short", "Long"),
                Parameter("mode", Select("a", "b"), "Short", "Long", default="a"),
            ),
        }
        return demo(**{**facts, **changes})

    def resolve(self, **parameters: str) -> command.Command:
        given = {"binary": self.binary, **parameters}
        return command.resolve(*facts(self.make(self.service(), **given)))

    def argv(self, **parameters: str) -> list[str]:
        return self.resolve(**parameters).argv[1:]


@pytest.fixture
def further(host: Host, instance_of: Make) -> Further:
    return Further(host, instance_of)


def test_defaults_that_this_host_does_not_have_are_left_out(further: Further) -> None:
    config = f"--config-file={further.config}"
    assert further.argv() == ["--fixed", config, "--a=root"]
    further.host.file("etc/plugin.ini")
    assert further.argv() == ["--fixed", config, f"--config-file={further.plugin}", "--a=root"]
    further.host.file("etc/conf.d/x.conf")
    assert further.argv() == [
        *("--fixed", f"--config-dir={further.folder}", config),
        *(f"--config-file={further.plugin}", "--a=root"),
    ]


def test_what_has_no_value_is_left_out_and_what_has_one_is_not(further: Further) -> None:
    assert "--web=/nonexistent but no path" in further.argv(web="/nonexistent but no path")
    assert not any(word.startswith("--web") for word in further.argv(web=""))
    assert "--b=nobody" in further.argv(mode="b", user="nobody")


@pytest.mark.parametrize("name", ["plugin_config", "config_dir", "plugin config"])
def test_a_path_that_the_operator_names_has_to_be_there(further: Further, name: str) -> None:
    further.host.file("etc/plugin.ini")
    further.host.file("etc/conf.d/x.conf")
    with pytest.raises(InvalidHere, match=r"^/nonexistent/x is not on this host: parameter "):
        further.argv(**{name: "/nonexistent/x"})
    own = further.host.file("own")
    assert any(word.endswith(f"={own}") for word in further.argv(**{name: own}))


def test_a_default_that_the_operator_writes_down_has_to_be_there(further: Further) -> None:
    with pytest.raises(InvalidHere, match="parameter plugin_config names a path that is"):
        further.argv(plugin_config=further.plugin)


def test_an_older_name_is_what_is_given_to_the_daemon(further: Further) -> None:
    old, new = further.host.file("old.ini"), further.host.file("new.ini")
    assert f"--config-file={old}" in further.argv(**{"plugin config": old})
    both = further.argv(**{"plugin config": old, "plugin_config": new})
    assert f"--config-file={new}" in both
    assert f"--config-file={old}" not in both


def test_braces_in_further_values_mean_nothing(further: Further) -> None:
    own = further.host.file("{user}.ini")
    words = further.argv(plugin_config=own, web="{config}")
    assert f"--config-file={own}" in words
    assert "--web={config}" in words


# -- variables ---------------------------------------------------------------------------------


def test_variables_are_given_in_any_case(further: Further, instance_of: Make) -> None:
    programs = (
        Program("demo-agent", (), {"CONFIG": "{config}"}, variables={"A": "{config}", "B": "2"}),
    )
    service = further.service(programs=programs)
    packaged = command.resolve(*facts(instance_of(service, binary=further.binary)))
    assert packaged.environment == {"A": "{config}", "B": "2"}
    other = further.host.file("other.conf")
    elsewhere = command.resolve(*facts(instance_of(service, binary=further.binary, config=other)))
    assert elsewhere.environment == {"A": "{config}", "B": "2", "CONFIG": other}


# -- programs of an unknown name -----------------------------------------------------------------


def test_an_unknown_name_takes_the_arguments_of_the_service_s_own_program(
    further: Further, instance_of: Make
) -> None:
    programs = (
        Uwsgi(f"{further.host.folder}/packaged.ini", port=5000),
        Program(
            "demo-agent",
            ("-f", "{config}"),
            {"CONFIG": "{config}"},
            log="/var/log/demo.log",
            variables={"B": "2"},
        ),
        Program("demo-other", ("--other",), variables={"C": "3"}),
    )
    service = further.service(programs=programs)
    wrapper, other = further.host.program("my-wrapper"), further.host.file("other.conf")
    found = command.resolve(*facts(instance_of(service, binary=wrapper, config=other)))
    assert found.argv == [wrapper, "-f", other]
    assert found.environment == {"CONFIG": other, "B": "2"}
    assert found.program.ending.signal == 15
    packaged = command.resolve(*facts(instance_of(service, binary=wrapper)))
    assert packaged.argv == [wrapper, "-f", further.config], "it may not know --log-file"
    assert packaged.logs == []
    named = command.resolve(*facts(instance_of(service, binary=further.host.program("demo-other"))))
    assert (named.argv[1:], named.environment) == (["--other"], {"C": "3"})


def test_an_unknown_name_where_the_service_has_no_program_of_its_own(
    further: Further, instance_of: Make
) -> None:
    service = further.service(programs=(Uwsgi("/nonexistent/packaged.ini", port=5000),))
    wrapper = further.host.program("my-wrapper")
    found = command.resolve(*facts(instance_of(service, binary=wrapper)))
    assert found.argv == [wrapper, f"--config-file={further.config}"]


def test_the_packaged_log_is_the_daemon_s_where_its_configuration_is_packaged(
    further: Further, instance_of: Make
) -> None:
    programs = (Program("demo-agent", log="/var/log/demo.log"),)
    service = further.service(programs=programs)
    packaged = command.resolve(*facts(instance_of(service, binary=further.binary)))
    assert packaged.argv[2:] == ["--log-file=/var/log/demo.log"]
    assert packaged.logs == ["/var/log/demo.log"]
    other = further.host.file("other.conf")
    elsewhere = command.resolve(*facts(instance_of(service, binary=further.binary, config=other)))
    assert (elsewhere.argv[2:], elsewhere.logs) == ([], [])


# -- arguments of an application under uwsgi -----------------------------------------------------


def application(further: Further, always: bool) -> Service:
    ini = further.host.file("packaged.ini", INI + "http-socket = :1\n")
    arguments = ("--config-dir={config_dir}", "--config-file={config}")
    return further.service(
        programs=(Uwsgi(ini, port=1, pyargv=arguments, always_pass_arguments=always),)
    )


@pytest.mark.parametrize("always", [True, False])
@pytest.mark.parametrize("elsewhere", [True, False])
def test_an_application_is_told_of_its_configuration_where_it_is_elsewhere_or_always(
    further: Further, instance_of: Make, always: bool, elsewhere: bool
) -> None:
    uwsgi, service = further.host.program("uwsgi"), application(further, always)
    config = further.host.file("other.conf") if elsewhere else further.config
    found = command.resolve(
        *facts(
            instance_of(service, binary=uwsgi, config=config, additional_parameters="--processes 2")
        )
    )
    own = ["--pyargv", f"--config-file={config}"] if always or elsewhere else []
    ini = f"{further.host.folder}/packaged.ini"
    assert found.argv == [uwsgi, "--ini", ini, *own, "--processes", "2"]


def test_an_application_s_arguments_are_one_word(further: Further, instance_of: Make) -> None:
    uwsgi, service = further.host.program("uwsgi"), application(further, True)
    further.host.file("etc/conf.d/x.conf")
    argv = command.resolve(*facts(instance_of(service, binary=uwsgi))).argv
    own = f"--config-dir={further.folder} --config-file={further.config}"
    assert argv[-2:] == ["--pyargv", own]


def test_an_ini_of_the_operator_s_tells_the_application_itself(
    further: Further, instance_of: Make
) -> None:
    uwsgi, service = further.host.program("uwsgi"), application(further, True)
    ini = further.host.file("own.ini", INI + "http-socket = :1\n")
    argv = command.resolve(*facts(instance_of(service, binary=uwsgi, config=ini))).argv
    assert argv == [uwsgi, "--ini", ini]


def test_uwsgi_cannot_pass_on_a_path_with_blanks(further: Further, instance_of: Make) -> None:
    uwsgi, service = further.host.program("uwsgi"), application(further, False)
    config = further.host.file("a b/demo.conf")
    with pytest.raises(Misconfigured, match=r"^uwsgi cannot pass on --config-file=/.*a b/demo"):
        command.resolve(*facts(instance_of(service, binary=uwsgi, config=config)))


def test_an_application_without_arguments_gets_none(further: Further, instance_of: Make) -> None:
    ini = further.host.file("packaged.ini", INI + "http-socket = :1\n")
    service = further.service(programs=(Uwsgi(ini, port=1, always_pass_arguments=True),))
    uwsgi, other = further.host.program("uwsgi"), further.host.file("other.conf")
    argv = command.resolve(*facts(instance_of(service, binary=uwsgi, config=other))).argv
    assert argv == [uwsgi, "--ini", ini]
