"""The built-in tasks: the folders of tasks/, each with a recipe and perhaps a sample."""

from __future__ import annotations

import difflib
from pathlib import Path

from bertkit.errors import RecipeError

PACKAGE = Path(__file__).resolve().parent.parent
RECIPE_FILE = "recipe.toml"


def tasks_folder() -> Path:
    """Return the folder of the built-in tasks: inside the wheel, else beside the package in a checkout."""
    packaged = PACKAGE / "tasks"
    return packaged if packaged.is_dir() else PACKAGE.parent / "tasks"


def names() -> list[str]:
    """Return the names of the built-in tasks in alphabetical order."""
    return sorted(folder.parent.name for folder in tasks_folder().glob(f"*/{RECIPE_FILE}"))


def find(task: str) -> Path:
    """Return the recipe file of a task.

    Args:
        task: A built-in name, a recipe file, or a folder that holds a recipe.toml.

    Raises:
        RecipeError: Nothing of that name exists.
    """
    if task in names():
        return tasks_folder() / task / RECIPE_FILE
    path = Path(task).expanduser()
    if path.is_dir():
        path = path / RECIPE_FILE
    if path.is_file():
        return path
    close = difflib.get_close_matches(task, names(), n=1)
    guess = f' Did you mean "{close[0]}"?' if close else ""
    raise RecipeError(
        f'There is no task or recipe "{task}". Built-in tasks: {", ".join(names())}.{guess}',
        f"bertkit finetune {close[0]}" if close else "bertkit tasks list",
    )


def sample(recipe_file: Path) -> dict[str, Path]:
    """Return the sample files that lie beside a recipe, by split: train, validation, each with any extension."""
    named = {split: recipe_file.parent.glob(f"{split}.*") for split in ("train", "validation")}
    files = {split: sorted(path for path in paths if path.is_file()) for split, paths in named.items()}
    return {split: paths[0] for split, paths in files.items() if paths}
