"""Does the API of this instance do its work?

The request goes to a socket on which the instance's own processes listen: a virtual address or a
load balancer would tell about the service of another node.
"""

from __future__ import annotations

from time import monotonic

from ocf_lib.keystone import token
from ocf_lib.net import http
from ocf_lib.outcomes import Degraded, Failed, Refused, Suspect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.declare.parameters import Parameters
    from ocf_lib.declare.service import Api
    from ocf_lib.instance import Instance
    from ocf_lib.net.endpoint import Endpoint
    from ocf_lib.net.patience import Patience

# Seconds. A connection that ends without an answer sooner is a crash.
DROPPED_SECONDS = 3.0


def place(api: Api, parameters: Parameters) -> str:
    """What the parameters say about where the API listens, "" for nothing."""
    return parameters["url"] or (str(parameters[api.port]) if isinstance(api.port, str) else "")


def public_url(api: Api, parameters: Parameters) -> str | None:
    """The URL by which clients know the API, None if the parameters do not tell."""
    known: str | None = parameters["url"] or api.site
    return known or (parameters["os_auth_url"] if api.issues_tokens else None)


class Client:
    """The API of `instance` at `endpoint`. patience: the time for its requests."""

    def __init__(self, instance: Instance, endpoint: Endpoint, patience: Patience) -> None:
        assert instance.service.api is not None
        self.instance, self.api, self.patience = instance, instance.service.api, patience
        self.endpoint = endpoint.called(public_url(self.api, instance.parameters))

    def check(self, deep: bool = False) -> None:
        """Ask with a token if there are credentials, else without. deep: log in each time.

        Raises Failed if the service is at fault, Degraded if the log-in is.
        """
        service, folder = self.instance.service, self.instance.folder
        account = token.account(self.instance.parameters, self.api.needs_project)
        if account is None:
            self.ask()
            return
        bad = None
        held = None if deep else token.kept(folder, account)
        if held is not None and held.fits(service):
            if held.is_near_its_end:
                from ocf_lib.keystone import login

                at = self.endpoint
                held = login.renewed(self.instance, account, self.patience, at, held)
            try:
                if self.present(held):
                    return
            except Suspect:
                # a daemon that hangs answers no request; one that waits for another service
                # answers a request without a token
                self.ask()
                raise
            bad = held
        # Rare: no token yet, or it was refused. An answer to a request without a token proves that
        # the service lives, whatever becomes of the log-in.
        self.ask()
        from ocf_lib.keystone import login

        issued = login.log_in(self.instance, account, self.patience, self.endpoint, deep, bad)
        if not self.present(issued):
            raise Refused(f"API {self.endpoint.url}/ refuses the token that was just issued")

    def ask(self) -> None:
        """GET the path that answers anybody. Any answer except a server error shows a living
        service: 300 from a list of versions, 401, 404. Raises Failed for anything else."""
        path, wanted = self.api.path, self.api.page
        answer = self._get(path, {})
        status, body = answer.status, answer.body
        shown = f"{self.endpoint.url}{path}"
        if status >= 500:
            raise Suspect(f"API {shown} answered {status}")
        if not wanted or (status == 200 and wanted.encode() in body):
            return
        if status == 200:
            raise Failed(f"page {shown} is not what the service shows: no {wanted} is in it")
        # a redirection, a host name that it does not allow, another path: no restart mends that
        raise Degraded(f"page {shown} answered {status}: parameter url must name the page's site")

    def present(self, held: token.Token) -> bool:
        """GET the path that needs a token, with this one. False if the token is refused.

        A refusal is 401, and from Identity also 404, its answer for a token that it does not know.
        403 means that the token was good. So does the 404 of another service, which looks at the
        token first. Raises Failed for a server error or no answer.
        """
        path = self.api.authenticated
        if not isinstance(path, str):
            path = path[held.version]
        path = path.replace("{project}", held.project)
        status = self._get(path, dict.fromkeys(self.api.token_headers, held.value)).status
        if status >= 500:
            shown = path.partition("?")[0]
            raise Suspect(f"API {self.endpoint.url}{shown} answered {status} to a token")
        return status != 401 and not (status == 404 and self.api.issues_tokens)

    def _get(self, path: str, headers: dict[str, str]) -> http.Answer:
        of, idle = self.instance.parameters, self.patience.idle
        # A socket of our own processes needs no certificate to prove its identity. If the operator
        # names the URL, the certificate shows that it is the right server.
        insecure = not of["url"] or bool(of.get("insecure"))
        shown = f"API {self.endpoint.url}{path.partition('?')[0]}"
        begun = monotonic()
        try:
            return http.ask(
                self.endpoint,
                path,
                self.patience.seconds,
                headers,
                of.get("os_cacert"),
                insecure,
                idle,
                whole=bool(self.api.page),
            )
        except http.Untrusted as error:
            raise Degraded(f"API {self.endpoint.url}/ {error}") from None
        except http.Silence as error:
            raise Suspect(f"{shown} {error}", is_late=True) from None
        except http.Dropped as error:
            # a worker that took too long was killed (uwsgi's harakiri)
            kind = Suspect if monotonic() > begun + DROPPED_SECONDS else Failed
            raise kind(f"{shown} {error}") from None
        except http.NoAnswer as error:
            raise Failed(f"{shown} {error}") from None
