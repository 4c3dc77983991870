"""Rows of a table to records of a run, a chunk at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from bertkit.adapters import Adapter
from bertkit.adapters._results import Encoded, Record, Scores
from bertkit.data._rows import SKIP_HINT
from bertkit.data.examples import Example, Examples, is_empty, to_example
from bertkit.data.tables import Reject, Row, Table
from bertkit.engine import load, processes, refused
from bertkit.engine.ahead import ahead
from bertkit.engine.output_rows import OutputRows
from bertkit.engine.predictor import Predictor
from bertkit.engine.shard import Span
from bertkit.engine.unseen import Unseen
from bertkit.errors import BertkitError, DataError, Interrupted

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
        encoded: Their windows; of several processes, the share of this one. None: the tokenizer refuses some row.
        rejects: Bad rows in front of these or among them.
    """

    rows: Sequence[Row]
    full: Sequence[int]
    asked: Sequence[Example]
    encoded: Encoded | None
    rejects: Sequence[Reject] = ()


class TableReader:
    """Rows to records, with a bounded sample of labelled ones to compare with.

    Args:
        predictor: Answers them.
        table: Where they come from.
        columns: Role to column name where it differs from the run's.
        values: Role to a text that all rows share.
        everything: Whether the score of every label is added too.
        rejects: Where the table puts its bad rows; they are taken out of it.
    """

    def __init__(
        self,
        predictor: Predictor,
        table: Table,
        columns: Mapping[str, str],
        values: Mapping[str, str],
        everything: bool,
        rejects: list[Reject],
    ) -> None:
        chosen = load.layout(table, predictor.adapter, columns, labels=False, shared=list(values))
        self.predictor = predictor
        self.table = table
        self.rejects = rejects
        self.values = values
        self.columns = {column.role: name for column, name in chosen.items()}
        self.kinds = {column.role: column.kind for column in chosen}
        self.texts = load.texts(list(chosen))
        words = [name for role, name in self.columns.items() if self.kinds[role] == "words"]
        self.output = OutputRows(table, predictor.adapter, words, everything)
        self.labelled = any(column.training_only for column in chosen)
        self.kept: list[tuple[Record, Example]] = []

    def overlapping(self, span: Span) -> AbstractContextManager[Iterator[Chunk]]:
        """Return the chunks of some rows, each read and encoded while the model answers the one before.

        Args:
            span: Begins and ends between chunks.
        """
        path = self.table.path
        # A pipe may never speak again, and a thread that waits for it could not be ended.
        regular = path is not None and path.is_file()
        return ahead(self._chunks(span)) if regular else nullcontext(self._chunks(span))

    def usable(self, chunk: Chunk) -> Chunk:
        """Return a chunk without the rows that the tokenizer refuses; these are among its rejects.

        Of several processes, all must come here.

        Raises:
            DataError: There is such a row, and bad rows are not to be passed over.
        """
        if all(processes.gather(chunk.encoded is not None)):
            return chunk
        bad = refused.find(chunk.asked, self.predictor.encoder)
        if bad and not self.table.rejects.skip:
            position, reason = min(bad.items())
            raise DataError(f"{chunk.asked[position].where}: {reason}", SKIP_HINT)
        gone = {chunk.full[position] for position in bad}
        rejects = [Reject(chunk.asked[position].line, None, None, reason) for position, reason in bad.items()]
        rows = [row for index, row in enumerate(chunk.rows) if index not in gone]
        return replace(self._chunk(rows), rejects=sorted([*chunk.rejects, *rejects], key=lambda reject: reject.line))

    def answer(self, chunk: Chunk, unseen: Unseen) -> list[Record | None]:
        """Return a record a row, None where there is no text.

        Args:
            chunk: One that is `usable`.
            unseen: A ledger to add to.
        """
        encoded = self.predictor.encode(chunk.asked) if chunk.encoded is None else chunk.encoded
        found = self.predictor.finish(chunk.asked, encoded, unseen)
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

    def _chunks(self, span: Span) -> Iterator[Chunk]:
        if span.start:
            # What was found in front of these rows belongs to others.
            for _ in itertools.islice(self.table, span.start):
                self.rejects.clear()
        chunks = None if span.stop is None else (span.stop - span.start) // CHUNK
        for rows in itertools.islice(self.table.chunks(CHUNK), chunks):
            yield replace(self._chunk(rows), rejects=self._taken())
        if span.stop is None and (left := self._taken()):
            yield replace(self._chunk([]), rejects=left)

    def _chunk(self, rows: Sequence[Row]) -> Chunk:
        whole = (Row(row.line, {**row.values, **self.values}) for row in rows)
        examples = [to_example(row, self.table.name, self.columns, self.kinds) for row in whole]
        full = [index for index, example in enumerate(examples) if not is_empty(example, self.texts)]
        asked = [examples[index] for index in full]
        try:
            return Chunk(rows, full, asked, self.predictor.encode(asked))
        except BaseException as error:
            if not refused.may_be(error):
                raise
            return Chunk(rows, full, asked, None)

    def _taken(self) -> list[Reject]:
        taken = self.rejects.copy()
        self.rejects.clear()
        return taken


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
