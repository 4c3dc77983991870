"""Rows of a table with the cells of their answers added, as an output takes them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from bertkit.adapters import Adapter
from bertkit.adapters._results import Record
from bertkit.data.examples import words
from bertkit.data.tables import Row, Table
from bertkit.errors import DataError, UsageError

log = logging.getLogger("bertkit")


class OutputRows:
    """Makes the rows of an output.

    Args:
        table: Where the rows come from.
        adapter: Says which cells are added, and writes them.
        word_columns: Names of the columns that hold words.
        everything: Whether the score of every label is added too.

    Attributes:
        added: Cell to the name of its column.
    """

    def __init__(self, table: Table, adapter: Adapter, word_columns: Sequence[str], everything: bool) -> None:
        self.table = table
        self.adapter = adapter
        self.word_columns = word_columns
        self.everything = everything
        self.added = _added(table, adapter.cell_names(everything=everything))

    def row(self, row: Row, record: Record | None, form: str) -> dict[str, Any]:
        """Return a row as an output of some form takes it, with the answer added; None leaves its cells empty."""
        added = self._cells(record, form)
        # The first row of JSON Lines decides the names; a later one may bring a key of the same name.
        if clash := row.values.keys() & added.keys():
            problem = f'the key "{min(clash)}" is also the name of an added column'
            raise DataError(f"{self.table.name}:{row.line}: {problem}", "rename it")
        return {**row.values, **(self._words(row) if form == "words" else {}), **added}

    def _words(self, row: Row) -> dict[str, list[str]]:
        return {name: words(row.values[name]) for name in self.word_columns if name in row.values}

    def _cells(self, record: Record | None, form: str) -> dict[str, Any]:
        if record is None:
            return dict.fromkeys(self.added.values())
        values = rounded(self.adapter.cells(record, everything=self.everything))
        if form == "cells":
            values["answer"] = self.adapter.as_cell(values["answer"])
        elif form == "words":
            values["answer"] = self.adapter.by_word(record)
        return {name: values[key] for key, name in self.added.items()}


def _added(table: Table, keys: Sequence[str]) -> dict[str, str]:
    if not set(keys) & set(table.columns):
        return {key: key for key in keys}
    names = {key: f"predicted_{key}" for key in keys}
    if clash := set(names.values()) & set(table.columns):
        raise UsageError(
            f'{table.name} has columns named as those that predict adds, and also "{min(clash)}"',
            "rename these columns, or give a table without earlier predictions",
        )
    log.warning(
        "%s has a column named like an answer column: the added columns are %s", table.name, ", ".join(names.values())
    )
    return names


def rounded(value: Any) -> Any:
    """Return a value with six decimals in all its numbers, which are the same whatever the batches."""
    if isinstance(value, float):
        # Batch shapes move a probability by about 1e-7.
        return round(value, 6)
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list) else value
