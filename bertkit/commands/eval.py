"""Score a run on labelled rows."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bertkit.commands._options import (
    BackendOpt,
    EncodingOpt,
    LabelOpt,
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

if TYPE_CHECKING:
    from bertkit.engine.evaluate import Evaluation

EXAMPLES = (
    "bertkit eval",
    "bertkit eval --data test.csv --run runs/sentiment-20260101-120000 --fail-under accuracy=0.9",
)
LARGEST_GRID = 12


def command(
    run: RunOpt = None,
    data: Annotated[
        str | None, typer.Option("--data", help="Labelled file.", show_default="the run's test or validation rows")
    ] = None,
    text: TextOpt = None,
    text_pair: TextPairOpt = None,
    label: LabelOpt = None,
    encoding: EncodingOpt = None,
    set_: SetOpt = None,
    errors: Annotated[
        Path | None, typer.Option("--errors", help="Where the wrong answers go.", show_default="errors.csv in the run")
    ] = None,
    fail_under: Annotated[
        list[str] | None, typer.Option("--fail-under", metavar="METRIC=VALUE", help="Exit 1 if a score is lower.")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="SCRIPT", help="Further metric of the evaluate library: Python that is run."),
    ] = None,
    backend: BackendOpt = "auto",
    overwrite: OverwriteOpt = False,
) -> None:
    """Metrics with 95 % bootstrap intervals, a report by class, and a file of errors."""
    from bertkit.engine.evaluate import evaluate, write_mistakes
    from bertkit.engine.run import find
    from bertkit.errors import UsageError

    if errors is not None and errors.exists() and not overwrite:
        raise UsageError(f"{errors} exists", "--overwrite, or another --errors")
    gates = [_gate(text) for text in fail_under or []]
    found_run = find(run)
    with console.progress() as progress:
        found = evaluate(
            found_run.folder,
            data=data,
            **changes(with_encoding(set_, encoding), columns(text, text_pair, label)),
            backend=backend,
            metrics=metric or (),
            progress=progress,
        )
    name = "errors.csv" if data is None else f"errors-{Path(data).stem}.csv"
    path = errors or found_run.folder / name
    _show(found, path)
    write_mistakes(path, found.mistakes)
    console.line(f"{len(found.mistakes)} errors, the worst first: {path}")
    _check(found, gates)


def _show(found: Evaluation, path: Path) -> None:
    header = ["metric", "value", "95 % from", "95 % to"]
    rows = [[name, value, *found.intervals.get(name, ("", ""))] for name, value in found.scores.items()]
    if found.ceiling:
        header = [*header, "ceiling"]
        rows = [[*row, found.ceiling.get(str(row[0]), "")] for row in rows]
    console.table(f"{found.run} on {found.rows} rows of {found.source}", header, rows)
    for grid in found.report:
        if len(grid.header) <= LARGEST_GRID:
            console.table(grid.title, grid.header, grid.rows)
        else:
            console.note(f"{grid.title}: too wide for the terminal; it is in --json.")
    if found.tuned_on_these:
        console.note("The thresholds were tuned on these rows: a test file gives the fairer score.")
    console.note(found.seen)
    console.result(
        {
            "run": found.run,
            "backend": found.backend,
            "source": found.source,
            "rows": found.rows,
            "scores": found.scores,
            "intervals": found.intervals,
            "ceiling": found.ceiling,
            "report": [asdict(grid) for grid in found.report],
            "unseen": found.unseen.to_dict(),
            "errors": str(path),
        }
    )


def _gate(text: str) -> tuple[str, float]:
    from bertkit.errors import UsageError

    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise UsageError(
            f'--fail-under "{text}" is not of the form METRIC=VALUE', "--fail-under accuracy=0.9"
        ) from None


def _check(found: Evaluation, gates: list[tuple[str, float]]) -> None:
    from bertkit.errors import GateError, UsageError

    for name, least in gates:
        if name not in found.scores:
            raise UsageError(f'--fail-under: there is no metric "{name}"', f"one of: {', '.join(found.scores)}")
        if not found.scores[name] >= least:
            raise GateError(f"{name} is {found.scores[name]:.4f}, below {least}")
