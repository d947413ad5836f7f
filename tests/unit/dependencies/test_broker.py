"""Which connections a daemon should hold, according to its parameters and its configuration."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ocf_lib.declare import standard
from ocf_lib.declare.service import Service
from ocf_lib.dependencies import broker
from ocf_lib.instance import Instance
from ocf_lib.launch.oslo import Options
from tests.unit.conftest import PYTHON, demo, facts

Make = Callable[..., Instance]


def consumer(**changes: object) -> Service:
    facts: dict[str, object] = {
        "api": None,
        "rpc_server": True,
        "parameters": (
            *standard.daemon("demo-of-ocf-lib"),
            *standard.broker(),
            standard.database(),
            standard.zeromq(),
        ),
    }
    return demo(**{**facts, **changes})


@pytest.fixture
def expected(instance_of: Make, tmp_path: Path) -> Callable[..., list[set[int]]]:
    """The expected connections of a daemon with this configuration."""
    path = tmp_path / "some.conf"

    def act(text: str = "", service: Service | None = None, **parameters: object) -> list[set[int]]:
        path.write_text(text)
        instance = instance_of(service or consumer(), **parameters)
        argv = ["/usr/bin/demo-daemon", f"--config-file={path}"]
        options = Options(argv, instance.service.project)
        return broker.connections(*facts(instance), options)

    return act


def with_url(url: str) -> str:
    return f"[DEFAULT]\ntransport_url = {url}\n"


# -- parameters ----------------------------------------------------------------------------------


def test_a_consumer_is_connected_to_the_broker_that_its_configuration_names(expected) -> None:
    assert expected(with_url("rabbit://u:p@h:5673/")) == [{5673}]
    assert expected() == [{5672}]


def test_a_daemon_that_consumes_nothing_is_connected_to_nothing(expected) -> None:
    service = consumer(rpc_server=False)
    assert expected(with_url("rabbit://u:p@h:5673/"), service) == []
    assert expected("", service, amqp_server_port=5674) == [{5674}]


def test_the_parameter_wins_over_the_configuration(expected) -> None:
    assert expected(with_url("rabbit://u:p@h:5673/"), amqp_server_port=5674) == [{5674}]
    assert expected(with_url("fake://"), amqp_server_port=5672) == [{5672}]


def test_the_default_of_the_parameter_does_not(expected) -> None:
    assert expected(with_url("rabbit://u:p@h:5673/"), amqp_server_port="") == [{5673}]


def test_a_database_only_where_the_operator_names_it(expected) -> None:
    assert expected(database_server_port=3307) == [{5672}, {3307}]
    assert expected(service=consumer(rpc_server=False), database_server_port=3306) == [{3306}]


@pytest.mark.parametrize("word, wanted", [("true", []), ("false", [{5672}])])
def test_zeromq_needs_no_broker(expected, word: str, wanted: list[set[int]]) -> None:
    assert expected(zeromq=word) == wanted
    assert expected(with_url("rabbit://h:5672/"), zeromq=word) == wanted
    assert expected(zeromq=word, amqp_server_port=5672) == wanted
    assert expected(zeromq=word, database_server_port=3306) == [*wanted, {3306}]


def test_an_agent_without_these_parameters(expected) -> None:
    service = consumer(parameters=standard.daemon("demo-of-ocf-lib"))
    assert expected(with_url("rabbit://u:p@h:5673/"), service) == [{5673}]
    assert expected("", consumer(parameters=(), rpc_server=False)) == []


def test_folders_of_the_project_count(
    expected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocf_lib.launch.oslo.ETC", str(tmp_path))
    folder = tmp_path / "demo-of-ocf-lib.conf.d"
    folder.mkdir()
    (folder / "messaging.conf").write_text(with_url("rabbit://u:p@h:5673/"))
    assert expected() == [{5673}]


# -- transport_url -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url, ports",
    [
        ("rabbit://u:p@h:5673/", {5673}),
        ("rabbit://u:p@h:5673", {5673}),
        ("rabbit://u:p@h/nova", {5672}),
        ("rabbit://u:p@h:/nova", {5672}),
        ("rabbit://h:5673", {5673}),
        ("rabbit://h", {5672}),
        ("rabbit://", {5672}),
        ("rabbit:///", {5672}),
        ("rabbit://u:p@h1:1,u:p@h2:2,u:p@h3/x", {1, 2, 5672}),
        ("rabbit://u:p@h1:1,h2:2/", {1, 2}),
        ("rabbit://h1:1,h2:2", {1, 2}),
        ("rabbit://u:p@h:5673,/", {5673}),
        ("rabbit://,/", {5672}),
        ("rabbit://u:p@10/", {5672}),
        ("rabbit://u:p@[::1]:5673/", {5673}),
        ("rabbit://u:p@[fe80::1:77]/", {5672}),
        ("rabbit://u:a@b:9@h:5673/x@y:7?ssl=1", {5673}),
        ("rabbit://u:p@h:5673?ssl=1", {5673}),
        ("RABBIT://u:p@h:5673/", {5673}),
        ("kombu+amqp://u:p@h:5673/", {5673}),
        ("amqp://u:p@h:5673/", {5673}),
        ("pika://u:p@h:5673/", {5673}),
        ("rabbit://u:p@h:port/", {5672}),
        ("rabbit://u:p@h:" + "9" * 5000, {5672}),
    ],
)
def test_ports_of_a_url(expected, url: str, ports: set[int]) -> None:
    assert expected(with_url(url)) == [ports]


@pytest.mark.parametrize(
    "url", ["fake://", "fake:/", "kombu+memory://", "zmq://", "kafka://h:9092", "h:5672", "$other"]
)
def test_transports_without_a_broker(expected, url: str) -> None:
    assert expected(with_url(url)) == []


REAL = """
import json, sys, warnings
warnings.simplefilter("ignore")
from oslo_config import cfg
from oslo_messaging.transport import TransportURL
conf = cfg.ConfigOpts()
def ports(url):
    try:
        return [host.port for host in TransportURL.parse(conf, url).hosts]
    except ValueError:
        return None  # such a daemon does not start
