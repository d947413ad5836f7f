"""How the library hangs together: what review would otherwise have to look for each time."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.calling import ROOT
from tests.contract import kinds
from tests.contract.kinds import declaration

LIBRARY = ROOT / "ocf_lib"
MODULES = sorted(path.stem for path in LIBRARY.glob("*.py"))
LINES = 300
AGENT_LINES = 60
# An `if` in an agent file, by (agent, condition), with the reason for it.
CONDITIONS: dict[tuple[str, str], str] = {}
# What a hot module may import when it is loaded: what costs nothing.
FREE = {
    "__future__",
    "_socket",
    "collections.abc",
    "errno",
    "fcntl",
    "posix",
    "pwd",
    "sys",
    "syslog",
    "time",
}
# Statements that only say what there is.
QUIET = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
# Calls that a value at module level may be made with: they have no effect beyond their result.
PURE = {
    *("compile", "range", "tuple", "frozenset", "join", "dict", "fromkeys", "getattr"),
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
        "but",
    ),
}


def tree_of(module: str) -> ast.Module:
    return ast.parse((LIBRARY / f"{module}.py").read_text())


def is_program(node: ast.AST) -> bool:
    """What a module does that is run as a program of its own."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def walk(node: ast.AST, deep: bool) -> Iterator[ast.AST]:
    """All nodes that run; deep: also those in functions."""
    for child in ast.iter_child_nodes(node):
        if is_for_types(child):
            continue
        if not deep and isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        yield child
        yield from walk(child, deep)


def imports(module: str, deep: bool) -> set[str]:
    """Full names of the modules that `module` imports, at load or (deep) ever."""
    found: set[str] = set()
    for node in walk(tree_of(module), deep):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports say the whole name"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                is_module = node.module == "ocf_lib" and alias.name in MODULES
                found.add(inner if is_module else str(node.module))
    return found


def own(names: set[str]) -> set[str]:
    return {
        name.partition(".")[2] or "__init__" for name in names if name.split(".")[0] == "ocf_lib"
    }


def says(module: str, words: str) -> bool:
    return words in " ".join((ast.get_docstring(tree_of(module)) or "").lower().split())


def is_hot(module: str) -> bool:
    """It says so itself: it is loaded by every monitor."""
    return says(module, "hot module")


def is_cold(module: str) -> bool:
    return says(module, "cold module")


@pytest.mark.parametrize("deep", [False, True], ids=["at load", "ever"])
def test_import_arrows_point_one_way(deep: bool) -> None:
    arrows = {module: own(imports(module, deep)) for module in MODULES}
    settled: set[str] = set()
    while len(settled) < len(arrows):
        free = {module for module, needs in arrows.items() if needs <= settled} - settled
        assert free, f"a cycle is among {sorted(set(arrows) - settled)}"
        settled |= free


@pytest.mark.parametrize("module", [module for module in MODULES if is_hot(module)])
def test_a_hot_module_loads_hot_ones_alone(module: str) -> None:
    for name in imports(module, deep=False):
        if name.split(".")[0] == "ocf_lib":
            loaded = name.partition(".")[2] or "__init__"
            assert loaded == "__init__" or is_hot(loaded), f"{module} loads {loaded} at once"
        else:
            assert name in FREE, f"{module} loads {name} at once"


def test_what_the_frequent_path_is_made_of_is_called_hot() -> None:
    expected = {"agent", "api", "endpoint", "environment", "http", "instance", "monitor"}
    expected |= {"links", "notes", "outcomes", "parameters", "process", "record", "service"}
    expected |= {"token", "watch"}
    assert {module for module in expected if not is_hot(module)} == set()


def test_no_module_is_hot_and_cold() -> None:
    assert [module for module in MODULES if is_hot(module) and is_cold(module)] == []


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_small_and_says_what_it_is(module: str) -> None:
    assert len((LIBRARY / f"{module}.py").read_text().splitlines()) <= LINES
    assert ast.get_docstring(tree_of(module))


@pytest.mark.parametrize("module", MODULES)
def test_a_modules_name_says_something(module: str) -> None:
    assert module not in ("util", "utils", "common", "helper", "helpers", "misc", "base", "core")


@pytest.mark.parametrize("module", MODULES)
def test_nothing_runs_at_import(module: str) -> None:
    """Definitions and constants; neither environment nor files nor output."""
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
            # guard: of a child that could not become another program
            assert name != "os._exit" or module in ("agent", "guard")
            assert name not in ("print", "os.system", "os.popen"), f"{module}:{node.lineno}"
            assert not any(word.arg == "shell" for word in node.keywords), f"{module}:{node.lineno}"


def test_no_class_inherits_over_more_than_two_levels() -> None:
    """Beyond those of the standard library."""
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
            for name in [module] if module else [alias.name for alias in node.names]:
                assert is_hot(name), f"{name} is loaded by each call"


@pytest.mark.file
def test_an_agent_finds_its_library_beside_it_and_installed(agent: str) -> None:
    text = declaration(agent)
    assert text.startswith("#!/usr/bin/python3 -IS\n")
    assert 'HERE + "/.."' in text
    assert 'HERE + "/../../lib/openstack"' in text


@pytest.mark.file
def test_an_agent_declares_the_links_that_are_its_aliases(agent: str) -> None:
    """By a name that is not declared it would describe itself as another agent."""
    given = [
        ast.literal_eval(word.value)
        for node in ast.walk(body_of(agent))
        if isinstance(node, ast.Call)
        for word in node.keywords
        if word.arg == "aliases"
    ]
    assert {agent, *(given[0] if given else ())} == set(kinds.names(agent))
