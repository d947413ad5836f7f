"""haproxy.cfg of the nodes: the services at the virtual address, spread over the nodes.

Each node has the same HAProxy, running all the time: where the address goes, a balancer is that
knows which backends live. Its sockets are bound to an address that the node may not have
(`transparent`, which a process of root's may ask for without a sysctl).

How a backend that is gone is left:
- the daemon is dead: the kernel refuses the connection, and the request goes to another node at
  once (redispatch). Answers that break off before their first byte are asked for elsewhere too,
  where asking twice does no harm (retry-on, GET and log-in alone);
- the node is dead: the connection has CONNECT_MS, then another node is asked;
- either is noticed by the request itself (observe): the first connection that fails takes the
  server out (mark-down). A check would find out in 0.8 s, while whoever finds the others full is
  sent to the dead one again and again (seen: two or three 503 for each death). It keeps the
  requests that it has (no shutdown-sessions, nor sudden-death): among them is the one that is just
  on its way to another, which would have no answer (seen);
- the node dies while it has a request: nothing comes back, not even a refusal. The kernel finds
  that out in UNHEARD_SECONDS (tcp-ut, srvtcpka), which is an answer that breaks off;
- the daemon hangs: the check has no answer for CHECK_SECONDS, twice. Longer than any request of an
  API with one worker takes, which would else be marked as down for being busy;
- more is asked than it can do: MOST requests are with each daemon of one worker, all others wait
  here, and are gone when their client is (abortonclose). A check passes by that queue. In the
  daemon's own queue it would wait with all others, be late, and a daemon that is merely busy be
  left, after which the next has twice as much to do: tokens were refused for 7 s (seen: ten log-ins
  a second, 0.1 s of CPU each, on two cores). Whoever moves images may have any number. Those who
  came last are served first (priority-class, by the second): in the order of their coming each
  one's turn would come just when it has given up (seen: no list of servers for 17 s, after a node's
  death had left two daemons for ten lists a second);
- it is back when a check has an answer. A mere connection would not do: uwsgi listens 3 to 10 s
  before its application is loaded.

A check is a request, some 2 ms of CPU of the daemon; three balancers ask every INTER_SECONDS.
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
# What they move takes long, and they wait for it: the number of workers says nothing.
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
    """How many requests a server is given at a time, as an option of its line."""
    return "" if service.check == TCP or service.agent in MOVERS else f" maxconn {MOST}"


def configure(services: Sequence[Service], address: str, nodes: Mapping[str, str]) -> str:
    """haproxy.cfg for these services at `address`; nodes: name to address."""
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
