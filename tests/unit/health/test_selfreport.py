"""What an API reports about the service: a stand-in API and a real keystoneauth session."""

from __future__ import annotations

import http.server
import json
import os
import runpy
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from ocf_lib import agent
from ocf_lib.declare.service import Report, Service
from ocf_lib.health import selfreport
from ocf_lib.health.listing import TITLES, Listing
from ocf_lib.instance import Instance
from ocf_lib.launch.oslo import Options
from ocf_lib.outcomes import Afflicted, Degraded, Outcome, Suspect
from tests.calling import AGENTS, agents
from tests.unit.conftest import demo, patience_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # from modules that keystoneauth imports
    from keystoneauth1 import access, exceptions, session
    from keystoneauth1.identity import base

COMPUTE = Report("compute", "/os-services", "nova-scheduler", 60)
VOLUME = Report("block-storage", "/os-services", "cinder-volume", 60, backends="enabled_backends")
DHCP = Report("network", "/v2.0/agents", "neutron-dhcp-agent", 75, option="agent_down_time")
ENGINE = Report("orchestration", "/services", "heat-engine", 120, "periodic_interval", 2)
EARLY, LATE, LATER = (f"2024-05-01T10:{minute}:00.000000" for minute in ("00", "30", "35"))
HOST = "[DEFAULT]\nhost = one\n"


def row(binary: str, host: str, state: str = "up", at: str = LATE, **more: object) -> dict:
    """A row as Compute and Block Storage list it."""
    facts = {"binary": binary, "host": host, "state": state, "updated_at": at}
    return {"status": "enabled", **facts, **more}


def network_agent(host: str, alive: bool, **more: object) -> dict:
    at = "2024-05-01 10:30:00"
    facts = {"binary": DHCP.binary, "host": host, "alive": alive, "heartbeat_timestamp": at}
    return {"admin_state_up": True, **facts, **more}


UP = row("nova-scheduler", "one")
DOWN = row("nova-scheduler", "one", "down")
CONDUCTOR = row("nova-conductor", "one")


