"""Rows of a table to records of a run, a chunk at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from bertkit.adapters import Adapter
from bertkit.adapters._results import Encoded, Record, Scores
from bertkit.data.examples import Example, Examples, is_empty, to_example
from bertkit.data.tables import Row, Table
from bertkit.engine import load
from bertkit.engine.ahead import ahead
from bertkit.engine.output_rows import OutputRows
from bertkit.engine.predictor import Predictor
from bertkit.engine.unseen import Unseen
from bertkit.errors import BertkitError, Interrupted

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
    """Rows to records, with a bounded sample of labelled ones to compare with."""

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
        self.columns = {column.role: name for column, name in chosen.items()}
        self.kinds = {column.role: column.kind for column in chosen}
        self.texts = load.texts(list(chosen))
        words = [name for role, name in self.columns.items() if self.kinds[role] == "words"]
        self.output = OutputRows(table, predictor.adapter, words, everything)
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


def _known(adapter: Adapter, example: Example) -> Example | None:
    """Return the row with its label in the form that scores need, or None if it has none that can be used."""
    try:
        rows = adapter.mend(Examples(example.source, [example]), "stop").rows
        adapter.check_labels(rows)
    except Interrupted:
        raise
    except BertkitError:
        return None
    return next((row for row in rows if not adapter.is_unlabelled(row)), None)
