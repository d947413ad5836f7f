"""The address of an HTTP API. URLs are parsed by hand: importing urllib costs more than a
monitor."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PORTS = {"http": 80, "https": 443}


class Endpoint:
    """One API root.

    scheme: http or https. address: what to connect to. port: a number.
    name: the host as clients call it, for the Host header and the certificate.
    path: what precedes every path of the API, without a slash at its end.
    """

    def __init__(
        self, scheme: str, address: str, port: int, name: str = "", path: str = ""
    ) -> None:
        self.scheme, self.address, self.port = scheme, address, port
        self.name, self.path = name or address, path

    @classmethod
    def parse(cls, url: str) -> Endpoint:
        """From a URL. Raises ValueError that says what would be right (RFC 3986, section 3)."""
        right = "must be a URL such as http://192.168.42.103:5000/v3"
        scheme, found, rest = url.partition("://")
        scheme = scheme.lower()
        if not found or scheme not in PORTS:
            raise ValueError(right)
        authority, _, path = rest.partition("/")
        if "@" in authority:
            raise ValueError("must not hold a user or password; " + right[5:])
        if any(sign in url for sign in "?# ") or not (url.isascii() and url.isprintable()):
            raise ValueError(right + ", without query, fragment or blanks")
        if authority.startswith("["):
            host, found, port = authority[1:].partition("]")
            if not found or port[:1] not in ("", ":"):
                raise ValueError(right)
            port = port[1:]
        else:
            host, _, port = authority.partition(":")
        if not host or (
            port and not (port.isdecimal() and len(port) <= 5 and 0 < int(port) < 65536)
        ):
            raise ValueError(right)
        return cls(scheme, host, int(port or PORTS[scheme]), host, ("/" + path).rstrip("/"))

    def unversioned(self) -> Endpoint:
        """The root of the API, if this URL names one version: /identity for
        /identity/v2.0/tokens."""
        kept: list[str] = []
        for part in self.path.split("/")[1:]:
            if part[:1] == "v" and part[1:].replace(".", "").isdigit():
                break
            kept.append("/" + part)
        return Endpoint(self.scheme, self.address, self.port, self.name, "".join(kept))

    def called(self, url: str | None) -> Endpoint:
        """The same socket under the host name in `url`, which clients use. An API that we reach on
        loopback has a certificate for that name, and uses the name in its links."""
        if not url:
            return self
        return Endpoint(self.scheme, self.address, self.port, Endpoint.parse(url).name, self.path)

    @property
    def authority(self) -> str:
        """name:port, as in a Host header; an IPv6 address in brackets."""
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"

    @property
    def url(self) -> str:
        """The address to connect to, as a URL without a slash at its end."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.scheme}://{address}:{self.port}{self.path}"

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Endpoint) and self.__dict__ == other.__dict__

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r}, name={self.name!r})"
