"""Answer every row of a table, or one row given on the command line."""

from __future__ import annotations

from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated

import typer

from bertkit.commands._options import (
    BackendOpt,
    EncodingOpt,
    OverwriteOpt,
    RunOpt,
    SetOpt,
    TextOpt,
    TextPairOpt,
    changes,
    columns,
    with_encoding,
)
from bertkit.console import console
from bertkit.data.tables import as_text

if TYPE_CHECKING:
    from bertkit.engine.predict import Predicted

EXAMPLES = (
    "bertkit predict reviews.csv",
    "zcat reviews.jsonl.gz | bertkit predict - -o answers.jsonl --all-scores",
    "bertkit predict reviews.csv --shard 2/4 --on-bad-row skip",
    "bertkit predict --with question='Who signed it?' --with context=@report.txt",
)
LONGEST_CELL = 60


def command(
    input_: Annotated[
        str | None,
        typer.Argument(metavar="INPUT", help="CSV, TSV, JSONL, JSON, Parquet or CoNLL, also .gz; - is standard input."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="Output file; - streams.", show_default="INPUT.predicted.EXTENSION"),
    ] = None,
    run: RunOpt = None,
    text: TextOpt = None,
    text_pair: TextPairOpt = None,
    with_: Annotated[
        list[str] | None,
        typer.Option(
            "--with", metavar="ROLE=TEXT", help="A text for all rows; @FILE reads it. Without INPUT: the row."
        ),
    ] = None,
    all_scores: Annotated[
        bool, typer.Option("--all-scores", help="Also add the score of every label, or the other answers.")
    ] = False,
    encoding: EncodingOpt = None,
    set_: SetOpt = None,
    backend: BackendOpt = "auto",
    overwrite: OverwriteOpt = False,
    on_bad_row: Annotated[
        str | None,
        typer.Option("--on-bad-row", metavar="stop|skip", help="skip: leave out and list rows that cannot be read."),
    ] = None,
    rejects: Annotated[
        str | None, typer.Option("--rejects", help="Where they are listed.", show_default="OUTPUT.rejects.csv")
    ] = None,
    shard: Annotated[
        str, typer.Option("--shard", metavar="PART/PARTS", help="Answer one of several parts, such as 2/4.")
    ] = "1/1",
    for_spreadsheet: Annotated[
        bool, typer.Option("--for-spreadsheet", help="CSV or TSV whose cells no spreadsheet program computes.")
    ] = False,
) -> None:
    """Keep every column and the order, and add the answer and its probability."""
    from bertkit.engine.predict import predict
    from bertkit.errors import UsageError

    values = _values(with_ or [])
    if input_ is None:
        if output is not None or not values:
            raise UsageError("predict needs a table, or one row", "bertkit predict FILE.csv, or --with ROLE=TEXT")
        _show_one(values, run, backend, all_scores)
        return
    if console.json and (output == "-" or (output is None and input_ == "-")):
        raise UsageError("--json and rows cannot both go to standard output", "-o FILE")
    changed = changes(with_encoding(set_, encoding), columns(text, text_pair, None))
    with console.progress() as progress:
        done = predict(
            input_,
            output,
            run=run,
            columns=changed["columns"],
            settings=changed["settings"] | ({"on_bad_row": on_bad_row} if on_bad_row else {}),
            values=values,
            all_scores=all_scores,
            overwrite=overwrite,
            backend=backend,
            shard=shard,
            rejects=rejects,
            for_spreadsheet=for_spreadsheet,
            progress=progress,
        )
    _show(done)


def _values(given: list[str]) -> dict[str, str]:
    from bertkit.errors import UsageError

    values = {}
    for text in given:
        role, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f'--with "{text}" is not of the form ROLE=TEXT', "--with context=@report.txt")
        try:
            values[role] = Path(value[1:]).read_text(encoding="utf-8") if value.startswith("@") else value
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--with {text}: the file cannot be read: {error}", "a file of text in UTF-8") from error
    return values


def _show_one(values: dict[str, str], run: str | None, backend: str, all_scores: bool) -> None:
    from bertkit.engine.output_rows import rounded
    from bertkit.engine.predictor import NO_TEXT, load_run
    from bertkit.errors import DataError

    predictor = load_run(run, backend=backend)
    options = (" ".join(f"--with {column.role}=TEXT" for column in columns) for columns in predictor.layouts)
    try:
        (record,) = predictor.predict([values])
    except DataError as error:
        raise DataError(error.message, " or ".join(options)) from error
    if record is NO_TEXT:
        raise DataError("the text is empty", " or ".join(options))
    cells = rounded(predictor.adapter.cells(record, everything=all_scores))
    lists = {
        name: cell for name, cell in cells.items() if cell and isinstance(cell, list) and isinstance(cell[0], dict)
    }
    rest = {name: cell for name, cell in cells.items() if name not in lists}
    console.table("Answer" if "answer" in rest else "Score", list(rest), [list(map(_plain, rest.values()))])
    for name, rows in lists.items():
        console.table(name, list(rows[0]), [list(map(_plain, row.values())) for row in rows])
    console.result(cells)


def _show(done: Predicted) -> None:
    console.note(f"Answered by the backend {done.backend}. {done.seen}")
    if done.empty:
        console.warn(f"{done.empty} rows have no text: their answer is empty.")
    if done.scores:
        found = ", ".join(f"{name} {value:.4f}" for name, value in done.scores.items())
        answered = " answered since then" if done.continued else ""
        console.note(f"The input has labels; on {done.labelled} rows{answered}: {found}")
    if done.output != "-":
        if done.first:
            header = list(done.first[0])
            rows = [[_short(row[name]) for name in header] for row in done.first]
            console.table("Next rows" if done.continued else "First rows", header, rows)
        left_out = f" ({done.rejected} of {done.read} left out: {done.rejects})" if done.rejected else ""
        console.line(f"{done.rows} rows written to {done.output}{left_out}")
    console.result(
        {
            "output": done.output,
            "added": done.added,
            "backend": done.backend,
            "read": done.read,
            "rows": done.rows,
            "continued": done.continued,
            "empty": done.empty,
            "rejected": done.rejected,
            "rejects": done.rejects if done.rejected else "",
            "unseen": done.unseen.to_dict(),
            "labelled": done.labelled,
            "scores": done.scores,
        }
    )


def _short(cell: object) -> object:
    cell = _plain(cell)
    # JSON has no blanks to cut at.
    if isinstance(cell, str) and len(cell) > LONGEST_CELL and " " not in cell[:LONGEST_CELL]:
        return f"{cell[:LONGEST_CELL]} ..."
    return shorten(cell, LONGEST_CELL, placeholder=" ...") if isinstance(cell, str) else cell


def _plain(cell: object) -> object:
    if isinstance(cell, list):
        return " ".join(cell) if all(isinstance(item, str) for item in cell) else as_text(cell)
    return cell