class Handler(http.server.BaseHTTPRequestHandler):
    server: Listed

    def do_GET(self) -> None:
        self.server.seen.append((self.path, dict(self.headers)))
        if "microversion" in self.server.refuses and "X-OpenStack-Nova-API-Version" in self.headers:
            self.send_error(406)
            return
        if self.server.status != 200:
            self.send_error(self.server.status)
            return
        wanted = parse_qs(urlsplit(self.path).query).get("binary")
        shown = [r for r in self.server.rows if not wanted or r.get("binary") in wanted]
        body = self.server.body or json.dumps({self.server.name: shown}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


class Listed(http.server.ThreadingHTTPServer):
    """An API. rows: what it lists, under `name`; `status` or `body` replace that answer.
    refuses: "microversion". seen: path and headers of each request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.rows: list[dict] = []
        self.name, self.status, self.body, self.refuses = "services", 200, b"", ""
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def api() -> Iterator[Listed]:
    made = Listed()
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


class Given(base.BaseIdentityPlugin):
    """Identity's answer to a log-in: a token with this service catalog, or this exception.

    catalog: for each type of service its URL, or its URLs by region."""

    def __init__(self, catalog: dict[str, Any] | Exception) -> None:
        super().__init__()
        self.catalog = catalog

    def get_auth_ref(self, session: object, **more: object) -> access.AccessInfoV3:
        if isinstance(self.catalog, Exception):
            raise self.catalog
        services = [
            {
                "type": kind,
                "name": kind,
                "endpoints": [
                    {"interface": "public", "region_id": region, "url": url}
                    for region, url in places.items()
                ],
            }
            for kind, places in (
                (kind, found if isinstance(found, dict) else {"here": found})
                for kind, found in self.catalog.items()
            )
        ]
        token = {"expires_at": "2099-01-01T00:00:00.000000Z", "catalog": services}
        return access.AccessInfoV3({"token": token}, auth_token="gAAAA")


class Case:
    """Successive monitors of one service. configuration: the text of its daemon's file."""

    def __init__(self, api: Listed, instance_of: Callable[..., Instance], folder: Path) -> None:
        self.api, self.instance_of, self.folder = api, instance_of, folder
        self.report, self.configuration = COMPUTE, HOST
        self.catalog: Any = {"compute": api.url + "/v2.1"}
        self.parameters: dict[str, object] = {}

    def instance(self) -> Instance:
        return self.instance_of(demo(report=self.report), "monitor", **self.parameters)

    def check(self) -> None:
        """Runs one monitor, which leaves its notes in their file."""
        config = self.folder / "demo.conf"
        config.write_text(self.configuration)
        instance = self.instance()
        with requests.Session() as connections:
            logged_in = session.Session(auth=Given(self.catalog), session=connections)
            try:
                of, patience = instance.parameters, patience_of(instance)
                where = (of["os_region_name"] or "", of["os_interface"])
                listing = Listing(logged_in, self.report, *where, patience)
                options = Options(["x", f"--config-file={config}"])
                selfreport.compare(instance.notes, listing, options)
            finally:
                instance.keep_notes()

    def outcome(self, kind: type[Outcome] = Degraded) -> str:
        """The exit reason of a monitor that raises exactly this kind of outcome."""
        with pytest.raises(kind) as caught:
            self.check()
        assert type(caught.value) is kind
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def age(self, name: str, seconds: float) -> None:
        """Sets the note back by this many seconds."""
        instance = self.instance()
        assert instance.notes[name], f"no note {name}"
        instance.notes[name] = time.monotonic() - seconds
        instance.keep_notes()

    @property
    def notes(self) -> dict[str, str]:
        found = self.instance().notes.facts
        return {name: value for name, value in found.items() if name.startswith("report.")}


@pytest.fixture
def case(api: Listed, instance_of: Callable[..., Instance], tmp_path: Path) -> Case:
    return Case(api, instance_of, tmp_path)


# Up or down, and for how long.


def test_up_is_one_cheap_question(case: Case) -> None:
    case.api.rows = [UP, CONDUCTOR]
    case.check()
    assert [path for path, _ in case.api.seen] == ["/v2.1/os-services?binary=nova-scheduler"]
    assert case.api.seen[0][1]["X-Auth-Token"] == "gAAAA"
    assert case.notes == {}


def test_down_is_degraded_until_the_down_time_has_passed_and_then_the_services_own(
    case: Case,
) -> None:
    case.api.rows = [DOWN, CONDUCTOR]
    begins = "Compute reports nova-scheduler on one as down"
    assert case.outcome().startswith(begins + ", not yet")
    case.age("report.down", 20)
    assert case.outcome().startswith(begins + " for 20 s, not yet for its down-time of 60 s")
    case.age("report.down", 59)
    case.outcome()
    case.age("report.down", 61)
    assert case.outcome(Suspect).startswith(begins + " for 61 s, while others are up")


def test_up_again_begins_anew(case: Case) -> None:
    case.api.rows = [DOWN, CONDUCTOR]
    case.outcome()
    case.age("report.down", 59)
    case.api.rows = [UP]
    case.check()
    assert case.notes == {}
    case.api.rows = [DOWN, CONDUCTOR]
    case.outcome()
    assert case.outcome().startswith("Compute reports nova-scheduler on one as down")


def test_disabled_is_not_down(case: Case) -> None:
    case.api.rows = [{**UP, "status": "disabled", "disabled_reason": "by hand"}]
    case.check()


@pytest.mark.parametrize(
    ("configured", "seconds"),
    [
        ("service_down_time = 300", 300),
        ("service_down_time = soon", 60),
        ("service_down_time = 99999999999999999999", 60),
    ],
)
def test_down_time_is_the_configurations(case: Case, configured: str, seconds: int) -> None:
    case.configuration += configured
    case.api.rows = [DOWN, CONDUCTOR]
    case.outcome()
    case.age("report.down", seconds - 5)
    assert f"down-time of {seconds} s" in case.outcome()
    case.age("report.down", seconds + 1)
    case.outcome(Suspect)


def test_reports_that_arrive_are_no_fault_of_a_restart(case: Case) -> None:
    """By its clock the API lists the service as down, yet new reports arrive."""
    case.api.rows = [DOWN, CONDUCTOR]
    case.outcome()
    case.age("report.down", 61)
    case.api.rows = [{**DOWN, "updated_at": LATER}, CONDUCTOR]
    assert "as down, but its reports arrive" in case.outcome()
    assert "not yet" in case.outcome()


# Whose fault it is.


@pytest.mark.parametrize("others", [[], [row("nova-conductor", "one", "down")]])
def test_where_nobody_is_up_something_else_is_to_blame(case: Case, others: list[dict]) -> None:
    case.api.rows = [DOWN, CONDUCTOR]
    case.outcome()
    case.age("report.down", 61)
    case.api.rows = [DOWN, *others]
    assert "as down, and no other service as up" in case.outcome()
    # if the others come back first, it has its whole time again
    case.api.rows = [DOWN, CONDUCTOR]
    assert "not yet" in case.outcome()


def test_what_a_kind_lost_together_is_the_fault_of_none(case: Case) -> None:
    case.report = Report("compute", "/os-services", "nova-compute", 60)
    ours = row("nova-compute", "one", "down")
    case.api.rows = [ours, CONDUCTOR]
    case.outcome()
    case.age("report.down", 61)
    case.api.rows = [ours, row("nova-compute", "two", "down"), CONDUCTOR]
    assert "as down, since the same time as 1 more" in case.outcome()
    # if one is up, reports can arrive; one that died long ago proves nothing
    died, works = row("nova-compute", "two", "down"), row("nova-compute", "three")
    for others in ([died, works], [row("nova-compute", "four", "down", EARLY)]):
        case.api.rows = [ours, *others, CONDUCTOR]
        case.outcome()
        case.age("report.down", 61)
        case.outcome(Suspect)
        case.api.rows = []
        case.outcome()


@pytest.mark.parametrize("refuses", ["", "microversion"])
def test_forced_down_is_what_fencing_says(case: Case, refuses: str) -> None:
    """Compute lists it since microversion 2.11, and answers 406 if it knows other versions only."""
    case.api.refuses = refuses
    case.api.rows = [{**DOWN, "forced_down": True}, CONDUCTOR]
    assert "as forced down" in case.outcome()
    assert case.notes == {}
    asked = [headers.get("X-OpenStack-Nova-API-Version") for _, headers in case.api.seen]
    assert asked == [None, "2.11"] + [None] * bool(refuses)


# No row.


@pytest.mark.parametrize("rows", [[], [row("nova-scheduler", "two"), CONDUCTOR]])
def test_no_row_is_degraded_however_long(case: Case, rows: list[dict]) -> None:
    case.api.rows = rows
    begins = "Compute has no row for nova-scheduler on host one"
    assert case.outcome().startswith(begins + ":")
    case.age("report.missing", 600)
    assert case.outcome().startswith(begins + " for 600 s: is host in its configuration right?")
    case.api.rows = [DOWN, CONDUCTOR]
    case.outcome()
    assert "report.missing" not in case.notes


def test_a_cell_that_is_away_is_no_row(case: Case) -> None:
    case.api.rows = [{"binary": "nova-scheduler", "host": "one", "status": "UNKNOWN"}]
    assert "has no row" in case.outcome()


def test_host_is_this_nodes_name_long_or_short(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    node = os.uname()
    named = os.uname_result((node[0], "one.example.org", *node[2:]))
    monkeypatch.setattr(os, "uname", lambda: named)
    case.configuration = "[DEFAULT]\n"
    for host in ("one.example.org", "one"):
        case.api.rows = [row("nova-scheduler", host)]
        case.check()
    case.configuration = "[DEFAULT]\nhost = other\n"
    assert "on host other" in case.outcome()


# The other services.


def test_networking_says_alive(case: Case) -> None:
    case.report = DHCP
    case.api.name = "agents"
    # most catalogs list it without a version, some with it
    for url in (case.api.url, case.api.url + "/", case.api.url + "/v2.0"):
        case.catalog = {"network": url}
        case.api.rows = [network_agent("one", True, admin_state_up=False)]
        case.check()
        assert case.api.seen[-1][0] == "/v2.0/agents?binary=neutron-dhcp-agent"
    case.api.rows = [network_agent("one", False), {**network_agent("one", True), "binary": "l3"}]
    assert case.outcome().startswith("Networking reports neutron-dhcp-agent on one as down")
    case.age("report.down", 70)
    assert "down-time of 75 s" in case.outcome()
    case.age("report.down", 76)
    case.outcome(Suspect)


def test_orchestration_has_a_row_for_each_worker_there_ever_was(case: Case) -> None:
    case.report = ENGINE
    case.catalog = {"orchestration": case.api.url + "/v1/0123"}
    was = {"binary": "heat-engine", "host": "one", "status": "down", "updated_at": EARLY}
    now = {**was, "status": "up", "updated_at": LATE}
    case.api.rows = [was, now]
    case.check()
    assert case.api.seen[-1][0].startswith("/v1/0123/services")
    case.configuration += "periodic_interval = 10"
    case.api.rows = [was, {**now, "status": "down"}, {**now, "host": "two"}]
    assert "down-time of 20 s" in case.outcome()


@pytest.mark.parametrize("kind", ["block-storage", "volumev3", "volumev2", "volume"])
def test_block_storage_has_had_many_types(case: Case, kind: str) -> None:
    case.report = VOLUME
    case.catalog = {kind: case.api.url + "/v3/0123"}
    case.api.rows = [row("cinder-volume", "one")]
    case.check()
    assert case.api.seen[-1][0].startswith("/v3/0123/os-services")


def test_backends_report_each_for_itself(case: Case) -> None:
    case.report = VOLUME
    case.catalog = {"volumev3": case.api.url + "/v3/0123"}
    case.configuration += "enabled_backends = fast, Slow\n[Slow]\nbackend_host = shared\n"
    fast, slow = row("cinder-volume", "one@fast"), row("cinder-volume", "shared@Slow")
    # a backend that is no longer enabled stays in the list
    gone = row("cinder-volume", "one@gone", "down", EARLY)
    case.api.rows = [fast, slow, gone]
    case.check()

    case.api.rows = [fast, {**slow, "state": "down"}, gone]
    begins = "Block Storage reports cinder-volume on "
    assert case.outcome().startswith(begins + "shared@Slow as down, 1 of its 2 backends")
    assert case.notes == {}
    case.api.rows = [fast, gone]
    assert "no row for cinder-volume on host shared@Slow" in case.outcome()

    down = [{**fast, "state": "down"}, {**slow, "state": "down"}]
    case.api.rows = [*down, row("cinder-scheduler", "one")]
    assert case.outcome().startswith(begins + "one@fast, shared@Slow as down, not yet")
    case.age("report.down", 61)
    case.outcome(Suspect)


# The API itself.


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_is_the_apis_own(case: Case, status: int) -> None:
    case.api.rows = [DOWN, CONDUCTOR]
    case.outcome()
    case.api.status = status
    assert case.outcome(Afflicted) == (
        f"Compute {case.api.url}/os-services answered {status} (degraded)"
    )
    # nobody knows what happened in the meantime
    assert case.notes == {}


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"{}", b'{"services": {}}', b'{"services": [1]}', b"\xff"]
)
def test_nonsense_is_the_apis_own(case: Case, body: bytes) -> None:
    case.api.body = body
    assert " answered with n" in case.outcome(Afflicted)


