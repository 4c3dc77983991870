"""A table in, the same table with answers out, in constant memory."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bertkit.adapters import Adapter
from bertkit.adapters._results import Record, Scores
from bertkit.data.examples import Example, Examples, is_empty, to_example, words
from bertkit.data.sources import log_rejects
from bertkit.data.tables import Row, Table, Writer, create_table, open_table
from bertkit.engine import load, processes
from bertkit.engine.evaluate import warn_of_training_rows
from bertkit.engine.predictor import Predictor, load_run
from bertkit.engine.progress import Progress, silent
from bertkit.engine.unseen import Unseen
from bertkit.errors import BertkitError, DataError, UsageError

log = logging.getLogger("bertkit")
CHUNK = 2048
# Scores need all records at once, so memory stays constant only if they are kept for so many rows and no more.
MOST_SCORED = 10_000


@dataclass
class Predicted:
    """What was done to a table.

    Args:
        output: Where the answers are.
        added: Names of the added columns.
        rows: Rows written.
        empty: Rows without text, whose answer is empty.
        rejected: Bad rows that were left out.
        unseen: What the model did not see.
        seen: The same as a sentence.
        first: The first few rows as written.
        labelled: Rows with a known label that were scored.
        scores: Metrics of these rows, if the input has labels.
    """

    output: str
    added: list[str]
    rows: int = 0
    empty: int = 0
    rejected: int = 0
    unseen: Unseen = field(default_factory=Unseen)
    seen: str = ""
    first: list[dict[str, Any]] = field(default_factory=list)
    labelled: int = 0
    scores: Scores = field(default_factory=dict)


def predict(
    input: str | Path,
    output: str | Path | None = None,
    *,
    run: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
    all_scores: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Predicted:
    """Answer every row of a table and write it with the answers added, in the same order.

    Args:
        input: CSV, TSV, JSONL or Parquet, also with .gz; "-" is standard input.
        output: By default INPUT.predicted.EXTENSION beside the input; "-" is standard output.
        run: Folder or name; by default the newest.
        columns: Role to column name where it differs from the run's.
        values: Role to a text that all rows share, such as one long context of many questions.
        settings: How the input is read, such as {"delimiter": ";"}.
        all_scores: Also add the score of every label.
        overwrite: Replace an existing output.
        progress: Told how many rows are done.

    Raises:
        BertkitError: The input or the output cannot be used; no output is left behind then.
    """
    predictor = load_run(run)
    shared = values or {}
    named = {**(columns or {}), **{role: role for role in shared}}
    recipe = load.own_file(predictor.run.recipe, predictor.adapter, named, settings)
    if processes.count() > 1 and str(input) == "-":
        raise UsageError("several processes cannot share standard input", "give a file, or take one process")
    with open_table(input, recipe.data) as table:
        reader = _Reader(predictor, table, recipe.columns, shared, all_scores)
        done = Predicted(str(output) if output is not None else default_output(str(input)), list(reader.added.values()))
        if not processes.is_main():
            _answer_along(reader, done)
            return done
        with create_table(done.output, table, done.added, overwrite=overwrite) as writer:
            _write(reader, writer, done, progress)
    _conclude(reader, done)
    if done.scores:
        warn_of_training_rows(predictor.run, input)
    return done


def default_output(source: str) -> str:
    """Return reviews.predicted.csv for reviews.csv, and standard output for standard input."""
    if source == "-":
        return "-"
    path = Path(source)
    stem, dot, extension = path.name.partition(".")
    return str(path.with_name(f"{stem}.predicted{dot}{extension}"))


class _Reader:
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

    def answer(self, chunk: Sequence[Row], done: Predicted) -> list[Record | None]:
        """Return a record a row, None where there is no text."""
        rows = (Row(row.line, {**row.values, **self.values}) for row in chunk)
        examples = [to_example(row, self.table.name, self.columns, self.kinds) for row in rows]
        full = [index for index, example in enumerate(examples) if not is_empty(example, self.texts)]
        found = self.predictor.answer([examples[index] for index in full], done.unseen)
        records: list[Record | None] = [None] * len(chunk)
        for index, record in zip(full, found, strict=True):
            records[index] = record
            if self.labelled and len(self.kept) < MOST_SCORED:
                self.kept.append((record, examples[index]))
        done.empty += len(chunk) - len(full)
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


def _answer_along(reader: _Reader, done: Predicted) -> None:
    """Take part in answering what the main process writes."""
    for chunk in reader.table.chunks(CHUNK):
        reader.answer(chunk, done)


def _write(reader: _Reader, writer: Writer, done: Predicted, progress: Progress) -> None:
    for chunk in reader.table.chunks(CHUNK):
        records = reader.answer(chunk, done)
        rows = [reader.answered(row, record, writer.form) for row, record in zip(chunk, records, strict=True)]
        writer.write(rows)
        done.first += rows[: max(5 - len(done.first), 0)]
        done.rows += len(rows)
        progress("predict", done.rows, None)


def _conclude(reader: _Reader, done: Predicted) -> None:
    table = reader.table
    done.rejected = table.rejects.count
    log_rejects(table.rejects, table.name)
    for sentence in done.unseen.remark_sentences():
        log.warning("%s: %s", table.name, sentence)
    done.seen = done.unseen.sentence(reader.predictor.encoder.max_length)
    done.labelled, done.scores = reader.compare()


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
