"""haproxy.cfg of the nodes: the services at the virtual address, spread over the nodes.

Every node runs the same HAProxy all the time, so that a balancer that knows the live backends is
ready wherever the address moves. Its sockets are bound to an address that the node may not have
(`transparent`, which a root process may request without a sysctl).

How HAProxy handles a failed backend:
- The daemon is dead: the kernel refuses the connection, and the request goes to another node at
  once (redispatch). If an answer breaks off before its first byte, the request is sent elsewhere
  too, provided that a repeat does no harm (retry-on, for GET and log-in only).
- The node is dead: the connection attempt ends after CONNECT_MS, then another node is asked.
- In both cases the request itself detects the failure (observe): the first failed connection takes
  the server out (mark-down). A check would need 0.8 s; meanwhile requests that find the other
  servers full would go to the dead one again and again (seen: two or three 503 for each death). The
  server keeps its current requests (no shutdown-sessions, no sudden-death): one of them is on its
  way to another server and would get no answer (seen).
- The node dies during a request: nothing comes back, not even a refusal. The kernel detects this
  within UNHEARD_SECONDS (tcp-ut, srvtcpka); it counts as an answer that breaks off.
- The daemon hangs: two checks in a row get no answer for CHECK_SECONDS. That is longer than any
  request to an API with one worker takes; a busy API would otherwise be marked as down.
- The daemon is overloaded: a daemon with one worker gets at most MOST requests. All others wait in
  HAProxy, and leave when their client does (abortonclose). Checks bypass that queue. In the
  daemon's own queue they would wait with all others and be late, so that a daemon that is merely
  busy would be marked down and the next would have twice as much to do: tokens were refused for 7 s
  (seen: ten log-ins a second, 0.1 s of CPU each, on two cores). Services that move images have no
  such limit. The latest requests are served first (priority-class, by the second): in order of
  arrival, each client's turn would come just after it has given up (seen: no list of servers for
  17 s, after a node's death had left two daemons for ten lists a second).
- The backend is back: one answered check is enough. A mere connection is not: uwsgi listens 3 to
  10 s before its application is loaded.

A check is a request, about 2 ms of CPU of the daemon; three balancers ask every INTER_SECONDS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .architecture import ALIVE, TCP, Service

CONNECT_MS = 300
FAST_MS = 200
INTER_SECONDS = 2
CHECK_SECONDS = 3
UNHEARD_SECONDS = 2
MOST = 2
# These wait for long transfers, so the number of workers does not limit their requests.
MOVERS = ("glance-api", "swift-proxy")

HEAD = """\
global
    maxconn 2000
    user haproxy
    group haproxy
    spread-checks 20
    stats socket /run/haproxy.sock mode 600

defaults
    mode http
    balance leastconn
    option redispatch 1
    retries 3
    retry-on conn-failure empty-response
    option http-server-close
    option srvtcpka
    srvtcpka-idle 1s
    srvtcpka-intvl 1s
    srvtcpka-cnt {unheard}
    option abortonclose
    timeout connect {connect}ms
    timeout check {check}s
    timeout queue 30s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
    default-server check inter {inter}s fastinter {fast}ms downinter 1s fall 2 rise 1 \
observe layer4 error-limit 1 on-error mark-down tcp-ut {unheard}s

frontend alive
    bind {alive}
    monitor-uri /alive
    stats enable
    stats uri /stats
"""
SERVICE = """
listen {agent}
    bind {address}:{port} transparent
    http-response set-header X-Served-By %s
    http-request set-priority-class date,mod(2048),neg
    http-request disable-l7-retry unless METH_GET or {{ path /v3/auth/tokens }}
{check}{servers}"""
CHECK = """\
    option httpchk
    http-check send meth GET uri {path} ver HTTP/1.1 hdr Host localhost hdr Connection close
    http-check expect rstatus ^[23]
"""


def most(service: Service) -> str:
    """Return the `maxconn` option of a server line: how many requests it gets at a time."""
    return "" if service.check == TCP or service.agent in MOVERS else f" maxconn {MOST}"


def configure(services: Sequence[Service], address: str, nodes: Mapping[str, str]) -> str:
    """Return haproxy.cfg for these services at `address`. nodes: address by name."""
    head = HEAD.format(
        connect=CONNECT_MS,
        check=CHECK_SECONDS,
        inter=INTER_SECONDS,
        fast=FAST_MS,
        unheard=UNHEARD_SECONDS,
        alive=ALIVE,
    )
    return head + "".join(
        SERVICE.format(
            agent=service.agent,
            address=address,
            port=service.port,
            check="" if service.check == TCP else CHECK.format(path=service.check),
            servers="".join(
                f"    server {name} {at}:{service.port}{most(service)}\n"
                for name, at in nodes.items()
            ),
        )
        for service in services
        if service.port
    )
