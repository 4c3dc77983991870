"""A table in, the same table with answers out, in constant memory."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bertkit.adapters._results import Scores
from bertkit.data.tables import Reject, open_table
from bertkit.engine import load, processes, table_reader
from bertkit.engine.backends._choice import AUTO
from bertkit.engine.evaluate import warn_of_training_rows
from bertkit.engine.identity import of_prediction
from bertkit.engine.journal import Entry, Journal
from bertkit.engine.predictor import load_run
from bertkit.engine.progress import Progress, silent
from bertkit.engine.resumable_output import ResumableOutput
from bertkit.engine.shard import Shard, Span
from bertkit.engine.table_reader import TableReader
from bertkit.engine.unseen import Unseen
from bertkit.errors import UsageError
from bertkit.recipe.schema import ReadSettings

log = logging.getLogger("bertkit")
SHOWN = 5
WHOLE = Shard()


@dataclass
class Predicted:
    """What was done to a table.

    Args:
        output: Where the answers are.
        added: Names of the added columns.
        backend: What computed the answers.
        rejects: Where the bad rows are listed that were left out, or "".
        rows: Rows written.
        continued: How many of them an earlier process has written.
        empty: Rows without text, whose answer is empty.
        rejected: Bad rows that were left out; with `rows` they are all that were read.
        unseen: What the model did not see.
        seen: The same as a sentence.
        first: The first few rows as written by this process.
        examples: The first few rejects that this process met.
        labelled: Rows with a known label that this process has scored.
        scores: Metrics of these rows, if the input has labels.
        taken: Good rows that were taken from the input.
    """

    output: str
    added: list[str]
    backend: str
    rejects: str = ""
    rows: int = 0
    continued: int = 0
    empty: int = 0
    rejected: int = 0
    unseen: Unseen = field(default_factory=Unseen)
    seen: str = ""
    first: list[dict[str, Any]] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)
    labelled: int = 0
    scores: Scores = field(default_factory=dict)
    taken: int = 0

    @property
    def read(self) -> int:
        """Rows of the input, good and bad."""
        return self.rows + self.rejected

    def resume(self, before: Entry | None) -> None:
        """Go on with the counts of an earlier process."""
        if before:
            self.continued = self.rows = before.rows
            self.taken, self.empty, self.rejected = before.read, before.empty, before.rejected
            self.unseen = before.unseen

    def progress(self) -> dict[str, Any]:
        """Return the counts that another process would need to go on."""
        return {
            "read": self.taken,
            "rows": self.rows,
            "empty": self.empty,
            "rejected": self.rejected,
            "unseen": self.unseen,
        }

    def add(self, taken: int, rows: list[dict[str, Any]], empty: int, rejects: Sequence[Reject], source: str) -> None:
        """Count some more rows.

        Args:
            taken: Good rows that were taken from the input for them.
            rows: As they were written.
            empty: How many of them have no text.
            rejects: Bad rows around them.
            source: Name of the input.
        """
        self.taken += taken
        self.rows += len(rows)
        self.empty += empty
        self.rejected += len(rejects)
        self.first += rows[: max(SHOWN - len(self.first), 0)]
        for reject in rejects[: max(SHOWN - len(self.examples), 0)]:
            self.examples.append(f"{source}:{reject.line}: {reject.reason}")


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
    shard: str = "1/1",
    rejects: str | Path | None = None,
    for_spreadsheet: bool = False,
    progress: Progress = silent,
) -> Predicted:
    """Answer every row of a table and write it with the answers added, in the same order.

    Until it is whole, the output has the name OUTPUT.part. What is left there after an error or a kill is continued by
    the same call, and the output has then the bytes that it would have had without the interruption.

    Args:
        input: CSV, TSV, JSONL or Parquet, also with .gz; "-" is standard input.
        output: By default INPUT.predicted.EXTENSION beside the input; "-" is standard output.
        run: Folder or name; by default the newest.
        columns: Role to column name where it differs from the run's.
        values: Role to a text that all rows share, such as one long context of many questions.
        settings: How the input is read, such as {"delimiter": ";"}.
        all_scores: Also add the score of every label.
        overwrite: Replace an existing output, or the unfinished one of another prediction.
        backend: What computes the answers, as in `load_run`.
        shard: Answer one of several parts of the input, such as "2/4".
        rejects: Where the bad rows are listed that were left out; by default OUTPUT.rejects.csv, and nowhere if the
            output is standard output.
        for_spreadsheet: Write CSV or TSV that a spreadsheet program shows and does not compute.
        progress: Told how many rows are done.

    Raises:
        BertkitError: The input or the output cannot be used. No output is left behind then, but for OUTPUT.part if
            it can be continued.
    """
    predictor = load_run(run, backend=backend)
    shared = values or {}
    named = {**(columns or {}), **{role: role for role in shared}}
    recipe = load.own_file(predictor.run.recipe, predictor.adapter, named, settings)
    part = Shard.parse(shard)
    check_input(input, part)
    found: list[Reject] = []
    with open_table(input, recipe.data, found.append) as table:
        reader = TableReader(predictor, table, recipe.columns, shared, all_scores, found)
        name = str(output) if output is not None else default_output(str(input), part)
        listed = rejects_path(name, rejects)
        done = Predicted(name, list(reader.output.added.values()), predictor.backend, str(listed or ""))
        if not processes.is_main():
            _answer_along(reader, done, processes.agree(Span))
            return done
        span = part.span(table_reader.CHUNK, lambda: _count(input, recipe.data))
        options = {"--all-scores": all_scores, "--shard": part, "--for-spreadsheet": for_spreadsheet}
        source = table.path if table.path and table.path.is_file() else None
        identity = of_prediction(source, predictor, recipe.data, recipe.columns, shared, options)
        with ResumableOutput(
            name,
            table,
            done.added,
            None if name == "-" else Journal(Path(name), identity, overwrite=overwrite, resumable=source is not None),
            listed,
            overwrite=overwrite,
            spreadsheet=for_spreadsheet,
            first=part.part == 1,
        ) as writer:
            done.resume(writer.before)
            left = processes.agree(lambda: replace(span, start=span.start + done.taken))
            _write(reader, writer, done, left, progress)
    _conclude(reader, done)
    if done.scores:
        warn_of_training_rows(predictor.run, input)
    return done


def check_input(source: str | Path, part: Shard) -> None:
    """Refuse what cannot be read twice where it must be.

    Raises:
        UsageError: Several processes or parts shall share standard input.
    """
    if str(source) == "-" and processes.count() > 1:
        raise UsageError("several processes cannot share standard input", "give a file, or take one process")
    if str(source) == "-" and part.of > 1:
        raise UsageError(f"--shard {part}: the rows must be counted first, and a stream is read once", "give a file")


def default_output(source: str, part: Shard = WHOLE) -> str:
    """Return reviews.predicted.csv for reviews.csv, and standard output for standard input."""
    if source == "-":
        return "-"
    path = Path(source)
    stem, dot, extension = path.name.removesuffix(".zip").partition(".")
    return str(part.name(path.with_name(f"{stem}.predicted{dot}{extension}")))


def rejects_path(output: str, named: str | Path | None) -> Path | None:
    """Return where the rows are listed that were left out."""
    if named is not None:
        return Path(named)
    return None if output == "-" else Path(f"{output}.rejects.csv")


def _count(source: str | Path, settings: ReadSettings) -> int:
    with open_table(source, settings) as table:
        return sum(1 for _ in table)


def _answer_along(reader: TableReader, done: Predicted, span: Span) -> None:
    """Take part in answering what the main process writes."""
    with reader.overlapping(span) as chunks:
        for chunk in chunks:
            reader.answer(reader.usable(chunk), done.unseen)


def _write(reader: TableReader, writer: ResumableOutput, done: Predicted, span: Span, progress: Progress) -> None:
    with reader.overlapping(span) as chunks:
        for read in chunks:
            # Here and not after the chunk: behind the last one, it would be noted for nothing.
            if done.taken:
                writer.commit(**done.progress())
            chunk = reader.usable(read)
            records = reader.answer(chunk, done.unseen)
            output = reader.output
            rows = [output.row(row, record, writer.form) for row, record in zip(chunk.rows, records, strict=True)]
            writer.write(rows, chunk.rejects)
            done.add(len(read.rows), rows, records.count(None), chunk.rejects, reader.table.name)
            progress("predict", done.rows, None)


def _conclude(reader: TableReader, done: Predicted) -> None:
    table = reader.table
    if done.rejected:
        listed = f"; they are listed in {done.rejects}" if done.rejects else ""
        shown = "".join(f"\n{example}" for example in done.examples)
        log.warning("%s: %d bad rows were left out%s%s", table.name, done.rejected, listed, shown)
    for sentence in done.unseen.remark_sentences():
        log.warning("%s: %s", table.name, sentence)
    done.seen = done.unseen.sentence(reader.predictor.encoder.max_length)
    done.labelled, done.scores = reader.compare()
