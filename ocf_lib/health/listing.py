"""An API's list of its services, with whether each is up.

The API is that of another service, found in the service catalog: if something is wrong with it,
that is not the fault of the daemon that is checked.
"""

from __future__ import annotations

import calendar
import functools
from datetime import datetime
from urllib.parse import urlencode

from ocf_lib.net import failures
from ocf_lib.net.endpoint import Endpoint
from ocf_lib.net.time_limit import TooLongError, within
from ocf_lib.outcomes import Afflicted, Degraded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocf_lib.declare.service import Report
    from ocf_lib.net.patience import Patience

# Names of APIs, by their type in the service catalog (OpenStack's service-types authority).
TITLES = {
    "compute": "Compute",
    "block-storage": "Block Storage",
    "network": "Networking",
    "orchestration": "Orchestration",
    "shared-file-system": "Shared File Systems",
}
# Compute shows forced_down since this microversion (Liberty). Kilo answers 406 to it; older
# releases ignore it.
FORCED_DOWN = {"compute": "2.11"}
DEPENDENCY = "report"


class Row:
    """What an API lists about one service.

    host, binary: as the API calls them. time: of the last report, seconds since 1970, 0 if unknown.
    is_forced: somebody forced it down.
    """

    def __init__(self, host: str, binary: str, is_up: bool, time: int, is_forced: bool) -> None:
        self.host, self.binary, self.is_up = host, binary, is_up
        self.time, self.is_forced = time, is_forced

    @classmethod
    def parse(cls, facts: dict[str, Any]) -> Row | None:
        """None if it does not tell whether the service is up, as for a cell that is down
        (UNKNOWN)."""
        # Orchestration has this in status, which says "enabled" elsewhere; Networking in alive
        is_up = {"up": True, "down": False}.get(str(facts.get("state", facts.get("status"))))
        is_up = facts["alive"] if isinstance(facts.get("alive"), bool) else is_up
        host, binary = facts.get("host"), facts.get("binary")
        if is_up is None or not isinstance(host, str) or not isinstance(binary, str):
            return None
        seen = facts.get("heartbeat_timestamp") or facts.get("updated_at")
        return cls(host, binary, is_up, _time(seen), facts.get("forced_down") is True)


class Listing:
    """The list that `report` describes. title: what people call its API.

    session: of keystoneauth, logged in; it must work for any host, not only for Identity. region,
    interface: which endpoint of the catalog to take; an empty region stands for any. patience: the
    time for its requests.
    """

    def __init__(
        self, session: Any, report: Report, region: str, interface: str, patience: Patience
    ) -> None:
        self.session, self.report, self.patience = session, report, patience
        self.region, self.interface = region or None, interface or "public"
        self.title = TITLES[report.service_type]

    def rows(self, of: str = "") -> list[Row]:
        """All rows. of: only those of this binary, if the API can choose.

        Raises Afflicted if the API does not answer, or answers with a server error or nonsense, or
        if Identity does not tell where it is; Degraded if the API refuses us, or if the catalog has
        no such API or several of them.
        """
        if of:
            body = self._ask("?" + urlencode({"binary": of}))
        else:
            body = self._ask("", FORCED_DOWN.get(self.report.service_type))
        listed = body.get("services", body.get("agents")) if isinstance(body, dict) else None
        if not isinstance(listed, list) or not all(isinstance(facts, dict) for facts in listed):
            raise self._afflicted("answered with no list of services")
        return [row for row in map(Row.parse, listed) if row is not None]

    @functools.cached_property
    def url(self) -> str:
        """The URL of the list. For block-storage a session also finds volumev3 and the like."""
        from keystoneauth1 import exceptions

        kind, interface, region = self.report.service_type, self.interface, self.region
        try:
            found = within(
                self._seconds,
                lambda: self.session.get_endpoint(
                    service_type=kind,
                    interface=interface,
                    region_name=region,
                    skip_discovery=True,
                ),
            )
            if not found:
                raise exceptions.EndpointNotFound
            regions = set() if region else within(self._seconds, self._regions)
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
        except (exceptions.ClientException, TooLongError) as error:
            # a session may ask Identity again, although the log-in has succeeded
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

    def _regions(self) -> set[str]:
        """The regions in which the API has an endpoint."""
        access = self.session.auth.get_access(self.session)
        listed = access.service_catalog.get_endpoint_data_list(
            service_type=self.report.service_type, interface=self.interface
        )
        return {str(endpoint.region_name) for endpoint in listed}

    def _ask(self, query: str, microversion: str | None = None) -> Any:
        from keystoneauth1 import exceptions

        more, seconds = {}, self._seconds
        if microversion:
            kind = self.report.service_type
            more = {"microversion": microversion, "microversion_service_type": kind}
        try:
            url, headers = self.url + query, {"Accept": "application/json"}
            answer = within(
                seconds, lambda: self.session.get(url, headers=headers, timeout=seconds, **more)
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
        except (exceptions.ConnectTimeout, TooLongError):
            raise self._afflicted(failures.silent(seconds)) from None
        except exceptions.ClientException as error:
            raise self._afflicted(f"cannot be reached ({_short(error)})") from None
        except ValueError:
            raise self._afflicted("answered with nonsense") from None
        except OSError as error:
            # from requests, for a file that it cannot load
            raise self._degraded(f"cannot be asked: check os_cacert ({_short(error)})") from None

    @property
    def _seconds(self) -> float:
        """Seconds for one request."""
        return max(0.1, self.patience.seconds)

    def _afflicted(self, text: str) -> Afflicted:
        return Afflicted(f"{self.title} {self._where} {text} (degraded)", dependency=DEPENDENCY)

    def _degraded(self, text: str) -> Degraded:
        return Degraded(f"{self.title} {self._where} {text} (degraded)")

    @property
    def _where(self) -> str:
        """Its URL without the ID of the project, which some catalogs have in it."""
        return self.root + self.report.path


def _time(text: Any) -> int:
    """From 2013-05-01T10:00:00.000000, 2013-05-01 10:00:00 or 2013-05-01T10:00:00Z; all are UTC."""
    try:
        moment = datetime.fromisoformat(str(text).removesuffix("Z"))
    except ValueError:
        return 0
    return calendar.timegm(moment.utctimetuple())


def _short(error: BaseException) -> str:
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first[:160]}"
