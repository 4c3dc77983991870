"""A recipe becomes a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bertkit.engine import run, training_arguments
from bertkit.engine.prepare import prepare
from bertkit.engine.progress import Progress, silent
from bertkit.engine.request import Request, resolve, settings_model
from bertkit.engine.run import Run
from bertkit.engine.train import Job, train
from bertkit.errors import RunError
from bertkit.recipe.read import Layer, Resolved
from bertkit.recipe.read import resolve as resolve_layers


def finetune(
    task: str | None = None,
    *,
    model: str | None = None,
    data: str | None = None,
    validation: str | None = None,
    test: str | None = None,
    columns: Mapping[str, str] | None = None,
    overrides: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    output: str | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Run:
    """Fine-tune a model and return the finished run.

    Args:
        task: A built-in task, a recipe file or folder; None infers columns and task type from the data.
        model: A hub name, a folder, a size such as "small", or "minilm".
        data: "sample", a file, a folder with train/validation/test files, or a hub data set (owner/name).
        validation: A validation file; without one, rows of the training file are held out.
        test: A test file, for `evaluate` later.
        columns: Role to column name, such as {"text": "review", "label": "stars"}.
        overrides: Such as ["train.epochs=3"].
        settings: Further values of the recipe as nested tables.
        output: Folder of the run; by default a new one in ./runs.
        overwrite: Replace an existing run in output, once the new one is complete.
        progress: Told what is going on.

    Raises:
        BertkitError: Something that the caller can mend; nothing half-written is left behind.
    """
    request = Request(task, model, data, validation, test, columns or {}, overrides, settings or {})
    return finetune_request(request, output=output, overwrite=overwrite, progress=progress)


def finetune_request(
    request: Request, *, output: str | None = None, overwrite: bool = False, progress: Progress = silent
) -> Run:
    """Do what `finetune` does for options that are already gathered."""
    folder = run.new_folder(request.label, output, overwrite)
    resolved = resolve(request)
    training_arguments.check_extra(resolved.recipe.train.extra)
    prepared = prepare(resolved)
    return train(Job(request.label, prepared, folder, run.work_folder(folder)), progress)


def resume(folder: Path, progress: Progress = silent) -> Run:
    """Continue a run that was interrupted, from its newest checkpoint.

    Raises:
        RunError: There is nothing to continue, or the rows have changed since.
    """
    try:
        state = json.loads((folder / run.STATE_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"{folder} is no interrupted run", "bertkit runs list") from error
    recipe = state["recipe"]
    resolved = resolve_layers([Layer("resumed run", recipe)], settings_model)
    prepared = prepare(Resolved(resolved.recipe, state["origins"]), state["data"]["held_out"])
    now, before = prepared.data_info(), state["data"]
    for split in ("train", "validation"):
        if now[split]["fingerprint"] != before[split]["fingerprint"]:
            raise RunError(
                f"{folder}: the {split} rows of {now[split]['source']} have changed since the run started",
                "start a new run, or restore the rows",
            )
    target = folder.resolve().with_name(state["replaces"]) if state["replaces"] else folder
    return train(Job(state["label"], prepared, target, folder), progress)
