"""Calls agents, and programs that read them, several thousand times in a minute or two.

Starting Python and importing takes ten times as long as the agent's own work. So one interpreter
imports once, and each call is a fork of it: a process of its own, with the environment, arguments
and __main__ of a real call, but with the modules already loaded. test_imports.py checks what
loading needs and costs, in separate interpreters; test_warm.py checks that a fork gives the same
result as the agent itself.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests import pace
from tests.calling import PATH, ROOT, TIMEOUT, Caller, Result
from tests.contract.node import as_user

PROGRAM = Path(__file__).with_name("forks.py")
LIBRARY = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "ocf_lib").rglob("[a-z]*.py"))
]


class Request(NamedTuple):
    """One call.

    seconds: until it is killed, on a quiet machine. own: in an interpreter of its own, started by
    the program's own first line.
    """

    words: Sequence[object]
    environment: dict[str, str]
    seconds: float = 30
    own: bool = False


class Interpreter:
    """Runs requests, two at once for each processor.

    modules: to import. flags: for the interpreter. before: a command line to run it in another
    namespace. paths: where modules are found. user: to run as, with nogroup as the only group and /
    as the folder.
    """

    def __init__(
        self,
        modules: Sequence[str],
        flags: str = "-IS",
        before: Sequence[str] = (),
        paths: Sequence[str] = (str(ROOT),),
        user: str | None = None,
    ) -> None:
        lists = [json.dumps(list(one)) for one in (paths, modules)]
        # the program's text, not its path: not every user may read the file
        self.process = subprocess.Popen(
            [*before, "/usr/bin/python3", flags, "-c", PROGRAM.read_text(), *lists],
            env={"PATH": PATH},
            **as_user(user),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, requests: Sequence[Request]) -> list[Result]:
        """The results, in the order of the requests."""
        assert self.process.stdin and self.process.stdout
        calls = [
            [
                [os.fspath(w) if isinstance(w, Path) else str(w) for w in r.words],
                r.environment,
                pace.seconds(r.seconds),
                r.own,
            ]
            for r in requests
        ]
        self.process.stdin.write(json.dumps(calls) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"{self.process.args} ended with {self.process.wait()}"
        return [Result(*found, 0.0) for found in json.loads(answer)]

    def __call__(
        self, words: Sequence[object], environment: Mapping[str, str], seconds: float = 30
    ) -> Result:
        return self.run([Request(words, environment, seconds)])[0]

    def close(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait(pace.seconds(30))
        self.process.stdout.close()


class Resource(Caller):
    """Calls one agent in a place: on this host as it is, or on a node without any software.

    `several` runs calls that `request` made. Each call gets an instance of its own, because calls
    for the same instance would wait for each other.
    """

    def __init__(self, agent: str, folder: Path, place: Interpreter) -> None:
        super().__init__(agent, folder)
        self.place = place

    def request(
        self,
        action: str,
        *,
        interval: float = 0,
        level: int | str | None = None,
        instance: str | None = None,
        extra: Mapping[str, str] | None = None,
        seconds: float = 30,
        own: bool = False,
        **parameters: object,
    ) -> Request:
        environment = self.environment(**parameters)
        environment["OCF_RESKEY_CRM_meta_timeout"] = str(int(pace.seconds(TIMEOUT) * 1000))
        if interval:
            environment["OCF_RESKEY_CRM_meta_interval"] = str(int(interval * 1000))
        if level is not None:
            environment["OCF_CHECK_LEVEL"] = str(level)
        if instance is not None:
            environment["OCF_RESOURCE_INSTANCE"] = instance
        environment.update(extra or {})
        return Request([self.agents / self.agent, *action.split()], environment, seconds, own)

    def several(self, requests: Sequence[Request]) -> list[Result]:
        name = "OCF_RESOURCE_INSTANCE"
        apart = []
        for number, request in enumerate(requests):
            instance = request.environment[name]
            if instance == self.instance:
                instance = f"{instance}-{number}"
            apart.append(request._replace(environment={**request.environment, name: instance}))
        return self.place.run(apart)

    def __call__(self, action: str, **more: Any) -> Result:  # type: ignore[override]
        return self.place.run([self.request(action, **more)])[0]
