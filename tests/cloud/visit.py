"""A user's visit: makes something with each service through the virtual address and checks it.

Run as a program on the client's side of the network, it is that user. Its first line of input is
JSON: login (the body for a token), identity (its URL), agents (those of the cloud), late (how late
this machine is). It prints a line for each thing that works. At the first failure it prints the
reason and exits with 1.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import requests

# On a quiet machine: until a thing is made, and for one answer.
SECONDS, ANSWER_SECONDS = 90, 30
NAME = "visit"
# A server without a network needs this version of the compute API.
VERSION = {"X-OpenStack-Nova-API-Version": "2.37"}
STACK = {
    "heat_template_version": "2021-04-16",
    "resources": {"word": {"type": "OS::Heat::RandomString"}},
}


class Refused(Exception):
    """An unexpected answer."""


class Visit:
    """A user with a token. late: how late this machine is."""

    def __init__(self, identity: str, login: dict[str, Any], late: float) -> None:
        self.late = late
        self.session = requests.Session()
        answer = self.send("POST", f"{identity}/v3/auth/tokens", json=login)
        self.session.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]
        token = answer.json()["token"]
        self.urls = {each["type"]: each["endpoints"][0]["url"] for each in token["catalog"]}
        self.text = f"a token, and {len(self.urls)} services in the catalog"

    def send(self, method: str, url: str, **more: Any) -> requests.Response:
        limit = ANSWER_SECONDS * self.late
        answer = self.session.request(method, url, timeout=limit, **more)
        if not answer.ok:
            raise Refused(f"{method} {url}: {answer.status_code} {answer.text[:300]}")
        return answer

    def post(self, kind: str, path: str, body: dict[str, Any], **more: Any) -> Any:
        return self.send("POST", self.urls[kind] + path, json=body, **more).json()

    def get(self, kind: str, path: str) -> Any:
        return self.send("GET", self.urls[kind] + path).json()

    def wait(self, what: str, look: Callable[[], Any], wanted: tuple[str, ...]) -> Any:
        """Ask until the status is a wanted one; return the answer. Raises Refused if the status
        is an error, or after SECONDS, which grow with the machine's lateness."""
        seconds = SECONDS * self.late
        until = time.monotonic() + seconds
        while (found := look())["status"] not in wanted:
            if "ERR" in found["status"].upper() or "FAIL" in found["status"]:
                raise Refused(f"{what}: {found}")
            if time.monotonic() > until:
                raise Refused(f"{what}: still {found['status']} after {seconds:.0f} s")
            time.sleep(0.5)
        return found

    # What the user makes.

    def image(self) -> str:
        facts = {"name": NAME, "disk_format": "raw", "container_format": "bare"}
        self.made = self.post("image", "/v2/images", facts)["id"]
        path = f"/v2/images/{self.made}/file"
        octets = {"Content-Type": "application/octet-stream"}
        self.send("PUT", self.urls["image"] + path, data=b"image", headers=octets)
        # once from each node
        for _ in range(3):
            if self.send("GET", self.urls["image"] + path).content != b"image":
                raise Refused("the downloaded image differs from the uploaded one")
        return "an image, uploaded and downloaded again"

    def server(self) -> str:
        facts = {"name": NAME, "ram": 64, "vcpus": 1, "disk": 1}
        flavor = self.post("compute", "/flavors", {"flavor": facts})["flavor"]["id"]
        server = {"name": NAME, "imageRef": self.made, "flavorRef": flavor, "networks": "none"}
        made = self.post("compute", "/servers", {"server": server}, headers=VERSION)
        path = f"/servers/{made['server']['id']}"
        seen = self.wait("server", lambda: self.get("compute", path)["server"], ("ACTIVE",))
        return f"a server, active on {seen['OS-EXT-SRV-ATTR:host']}"

    def volume(self) -> str:
        made = self.post("volumev3", "/volumes", {"volume": {"name": NAME, "size": 1}})
        path = f"/volumes/{made['volume']['id']}"
        seen = self.wait("volume", lambda: self.get("volumev3", path)["volume"], ("available",))
        return f"a volume, {seen['status']} at {seen['os-vol-host-attr:host']}"

    def network(self) -> str:
        facts = {"network": {"name": NAME}}
        network = self.post("network", "/v2.0/networks", facts)["network"]["id"]
        subnet = {"network_id": network, "cidr": "10.0.0.0/24", "ip_version": 4}
        self.post("network", "/v2.0/subnets", {"subnet": subnet})

        def port() -> Any:
            path = f"/v2.0/ports?network_id={network}&device_owner=network:dhcp"
            found = self.get("network", path)["ports"]
            return found[0] if found else {"status": "missing"}

        seen = self.wait("DHCP", port, ("ACTIVE",))
        return f"a network, with DHCP at {seen['binding:host_id']}"

    def stack(self) -> str:
        facts = {"stack_name": NAME, "template": STACK}
        made = self.post("orchestration", "/stacks", facts)["stack"]["id"]

        def look() -> Any:
            found = self.get("orchestration", f"/stacks/{NAME}/{made}")["stack"]
            return {"status": found["stack_status"], "why": found["stack_status_reason"]}

        self.wait("stack", look, ("CREATE_COMPLETE",))
        return "a stack, complete"

    def object(self) -> str:
        store = self.urls["object-store"]
        self.send("PUT", f"{store}/{NAME}")
        self.send("PUT", f"{store}/{NAME}/object", data=b"object")
        if self.send("GET", f"{store}/{NAME}/object").content != b"object":
            raise Refused("the object that was read differs from the stored one")
        return "an object, stored and read again"

    def dashboard(self, address: str) -> str:
        page = self.send("GET", f"{address}/horizon/auth/login/").text
        if "csrfmiddlewaretoken" not in page:
            raise Refused("the dashboard's log-in page has no form")
        return "the dashboard's log-in page"

    def all(self, agents: set[str], address: str) -> Iterator[str]:
        """Try everything that these agents can do; yield a line for each thing that works."""
        yield self.text
        for needs, make in (
            ({"glance-api"}, self.image),
            ({"glance-api", "nova-api", "nova-scheduler", "nova-compute"}, self.server),
            ({"cinder-api", "cinder-scheduler", "cinder-volume"}, self.volume),
            ({"neutron-server", "neutron-agent-dhcp"}, self.network),
            ({"heat-api", "heat-engine"}, self.stack),
            ({"swift-proxy"}, self.object),
            ({"horizon"}, lambda: self.dashboard(address)),
        ):
            if needs <= agents:
                began = time.monotonic()
                yield f"{make()} ({time.monotonic() - began:.1f} s)"


def main() -> None:
    given = json.loads(sys.stdin.readline())
    address = given["identity"].rpartition(":")[0]
    try:
        visit = Visit(given["identity"], given["login"], given["late"])
        for line in visit.all(set(given["agents"]), address):
            print(line, flush=True)
    except (Refused, requests.RequestException, LookupError) as fault:
        sys.exit(f"\nFAILED: {type(fault).__name__}: {fault}")


if __name__ == "__main__":
    main()
