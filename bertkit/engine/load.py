"""Tables to examples: columns chosen, empty rows and rows without a label counted, labels mended."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
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


def check_roles(adapter: Adapter, recipe: Recipe) -> None:
    """Check the roles that a recipe names, before any row is read.

    Raises:
        RecipeError: The recipe names a role that does not exist, or lacks one that has no usual name.
    """
    known = dict.fromkeys(column.role for columns in adapter.layouts for column in columns)
    unknown = [role for role in recipe.columns if role not in known]
    if unknown:
        raise RecipeError(f"columns.{unknown[0]}: there is no such role. Known: {', '.join(known)}")
    absent = [
        [column.role for column in columns if not (column.optional or column.usual or column.role in recipe.columns)]
        for columns in adapter.layouts
    ]
    if all(absent):
        role = absent[0][0]
        raise RecipeError(f"columns.{role}: the recipe does not name this column", f"--set columns.{role}=NAME")


def layout(
    table: sources.Rows, adapter: Adapter, named: Mapping[str, str], *, labels: bool, shared: Sequence[str] = ()
) -> dict[Column, str]:
    """Return the columns to read from a table with their names there, by the first layout that the table can fill.

    Layouts of which more roles are named come first.

    Args:
        table: The table.
        adapter: Has the layouts.
        named: Role to column name; other roles go by their usual names.
        labels: Whether the columns that only training needs must be there; where they are, they are read anyhow.
        shared: Columns that the table need not have, since all its rows get the same value.

    Raises:
        DataError: The table fills no layout.
    """
    header = [*table.columns, *shared]
    layouts = sorted(adapter.layouts, key=lambda columns: -sum(column.role in named for column in columns))
    choices = [_names(columns, header, named) for columns in layouts]
    for names in choices:
        if all(name in header for column, name in names.items() if labels or not column.training_only):
            return {column: name for column, name in names.items() if name in header}
    # The one that the names were meant for says best what is missing.
    missing = {column.role: name for column, name in choices[0].items() if labels or not column.training_only}
    check_columns(header, missing, table.name, delimited=table.format in ("csv", "tsv"))
    raise AssertionError("a layout that lacks nothing was not chosen")


def texts(columns: Sequence[Column]) -> list[str]:
    """Return the roles that a row must fill to be answered."""
    return [column.role for column in columns if column.kind != "label"]


def examples(table: sources.Rows, adapter: Adapter, recipe: Recipe) -> Examples:
    """Read all rows of a labelled table.

    Raises:
        DataError: A column is missing, no row is usable, or a row breaks a rule of the recipe.
    """
    chosen = layout(table, adapter, recipe.columns, labels=True)
    names = {column.role: name for column, name in chosen.items()}
    kinds = {column.role: column.kind for column in chosen}
    rows = (to_example(row, table.name, names, kinds) for row in table)
    found = keep_usable(table.name, rows, texts(list(chosen)), recipe.data.on_empty)
    sources.log_rejects(table.rejects, table.name)
    found = _labelled(adapter.mend(found, recipe.data.on_bad_row), adapter, recipe)
    for reason, count in found.repaired.items():
        log.info("%s: %d %s%s", table.name, count, reason, _first(found, reason))
    for reason, count in found.dropped.items():
        log.warning("%s: %d rows with %s were left out%s", table.name, count, reason, _first(found, reason))
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
    own = own_file(recipe, adapter, columns, settings)
    with open_table(path, own.data) as table:
        return examples(table, adapter, own)


def own_file(
    recipe: Recipe, adapter: Adapter, columns: Mapping[str, str] | None, settings: Mapping[str, Any] | None
) -> Recipe:
    """Return the recipe for a file other than the training data: how that file is written is its own affair.

    Args:
        recipe: Of the run.
        adapter: Has the layouts.
        columns: Role to column name where it differs from the run's.
        settings: How the file is read.

    Raises:
        UsageError: A column is named for a role that the run was not trained with.
        RecipeError: A setting is not valid.
    """
    given = columns or {}
    # A role that training could have had but had not, such as a second text, means nothing to the run.
    known = [column.role for own in adapter.layouts for column in own if column.role in recipe.columns or column.usual]
    if unknown := [role for role in given if role not in known]:
        raise UsageError(f'the run has no column of role "{unknown[0]}"; it has: {", ".join(dict.fromkeys(known))}')
    kept = {role: name for role, name in recipe.columns.items() if _together(adapter, role, given)}
    own = {"data": {**dict.fromkeys(READING), **(settings or {})}, "columns": given}
    stored = recipe.model_dump(mode="json") | {"columns": kept}
    return resolve([Layer("run", stored), Layer("--set", own)], settings_model).recipe


def _names(columns: Sequence[Column], header: Sequence[str], named: Mapping[str, str]) -> dict[Column, str]:
    """Return the columns of a layout that are wanted, each with the name it should have."""
    names = {}
    for column in columns:
        usual = next((name for name in column.usual if name in header), None)
        if (name := named.get(column.role) or usual) is not None or not column.optional:
            names[column] = name or column.role
    return names


def _roles(columns: Sequence[Column]) -> set[str]:
    return {column.role for column in columns}


def _together(adapter: Adapter, role: str, given: Mapping[str, str]) -> bool:
    return not given or any(role in roles and roles.issuperset(given) for roles in map(_roles, adapter.layouts))


def _first(found: Examples, reason: str) -> str:
    return f" (first: {found.first[reason]})" if reason in found.first else ""


def _labelled(found: Examples, adapter: Adapter, recipe: Recipe) -> Examples:
    bare = [example for example in found.rows if adapter.is_unlabelled(example)]
    if not bare:
        return found
    if recipe.data.on_missing_label == "refuse":
        raise DataError(
            f"{bare[0].where}: the label is empty ({len(bare)} such rows in {found.source})",
            "fill the cells, or --set data.on_missing_label=drop",
        )
    found.rows = [example for example in found.rows if not adapter.is_unlabelled(example)]
    found.dropped["an empty label"] = len(bare)
    found.first["an empty label"] = bare[0].where
    return found