print(json.dumps([ports(url) for url in json.load(sys.stdin)]))
"""


def test_ports_of_urls_as_oslo_messaging_finds_them(expected) -> None:
    pytest.importorskip("oslo_config")
    dice = random.Random(5672)  # noqa: S311
    urls = []
    for _ in range(200):
        hosts = []
        for _ in range(dice.randrange(4)):
            host = dice.choice(["h", "10.0.0.1", "[::1]", "[2001:db8::5:6]", "a.b-c"])
            word = "".join(dice.choices(["a", "1", ":", "@", "%2F", "%40", "-", "="], k=4))
            known = dice.choice(["u:", "", "u%3a:"])
            port = dice.choice(["", ":", ":5672", ":1", ":61613"])
            hosts.append(f"{known}{word if known else ''}{'@' if known else ''}{host}{port}")
        # oslo.messaging wants credentials for all hosts or for none
        kept = [host for host in hosts if ("@" in host) == ("@" in hosts[0])]
        rest = dice.choice(["", "/", "/nova", "/nova?ssl=1&x=y:1", "?ssl=1"])
        urls.append("rabbit://" + ",".join(kept) + rest)
    done = subprocess.run(
        [PYTHON, "-c", REAL], input=json.dumps(urls), capture_output=True, text=True, check=False
    )
    if "No module named 'oslo_messaging'" in done.stderr:
        pytest.skip("python3-oslo.messaging is not installed")
    assert done.returncode == 0, done.stderr
    found = [(url, ports) for url, ports in zip(urls, json.loads(done.stdout)) if ports is not None]
    assert len(found) > 100
    for url, ports in found:
        assert expected(with_url(url)) == [{port or 5672 for port in ports} or {5672}], url


@given(
    word=st.text("0123456789/,?#:]", min_size=1, max_size=12),
    hosts=st.sampled_from([1, 2]),
    rest=st.sampled_from(["", "/", "/nova"]),
)
@example("12,34", 1, "/")
@example("12/34", 1, "/")
@example("12?34", 1, "/")
@example("12:34/5", 1, "")
def test_no_part_of_a_password_passes_for_a_port(
    expected, word: str, hosts: int, rest: str
) -> None:
    """Ports are logged; no part of a wrongly quoted password may be logged as one."""
    url = "rabbit://" + ",".join([f"nova:{word}@h:61613"] * hosts) + rest
    assert expected(with_url(url)) in ([{61613}], [{5672}], [{5672, 61613}])


# -- before transport_url ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("[DEFAULT]\nrabbit_host = h\n", [{5672}]),
        ("[DEFAULT]\nrabbit_port = 5673\n", [{5673}]),
        ("[oslo_messaging_rabbit]\nrabbit_port = 5673\n", [{5673}]),
        ("[oslo_messaging_rabbit]\nrabbit_port = 1\n[DEFAULT]\nrabbit_port = 2\n", [{1}]),
        ("[DEFAULT]\nrabbit_hosts = a:1 , b:2,c\n", [{1, 2, 5672}]),
        ("[DEFAULT]\nrabbit_hosts = a, b\nrabbit_port = 5673\n", [{5673}]),
        ("[oslo_messaging_rabbit]\nrabbit_hosts = [::1]:1,\n  b:2,\n", [{1, 2}]),
        ("[DEFAULT]\nrabbit_hosts =\nrabbit_port = 5673\n", [{5673}]),
        ("[DEFAULT]\nqpid_port = 5673\n", [{5673}]),
        ("[DEFAULT]\nqpid_hosts = a:5673\n", [{5673}]),
        ("[DEFAULT]\nrabbit_port = 0x10\n", [{5672}]),
        ("[DEFAULT]\nrabbit_port = " + "9" * 5000, [{5672}]),
        ("[DEFAULT]\nrpc_backend = nova.openstack.common.rpc.impl_zmq\nrabbit_port = 1\n", []),
        ("[DEFAULT]\nrpc_backend = cinder.openstack.common.rpc.impl_fake\n", []),
        ("[DEFAULT]\nrpc_backend = rabbit\nrabbit_port = 5673\n", [{5673}]),
        ("[DEFAULT]\nrpc_backend = zmq\ntransport_url = rabbit://h:5673\n", [{5673}]),
        ("[DEFAULT]\ntransport_url =\nrabbit_port = 5673\n", [{5673}]),
    ],
    ids=lambda value: value[:60].replace("\n", " ") if isinstance(value, str) else "",
)
def test_older_options(expected, text: str, wanted: list[set[int]]) -> None:
    assert expected(text) == wanted
