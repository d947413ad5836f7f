"""Does the API of this instance do its work? (hot module)

Asked is the socket that the instance's own processes listen on: a virtual address or a load
balancer would tell of another node's service.
"""

from __future__ import annotations

from ocf_lib.keystone import token
from ocf_lib.net import http
from ocf_lib.outcomes import Degraded, Failed, Refused, Suspect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.declare.service import Api
    from ocf_lib.instance import Instance
    from ocf_lib.net.endpoint import Endpoint


class Client:
    """The API as declared (`api`), at `endpoint`, with the parameters of `instance`."""

    def __init__(self, instance: Instance, api: Api, endpoint: Endpoint) -> None:
        self.instance, self.api, self.endpoint = instance, api, endpoint

    def check(self, deep: bool = False) -> None:
        """With a token where credentials are given, else without. deep: a full log-in each time.

        Raises Failed where the service is at fault, Degraded where the log-in is.
        """
        account = token.account(self.instance)
        if account is None:
            self.ask()
            return
        held = None if deep else token.kept(self.instance, account)
        if held is not None:
            try:
                if self.present(held):
                    return
            except Suspect:
                # whether it answers anybody tells a hung daemon from one that waits for another
                self.ask()
                raise
        # cold: no token yet, or one that is refused. The answer without one is the evidence that
        # the service lives, whatever the log-in says then.
        self.ask()
        from ocf_lib.keystone import login

        if not self.present(login.log_in(self.instance, self.api, self.endpoint, account, deep)):
            raise Refused(f"API {self.endpoint.url}/ refuses the token that was just issued")

    def ask(self, idle: http.Idle | None = None) -> None:
        """GET the path that answers anybody. Any answer but a server error shows a living service:
        300 from a list of versions, 401, 404. Raises Failed for anything else.

        idle: called while the answer is awaited; what it raises ends the wait.
        """
        path, wanted = self.api.path, self.api.page
        status, body = self._get(path, {}, idle)
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
        """GET what needs a token, with this one. False where it is refused: 401, and what Identity
        says of a token that it does not know, 404. After 403 the token was good, and so it was
        after another service's 404, which looks at the token first.

        Raises Failed for a server error or no answer.
        """
        path = self.api.authenticated
        if not isinstance(path, str):
            path = path[held.version]
        path = path.replace("{project}", held.project)
        status, _ = self._get(path, dict.fromkeys(self.api.token_headers, held.value), None)
        if status >= 500:
            shown = path.partition("?")[0]
            raise Suspect(f"API {self.endpoint.url}{shown} answered {status} to a token")
        return status != 401 and not (status == 404 and self.api.issues_tokens)

    def _get(self, path: str, headers: dict[str, str], idle: http.Idle | None) -> tuple[int, bytes]:
        of = self.instance.parameters
        # A socket of our own processes on this host needs no certificate to be known by. Where the
        # operator names the URL, the certificate is what tells that it is the one.
        insecure = not of["url"] or bool(of.get("insecure"))
        seconds = self.instance.request_seconds
        try:
            return http.fetch(
                self.endpoint,
                path,
                seconds,
                headers,
                of.get("os_cacert"),
                insecure,
                idle,
                whole=bool(self.api.page),
            )
        except http.Untrusted as error:
            raise Degraded(f"API {self.endpoint.url}/ {error}") from None
        except http.Silence as error:
            raise Suspect(f"API {self.endpoint.url}{path.partition('?')[0]} {error}") from None
        except http.NoAnswer as error:
            raise Failed(f"API {self.endpoint.url}{path.partition('?')[0]} {error}") from None
