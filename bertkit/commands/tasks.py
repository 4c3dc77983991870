"""Built-in tasks: list, show, copy, check."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from bertkit.commands._options import OverwriteOpt, SetOpt
from bertkit.console import console

TaskArg = Annotated[str, typer.Argument(help="Built-in task, recipe file or folder.")]


def list_() -> None:
    """List the built-in tasks."""
    from bertkit.recipe import catalog
    from bertkit.recipe.read import read_file

    rows = []
    for name in catalog.names():
        path = catalog.find(name)
        values = read_file(path).values
        sample = "yes" if catalog.sample(path) else "no"
        rows.append([name, values["title"], sample, values["data"]["hub"]])
    header = ["task", "title", "sample", "hub"]
    console.table("Built-in tasks", header, rows)
    console.result({"tasks": [dict(zip(header, row, strict=True)) for row in rows]})


def show(task: TaskArg, set_: SetOpt = None) -> None:
    """Show every value of a recipe and where it comes from."""
    from bertkit.engine.request import Request, resolve

    found = resolve(Request(task, overrides=set_ or []))
    rows = [[place, value, found.origins.get(place, "default")] for place, value in _flat(found.recipe.model_dump())]
    console.table(task, ["key", "value", "from"], rows)
    console.result({"task": task, "recipe": found.recipe.model_dump(mode="json"), "origins": found.origins})


def copy(
    task: TaskArg,
    target: Annotated[Path, typer.Argument(help="New folder.", show_default="the task's name")] = Path(),
    overwrite: OverwriteOpt = False,
) -> None:
    """Copy a task to a folder of your own, to change it."""
    from bertkit.errors import UsageError
    from bertkit.recipe import catalog

    source = catalog.find(task).parent
    folder = Path(source.name) if target == Path() else target
    if folder.exists() and not overwrite:
        raise UsageError(f"{folder} exists", "--overwrite, or another folder")
    try:
        shutil.copytree(source, folder, dirs_exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error}", "another folder") from error
    console.line(f"{task} is in {folder}: edit {folder / 'recipe.toml'}, then bertkit finetune {folder}")
    console.result({"folder": str(folder), "files": sorted(path.name for path in folder.iterdir())})


def check(task: TaskArg, set_: SetOpt = None) -> None:
    """Check a recipe and, where its files are here, its columns and labels."""
    from bertkit.engine.check import check_recipe
    from bertkit.engine.request import Request

    done = check_recipe(Request(task, overrides=set_ or []))
    console.table(f"{task}: all of this is in order", ["checked", "found"], done)
    console.result({"task": task, "checked": dict(done)})


group = {
    "list": (list_, ("bertkit tasks list", "bertkit tasks list --json")),
    "show": (show, ("bertkit tasks show sentiment", "bertkit tasks show ./mine --set train.epochs=3")),
    "copy": (copy, ("bertkit tasks copy sentiment", "bertkit tasks copy intent my-intents")),
    "check": (check, ("bertkit tasks check sentiment", "bertkit tasks check my-intents/recipe.toml")),
}


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in values.items():
        if isinstance(value, dict) and value:
            rows += _flat(value, f"{prefix}{key}.")
        elif value is not None:
            rows.append((prefix + key, value))
    return rows
