"""Services to measure: installed agents and stand-in daemons with connections and tokens."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.calling import Caller
from tests.faults.rig import Rig, wait_until

BROKER, DATABASE, CACHE = 5672, 3306, 11211
# What a monitor requests with a token from services other than Identity. The stand-in does not know
# these paths; its 404 would do, but a real service answers 200.
PATHS = ("/v2/p1/flavors", "/v2/images", "/images", "/v3/p1/volumes", "/v2.0/networks")
DAEMON = Path(__file__).with_name("daemon.py")
WORKERS = 2
PATIENCE = 60.0


class Service(Rig):
    """One service: an installed agent and a stand-in daemon with a broker and a database.

    agents: the folder of the installed agents. others: how many more connections each of the two
    workers holds. broker: the port that the configuration names; the daemon always connects to the
    usual one.
    """

    def __init__(
        self,
        folder: Path,
        agents: Path,
        agent: str,
        others: int = 0,
        name: str = "",
        broker: int = BROKER,
    ) -> None:
        super().__init__(folder, name or f"p_{agent}", agent=agent)
        shutil.copy(DAEMON, self.binary)
        self.caller.agents = agents
        # many services start at once, so 1 s would be too short
        self.parameters["api_timeout"] = "20"
        # the others first, so that the check finds its connections last
        ports = [CACHE] * others + [BROKER, DATABASE]
        self.set(connect=" ".join(map(str, ports)), workers=WORKERS, lifetime=86400)
        self.configure(transport_url=f"rabbit://service:secret@127.0.0.1:{broker}/")
        sql = f"mysql+pymysql://service:secret@127.0.0.1:{DATABASE}/service"
        self.configure("database", connection=sql)
        for path in PATHS:
            self.answer(f"GET {path}", "200")

    @property
    def command(self) -> tuple[str, str]:
        """The command of a monitor; its environment is as_monitor()."""
        return str(self.caller.agents / self.caller.agent), "monitor"

    def log_in_at(self, identity: Rig) -> Service:
        """Give it credentials for this Identity service; return the service."""
        self.give_credentials(os_auth_url=f"http://127.0.0.1:{identity.port}/v3")
        return self

    def begin(self) -> None:
        """Start it. Returns once its connections are open and the agent has a token."""
        self.start(timeout=PATIENCE)
        wait_until(lambda: self.count("connected") == WORKERS, "all connections", PATIENCE)
        result = self.caller.monitor(timeout=PATIENCE)
        assert result.code == 0, f"{self.caller.agent}: {result}\n{self.agent_log}"

    def prove_that_it_asks_with_a_kept_token(self) -> None:
        """Check, for Identity itself, that a monitor makes one request and does not log in."""
        before = self.count("request GET /v3/auth/tokens"), self.count("login")
        assert self.caller.monitor().code == 0
        after = self.count("request GET /v3/auth/tokens"), self.count("login")
        assert after == (before[0] + 1, before[1]), (before, after)

    def forget_token(self) -> None:
        """Remove the kept token, so that the next monitor has to log in."""
        self.token_file.unlink(missing_ok=True)

    def prove_that_it_logs_in(self) -> None:
        """Check, for Identity itself, that a monitor without a kept token logs in once."""
        before = self.count("login")
        self.forget_token()
        assert self.caller.monitor().code == 0
        assert self.count("login") == before + 1, self.journal[-9:]

    def prove_that_it_looks_at_connections(self) -> None:
        """Check, for a service whose broker is away, that one of three monitors fails."""
        self.start(timeout=8)
        codes = [self.caller.monitor().code for _ in range(3)]
        assert any(codes), (
            "monitor does not see that the broker is down: there is no check to measure"
        )


def as_monitor(caller: Caller, level: int | None = None) -> dict[str, str]:
    """Return the environment of a recurring monitor. level: check level, None for the default."""
    made = caller.environment(CRM_meta_interval=10000, CRM_meta_timeout=30000)
    return made if level is None else {**made, "OCF_CHECK_LEVEL": str(level)}


def without_credentials(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if "_os_" not in name}
