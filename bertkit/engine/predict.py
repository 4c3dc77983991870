"""A table in, the same table with answers out, in constant memory."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bertkit.adapters._results import Scores
from bertkit.data.sources import log_rejects
from bertkit.data.tables import Writer, create_table, open_table
from bertkit.engine import load, processes
from bertkit.engine.backends._choice import AUTO
from bertkit.engine.evaluate import warn_of_training_rows
from bertkit.engine.predictor import load_run
from bertkit.engine.progress import Progress, silent
from bertkit.engine.table_reader import TableReader
from bertkit.engine.unseen import Unseen
from bertkit.errors import UsageError

log = logging.getLogger("bertkit")


@dataclass
class Predicted:
    """What was done to a table.

    Args:
        output: Where the answers are.
        added: Names of the added columns.
        backend: What computed the answers.
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
    backend: str
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
    backend: str = AUTO,
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
        backend: What computes the answers, as in `load_run`.
        progress: Told how many rows are done.

    Raises:
        BertkitError: The input or the output cannot be used; no output is left behind then.
    """
    predictor = load_run(run, backend=backend)
    shared = values or {}
    named = {**(columns or {}), **{role: role for role in shared}}
    recipe = load.own_file(predictor.run.recipe, predictor.adapter, named, settings)
    if processes.count() > 1 and str(input) == "-":
        raise UsageError("several processes cannot share standard input", "give a file, or take one process")
    with open_table(input, recipe.data) as table:
        reader = TableReader(predictor, table, recipe.columns, shared, all_scores)
        name = str(output) if output is not None else default_output(str(input))
        done = Predicted(name, list(reader.output.added.values()), predictor.backend)
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


def _answer_along(reader: TableReader, done: Predicted) -> None:
    """Take part in answering what the main process writes."""
    with reader.overlapping() as chunks:
        for chunk in chunks:
            reader.answer(chunk, done.unseen)


def _write(reader: TableReader, writer: Writer, done: Predicted, progress: Progress) -> None:
    with reader.overlapping() as chunks:
        for chunk in chunks:
            records = reader.answer(chunk, done.unseen)
            output = reader.output
            rows = [output.row(row, record, writer.form) for row, record in zip(chunk.rows, records, strict=True)]
            writer.write(rows)
            done.empty += records.count(None)
            done.first += rows[: max(5 - len(done.first), 0)]
            done.rows += len(rows)
            progress("predict", done.rows, None)


def _conclude(reader: TableReader, done: Predicted) -> None:
    table = reader.table
    done.rejected = table.rejects.count
    log_rejects(table.rejects, table.name)
    for sentence in done.unseen.remark_sentences():
        log.warning("%s: %s", table.name, sentence)
    done.seen = done.unseen.sentence(reader.predictor.encoder.max_length)
    done.labelled, done.scores = reader.compare()
