"""The stand-in's HTTP answers: Identity v3, or v2.0 as in the Grizzly release, and faulty answers.

A mode is ok, a status (500), hang, trickle:SECONDS (per byte), garbage, close, reset, nolength,
short, nonsense, slow:SECONDS, or echo:STATUS, which repeats all strings of the request. In these
the worker is busy first: spin:SECONDS, disk:SECONDS, late:SECONDS (then 504), killed:SECONDS. In
asks:PORT it waits for another server's answer.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import struct
import time

from settings import Settings

REASONS = {200: "OK", 201: "Created", 300: "Multiple Choices", 401: "Unauthorized"}


class Request:
    def __init__(self, head: str, body: bytes) -> None:
        lines = head.split("\r\n")
        self.method, target, _ = lines[0].split(" ")
        self.path = target.partition("?")[0]
        pairs = (line.partition(":") for line in lines[1:])
        self.headers = {name.lower(): value.strip() for name, _, value in pairs}
        self.body = body

    @property
    def closes(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"


class Answer:
    def __init__(self, status: int, body: object = None, **headers: str) -> None:
        self.status, self.headers = status, headers
        self.body = b"" if body is None else json.dumps(body).encode()

    def bytes(self, length: int | None, closes: bool = True) -> bytes:
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Whatever')}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in self.headers.items()]
        lines.append("Content-Type: application/json")
        if closes:
            lines.append("Connection: close")
        if length is not None:
            lines.append(f"Content-Length: {length}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + self.body


def serve(connection: socket.socket, started_with: Settings) -> None:
    """Answer one request on one connection. The configuration is read again each time."""
    try:
        with connection:
            if started_with["certificate"]:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(started_with["certificate"], started_with["key"])
                connection = context.wrap_socket(connection, server_side=True)
            request = read(connection)
            if request is not None:
                settings = Settings(started_with.path)
                settings.note(f"request {request.method} {request.path} {os.getpid()}")
                mode = settings.modes.get(f"{request.method} {request.path}", settings["mode"])
                misbehave(connection, request, settings, mode)
            connection.close()
    except OSError:
        pass  # the client is gone


def read(connection: socket.socket) -> Request | None:
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65536)
        if not part:
            return None
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    request = Request(head.decode("latin-1"), b"")
    missing = int(request.headers.get("content-length", "0")) - len(body)
    while missing > 0:
        part = connection.recv(missing)
        if not part:
            return None
        body += part
        missing -= len(part)
    request.body = body
    return request


def misbehave(connection: socket.socket, request: Request, settings: Settings, mode: str) -> None:
    verb, _, argument = mode.partition(":")
    if verb == "slow":
        time.sleep(float(argument))
        verb = "ok"
    elif verb == "spin":
        spin(float(argument or 3600))
        verb = "ok"
    elif verb == "asks":
        with socket.create_connection(("127.0.0.1", int(argument))) as other:
            other.sendall(b"what is it?")
            other.recv(100)
        verb = "ok"
    elif verb == "disk":
        wait_as_for_a_disk(float(argument))
        verb = "ok"
    elif verb == "late":
        # a gateway's own time-out: 504 after a while, in which a worker was busy
        spin(float(argument))
        verb = "504"
    elif verb == "killed":
        # a worker that its parent ended for taking too long (uwsgi's harakiri)
        spin(float(argument))
        os.kill(os.getpid(), signal.SIGKILL)
    if verb == "echo":
        said = " ".join(strings_in(json.loads(request.body)))
        answer = Answer(int(argument), {"error": {"code": int(argument), "message": said}})
    else:
        answer = (
            Answer(int(verb), {"error": verb}) if verb.isdigit() else answer_to(request, settings)
        )
    whole = answer.bytes(len(answer.body))
    if verb == "hang":
        time.sleep(3600)
    elif verb == "trickle":
        for byte in whole:
            connection.sendall(bytes([byte]))
            time.sleep(float(argument or 1))
    elif verb == "garbage":
        connection.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
    elif verb == "close":
        pass
    elif verb == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif verb == "nolength":
        connection.sendall(answer.bytes(None, request.closes))
        if not request.closes:
            time.sleep(3600)
    elif verb == "short":
        connection.sendall(answer.bytes(len(answer.body) + 100))
    elif verb == "nonsense":
        answer = Answer(answer.status, {"what": "ever"}, **answer.headers)
        connection.sendall(answer.bytes(len(answer.body)))
    else:
        connection.sendall(whole)


def spin(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


def wait_as_for_a_disk(seconds: float) -> None:
    """In state D. The parent of a vfork is in that state until its child execs; this child first
    opens a FIFO, which waits for a writer."""
    fifo = f"/tmp/standin-{os.getpid()}-{time.monotonic_ns()}"
    os.mkfifo(fifo)
    if os.fork() == 0:
        time.sleep(seconds)
        os.open(fifo, os.O_WRONLY)
        os._exit(0)
    open_fifo = (os.POSIX_SPAWN_OPEN, 0, fifo, os.O_RDONLY, 0)
    os.posix_spawn("/bin/true", ["/bin/true"], os.environ, file_actions=[open_fifo])
    os.unlink(fifo)
    for _ in range(2):
        os.wait()


def strings_in(value: object) -> list[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for inner in value for text in strings_in(inner)]
    return [value] if isinstance(value, str) else []


def answer_to(request: Request, settings: Settings) -> Answer:
    table = V3 if settings["api"] == "v3" else V2
    act = table.get((request.method, request.path.rstrip("/") or "/"))
    return Answer(404, {"error": "no such thing"}) if act is None else act(request, settings)


# A token contains its times of issue and expiry, so that each worker can check every token.


def new_token(settings: Settings) -> tuple[str, float]:
    issued = time.time()
    expires = issued + float(settings["lifetime"])
    return f"standin-token-{issued:.6f}-{expires:.6f}-{os.urandom(8).hex()}", expires


def is_good(token: str, settings: Settings) -> bool:
    parts = token.split("-")
    if len(parts) != 5 or not token.startswith("standin-token-"):
        return False
    return time.time() < float(parts[3]) and float(parts[2]) > float(settings["revoked"])


def stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(seconds))


def base(request: Request, settings: Settings) -> str:
    scheme = "https" if settings["certificate"] else "http"
    return f"{scheme}://{request.headers.get('host', 'localhost')}"


def logged_in(settings: Settings, user: str, password: str, *rest: bool) -> bool:
    right = user == settings["username"] and password == settings["password"] and all(rest)
    settings.note(f"login {'accepted' if right else 'refused'} {user}")
    return right


def v3_version(request: Request, settings: Settings) -> dict[str, object]:
    links = [{"rel": "self", "href": base(request, settings) + "/v3/"}]
    return {"id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z", "links": links}


def v3_versions(request: Request, settings: Settings) -> Answer:
    return Answer(300, {"versions": {"values": [v3_version(request, settings)]}})


def v3_root(request: Request, settings: Settings) -> Answer:
    return Answer(200, {"version": v3_version(request, settings)})


def v3_token_body(request: Request, settings: Settings, expires: float) -> dict[str, object]:
    domain = {"id": "default", "name": settings["domain"]}
    url = base(request, settings) + "/v3"
    endpoints = [
        {"id": i, "interface": i, "url": url, "region": r, "region_id": r}
        for i in ("public", "internal", "admin")
        for r in (settings["region"],)
    ]
    return {
        "token": {
            "methods": ["password"],
            "user": {"id": "u1", "name": settings["username"], "domain": domain},
            "project": {"id": "p1", "name": settings["project"], "domain": domain},
            "roles": [{"id": "r1", "name": "admin"}],
            "expires_at": stamp(expires),
            "issued_at": stamp(time.time()),
            "audit_ids": ["a1"],
            "catalog": [
                {"id": kind, "type": kind, "name": kind, "endpoints": endpoints}
                for kind in ("identity", "compute")
            ],
        }
    }


def names(settings: Settings, given: dict[str, str], kind: str) -> bool:
    """Does `given` name the configured user, project or domain, by ID or by name?"""
    if "id" in given:
        return given["id"] == settings[f"{kind}_id"]
    return given.get("name") == settings["username" if kind == "user" else kind]


def v3_log_in(request: Request, settings: Settings) -> Answer:
    auth = json.loads(request.body)["auth"]
    application = auth["identity"].get("application_credential")
    if application is not None:
        right = application["id"] == settings["application_id"] and "scope" not in auth
        right = right and application["secret"] == settings["application_secret"]
        settings.note(f"login {'accepted' if right else 'refused'} {application['id']}")
    else:
        user = auth["identity"]["password"]["user"]
        project = auth.get("scope", {}).get("project")
        named = [thing for thing in (user, project) if thing and "id" not in thing]
        right = logged_in(
            settings,
            settings["username"] if names(settings, user, "user") else "somebody",
            user["password"],
            all(names(settings, thing.get("domain", {}), "domain") for thing in named),
            project is None or names(settings, project, "project"),
        )
    if not right:
        return Answer(401, {"error": {"code": 401, "message": "not you"}})
    token, expires = new_token(settings)
    body = v3_token_body(request, settings, expires)
    if application is None and "scope" not in auth:
        del body["token"]["project"]  # type: ignore[attr-defined]
    return Answer(201, body, X_Subject_Token=token)


def v3_validate(request: Request, settings: Settings) -> Answer:
    if not is_good(request.headers.get("x-auth-token", ""), settings):
        return Answer(401, {"error": {"code": 401, "message": "token refused"}})
    subject = request.headers.get("x-subject-token")
    if subject is None:
        return Answer(400, {"error": {"code": 400, "message": "X-Subject-Token is missing"}})
    if not is_good(subject, settings):
        return Answer(404, {"error": {"code": 404, "message": "no such token"}})
    expires = float(subject.split("-")[3])
    return Answer(200, v3_token_body(request, settings, expires), X_Subject_Token=subject)


def v3_projects(request: Request, settings: Settings) -> Answer:
    if not is_good(request.headers.get("x-auth-token", ""), settings):
        return Answer(401, {"error": {"code": 401, "message": "token refused"}})
    project = {"id": "p1", "name": settings["project"], "domain_id": "default", "enabled": True}
    return Answer(200, {"projects": [project], "links": {"self": "x", "next": None}})


def flavors(request: Request, settings: Settings) -> Answer:
    """Compute's list of flavors, for any token that Identity has issued."""
    if not is_good(request.headers.get("x-auth-token", ""), settings):
        return Answer(401, {"error": {"code": 401, "message": "token refused"}})
    return Answer(200, {"flavors": []})


