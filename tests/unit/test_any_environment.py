"""Whole agents in absurd environments: always an OCF exit code, an exit reason if it is not 0, and
never a traceback."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.calling import AGENTS
from tests.contract.node import BareNode

# One agent of each shape, because this tests the library, which all agents share: Identity under
# uwsgi; a path that contains the project; a web page; a link to an agent whose port is a parameter;
# no API, programs that outlive the daemon, and a blank in a parameter's name.
SHAPES = ("keystone", "cinder-api", "horizon", "nova-vnc", "quantum-agent-l3")
CODES = {*range(10), 190, 191}
ACTIONS = ("start", "stop", "monitor", "status", "validate-all", "reload-agent")
# These check nothing, or are unknown.
IDLE = ("meta-data", "usage", "notify", "promote", "reload", "", "--help")
NAMES = [
    *("binary", "config", "user", "pid", "additional_parameters", "log_file", "url", "insecure"),
    *("api_timeout", "os_auth_url", "os_username", "os_password", "os_tenant_name", "os_cacert"),
    *("os_interface", "os_region_name", "client_binary", "no_such_parameter"),
    *("plugin_config", "plugin config", "amqp_server_port", "database_server_port", "zeromq"),
    *("console_port", "web", "keystone_get_token_url", "os_user_domain_name"),
    *("CRM_meta_interval", "CRM_meta_timeout"),
]
ODD = (
    *("", " ", "0", "-1", "1", "true", "/", "/dev/null", "/proc/self/mem", "relative"),
    *("http://127.0.0.1:1/", "https://[::1]:1/v3", "http://", "'", "\\", "%s{}$(x)"),
    *("\udcff", "\n", "é", "9" * 5000, "root", "nobody", "public", "a" * 300),
)
VALUES = st.one_of(
    st.sampled_from(ODD),
    st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=12),
)
OTHERS = st.fixed_dictionaries(
    {},
    optional={
        "OCF_RESOURCE_INSTANCE": VALUES,
        "OCF_CHECK_LEVEL": st.sampled_from(["", "0", "10", "20", "ten", "-1", "9" * 5000]),
        "OCF_RA_VERSION_MAJOR": st.sampled_from(["", "1", "2", "x"]),
        "HA_LOGFACILITY": st.sampled_from(["none", "daemon", "upto", "", "\udcff"]),
        "HA_debug": st.sampled_from(["0", "1", "x"]),
        "HA_LOGTAG": VALUES,
        "LC_ALL": st.sampled_from(["C", "C.UTF-8", "en_US.ISO-8859-1", "POSIX", "nonsense"]),
        "PYTHONIOENCODING": st.just("ascii"),
    },
)
PARAMETERS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)


@pytest.mark.root
@pytest.mark.parametrize("agent", SHAPES)
@pytest.mark.parametrize("action", ACTIONS)
@settings(max_examples=6)
@given(parameters=PARAMETERS, others=OTHERS)
def test_any_environment(
    agent: str, action: str, parameters: dict[str, str], others: dict[str, str]
) -> None:
    ends_as_it_should(agent, action, parameters, others)


@pytest.mark.root
@pytest.mark.parametrize("place", range(len(ODD)), ids=[ascii(value[:20]) for value in ODD])
def test_one_value_everywhere(place: int) -> None:
    value = ODD[place]
    others = dict.fromkeys(("OCF_RESOURCE_INSTANCE", "OCF_CHECK_LEVEL", "HA_LOGTAG"), value)
    for turn, action in enumerate(("start", "stop", "monitor")):
        agent = SHAPES[(place + turn) % len(SHAPES)]
        ends_as_it_should(agent, action, dict.fromkeys(NAMES, value), others)


@pytest.mark.root
@pytest.mark.parametrize("action", IDLE)
@settings(max_examples=4)
@given(agent=st.sampled_from(SHAPES), parameters=PARAMETERS, others=OTHERS)
def test_any_environment_of_an_idle_action(
    agent: str, action: str, parameters: dict[str, str], others: dict[str, str]
) -> None:
    ends_as_it_should(agent, action, parameters, others)


def ends_as_it_should(
    agent: str, action: str, parameters: dict[str, str], others: dict[str, str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HA_RSCTMP": f"{folder}/rsctmp",
            "HA_LOGFILE": f"{folder}/ha.log",
            **{f"OCF_RESKEY_{name}": value for name, value in parameters.items()},
            **others,
        }
        # a node without any daemon, so that none is started and none is found
        node = BareNode(Path(folder), [])
        done = node([AGENTS / agent, action], environment)
        assert done.code in CODES, done
        assert "Traceback" not in done.err + _log(folder)
        assert "bug in the agent" not in done.err
        if done.code != 0:
            assert done.reason


def _log(folder: str) -> str:
    path = Path(folder, "ha.log")
    return path.read_text(errors="replace") if path.exists() else ""
