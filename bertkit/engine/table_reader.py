"""Rows of a table to records of a run, and records to the cells that are added to the rows."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from bertkit.adapters import Adapter
from bertkit.adapters._results import Encoded, Record, Scores
from bertkit.data.examples import Example, Examples, is_empty, to_example, words
from bertkit.data.tables import Row, Table
from bertkit.engine import load
from bertkit.engine.ahead import ahead
from bertkit.engine.predictor import Predictor
from bertkit.engine.unseen import Unseen
from bertkit.errors import BertkitError, DataError, UsageError

log = logging.getLogger("bertkit")
CHUNK = 2048
# Scores need all records at once, so memory stays constant only if they are kept for so many rows and no more.
MOST_SCORED = 10_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of a table that are read and encoded.

    Args:
        rows: As they were read.
        full: Positions of those that have text.
        asked: These as examples.
        encoded: Their windows; of several processes, the share of this one.
    """

    rows: Sequence[Row]
    full: Sequence[int]
    asked: Sequence[Example]
    encoded: Encoded


class TableReader:
    """Rows to records and cells, with a bounded sample of labelled ones to compare with."""

    def __init__(
        self,
        predictor: Predictor,
        table: Table,
        columns: Mapping[str, str],
        values: Mapping[str, str],
        everything: bool,
    ) -> None:
        chosen = load.layout(table, predictor.adapter, columns, labels=False, shared=list(values))
        self.predictor = predictor
        self.table = table
        self.values = values
        self.everything = everything
        self.added = _added(table, predictor.adapter.cell_names(everything=everything))
        self.columns = {column.role: name for column, name in chosen.items()}
        self.kinds = {column.role: column.kind for column in chosen}
        self.texts = load.texts(list(chosen))
        self.labelled = any(column.training_only for column in chosen)
        self.kept: list[tuple[Record, Example]] = []

    def overlapping(self) -> AbstractContextManager[Iterator[Chunk]]:
        """Return the chunks, each read and encoded while the model answers the one before."""
        path = self.table.path
        # A pipe may never speak again, and a thread that waits for it could not be ended.
        regular = path is not None and path.is_file()
        return ahead(self._chunks()) if regular else nullcontext(self._chunks())

    def answer(self, chunk: Chunk, unseen: Unseen) -> list[Record | None]:
        """Return a record a row, None where there is no text."""
        found = self.predictor.finish(chunk.asked, chunk.encoded, unseen)
        records: list[Record | None] = [None] * len(chunk.rows)
        for index, example, record in zip(chunk.full, chunk.asked, found, strict=True):
            records[index] = record
            if self.labelled and len(self.kept) < MOST_SCORED:
                self.kept.append((record, example))
        return records

    def answered(self, row: Row, record: Record | None, form: str) -> dict[str, Any]:
        """Return a row as an output of some form takes it, with the answer added."""
        added = self._cells(record, form)
        # The first row of JSON Lines decides the names; a later one may bring a key of the same name.
        if clash := row.values.keys() & added.keys():
            problem = f'the key "{min(clash)}" is also the name of an added column'
            raise DataError(f"{self.table.name}:{row.line}: {problem}", "rename it")
        return {**row.values, **(self._words(row) if form == "words" else {}), **added}

    def compare(self) -> tuple[int, Scores]:
        """Score the kept rows that have a label the model knows."""
        adapter = self.predictor.adapter
        pairs = [(record, known) for record, example in self.kept if (known := _known(adapter, example))]
        if not pairs:
            return 0, {}
        records, examples = zip(*pairs, strict=True)
        return len(pairs), adapter.score(records, examples)

    def _chunks(self) -> Iterator[Chunk]:
        for rows in self.table.chunks(CHUNK):
            whole = (Row(row.line, {**row.values, **self.values}) for row in rows)
            examples = [to_example(row, self.table.name, self.columns, self.kinds) for row in whole]
            full = [index for index, example in enumerate(examples) if not is_empty(example, self.texts)]
            asked = [examples[index] for index in full]
            yield Chunk(rows, full, asked, self.predictor.encode(asked))

    def _words(self, row: Row) -> dict[str, list[str]]:
        names = [name for role, name in self.columns.items() if self.kinds[role] == "words" and name in row.values]
        return {name: words(row.values[name]) for name in names}

    def _cells(self, record: Record | None, form: str) -> dict[str, Any]:
        if record is None:
            return dict.fromkeys(self.added.values())
        adapter = self.predictor.adapter
        values = rounded(adapter.cells(record, everything=self.everything))
        if form == "cells":
            values["answer"] = adapter.as_cell(values["answer"])
        elif form == "words":
            values["answer"] = adapter.by_word(record)
        return {name: values[key] for key, name in self.added.items()}


def _known(adapter: Adapter, example: Example) -> Example | None:
    """Return the row with its label in the form that scores need, or None if it has none that can be used."""
    try:
        rows = adapter.mend(Examples(example.source, [example]), "stop").rows
        adapter.check_labels(rows)
    except BertkitError:
        return None
    return next((row for row in rows if not adapter.is_unlabelled(row)), None)


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
