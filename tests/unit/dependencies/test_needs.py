"""What a service depends on, found in the configuration that the service itself reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ocf_lib.declare import credentials, standard
from ocf_lib.declare.parameters import Parameter, Port
from ocf_lib.declare.service import Api, Program, Service, Uwsgi
from ocf_lib.dependencies import broker, needs
from ocf_lib.dependencies.needs import Need
from ocf_lib.instance import Instance
from ocf_lib.launch import command
from ocf_lib.launch import options as daemon_options
from ocf_lib.net.endpoint import Endpoint
from ocf_lib.outcomes import Outcome
from tests.unit.conftest import Host, demo, facts

Make = Callable[..., Instance]
Found = Callable[..., "list[str]"]
SECTIONS = ("database", "api_database")
BROKER = "broker localhost:5672"


def worker(**changes: object) -> Service:
    """A service that takes its work from the broker and has two databases."""
    facts: dict[str, object] = {
        "api": None,
        "rpc_server": True,
        "databases": SECTIONS,
        "parameters": (
            *standard.daemon("demo-of-ocf-lib"),
            *standard.broker(),
            standard.database(),
            standard.zeromq(),
            Parameter("neutron_server_port", Port(), "", "", default="9696"),
        ),
    }
    return demo(**{**facts, **changes})


def api(**changes: object) -> Service:
    """A service with an HTTP API that has Identity validate the tokens."""
    parameters = (
        *standard.daemon("demo-of-ocf-lib"),
        *standard.api("http://127.0.0.1:9999"),
        *credentials.credentials(),
    )
    return demo(**{"parameters": parameters, "databases": SECTIONS, **changes})


@pytest.fixture
def instance(instance_of: Make, host: Host) -> Make:
    """An instance whose daemon has `text` as its configuration."""
    binary = host.program("demo-daemon")

    def make(text: str = "", service: Service | None = None, **parameters: object) -> Instance:
        config = host.file("demo.conf", text)
        given = {"binary": binary, "config": config, **parameters}
        return instance_of(service or worker(), "monitor", **given)

    return make


@pytest.fixture
def found(instance: Make) -> Found:
    """What the service depends on, as shown to people."""

    def act(text: str = "", service: Service | None = None, **parameters: object) -> list[str]:
        return [str(need) for need in needs.of(*facts(instance(text, service, **parameters)))]

    return act


@pytest.fixture
def one(instance: Make) -> Callable[..., Need]:
    """The need with this name."""

    def act(name: str, text: str, service: Service | None = None, **parameters: object) -> Need:
        made = {need.name: need for need in needs.of(*facts(instance(text, service, **parameters)))}
        return made[name]

    return act


def says(section: str, *lines: str) -> str:
    return "\n".join([f"[{section}]", *lines, ""])


# -- the broker ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url, places",
    [
        ("rabbit://u:p@h:5673/", [("h", 5673)]),
        ("rabbit://u:p@h", [("h", 5672)]),
        ("rabbit://u:p@h1:1,u:p@h2:2,u:p@h3/x", [("h1", 1), ("h2", 2), ("h3", 5672)]),
        ("rabbit://u:p@[fd00::5]:5673,u:p@[::1]/", [("fd00::5", 5673), ("::1", 5672)]),
        ("rabbit://u:p@[::1]/nova?ssl=1", [("::1", 5672)]),
        ("kombu+amqp://10.0.0.5//", [("10.0.0.5", 5672)]),
        ("rabbit://", [("localhost", 5672)]),
        ("rabbit://u:p@:5673/", [("localhost", 5673)]),
    ],
)
def test_brokers_of_a_url(one, url: str, places: list[tuple[str, int]]) -> None:
    need = one("broker", says("DEFAULT", f"transport_url = {url}"))
    assert need.places == places
    assert need.ports == {port for _, port in places}
    assert need.is_held


@pytest.mark.parametrize("url", ["fake://", "fake:/", "kombu+memory://", "kombu+memory:////"])
def test_a_transport_without_a_broker(found: Found, url: str) -> None:
    assert found(says("DEFAULT", f"transport_url = {url}")) == []


def test_nobody_named_a_broker(found: Found) -> None:
    assert found() == [BROKER]
    assert found(service=worker(rpc_server=False)) == []
    assert found(service=worker(rpc_server=False, rpc_client=True)) == [BROKER]


def test_who_only_calls_need_not_be_connected(one) -> None:
    need = one("broker", "", worker(rpc_server=False, rpc_client=True))
    assert not need.is_held


@pytest.mark.parametrize(
    "lines, is_secure",
    [
        (says("DEFAULT", "transport_url = rabbit://u:p@h/?ssl=1"), True),
        (says("DEFAULT", "transport_url = rabbit://u:p@h/nova?x=y&ssl=True"), True),
        (says("DEFAULT", "transport_url = rabbit://u:p@h/?ssl=0"), False),
        (says("DEFAULT", "transport_url = rabbit://u:ssl=1@h/"), False),
        (says("DEFAULT", "transport_url = rabbit://u:p@h/"), False),
        (says("oslo_messaging_rabbit", "ssl = true"), True),
        (says("oslo_messaging_rabbit", "ssl = False"), False),
        (says("oslo_messaging_rabbit", "rabbit_use_ssl = 1"), True),
        (says("DEFAULT", "rabbit_use_ssl = True"), True),
        ("", False),
    ],
)
def test_a_broker_under_tls(one, lines: str, is_secure: bool) -> None:
    assert one("broker", lines).asked is is_secure


@pytest.mark.parametrize(
    "lines, places",
    [
        (["rabbit_host = h", "rabbit_port = 5673"], [("h", 5673)]),
        (["rabbit_hosts = a:1, b,[::1]:3"], [("a", 1), ("b", 5672), ("::1", 3)]),
        (["rabbit_host = h"], [("h", 5672)]),
        (["qpid_hostname = q", "qpid_port = 5673"], [("q", 5673)]),
    ],
)
def test_options_of_the_time_before_urls(one, lines: list[str], places: object) -> None:
    assert one("broker", says("DEFAULT", *lines)).places == places


def test_many_brokers_on_one_line(found: Found) -> None:
    url = "rabbit://u:p@[::1]:1,u:p@h2:2,u:p@h3/x"
    assert found(says("DEFAULT", f"transport_url = {url}")) == ["broker [::1]:1 (and 2 more)"]


# -- databases -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url, kind, place",
    [
        ("mysql+pymysql://nova:p@10.0.0.5/nova?charset=utf8", "mysql", ("10.0.0.5", 3306)),
        ("mysql+pymysql://nova:p@h:3307/nova", "mysql", ("h", 3307)),
        ("mysql://nova:p@h/nova", "mysql", ("h", 3306)),
        ("mariadb+pymysql://nova:p@h/nova", "mysql", ("h", 3306)),
        ("MySQL+PyMySQL://nova:p@h/nova", "mysql", ("h", 3306)),
        ("mysql+pymysql://nova:p@[fd00::5]:3307/nova", "mysql", ("fd00::5", 3307)),
        ("mysql+pymysql://nova:p@[::1]/nova", "mysql", ("::1", 3306)),
        ("mysql+pymysql://nova:p@localhost/nova", "mysql", ("localhost", 3306)),
        ("mysql+pymysql://nova:p@/nova", "mysql", ("localhost", 3306)),
        ("mysql+pymysql://h/nova", "mysql", ("h", 3306)),
        ("mysql+pymysql://nova@h", "mysql", ("h", 3306)),
        ("postgresql://nova:p@h/nova", "postgresql", ("h", 5432)),
        ("postgresql+psycopg2://nova:p@h:5433/nova", "postgresql", ("h", 5433)),
        ("postgres://nova:p@h/nova", "postgresql", ("h", 5432)),
        ("postgresql:///nova?host=h&port=5433", "postgresql", ("h", 5433)),
        ("mysql+pymysql://nova:a%40b%2Fc@h/nova", "mysql", ("h", 3306)),
        ("mysql+pymysql://nova:a/b@h/nova", "mysql", ("h", 3306)),
        ("mysql+pymysql://nova:12/34@h/nova", "mysql", ("h", 3306)),
        ("mysql+pymysql://nova:a#b?c@h:3307/nova", "mysql", ("h", 3307)),
        ("mysql+pymysql://nova:[a@h/nova", "mysql", ("h", 3306)),
    ],
)
def test_where_a_database_is(one, url: str, kind: str, place: tuple[str, int]) -> None:
    need = one("database", says("database", f"connection = {url}"))
    assert need.places == [place]
    assert need.asked.kind == kind
    assert not need.is_held, "a lazy one is connected when it has something to ask"


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////var/lib/nova/nova.sqlite",
        "sqlite://",
        "mysql+pymysql://nova:p@localhost/nova?unix_socket=/run/mysqld/mysqld.sock",
        "mysql+pymysql:///nova?charset=utf8&unix_socket=/run/mysqld/mysqld.sock",
        "mysql://nova:p@localhost/nova",  # libmysqlclient's name for its Unix socket
        "mysql+mysqldb://nova:p@/nova",
        "postgresql:///nova",
        "postgresql://nova:p@/nova?host=/run/postgresql",
        "mongodb://h:27017/",
        "mysql",
        "h:3306",
        "://",
        "$other",
        "",
    ],
)
def test_what_needs_no_server(found: Found, url: str) -> None:
    assert found(says("database", f"connection = {url}")) == [BROKER]


def databases(*urls: str) -> str:
    return "".join(says(name, f"connection = {url}") for name, url in zip(SECTIONS, urls))


def test_several_databases_on_one_server_count_once(found: Found) -> None:
    both = databases("mysql+pymysql://nova:p@h/nova", "mysql+pymysql://nova:q@h:3306/nova_api")
    assert found(both) == ["database h:3306", BROKER]


def test_two_servers(instance: Make) -> None:
    both = databases("mysql+pymysql://nova:p@h/nova", "postgresql://nova:q@h2/nova_api")
    made = needs.of(*facts(instance(both)))
    assert [(need.name, str(need)) for need in made] == [
        ("database", "database h:3306"),
        ("database2", "database h2:5432"),
        ("broker", BROKER),
    ]


def test_only_the_sections_of_the_service_count(found: Found) -> None:
    text = says("cell_database", "connection = mysql+pymysql://x:p@h/x")
    assert found(text) == [BROKER]
    assert found(text, worker(databases=())) == [BROKER]
    assert found(text, worker(databases=("cell_database",)))[0] == "database h:3306"


@pytest.mark.parametrize(
    "text",
    [
        "[DEFAULT]\nsql_connection = mysql://k:p@h/k\n",
        "[sql]\nconnection = mysql://k:p@h/k\n",  # Keystone of 2013
        "[DATABASE]\nsql_connection = mysql://k:p@h/k\n",  # Quantum's plugins
        "[database]\nsql_connection = mysql://k:p@h/k\n",
    ],
)
def test_databases_of_older_releases(found: Found, text: str) -> None:
    assert found(text) == ["database h:3306", BROKER]


# -- Identity --------------------------------------------------------------------------------------


def authtoken(*lines: str, section: str = "keystone_authtoken") -> str:
    return says(section, *lines)


@pytest.mark.parametrize(
    "text, url",
    [
        (authtoken("auth_url = http://h:5000/v3"), "http://h:5000"),
        (authtoken("auth_url = http://h:5000"), "http://h:5000"),
        (authtoken("auth_url = https://h/identity/v3/"), "https://h:443/identity"),
        (authtoken("auth_url = http://[fd00::5]:5000"), "http://[fd00::5]:5000"),
        (authtoken("auth_url = http://a:1", "www_authenticate_uri = http://b:2"), "http://a:1"),
        (authtoken("www_authenticate_uri = http://b:2"), "http://b:2"),
        (authtoken("auth_uri = http://b:2/v2.0"), "http://b:2"),
        (authtoken("identity_uri = http://c:35357/"), "http://c:35357"),
        (authtoken("auth_host = h"), "https://h:35357"),
        (authtoken("auth_host = h", "auth_port = 1", "auth_protocol = http"), "http://h:1"),
        (authtoken("auth_url = http://h:5000", section="filter:authtoken"), "http://h:5000"),
        (authtoken("auth_uri = http://h:5000", section="filter:authtoken"), "http://h:5000"),
    ],
)
def test_where_identity_is(one, text: str, url: str) -> None:
    need = one("identity", text, api())
    assert isinstance(need.asked, Endpoint)
    assert need.asked.url == url
    assert str(need) == f"Identity {url}"
    assert need.places == [(need.asked.address, need.asked.port)]
    assert need.ports == set(), "it is asked and left"
    assert not need.is_held


def test_the_agents_own_credentials_tell_too(found: Found) -> None:
    given = {"os_auth_url": "http://h:5000/v3"}
    assert found("", api(), **given) == ["Identity http://h:5000"]
    text = authtoken("auth_url = http://other:5000")
    assert found(text, api(), **given) == ["Identity http://other:5000"]
    assert found("", api()) == []


@pytest.mark.parametrize("url", ["h:5000", "http://", "http://h:99999", "http://u:p@h/", "ftp://h"])
def test_a_url_that_is_none(found: Found, url: str) -> None:
    assert found(authtoken(f"auth_url = {url}"), api()) == []


def test_who_needs_no_identity(found: Found) -> None:
    text = authtoken("auth_url = http://h:5000")
    assert found(text) == [BROKER], "nobody shows it a token"
    own = Api(port=5000, path="/", authenticated="/v3/x", service_type="identity")
    assert found(text, api(api=own)) == [], "it is Identity itself"
    assert found(text, api(api=Api(port=8775, path="/"))) == [], "its API takes no token"


# -- parameters take precedence --------------------------------------------------------------------

BOTH = says("DEFAULT", "transport_url = rabbit://u:p@h:5673/") + databases(
    "mysql+pymysql://nova:p@h:3307/nova", "mysql+pymysql://nova:p@h2:3308/nova"
)


def test_nothing_set_is_what_the_configuration_says(found: Found) -> None:
    assert found(BOTH) == ["database h:3307", "database h2:3308", "broker h:5673"]


def test_amqp_server_port(found: Found) -> None:
    assert found(BOTH, amqp_server_port=5674)[-1] == "broker h:5674"
    assert found("", amqp_server_port=5674) == ["broker localhost:5674"]
    fake = says("DEFAULT", "transport_url = fake://")
    assert found(fake, amqp_server_port=5674) == ["broker localhost:5674"]
    assert found("", worker(rpc_server=False), amqp_server_port=5674) == ["broker localhost:5674"]


def test_database_server_port(found: Found, one) -> None:
    assert found(BOTH, database_server_port=3309) == ["database h:3309", "broker h:5673"]
    assert one("database", BOTH, database_server_port=3309).asked.user == "nova"
    elsewhere = worker(databases=())
    assert found("", elsewhere, database_server_port=3309) == ["database localhost:3309", BROKER]
    assert one("database", "", elsewhere, database_server_port=3309).asked.kind == ""


def test_neutron_server_port(found: Found) -> None:
    url = says("DEFAULT", "neutron_url = http://n:9696/")
    assert found(url, neutron_server_port=9697) == [BROKER, "Networking API n:9697"]
    assert found("", neutron_server_port=9697) == [BROKER, "Networking API port 9697"]
    older = says("DEFAULT", "quantum_url = http://q:9696")
    assert found(older, neutron_server_port=9697) == [BROKER, "Networking API q:9697"]
    assert found(url) == [BROKER]
    for broken in ("http://u:p@h:9696", "http://h:999999", "n:9696", "://"):
        wrong = says("DEFAULT", f"neutron_url = {broken}")
        assert found(wrong, neutron_server_port=9697)[-1] == "Networking API port 9697"


def test_zeromq(found: Found) -> None:
    assert found(BOTH, zeromq="true") == ["database h:3307", "database h2:3308"]
    assert found("", zeromq="true", amqp_server_port=5674) == []
    assert found("", zeromq="false") == [BROKER]


# -- which files -----------------------------------------------------------------------------------


def transport(host: str) -> str:
    return says("DEFAULT", f"transport_url = rabbit://{host}:5672/")


def test_what_the_command_line_names_later_wins(found: Found, host: Host) -> None:
    other = host.file("other.conf", transport("other"))
    folder = host.file("conf.d/a.conf", transport("a")).rpartition("/")[0]
    host.file("conf.d/b.conf", transport("b"))
    host.file("conf.d/c.txt", transport("c"))
    text = transport("first")
    assert found(text) == ["broker first:5672"]
    more = f"--config-file={other}"
    assert found(text, additional_parameters=more) == ["broker other:5672"]
    more = f"--config-dir={folder}"
    assert found(text, additional_parameters=more) == ["broker b:5672"]
    more = f"--config-dir {folder} --config-file {other}"
    assert found(text, additional_parameters=more) == ["broker other:5672"]


def test_it_is_where_start_waits_for_its_connection(instance: Make, host: Host) -> None:
    other = host.file("other.conf", "[DEFAULT]\ntransport_url = rabbit://other:5679/\n")
    made = instance(transport("first"), additional_parameters=f"--config-file={other}")
    (need,) = needs.of(*facts(made))
    options = daemon_options.of(*facts(made), command.resolve(*facts(made)).argv)
    assert [need.ports] == broker.connections(*facts(made), options) == [{5679}]


def test_a_repeated_option(found: Found) -> None:
    text = "[DEFAULT]\ntransport_url = rabbit://a\n[database]\n"
    text += "connection = mysql+pymysql://a/\nconnection = mysql+pymysql://b/\n"
    text += "[DEFAULT]\ntransport_url = rabbit://b\n"
    assert found(text) == ["database b:3306", "broker b:5672"]


def test_folders_of_the_project(
    found: Found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocf_lib.launch.oslo.ETC", str(tmp_path))
    folder = tmp_path / "demo-of-ocf-lib.conf.d"
    folder.mkdir()
    (folder / "database.conf").write_text(databases("mysql+pymysql://nova:p@h/nova"))
    assert found() == ["database h:3306", BROKER]


def test_a_positional_configuration(found: Found) -> None:
    """Swift passes it that way."""
    service = api(programs=(Program("demo-daemon", ("{config}",)),))
    text = authtoken("auth_url = http://h:5000", section="filter:authtoken")
    assert found(text, service) == ["Identity http://h:5000"]


# -- under uwsgi -----------------------------------------------------------------------------------


@pytest.fixture
def under_uwsgi(instance_of: Make, host: Host) -> Found:
    """What a service under uwsgi depends on. lines: of its ini. config: the service's own
    configuration, if parameter config names that and not the ini."""
    binary = host.program("uwsgi_python311")

    def act(*lines: str, config: str = "") -> list[str]:
        ini = host.file("demo.ini", "\n".join(["[uwsgi]", "http-socket = :1", *lines, ""]))
        service = worker(
            programs=(Uwsgi(ini, 1, pyargv=("--config-file={config}",)), Program("demo"))
        )
        made = instance_of(service, "monitor", binary=binary, config=config or ini)
        return [str(need) for need in needs.of(*facts(made))]

    return act


def test_a_folder_in_the_environment(under_uwsgi: Found, host: Host) -> None:
    config = host.file("etc/demo-of-ocf-lib.conf", transport("h"))
    folder = config.rpartition("/")[0]
    assert under_uwsgi(f"env = OS_DEMO_CONFIG_DIR={folder}") == ["broker h:5672"]
    assert under_uwsgi(f"env=OS_DEMO_CONFIG_DIR = {folder}/") == ["broker h:5672"]
    assert under_uwsgi(f"# env = OS_DEMO_CONFIG_DIR={folder}") == [BROKER]
    assert under_uwsgi(f"env = OS_OTHER={folder}") == [BROKER]


def test_files_in_the_environment(under_uwsgi: Found, host: Host) -> None:
    one, two = host.file("one.conf", transport("h1")), host.file("two.conf", transport("h2"))
    folder = one.rpartition("/")[0]
    host.file("demo-of-ocf-lib.conf", transport("usual"))
    assert under_uwsgi(f"env = OS_DEMO_CONFIG_FILES={one}") == ["broker h1:5672"]
    assert under_uwsgi(f"env = OS_DEMO_CONFIG_FILES={one};{two}") == ["broker h2:5672"]
    in_it = f"env = OS_DEMO_CONFIG_DIR={folder}"
    assert under_uwsgi(in_it, "env = OS_DEMO_CONFIG_FILES=two.conf;one.conf") == ["broker h1:5672"]
    assert under_uwsgi("env = OS_DEMO_CONFIG_FILES=one.conf", in_it) == ["broker h1:5672"]


def test_arguments_of_the_application(under_uwsgi: Found, host: Host) -> None:
    one, two = host.file("one.conf", transport("h1")), host.file("two.conf", transport("h2"))
    assert under_uwsgi(f"pyargv = --config-file={one}") == ["broker h1:5672"]
    assert under_uwsgi(f"pyargv=--config-file {one} --config-file={two}") == ["broker h2:5672"]
    assert under_uwsgi(f'pyargv = "--config-file={one}"') == ["broker h1:5672"]


def test_a_packaged_ini_with_a_configuration_of_ones_own(under_uwsgi: Found, host: Host) -> None:
    config = host.file("own.conf", transport("own"))
    assert under_uwsgi(config=config) == ["broker own:5672"]


# -- secrets ---------------------------------------------------------------------------------------

# "$" refers to another option; a line break would end the value
PASSWORDS = st.text(
    st.characters(blacklist_characters="$\n\r", blacklist_categories=["Cs"]), min_size=1
)
ODD = st.text("0123456789/,?#:[]@%&= ;'\"", min_size=1, max_size=12)
BEHIND = "dbhost:3307"


def secrets_of(word: str) -> list[str]:
    """The forms of a password that must not show up; a single character would match by chance."""
    return [piece for piece in (word, quote(word, safe="")) if len(piece) >= 2]


@given(word=PASSWORDS)
@example("p@ss/w:rd?#[]%2F, ;=&'\"")
@example("\u20ac\x00\x1b")
def test_a_quoted_password_is_not_shown_and_not_lost(instance: Make, word: str) -> None:
    account = f"nova:{quote(word, safe='')}"
    made = instance(
        says("DEFAULT", f"transport_url = rabbit://{account}@mqhost:5673/")
        + databases(f"mysql+pymysql://{account}@{BEHIND}/nova", f"postgresql://{account}@pg/nova")
    )
    known = needs.of(*facts(made))
    assert [str(need) for need in known] == [
        f"database {BEHIND}",
        "database pg:5432",
        "broker mqhost:5673",
    ]
    assert known[0].asked.password == word
    assert known[0].asked.user == "nova"


@given(word=st.one_of(ODD, PASSWORDS))
@example("12/34")
@example("1?2")
@example("1#2")
@example("a/b@c/d")
@example("1:2@3:4")
@example("[1")
@example("1]")
@example(" 12")
@example("@/")
@example("@,")
@example("@?")
@example("1@2,")
@example("1@2,3")
@example("@0/")
@example("1@2?3")
def test_a_password_without_its_quoting_is_not_shown(instance: Make, word: str) -> None:
    """Host and port are shown: neither may be part of the password."""
    made = instance(
        says("DEFAULT", f"transport_url = rabbit://nova:{word}@mqhost:5673/")
        + databases(f"mysql+pymysql://nova:{word}@{BEHIND}/nova"),
    )
    # the host after the last @; no host, or no broker, if it cannot be known
    right = {f"database {BEHIND}", "broker mqhost:5673", "broker port 5672", "broker mqhost:5672"}
    shown = [str(need).partition(" (and")[0] for need in needs.of(*facts(made))]
    assert set(shown) <= right
    if "@" not in word and word == word.strip():
        assert f"database {BEHIND}" in shown, "SQLAlchemy takes it so"


def test_the_same_server_as_sqlalchemy_finds(one) -> None:
    engine = pytest.importorskip("sqlalchemy.engine")
    words = ["p", "1/2", "a?b", "a#b", "[a", "a]b", "a:b", "%40%2F", "", "a+b"]
    hosts = ["h", "10.0.0.1", "[::1]", "h:3307", "[fd00::5]:3307", "H.example"]
    for word in words:
        for host in hosts:
            for rest in ("", "/", "/nova", "/nova?charset=utf8&x=a:b/c"):
                url = f"mysql+pymysql://nova:{word}@{host}{rest}"
                theirs = engine.make_url(url)
                ours = one("database", databases(url)).asked
                assert (ours.host, ours.port) == (theirs.host, theirs.port or 3306), url
                assert (ours.user, ours.password) == (theirs.username, theirs.password), url


# -- notes -----------------------------------------------------------------------------------------


def test_names_are_noted(instance: Make) -> None:
    made = instance(BOTH)
    needs.note(made.notes, *facts(made))
    assert made.notes["needs"] == "database database2 broker"
    assert set(made.notes.facts) == {"needs"}


def test_a_service_that_needs_nothing_is_noted_too(instance: Make) -> None:
    made = instance("", worker(rpc_server=False))
    needs.note(made.notes, *facts(made))
    assert made.notes["needs"], "or it would be looked for at each monitor"


@pytest.mark.parametrize("missing", ["config", "binary"])
def test_what_it_was_started_with_is_gone(instance: Make, missing: str) -> None:
    made = instance(BOTH, **{missing: "/nonexistent/x"})
    with pytest.raises(Outcome):
        needs.of(*facts(made))
    needs.note(made.notes, *facts(made))
    assert made.notes["needs"]
    assert "broker" not in made.notes["needs"]


def test_any_configuration_makes_no_traceback(instance: Make) -> None:
    @given(
        option=st.sampled_from(
            [
                ("DEFAULT", "transport_url"),
                ("DEFAULT", "rabbit_hosts"),
                ("DEFAULT", "neutron_url"),
                ("database", "connection"),
                ("keystone_authtoken", "auth_url"),
                ("keystone_authtoken", "auth_host"),
            ]
        ),
        scheme=st.sampled_from(["", "rabbit://", "mysql+pymysql://", "postgresql://", "http://"]),
        rest=st.text("ab1:/@[]?#%&=,. \x00\u20ac", max_size=12),
    )
    def act(option: tuple[str, str], scheme: str, rest: str) -> None:
        text = says(option[0], f"{option[1]} = {scheme}{rest}")
        for service in (worker(), api(rpc_client=True)):
            made = instance(text, service, neutron_server_port=9696)
            for need in needs.of(*facts(made)):
                assert len(str(need).splitlines()) == 1

    act()
