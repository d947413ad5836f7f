"""One real daemon, as test_life.py is to see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.calling import Caller
    from tests.stack.stack import Stack


@dataclass
class Real:
    """A daemon that its agent runs.

    agent        the agent's name; user: whom the daemon runs as
    processes    how many it has once settled, its parent included, as measured
    parameters   for the agent; "{folder}" in a value is the stack's folder. A service with an API
                 takes `**CREDENTIALS` (stack.py) too
    needs        prepares configuration and database, called once per stack
    amqp, sql    connections to RabbitMQ and MariaDB that some process of it is seen to hold within
                 a deadline; False where it connects only when asked for something
    port         what it listens on, None for nothing
    levels       OCF_CHECK_LEVELs that monitor is called with, None for a monitor without
    script       its script in /etc/init.d, where that is not named as the agent is
    beside       names of agents whose daemons must run for this one to start or answer
    helpers      children that are no workers and may come and go (privsep), as a part of their
                 command line; they are not counted
    variant      of several ways to run one agent, which one; ocf-tester sees the first alone
    is_forking   every child serves one request, or runs once, and ends: the parent alone is counted
    """

    agent: str
    user: str
    processes: int
    parameters: dict[str, str]
    needs: Callable[[Stack], None]
    amqp: bool = False
    sql: bool = False
    port: int | None = None
    levels: tuple[int | None, ...] = (0, 10, 10, 20, None)
    script: str | None = None
    beside: tuple[str, ...] = ()
    helpers: tuple[str, ...] = ()
    start_timeout: float = 60.0
    variant: str = ""
    is_forking: bool = False

    @property
    def name(self) -> str:
        """Tells two ways of running one agent apart: "neutron-server" and "neutron-server:rpc"."""
        return f"{self.agent}:{self.variant}" if self.variant else self.agent

    def caller(self, stack: Stack) -> Caller:
        given = {
            name: value.replace("{folder}", str(stack.folder))
            for name, value in self.parameters.items()
        }
        return stack.caller(self.agent, **given)
