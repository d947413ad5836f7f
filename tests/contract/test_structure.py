"""How the library hangs together: the rules that reviewers would otherwise check by hand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.calling import ROOT
from tests.contract import kinds
from tests.contract.kinds import declaration

LIBRARY = ROOT / "ocf_lib"
MODULES = sorted(
    ".".join(path.relative_to(LIBRARY).with_suffix("").parts) for path in LIBRARY.rglob("*.py")
)
HOT = {
    line
    for line in (ROOT / "packaging/hot-modules.txt").read_text().splitlines()
    if line and not line.startswith("#")
}
LINES = 300
AGENT_LINES = 60
# Each `if` in an agent file: (agent, condition) and the reason for it.
CONDITIONS: dict[tuple[str, str], str] = {}
# What each package, or module beside the packages, may import from the library when it runs. A new
# arrow is a new line here, for review. A line names only packages from the lines above it.
ARROWS: dict[str, set[str]] = {
    "numbers": set(),
    "outcomes": set(),
    "log": set(),
    "processes": set(),
    "environment": {"numbers"},
    "libraries": {"outcomes"},
    "net": {"processes"},
    "declare": {"net", "outcomes"},
    "state": {"declare", "net", "outcomes", "processes"},
    "instance": {"declare", "state"},
    "keystone": {"declare", "libraries", "log", "net", "numbers", "outcomes", "state"},
    "sentinel": {"libraries", "log", "outcomes", "processes", "state"},
    "death": {"sentinel"},
    "launch": {"declare", "libraries", "numbers", "outcomes", "processes", "sentinel", "state"},
    "dependencies": {"launch", "libraries", "net", "numbers", "outcomes", "state"},
    "health": {
        *("dependencies", "keystone", "launch", "net", "numbers", "outcomes", "processes"),
    },
    "actions": {
        *("declare", "dependencies", "health", "keystone", "launch", "libraries", "log", "net"),
        *("outcomes", "processes", "sentinel", "state"),
    },
    "agent": {"actions", "environment", "instance", "log", "outcomes"},
}
# A stop's own modules: neither they nor anything they load may import what is costly.
STOP = ("actions.stop", "launch.running")
COSTLY = {"ssl", "socket", "subprocess", "http", "urllib", "lxml", "requests", "psutil"}
# What a hot module may import at load: these cost nothing.
FREE = {
    "__future__",
    "_socket",
    "_thread",
    "collections.abc",
    "fcntl",
    "posix",
    "pwd",
    "sys",
    "syslog",
    "time",
}
# Statements that only define something.
QUIET = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
# Calls allowed at module level: they have no effect beyond their result.
PURE = {
    *("compile", "range", "tuple", "frozenset", "join", "dict", "fromkeys", "getattr", "TypeVar"),
    *(
        "Parameter",
        "String",
        "Integer",
        "Port",
        "Boolean",
        "Select",
        "Path",
        "Url",
        "Action",
        "Ending",
        "but",
    ),
}


def path_of(module: str) -> Path:
    return LIBRARY / (module.replace(".", "/") + ".py")


def tree_of(module: str) -> ast.Module:
    return ast.parse(path_of(module).read_text())


def room_of(module: str) -> str:
    """The package of a module, or the module itself if it is beside the packages."""
    return module.partition(".")[0]


def is_program(node: ast.AST) -> bool:
    """Is this the part of a module that runs only if the module is started as a program?"""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def walk(node: ast.AST, deep: bool) -> Iterator[ast.AST]:
    """All nodes that run when the module is loaded; deep: also those inside functions."""
    for child in ast.iter_child_nodes(node):
        if is_for_types(child):
            continue
        if not deep and isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        yield child
        yield from walk(child, deep)


def imports(module: str, deep: bool) -> set[str]:
    """Full names of the modules that `module` imports: at load, or (deep) at any time."""
    found: set[str] = set()
    for node in walk(tree_of(module), deep):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports say the whole name"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                is_module = inner.partition(".")[2] in MODULES
                found.add(inner if is_module else str(node.module))
    return found


def own(names: set[str]) -> set[str]:
    """The library's own modules among these, without the prefix "ocf_lib."."""
    return {name.partition(".")[2] for name in names if name.startswith("ocf_lib.")}


@pytest.mark.parametrize("deep", [False, True], ids=["at load", "ever"])
def test_import_arrows_between_modules_point_one_way(deep: bool) -> None:
    arrows = {module: own(imports(module, deep)) for module in MODULES}
    settled: set[str] = set()
    while len(settled) < len(arrows):
        free = {module for module, needs in arrows.items() if needs <= settled} - settled
        assert free, f"a cycle is among {sorted(set(arrows) - settled)}"
        settled |= free


@pytest.mark.parametrize("module", [module for module in MODULES if module != "__init__"])
def test_a_package_imports_only_what_the_table_allows(module: str) -> None:
    room = room_of(module)
    needed = {room_of(name) for name in own(imports(module, deep=True))} - {room}
    assert needed <= ARROWS[room], f"{module} must not import {sorted(needed - ARROWS[room])}"


def test_the_table_has_every_package_and_no_arrow_that_is_gone() -> None:
    needed: dict[str, set[str]] = {room_of(module): set() for module in MODULES}
    del needed["__init__"]
    for module in MODULES:
        found = {room_of(name) for name in own(imports(module, deep=True))}
        needed.get(room_of(module), set()).update(found - {room_of(module)})
    assert needed == ARROWS


def test_the_table_s_arrows_point_up_the_page() -> None:
    above: set[str] = set()
    for room, needs in ARROWS.items():
        assert needs <= above, f"{room} is listed before {sorted(needs - above)}"
        above.add(room)