@pytest.mark.parametrize("text", [None, "soon", "2024-13-01T00:00:00", 7, "2024-05-01T10:30:00Z"])
def test_any_time_will_do(case: Case, text: object) -> None:
    case.api.rows = [{**DOWN, "updated_at": text}, CONDUCTOR, {"host": 1}, {"binary": None}]
    case.outcome()
    case.age("report.down", 61)
    case.outcome(Suspect)


@pytest.mark.parametrize(
    ("status", "says"), [(401, "monitoring user"), (403, "monitoring user"), (404, "404")]
)
def test_a_refusal_is_degraded(case: Case, status: int, says: str) -> None:
    case.api.status = status
    said = case.outcome()
    assert said.startswith(f"Compute {case.api.url}/os-services ")
    assert says in said


def test_an_api_that_is_not_there(case: Case) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        case.catalog = {"compute": url}
        assert f"Compute {url}/os-services cannot be reached" in case.outcome(Afflicted)


def test_an_api_that_trickles(case: Case, serve: Callable[..., Any]) -> None:
    """All is well according to its answer, which takes three times as long as the time limit."""
    body = json.dumps({"services": [UP]}).encode()

    def trickle(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        for _ in range(60):
            if server.gone.wait(0.05):
                return
            connection.sendall(b"x")
        connection.sendall(f"\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    server = serve(trickle)
    url = f"http://127.0.0.1:{server.port}"
    case.catalog, case.parameters["api_timeout"] = {"compute": url}, 1
    assert case.outcome(Afflicted) == (
        f"Compute {url}/os-services did not answer within 1 s (degraded)"
    )


def test_an_api_without_tls(case: Case) -> None:
    case.catalog = {"compute": case.api.url.replace("http:", "https:")}
    assert "has no certificate that is accepted" in case.outcome()


def test_the_catalog_lacks_it(case: Case) -> None:
    case.catalog = {"image": case.api.url}
    assert case.outcome().startswith(
        "the service catalog has no public endpoint of type compute, where nova-scheduler would"
    )
    case.catalog = {"compute": case.api.url}
    case.parameters["os_region_name"] = "elsewhere"
    assert "of type compute in region elsewhere," in case.outcome()
    case.catalog = {"compute": "nowhere"}
    del case.parameters["os_region_name"]
    assert "URL of Compute must be a URL" in case.outcome()


@pytest.mark.parametrize("first", ["here", "there"])
def test_of_several_regions_one_has_to_be_named(case: Case, first: str) -> None:
    """In the other region, a host of the same name may be down."""
    case.api.rows = [UP]
    places = {"here": case.api.url + "/v2.1", "there": "http://127.0.0.1:1"}
    case.catalog = {"compute": dict(sorted(places.items(), reverse=first == "there"))}
    assert case.outcome().startswith(
        "the service catalog has Compute in regions here, there: set os_region_name"
    )
    assert case.api.seen == []
    case.parameters["os_region_name"] = "here"
    case.check()
    case.parameters["os_region_name"] = "there"
    assert "Compute http://127.0.0.1:1/" in case.outcome(Afflicted)


def test_identity_that_is_asked_again_and_does_not_tell(case: Case) -> None:
    for error in (exceptions.ConnectFailure("nobody there"), exceptions.Unauthorized()):
        case.catalog = error
        assert case.outcome(Afflicted).startswith("Identity does not tell where Compute is (")


# What the agents declare.


@pytest.fixture(scope="module")
def declared() -> dict[str, Service]:
    found: list[Service] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agent, "run", found.append)
        for name in agents():
            runpy.run_path(str(AGENTS / name))
    return {service.name: service for service in found}


def test_agents_that_report_do_so_under_the_name_of_their_program(
    declared: dict[str, Service],
) -> None:
    reporting = [service for service in declared.values() if service.report is not None]
    assert len(reporting) == 18
    for service in reporting:
        report = service.report
        assert report is not None
        assert report.service_type in TITLES
        assert report.binary in [program.program for program in service.programs]