def services(request: Request, settings: Settings) -> Answer:
    """Compute's list of services and states. The catalog gives Compute the URL of Identity."""
    if not is_good(request.headers.get("x-auth-token", ""), settings):
        return Answer(401, {"error": {"code": 401, "message": "token refused"}})
    return Answer(200, {"services": json.loads(settings["services"])})


def login_page(request: Request, settings: Settings) -> Answer:
    """The dashboard's login page, reduced to what the agent looks for."""
    return Answer(200, {"form": {"csrfmiddlewaretoken": "x" * 64}})


V3 = {
    ("GET", "/horizon/auth/login"): login_page,
    ("GET", "/"): v3_versions,
    ("GET", "/v2/p1/flavors"): flavors,
    ("GET", "/v3"): v3_root,
    ("GET", "/v3/os-services"): services,
    ("POST", "/v3/auth/tokens"): v3_log_in,
    ("GET", "/v3/auth/tokens"): v3_validate,
    ("GET", "/v3/auth/projects"): v3_projects,
}


def v2_version(request: Request, settings: Settings) -> dict[str, object]:
    links = [{"rel": "self", "href": base(request, settings) + "/v2.0/"}]
    return {"id": "v2.0", "status": "stable", "updated": "2013-03-06T00:00:00Z", "links": links}


