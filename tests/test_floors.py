"""Imports only go down: cli -> commands -> engine -> adapters -> data -> recipe -> errors."""

import ast
from pathlib import Path

import pytest

import bertkit
from bertkit import adapters

PACKAGE = Path(bertkit.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
FLOORS = ["errors", "recipe", "data", "adapters", "engine", "commands", "cli"]
TOP = {"cli", "commands", "console", "__main__"}
HEAVY = {"torch", "transformers", "datasets", "evaluate", "huggingface_hub", "pyarrow", "onnx", "onnxruntime"}
MAY_IMPORT = {
    "engine/layers/": {"torch", "transformers"},
    "engine/resumable.py": {"transformers"},
    "engine/trainer.py": {"torch", "transformers"},
    "engine/watch.py": {"torch", "transformers"},
    "data/evaluate_modules": {"evaluate", "datasets"},
}


def place(path):
    return path.relative_to(PACKAGE).as_posix()


def part(path):
    return place(path).partition("/")[0].removesuffix(".py")


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(node):
    """The modules that one import statement names; `from a import b` may name the module a.b."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert not node.level, "relative imports hide the floor"
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def is_type_checking(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def at_import(nodes):
    """The statements that run when a module is imported."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or is_type_checking(node):
            continue
        yield node
        yield from at_import(ast.iter_child_nodes(node))


def test_floors_have_files_to_look_at():
    assert len(FILES) > 30
    assert {part(path) for path in FILES} >= set(FLOORS)


@pytest.mark.parametrize("path", [path for path in FILES if part(path) in FLOORS], ids=place)
def test_imports_go_down_only(path):
    own = part(path)
    below = set(FLOORS[: FLOORS.index(own) + 1])
    for node in ast.walk(tree(path)):
        for module in imported(node):
            package, _, rest = module.partition(".")
            target = rest.partition(".")[0]
            if package != "bertkit" or target not in {*FLOORS, "console"}:
                continue
            allowed = below | ({"console"} if own in TOP else set())
            assert target in allowed, f"{place(path)}:{node.lineno} imports {module}"


@pytest.mark.parametrize("path", [path for path in FILES if part(path) not in TOP], ids=place)
def test_below_the_commands_nothing_prints_or_exits(path):
    for node in ast.walk(tree(path)):
        where = f"{place(path)}:{getattr(node, 'lineno', 0)}"
        assert not {"rich", "typer"} & {name.partition(".")[0] for name in imported(node)}, where
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in {"print", "exit", "quit", "sys.exit", "os._exit"}, where
        if isinstance(node, ast.Name):
            assert node.id != "SystemExit", where
        if isinstance(node, ast.Attribute) and place(path) != "data/_output.py":
            assert ast.unparse(node) not in {"sys.stdout", "sys.stderr"}, where


@pytest.mark.parametrize("path", [path for path in FILES if place(path) != "console.py"], ids=place)
def test_rich_is_the_console_s_affair(path):
    for node in ast.walk(tree(path)):
        names = {name.partition(".")[0] for name in imported(node)}
        assert "rich" not in names, f"{place(path)}:{node.lineno}"


@pytest.mark.parametrize("path", [path for path in FILES if part(path) != "adapters"], ids=place)
def test_no_task_type_is_named_outside_adapters(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Compare | ast.match_case):
            named = {leaf.value for leaf in ast.walk(node) if isinstance(leaf, ast.Constant)} & set(adapters.names())
            assert not named, f"{place(path)}:{getattr(node, 'lineno', node)} compares with {named}"


@pytest.mark.parametrize("path", FILES, ids=place)
def test_heavy_libraries_are_imported_where_they_are_used(path):
    allowed = next((names for start, names in MAY_IMPORT.items() if place(path).startswith(start)), set())
    for node in at_import(tree(path).body):
        heavy = {name.partition(".")[0] for name in imported(node)} & HEAVY
        assert heavy <= allowed, f"{place(path)}:{node.lineno} imports {heavy - allowed} at import"
