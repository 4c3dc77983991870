"""Make graphs of a run that answer faster, and measure them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bertkit.console import console

if TYPE_CHECKING:
    from bertkit.engine.run import Run

EXAMPLES = ("bertkit export", "bertkit export runs/sentiment-20260101-120000 --int8 --max-drop 1")


def command(
    run: Annotated[str | None, typer.Argument(help="Folder or name of a run.", show_default="the newest")] = None,
    to: Annotated[str, typer.Option("--to", metavar="FORMAT", help="onnx, so far the only one.")] = "onnx",
    int8: Annotated[
        bool, typer.Option("--int8", help="Also a graph in eight bits: faster, and not quite as good.")
    ] = False,
    max_drop: Annotated[
        float,
        typer.Option("--max-drop", min=0.0, help="Points of the metric that a graph may lose, else it is refused."),
    ] = 0.5,
) -> None:
    """Write ONNX graphs into a run, compare their answers on its validation rows and time them on this machine."""
    from bertkit.engine.export import export
    from bertkit.errors import UsageError

    if to != "onnx":
        raise UsageError(f'--to "{to}": there is no such format', "--to onnx")
    _show(export(run, int8=int8, max_drop=max_drop))


def _show(run: Run) -> None:
    record = run.info["backends"]
    console.table(
        f"{run.name} on {record['rows']} rows",
        ["backend", "same answers", record["metric"], "points lost", "windows/s"],
        [
            [
                name,
                f"{facts['agreement']:.1%}",
                facts["score"],
                facts["points_lost"],
                round(facts["windows_per_second"]),
            ]
            for name, facts in record["accepted"].items()
        ],
    )
    console.line(f"The graphs are in {run.folder / 'onnx'}")
    console.result({"run": str(run.folder), **record})
