"""Tables to examples: columns checked, empty rows and rows without a label counted."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from bertkit.adapters import Adapter
from bertkit.data import sources
from bertkit.data.columns import check_columns
from bertkit.data.examples import Column, Examples, keep_usable, to_example
from bertkit.data.tables import open_table
from bertkit.engine.request import settings_model
from bertkit.errors import DataError, RecipeError, UsageError
from bertkit.recipe.read import Layer, resolve
from bertkit.recipe.schema import Recipe

log = logging.getLogger("bertkit")
READING = ("format", "encoding", "delimiter", "quoting", "names")


def wanted(adapter: Adapter, recipe: Recipe, *, labels: bool) -> dict[str, Column]:
    """Return the columns to read, by role.

    Args:
        adapter: Says what it needs.
        recipe: Names the columns.
        labels: Whether those that only training needs are wanted.

    Raises:
        RecipeError: The recipe names no column for a role, or a role that does not exist.
    """
    columns = {column.role: column for column in adapter.columns(recipe.columns)}
    unknown = [role for role in recipe.columns if role not in columns]
    if unknown:
        raise RecipeError(f"columns.{unknown[0]}: there is no such role. Known: {', '.join(columns)}")
    needed = {role: column for role, column in columns.items() if labels or not column.training_only}
    absent = [role for role, column in needed.items() if role not in recipe.columns and not column.optional]
    if absent:
        raise RecipeError(
            f"columns.{absent[0]}: the recipe does not name this column", f"--set columns.{absent[0]}=NAME"
        )
    return {role: column for role, column in needed.items() if role in recipe.columns}


def examples(table: sources.Rows, adapter: Adapter, recipe: Recipe) -> Examples:
    """Read all rows of a labelled table.

    Raises:
        DataError: A column is missing, no row is usable, or a row breaks a rule of the recipe.
    """
    columns = wanted(adapter, recipe, labels=True)
    names = {role: recipe.columns[role] for role in columns}
    kinds = {role: column.kind for role, column in columns.items()}
    check_columns(table.columns, names, table.name)
    texts = [role for role, kind in kinds.items() if kind == "text"]
    rows = (to_example(row, table.name, names, kinds) for row in table)
    found = keep_usable(table.name, rows, texts, recipe.data.on_empty)
    sources.log_rejects(table.rejects, table.name)
    _drop_unlabelled(found, adapter, recipe)
    for reason, count in found.dropped.items():
        log.warning("%s: %d rows with %s were left out", table.name, count, reason)
    if not found.rows:
        raise DataError(f"{table.name} has no usable rows", "the file needs at least a header and rows with text")
    return found


def split(recipe: Recipe, name: str, adapter: Adapter) -> Examples:
    """Read one split of a recipe."""
    with sources.open_split(recipe.data, name) as table:
        return examples(table, adapter, recipe)


def file(
    path: str,
    recipe: Recipe,
    adapter: Adapter,
    columns: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Examples:
    """Read a labelled file with the columns of a recipe, or others.

    Args:
        path: The file, or "-".
        recipe: Gives the column names and the rules for bad rows.
        adapter: Says what it needs.
        columns: Role to column name where it differs from the recipe.
        settings: How the file is read, where it differs from the defaults.
    """
    own = own_file(recipe, columns, settings)
    with open_table(path, own.data) as table:
        return examples(table, adapter, own)


def own_file(recipe: Recipe, columns: Mapping[str, str] | None, settings: Mapping[str, Any] | None) -> Recipe:
    """Return the recipe for a file other than the training data: how that file is written is its own affair.

    Raises:
        UsageError: A column is named for a role that the run was not trained with.
        RecipeError: A setting is not valid.
    """
    for role in columns or {}:
        if role not in recipe.columns:
            raise UsageError(f'the run has no column of role "{role}"; it has: {", ".join(recipe.columns)}')
    own = {"data": {**dict.fromkeys(READING), **(settings or {})}, "columns": columns or {}}
    return resolve([Layer("run", recipe.model_dump(mode="json")), Layer("--set", own)], settings_model).recipe


def _drop_unlabelled(found: Examples, adapter: Adapter, recipe: Recipe) -> None:
    bare = [example for example in found.rows if adapter.is_unlabelled(example)]
    if not bare:
        return
    if recipe.data.on_missing_label == "refuse":
        raise DataError(
            f"{bare[0].where}: the label is empty ({len(bare)} such rows in {found.source})",
            "fill the cells, or --set data.on_missing_label=drop",
        )
    found.rows = [example for example in found.rows if not adapter.is_unlabelled(example)]
    found.dropped["an empty label"] = len(bare)
