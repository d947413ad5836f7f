"""The list that an API keeps of its services, each with whether it is up (cold module).

It is the API of another service, found in the service catalog: nothing that is wrong with it is the
fault of the daemon whose row is looked for.
"""

from __future__ import annotations

import calendar
from concurrent import futures
from datetime import datetime
from urllib.parse import urlencode

from ocf_lib.net.endpoint import Endpoint
from ocf_lib.outcomes import Afflicted, Degraded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ocf_lib.declare.service import Report
    from ocf_lib.instance import Instance
    from ocf_lib.keystone.credentials import Credentials

# By type in the service catalog, as in the service-types authority of OpenStack.
TITLES = {
    "compute": "Compute",
    "block-storage": "Block Storage",
    "network": "Networking",
    "orchestration": "Orchestration",
    "shared-file-system": "Shared File Systems",
}
# Compute shows forced_down since this microversion (Liberty); Kilo answers 406 to it, older
# releases ignore it.
FORCED_DOWN = {"compute": "2.11"}
DEPENDENCY = "report"


class Row:
    """What an API has of one service.

    host, binary: as it calls them. time: of the last report, seconds since 1970, 0 for unknown.
    is_forced: somebody said it is down.
    """

    def __init__(self, host: str, binary: str, is_up: bool, time: int, is_forced: bool) -> None:
        self.host, self.binary, self.is_up = host, binary, is_up
        self.time, self.is_forced = time, is_forced

    @classmethod
    def parse(cls, facts: dict[str, Any]) -> Row | None:
        """None where it does not tell who is up or down, as for a cell that is away (UNKNOWN)."""
        # Orchestration has it in status, which says "enabled" elsewhere; Networking in alive
        is_up = {"up": True, "down": False}.get(str(facts.get("state", facts.get("status"))))
        is_up = facts["alive"] if isinstance(facts.get("alive"), bool) else is_up
        host, binary = facts.get("host"), facts.get("binary")
        if is_up is None or not isinstance(host, str) or not isinstance(binary, str):
            return None
        seen = facts.get("heartbeat_timestamp") or facts.get("updated_at")
        return cls(host, binary, is_up, _time(seen), facts.get("forced_down") is True)


