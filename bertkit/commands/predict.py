"""Answer every row of a table."""

from __future__ import annotations

from textwrap import shorten
from typing import TYPE_CHECKING, Annotated

import typer

from bertkit.commands._options import OverwriteOpt, RunOpt, SetOpt, TextOpt, TextPairOpt, changes, columns
from bertkit.console import console

if TYPE_CHECKING:
    from bertkit.engine.predict import Predicted

EXAMPLES = ("bertkit predict reviews.csv", "zcat reviews.jsonl.gz | bertkit predict - -o answers.jsonl --all-scores")
LONGEST_CELL = 60


def command(
    input_: Annotated[
        str, typer.Argument(metavar="INPUT", help="CSV, TSV, JSONL or Parquet, also .gz; - is standard input.")
    ],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="Output file; - streams.", show_default="INPUT.predicted.EXTENSION"),
    ] = None,
    run: RunOpt = None,
    text: TextOpt = None,
    text_pair: TextPairOpt = None,
    all_scores: Annotated[bool, typer.Option("--all-scores", help="Also add the score of every label.")] = False,
    set_: SetOpt = None,
    overwrite: OverwriteOpt = False,
) -> None:
    """Keep every column and the order, and add the answer and its probability."""
    from bertkit.engine.predict import predict
    from bertkit.errors import UsageError

    if console.json and (output == "-" or (output is None and input_ == "-")):
        raise UsageError("--json and rows cannot both go to standard output", "-o FILE")
    with console.progress() as progress:
        done = predict(
            input_,
            output,
            run=run,
            **changes(set_, columns(text, text_pair, None)),
            all_scores=all_scores,
            overwrite=overwrite,
            progress=progress,
        )
    _show(done)


def _show(done: Predicted) -> None:
    console.note(done.seen)
    if done.empty:
        console.warn(f"{done.empty} rows have no text: their answer is empty.")
    if done.scores:
        found = ", ".join(f"{name} {value:.4f}" for name, value in done.scores.items())
        console.note(f"The input has labels; on {done.labelled} rows: {found}")
    if done.output != "-":
        if done.first:
            header = list(done.first[0])
            rows = [[_short(row[name]) for name in header] for row in done.first]
            console.table("First rows", header, rows)
        console.line(f"{done.rows} rows written to {done.output}")
    console.result(
        {
            "output": done.output,
            "added": done.added,
            "rows": done.rows,
            "empty": done.empty,
            "rejected": done.rejected,
            "unseen": done.unseen.to_dict(),
            "labelled": done.labelled,
            "scores": done.scores,
        }
    )


def _short(cell: object) -> object:
    return shorten(cell, LONGEST_CELL, placeholder=" ...") if isinstance(cell, str) else cell
