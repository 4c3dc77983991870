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
        float | None,
        typer.Option(
            "--max-drop",
            min=0.0,
            help="Points of the metric that the graph in eight bits may lose, else it is refused.",
            show_default="as for the one that is there, else 0.5",
        ),
    ] = None,
) -> None:
    """Write ONNX graphs into a run, compare their answers on its validation rows and time them on this machine."""
    from bertkit.engine.export import check_refused, export
    from bertkit.errors import UsageError

    if to != "onnx":
        raise UsageError(f'--to "{to}": there is no such format', "--to onnx")
    done = export(run, int8=int8, max_drop=max_drop)
    _show(done)
    check_refused(done)


def _show(run: Run) -> None:
    record = run.info["backends"]
    console.table(
        f"{run.name} on {record['rows']} rows",
        ["backend", "same answers", record["metric"], "points lost", "windows/s", "kept"],
        [
            [
                name,
                f"{facts['agreement']:.1%}",
                facts["score"],
                facts["points_lost"],
                round(facts["windows_per_second"]),
                "yes" if name in record["accepted"] else "no",
            ]
            for name, facts in {**record["accepted"], **record["refused"]}.items()
        ],
    )
    if any(name in record["accepted"] for name in ("onnx", "onnx-int8")):
        console.line(f"What is kept lies in {run.folder / 'onnx'}")
    console.result({"run": str(run.folder), **record})
