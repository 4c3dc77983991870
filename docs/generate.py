"""Reference pages written from the program itself: commands, recipe keys, checkpoints and the tree of files.

python -m docs.generate [--check]
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel

from bertkit import adapters, cli
from bertkit.recipe import checkpoints
from bertkit.recipe.schema import AdapterSettings, Recipe

ROOT = Path(__file__).resolve().parent.parent
VERBS = Path("docs/verbs")
HEAD = "<!-- Written by `make docs`; change the help in bertkit/commands/ instead. -->\n"
OUTPUT = "`--json`, `--quiet` and `--verbose` are [those of every verb](README.md#options-of-every-verb).\n"


def pages() -> dict[Path, str]:
    """Return the text that each page should have, by its path from the root of the repository."""
    app: Any = typer.main.get_command(cli.build())
    found = {VERBS / f"{name}.md": HEAD + "\n".join(_verb(command, name)) for name, command in app.commands.items()}
    sections = {
        VERBS / "README.md": {"verbs": _verbs(app, "")},
        Path("docs/recipes.md"): {"keys": "\n".join(_keys())},
        Path("docs/architecture.md"): {"layout": _layout()},
        Path("README.md"): {"verbs": _verbs(app, "docs/verbs/"), "models": _models()},
    }
    for path, texts in sections.items():
        found[path] = (ROOT / path).read_text(encoding="utf-8")
        for name, text in texts.items():
            found[path] = _replace(found[path], name, text)
    return found


def stale() -> list[Path]:
    """Return the pages that are not as they should be, also those of verbs that are gone."""
    wanted = pages()
    there = {path.relative_to(ROOT) for path in (ROOT / VERBS).glob("*.md")}
    return sorted(path for path in wanted.keys() | there if _read(path) != wanted.get(path, ""))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the pages, or with --check exit 1 if one is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a page is stale")
    check = parser.parse_args(arguments).check
    found = stale()
    if check and found:
        sys.exit(f"stale: {', '.join(map(str, found))}; run: make docs")
    wanted = pages()
    for path in found:
        if path in wanted:
            (ROOT / path).write_text(wanted[path], encoding="utf-8")
        else:
            (ROOT / path).unlink()


def _verb(command: Any, name: str, level: str = "#") -> Iterator[str]:
    yield f"{level} bertkit {name}\n\n{command.help}\n"
    for inner, subcommand in getattr(command, "commands", {}).items():
        yield from _verb(subcommand, f"{name} {inner}", "##")
    if hasattr(command, "commands"):
        return
    own = [param for param in command.params if getattr(param, "rich_help_panel", None) != "Output"]
    arguments = [param for param in own if param.param_type_name == "argument"]
    options = [param for param in own if param.param_type_name == "option"]
    shown = [_name(param) if param.required else f"[{_name(param)}]" for param in arguments]
    yield f"```\n{' '.join(['bertkit', name, '[OPTIONS]', *shown])}\n```\n"
    for title, params in (("argument", arguments), ("option", options)):
        if params:
            yield _table([title, "meaning", "default"], [[_usage(p), p.help, _default(p)] for p in params])
    examples = command.epilog.split("\n\n")[1:]
    yield OUTPUT
    yield "\n".join(["```", *examples, "```\n"])


def _name(param: Any) -> str:
    return str(param.metavar or param.name.strip("_").upper().replace("_", "-"))


def _usage(param: Any) -> str:
    if param.param_type_name == "argument":
        return f"`{_name(param)}`"
    value = "" if param.is_flag else f" {_name(param)}"
    return ", ".join(f"`{flag}{value}`" for flag in param.opts)


def _default(param: Any) -> str:
    if isinstance(param.show_default, str):
        return param.show_default
    return "" if param.default in (None, False) else f"`{param.default}`"


def _verbs(app: Any, folder: str) -> str:
    rows = [[f"[`bertkit {name}`]({folder}{name}.md)", command.help] for name, command in app.commands.items()]
    return _table(["verb", "what it does"], rows)


def _keys() -> Iterator[str]:
    plain = [name for name, field in Recipe.model_fields.items() if not _is_table(field.annotation)]
    yield "### At the top\n"
    yield _fields(Recipe, plain)
    yield "### [adapter]\n"
    yield _fields(AdapterSettings, AdapterSettings.model_fields)
    for name in adapters.names():
        yield f'With `name = "{name}"` also:\n'
        yield _fields(adapters.load(name).settings_model)
    for name, field in Recipe.model_fields.items():
        if name != "adapter" and _is_table(field.annotation):
            yield f"### [{name}]\n"
            yield _fields(field.annotation)


def _is_table(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _fields(model: Any, names: Iterable[str] | None = None) -> str:
    schema = model.model_json_schema()["properties"]
    rows = []
    for name in names or model.model_fields:
        field = model.model_fields[name]
        value = "required" if field.is_required() else field.get_default(call_default_factory=True)
        shown = "" if value in (None, "", (), {}) else value if field.is_required() else f"`{json.dumps(value)}`"
        rows.append([f"`{name}`", _allowed(schema[name]), shown, field.description])
    return _table(["key", "value", "default", "meaning"], rows)


def _allowed(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_allowed(one) for one in schema["anyOf"] if one.get("type") != "null")
    if "enum" in schema or "const" in schema:
        return ", ".join(f'`"{value}"`' for value in schema.get("enum", [schema.get("const")]))
    kind = {"string": "text", "integer": "whole number", "boolean": "true, false", "object": "table"}
    if schema["type"] == "array":
        return f"list of {_allowed(schema['items'])}"
    signs = {"minimum": "from", "exclusiveMinimum": "above", "exclusiveMaximum": "below", "maximum": "to"}
    limits = [f"{word} {schema[key]}" for key, word in signs.items() if key in schema]
    return " ".join([kind.get(schema["type"], schema["type"]), *limits])


def _models() -> str:
    sizes = [model for model in checkpoints.known() if model.name.isalpha()]
    rows = [
        [f"`{model.name}`", model.repository, model.layers, model.hidden, f"{model.parameters} M"] for model in sizes
    ]
    return _table(["`--model`", "checkpoint", "layers", "width", "parameters"], rows)


def _layout() -> str:
    lines = []
    for path in sorted((ROOT / "bertkit").rglob("*.py")):
        title = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").splitlines()[0]
        place = path.relative_to(ROOT)
        name = f"{place.parent.name}/" if place.name == "__init__.py" else place.name
        depth = len(place.parts) - 1 - (place.name == "__init__.py")
        lines.append(
            (place.parent.parts, place.name != "__init__.py", f"{'  ' * depth}{name:<{32 - 2 * depth}}{title}")
        )
    return "```\n" + "\n".join(line for _, _, line in sorted(lines)) + "\n```\n"


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("<", "&lt;")


def _replace(page: str, name: str, text: str) -> str:
    pattern = re.compile(rf"(<!-- {name}: written by `make docs` -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    found, count = pattern.subn(lambda match: match[1] + text + match[2], page)
    if count != 1:
        raise ValueError(f"the section {name} is there {count} times, not once")
    return found


def _read(path: Path) -> str | None:
    return (ROOT / path).read_text(encoding="utf-8") if (ROOT / path).is_file() else None


if __name__ == "__main__":
    main()