class Listing:
    """The list of `report`, asked for with `session`. found: whom it is logged in as, where that is
    not as the parameters say. title: what people call its API.

    Raises Degraded where the service catalog has none or does not tell which, Afflicted where
    Identity does not tell.
    """

    def __init__(
        self, instance: Instance, session: Any, report: Report, found: Credentials | None = None
    ) -> None:
        self.instance, self.session, self.report = instance, session, report
        self.title = TITLES[report.service_type]
        of = instance.parameters
        region = found.region if found else of.get("os_region_name")
        interface = found.interface if found else of.get("os_interface")
        self.url = self._find(interface or "public", region or None)

    def rows(self, of: str = "") -> list[Row]:
        """All rows; of: those of this binary alone, where the API can choose.

        Raises Afflicted where it does not answer, or a server error or nonsense; Degraded where it
        refuses us.
        """
        if of:
            body = self._ask("?" + urlencode({"binary": of}))
        else:
            body = self._ask("", FORCED_DOWN.get(self.report.service_type))
        listed = body.get("services", body.get("agents")) if isinstance(body, dict) else None
        if not isinstance(listed, list) or not all(isinstance(facts, dict) for facts in listed):
            raise self._afflicted("answered with no list of services")
        return [row for row in map(Row.parse, listed) if row is not None]

    def _find(self, interface: str, region: str | None) -> str:
        """The URL of the list. A session finds volumev3 and the like for block-storage, too."""
        from keystoneauth1 import exceptions

        kind = self.report.service_type
        try:
            found = self._soon(
                self.session.get_endpoint,
                service_type=kind,
                interface=interface,
                region_name=region,
                skip_discovery=True,
            )
            if not found:
                raise exceptions.EndpointNotFound
            regions = set() if region else self._soon(self._regions, interface)
            self.root = Endpoint.parse(found).unversioned().url
        except exceptions.CatalogException:
            where = f" in region {region}" if region else ""
            raise Degraded(
                f"the service catalog has no {interface} endpoint of type {kind}{where}, where "
                f"{self.report.binary} would be listed (degraded)"
            ) from None
        except ValueError as error:
            raise Degraded(
                f"the service catalog's URL of {self.title} {error} (degraded)"
            ) from None
        except (exceptions.ClientException, futures.TimeoutError) as error:
            # whoever logged in has looked at the answer; a session may do so again
            raise Afflicted(
                f"Identity does not tell where {self.title} is ({_short(error)}) (degraded)",
                dependency=DEPENDENCY,
            ) from None
        if len(regions) > 1:
            # each has a list of its own, in which another host may have the same name
            raise Degraded(
                f"the service catalog has {self.title} in regions {', '.join(sorted(regions))}: "
                f"set os_region_name, to tell where {self.report.binary} is listed (degraded)"
            )
        base, path = found.rstrip("/"), self.report.path
        # Networking is in most catalogs without its version, in some with it
        version = path.rpartition("/")[0]
        return str(base.removesuffix(version) + path)

    def _regions(self, interface: str) -> set[str]:
        """Those in which the API has an endpoint."""
        access = self.session.auth.get_access(self.session)
        listed = access.service_catalog.get_endpoint_data_list(
            service_type=self.report.service_type, interface=interface
        )
        return {str(endpoint.region_name) for endpoint in listed}

    def _ask(self, query: str, microversion: str | None = None) -> Any:
        from keystoneauth1 import exceptions

        more, seconds = {}, self._seconds
        if microversion:
            kind = self.report.service_type
            more = {"microversion": microversion, "microversion_service_type": kind}
        try:
            answer = self._soon(
                self.session.get,
                self.url + query,
                headers={"Accept": "application/json"},
                timeout=seconds,
                **more,
            )
            return answer.json()
        except exceptions.NotAcceptable:
            if microversion:
                return self._ask(query)
            raise self._degraded("answered 406") from None
        except (exceptions.Unauthorized, exceptions.Forbidden) as error:
            raise self._degraded(
                f"does not list its services to the monitoring user ({error.http_status})"
            ) from None
        except exceptions.HttpServerError as error:
            raise self._afflicted(f"answered {error.http_status}") from None
        except exceptions.HttpError as error:
            raise self._degraded(f"answered {error.http_status}") from None
        except exceptions.SSLError:
            raise self._degraded(
                "has no certificate that is accepted: check os_cacert, or set insecure"
            ) from None
        except (exceptions.ConnectTimeout, futures.TimeoutError):
            raise self._afflicted(f"did not answer within {seconds:.3g} s") from None
        except exceptions.ClientException as error:
            raise self._afflicted(f"could not be asked ({_short(error)})") from None
        except ValueError:
            raise self._afflicted("answered with nonsense") from None
        except OSError as error:
            # what requests says of a file that it cannot load
            raise self._degraded(f"cannot be asked: check os_cacert ({_short(error)})") from None

    @property
    def _seconds(self) -> float:
        """For one request, within the action's own time."""
        return max(0.1, self.instance.request_seconds)

    def _soon(self, function: Callable[..., Any], *args: Any, **more: Any) -> Any:
        """What it returns, in time however an answer trickles: the time-out of requests is one for
        each read. Raises futures.TimeoutError; the thread ends with the agent, which waits for
        none."""
        pool = futures.ThreadPoolExecutor(1)
        try:
            return pool.submit(function, *args, **more).result(self._seconds)
        finally:
            pool.shutdown(wait=False)

    def _afflicted(self, text: str) -> Afflicted:
        return Afflicted(f"{self.title} {self._where} {text} (degraded)", dependency=DEPENDENCY)

    def _degraded(self, text: str) -> Degraded:
        return Degraded(f"{self.title} {self._where} {text} (degraded)")

    @property
    def _where(self) -> str:
        """Without the number of the project, which some have in their URL."""
        return self.root + self.report.path


def _time(text: Any) -> int:
    """2013-05-01T10:00:00.000000, 2013-05-01 10:00:00, 2013-05-01T10:00:00Z; all are UTC."""
    try:
        moment = datetime.fromisoformat(str(text).removesuffix("Z"))
    except ValueError:
        return 0
    return calendar.timegm(moment.utctimetuple())


def _short(error: Exception) -> str:
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first[:160]}"