def v2_versions(request: Request, settings: Settings) -> Answer:
    return Answer(300, {"versions": {"values": [v2_version(request, settings)]}})


def v2_root(request: Request, settings: Settings) -> Answer:
    return Answer(200, {"version": v2_version(request, settings)})


def v2_log_in(request: Request, settings: Settings) -> Answer:
    auth = json.loads(request.body)["auth"]
    who = auth["passwordCredentials"]
    tenant = auth.get("tenantName", settings["project"])
    if not logged_in(settings, who["username"], who["password"], tenant == settings["project"]):
        return Answer(401, {"error": {"code": 401, "message": "not you"}})
    token, expires = new_token(settings)
    url = base(request, settings) + "/v2.0"
    endpoint = {"id": "e1", "region": settings["region"]}
    endpoint.update(publicURL=url, internalURL=url, adminURL=url)
    tenant = {"id": "p1", "name": settings["project"], "enabled": True}
    return Answer(
        200,
        {
            "access": {
                "token": {"id": token, "expires": stamp(expires)[:-8] + "Z", "tenant": tenant},
                "user": {"id": "u1", "name": settings["username"], "roles": [], "username": "x"},
                "serviceCatalog": [
                    {"type": "identity", "name": "keystone", "endpoints": [endpoint]}
                ],
            }
        },
    )


def v2_tenants(request: Request, settings: Settings) -> Answer:
    if not is_good(request.headers.get("x-auth-token", ""), settings):
        return Answer(401, {"error": {"code": 401, "message": "token refused"}})
    tenant = {"id": "p1", "name": settings["project"], "enabled": True}
    return Answer(200, {"tenants": [tenant], "tenants_links": []})


V2 = {
    ("GET", "/"): v2_versions,
    ("GET", "/v2.0"): v2_root,
    ("POST", "/v2.0/tokens"): v2_log_in,
    ("GET", "/v2.0/tenants"): v2_tenants,
}
