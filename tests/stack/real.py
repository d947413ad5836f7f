"""One real daemon, and what test_life.py expects of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests import pace

if TYPE_CHECKING:
    from tests.calling import Caller
    from tests.stack.stack import Stack


@dataclass
class Real:
    """A daemon that its agent runs.

    agent        the agent's name; user: the user that runs the daemon
    processes    the measured number of processes once it has settled, with its parent
    parameters   the agent's; "{folder}" in a value is the stack's folder. A service with an API
                 also gets `**CREDENTIALS` (stack.py)
    needs        prepares configuration and database, called once per stack
    amqp, sql    whether one of its processes connects to RabbitMQ and MariaDB within a deadline;
                 False if it connects only for a request
    port         the port on which it listens, None if there is none
    levels       the OCF_CHECK_LEVELs of the calls of monitor; None is a call without a level
    script       its script in /etc/init.d, if that has another name than the agent
    beside       names of agents whose daemons must run so that this one starts or answers
    helpers      parts of the command lines of children that are not workers and may come and go
                 (privsep); they are not counted
    start_timeout  the timeout of start on a quiet machine, in seconds
    variant      which of several ways to run one agent; ocf-tester tries only the first
    is_forking   every child serves one request, or runs once, and ends: only the parent is counted
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
        """The agent's name, with the variant if there is one: "nova-api", "nova-api:packaged"."""
        return f"{self.agent}:{self.variant}" if self.variant else self.agent

    @property
    def patience(self) -> float:
        """The timeout of start on this machine, in seconds."""
        return pace.seconds(self.start_timeout)

    def caller(self, stack: Stack) -> Caller:
        given = {
            name: value.replace("{folder}", str(stack.folder))
            for name, value in self.parameters.items()
        }
        return stack.caller(self.agent, **given)