@pytest.mark.parametrize("module", sorted(HOT))
def test_a_hot_module_loads_hot_ones_alone(module: str) -> None:
    module = module if module in MODULES else f"{module}.__init__"
    for name in imports(module, deep=False):
        if name.split(".")[0] == "ocf_lib":
            loaded = name.partition(".")[2]
            assert not loaded or loaded in HOT, f"{module} loads {loaded} at once"
        else:
            assert name in FREE, f"{module} loads {name} at once"


def test_a_hot_module_s_package_is_hot() -> None:
    assert {room_of(module) for module in HOT} <= HOT


@pytest.mark.parametrize("module", STOP)
def test_what_a_stop_loads_is_neither_tls_nor_a_package(module: str) -> None:
    """A stop works even with a broken OpenSSL (contract 18a)."""
    waiting, seen = [module], set()
    while waiting:
        for name in imports(waiting.pop(), deep=True) - seen:
            seen.add(name)
            inner = name.partition(".")[2]
            waiting += [inner] if name.startswith("ocf_lib.") and inner in MODULES else []
    assert {name.partition(".")[0] for name in seen} & COSTLY == set()


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_small_and_says_what_it_is(module: str) -> None:
    assert len(path_of(module).read_text().splitlines()) <= LINES
    assert ast.get_docstring(tree_of(module))


@pytest.mark.parametrize("module", MODULES)
def test_a_modules_name_says_something(module: str) -> None:
    for name in module.split("."):
        vague = ("util", "utils", "common", "helper", "helpers", "misc", "base", "core")
        assert name not in vague


@pytest.mark.parametrize("module", MODULES)
def test_nothing_runs_at_import(module: str) -> None:
    """Only definitions and constants: a module reads no environment or file and prints nothing."""
    for node in tree_of(module).body:
        if is_for_types(node) or is_program(node):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # a docstring
        assert isinstance(node, QUIET), f"{module}:{node.lineno}: {ast.unparse(node)[:60]}"
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            for part in ast.walk(node.value):
                if isinstance(part, ast.Call):
                    name = ast.unparse(part.func).rpartition(".")[2]
                    assert name in PURE, f"{module}:{node.lineno} calls {name}"
                if isinstance(part, ast.Attribute):
                    assert part.attr != "environ", f"{module}:{node.lineno} reads the environment"


@pytest.mark.parametrize("module", MODULES)
def test_no_code_travels_and_one_place_ends_the_process(module: str) -> None:
    for node in walk(tree_of(module), deep=True):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            assert name not in ("exit", "quit", "sys.exit"), f"{module}:{node.lineno}"
            # sentinel.spawn: the child of a fork whose exec failed
            assert name != "os._exit" or module in ("agent", "sentinel.spawn")
            assert name not in ("print", "os.system", "os.popen"), f"{module}:{node.lineno}"
            assert not any(word.arg == "shell" for word in node.keywords), f"{module}:{node.lineno}"


def test_no_class_inherits_over_more_than_two_levels() -> None:
    """Levels inside the standard library do not count."""
    parents: dict[str, list[str]] = {}
    for module in MODULES:
        for node in walk(tree_of(module), deep=True):
            if isinstance(node, ast.ClassDef):
                parents[node.name] = [ast.unparse(base) for base in node.bases]

    def depth(name: str) -> int:
        return 1 + max(
            (depth(base) for base in parents.get(name, []) if base in parents), default=0
        )

    assert {name: depth(name) for name in parents if depth(name) > 3} == {}


def body_of(agent: str) -> ast.Module:
    return ast.parse(declaration(agent))


@pytest.mark.file
def test_an_agent_is_a_declaration(agent: str) -> None:
    assert len(declaration(agent).splitlines()) <= AGENT_LINES
    nodes = list(ast.walk(body_of(agent)))
    for node in nodes:
        if isinstance(node, (ast.If, ast.IfExp)):
            assert (agent, ast.unparse(node.test)) in CONDITIONS, f"line {node.lineno}"
        assert not isinstance(node, (ast.While, ast.Try)), f"line {node.lineno}"
    (last,) = body_of(agent).body[-1:]
    assert ast.unparse(last).startswith("agent.run("), "its last statement is the one that acts"


@pytest.mark.file
def test_an_agent_loads_hot_modules_of_the_library_alone(agent: str) -> None:
    for node in ast.walk(body_of(agent)):
        if isinstance(node, ast.Import):
            assert [alias.name for alias in node.names] == ["sys"]
        if isinstance(node, ast.ImportFrom):
            package, _, module = str(node.module).partition(".")
            assert package == "ocf_lib"
            for alias in node.names:
                inner = f"{module}.{alias.name}".lstrip(".")
                name = inner if inner in MODULES else module
                assert name in HOT, f"{name} is loaded by each call"


@pytest.mark.file
def test_an_agent_finds_its_library_beside_it_and_installed(agent: str) -> None:
    text = declaration(agent)
    assert text.startswith("#!/usr/bin/python3 -IS\n")
    assert 'HERE + "/.."' in text
    assert 'HERE + "/../../lib/openstack"' in text


@pytest.mark.file
def test_an_agent_declares_the_links_that_are_its_aliases(agent: str) -> None:
    """Called by an undeclared name, an agent would describe itself as another agent."""
    given = [
        ast.literal_eval(word.value)
        for node in ast.walk(body_of(agent))
        if isinstance(node, ast.Call)
        for word in node.keywords
        if word.arg == "aliases"
    ]
    assert {agent, *(given[0] if given else ())} == set(kinds.names(agent))
