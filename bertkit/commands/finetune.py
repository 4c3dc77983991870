"""Train a model on a task, a recipe or a table of your own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bertkit.commands._options import (
    EncodingOpt,
    LabelOpt,
    OverwriteOpt,
    SetOpt,
    TextOpt,
    TextPairOpt,
    columns,
    with_encoding,
)
from bertkit.console import console
from bertkit.errors import UsageError

if TYPE_CHECKING:
    from bertkit.engine.prepare import Prepared
    from bertkit.engine.run import Run

EXAMPLES = (
    "bertkit finetune sentiment --model minilm --data sample",
    "bertkit finetune --data reviews.csv --text review --label stars --model small",
    "bertkit finetune intent --set train.epochs=5 --seeds 3",
)


def command(
    task: Annotated[
        str | None, typer.Argument(help="Built-in task, recipe file or folder; leave out to infer.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Hub name, folder, size (tiny ... large) or minilm.")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", help="sample, a file, a folder, or owner/name on the hub.")
    ] = None,
    validation: Annotated[str | None, typer.Option("--validation", help="Validation file.")] = None,
    test: Annotated[str | None, typer.Option("--test", help="Test file, for `bertkit eval` afterwards.")] = None,
    text: TextOpt = None,
    text_pair: TextPairOpt = None,
    label: LabelOpt = None,
    class_weights: Annotated[str | None, typer.Option("--class-weights", help="auto or off.")] = None,
    encoding: EncodingOpt = None,
    set_: SetOpt = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Train so many times; the best run is kept on top.")] = 1,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="Folder of the run.", show_default="runs/...")
    ] = None,
    overwrite: OverwriteOpt = False,
    resume: Annotated[str | None, typer.Option("--resume", metavar="RUN", help="Continue a stopped run.")] = None,
    allow_change: Annotated[
        bool,
        typer.Option("--allow-change", help="Continue although train.* (--set), rows or versions changed; recorded."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan; train and write nothing.")] = False,
    save_recipe: Annotated[
        Path | None, typer.Option("--save-recipe", help="Write the recipe to a file as well.")
    ] = None,
) -> None:
    """Fine-tune a model and keep everything eval and predict need in one folder."""
    named = columns(text, text_pair, label)
    if resume is not None:
        if task or model or data or validation or test or named or class_weights or encoding or output or seeds > 1:
            raise UsageError(
                "--resume continues a run as it was started; of the other options it takes --set and --allow-change"
            )
        _show(_resumed(resume, set_ or [], allow_change))
        return
    if allow_change:
        raise UsageError("--allow-change says that a stopped run may go on otherwise than it began", "--resume RUN")
    from bertkit.engine import finetune as engine
    from bertkit.engine import processes, run_folder
    from bertkit.engine.request import Request

    if save_recipe is not None and save_recipe.exists() and not overwrite:
        raise UsageError(f"{save_recipe} exists", "--overwrite, or another name")
    settings: dict[str, Any] = {"adapter": {"class_weights": class_weights}} if class_weights else {}
    request = Request(task, model, data, validation, test, named, with_encoding(set_, encoding), settings)
    folder = run_folder.agreed(request.label, output, overwrite)
    prepared = engine.prepare_request(request)
    if save_recipe is not None and processes.is_main():
        _save_recipe(prepared, save_recipe)
    if dry_run:
        _dry_run(prepared)
        return
    with console.progress() as progress:
        run = engine.finetune_prepared(request.label, prepared, folder, seeds, progress)
    _show(run)


def _resumed(name: str, overrides: list[str], allow_change: bool) -> Run:
    from bertkit.engine.finetune import resume
    from bertkit.engine.run import runs_folder

    folder = Path(name) if Path(name).is_dir() or len(Path(name).parts) > 1 else runs_folder() / name
    with console.progress() as progress:
        return resume(folder, progress, overrides=overrides, allow_change=allow_change)


def _save_recipe(prepared: Prepared, path: Path) -> None:
    from bertkit.recipe.write import to_toml

    try:
        path.write_text(to_toml(prepared.recipe_as_asked()), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", "--save-recipe FILE elsewhere") from error
    console.note(f"The recipe is in {path}: bertkit finetune {path}")


def _dry_run(prepared: Prepared) -> None:
    from bertkit.engine.plan import plan
    from bertkit.recipe.write import to_toml

    found = plan(prepared)
    console.line(to_toml(found.prepared.recipe))
    for grid in found.grids():
        console.table(grid.title, grid.header, grid.rows)
    console.line(found.sentence())
    console.result(found.to_dict())


def _show(run: Run) -> None:
    scores = run.info["scores"]["validation"]
    training = run.info["training"]
    validation = run.info["data"]["validation"]
    console.table(
        f"Validation scores ({validation['rows']} rows of {validation['source']})",
        ["metric", "value"],
        [[name, value] for name, value in scores.items()],
    )
    if "seeds" in run.info:
        summary = run.info["seeds"]
        console.table("Over seeds", ["metric", "mean", "sd", "min", "max"], summary["scores"])
    console.line(
        f"Best of {training['epochs']:.3g} epochs by {training['metric']}, {training['seconds']:.0f} s on "
        f"{training['machine']['name']}. The run is in {run.folder}"
    )
    console.note(f"Next: bertkit eval --run {run.folder}\n      bertkit predict FILE.csv --run {run.folder}")
    console.result({"run": str(run.folder), **{key: run.info[key] for key in ("scores", "training", "data")}})
