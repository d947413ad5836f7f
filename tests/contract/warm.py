"""Calling agents, and programs that read them, some thousand times in a minute or two.

A Python that starts and imports takes ten times as long as what an agent then does. So one
interpreter imports once and each call is a fork of it: a process of its own with the environment,
the arguments and the __main__ that it would have, whose modules are loaded already. What loading
them needs and costs, test_imports.py sees in interpreters of their own; that a fork says what the
agent itself says, test_warm.py.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.calling import PATH, ROOT, Caller, Result
from tests.contract.node import as_user

PROGRAM = Path(__file__).with_name("forks.py")
LIBRARY = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "ocf_lib").rglob("[a-z]*.py"))
]


class Request(NamedTuple):
    """One call. own: in an interpreter of its own, by the program's own first line."""

    words: Sequence[object]
    environment: dict[str, str]
    seconds: float = 30
    own: bool = False


class Interpreter:
    """Runs requests, two at once for each processor.

    modules: what to import. flags: of the interpreter. before: words that bring it to another
    namespace. paths: of modules. user: who runs them, in no group but nogroup and at /.
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
        # the text, since not every user may read the file
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
            [[os.fspath(w) if isinstance(w, Path) else str(w) for w in r.words], *r[1:]]
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
        self.process.wait(30)
        self.process.stdout.close()


class Resource(Caller):
    """Calls one agent in a place: on this host as it is, or on a node without any software.

    `several` takes what `request` made. Each of those calls is about an instance of its own,
    because those about one would wait for each other.
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
        environment["OCF_RESKEY_CRM_meta_timeout"] = "20000"
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
