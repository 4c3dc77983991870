"""A recipe becomes a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bertkit.engine import device, lock, processes, run, training_arguments
from bertkit.engine.export import export_trained
from bertkit.engine.prepare import Prepared, prepare
from bertkit.engine.progress import Progress, silent
from bertkit.engine.request import Request, resolve, settings_model
from bertkit.engine.run import Run
from bertkit.engine.seeds import train_seeds
from bertkit.engine.train import Job, selecting_metric, train
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
    seeds: int = 1,
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
        seeds: Train so many times from consecutive seeds; the best run lies on top.
        progress: Told what is going on.

    Raises:
        BertkitError: Something that the caller can mend; nothing half-written is left behind.
    """
    request = Request(task, model, data, validation, test, columns or {}, overrides, settings or {})
    folder = run.agreed_folder(request.label, output, overwrite)
    return finetune_prepared(request.label, prepare_request(request), folder, seeds, progress)


def prepare_request(request: Request) -> Prepared:
    """Check everything that can be checked without training, and return what training needs.

    Args:
        request: The gathered options.

    Raises:
        BertkitError: What the caller can mend; the checks that cost least come first.
    """
    processes.check_launcher()
    resolved = resolve(request)
    training_arguments.check_extra(resolved.recipe.train.extra)
    prepared = prepare(resolved)
    selecting_metric(prepared)
    device.precision(prepared.recipe.train.precision, device.choose())
    return prepared


def finetune_prepared(label: str, prepared: Prepared, folder: Path, seeds: int = 1, progress: Progress = silent) -> Run:
    """Do what `finetune` does for rows and checkpoint that are ready.

    Args:
        label: Name of the task or data.
        prepared: From `prepare_request`.
        folder: Where the run will lie, from `run.new_folder`.
        seeds: Train so many times.
        progress: Told what is going on.
    """
    first = prepared.recipe.train.seed
    with lock.locked(folder):
        job = Job(label, prepared, folder, processes.agree(partial(run.work_folder, folder)))
        return _finish(job, range(first, first + seeds) if seeds > 1 else (), progress)


def resume(folder: Path, progress: Progress = silent) -> Run:
    """Continue a run that was interrupted, from its newest checkpoint.

    Raises:
        RunError: There is nothing to continue, or the rows have changed since.
    """
    try:
        state = json.loads((folder / run.STATE_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"{folder} is no interrupted run", "bertkit runs list") from error
    started = state.get("processes", 1)
    if started != processes.count():
        raise RunError(
            f"{folder} was started with {started} processes, and its batches are theirs; now there are "
            f"{processes.count()}",
            f"bertkit finetune --resume {folder} --processes {started}",
        )
    target = folder.resolve().with_name(state["replaces"]) if state["replaces"] else folder
    with lock.locked(target):
        resolved = resolve_layers([Layer("resumed run", state["recipe"])], settings_model)
        prepared = prepare(Resolved(resolved.recipe, state["origins"]), state["data"])
        job = Job(state["label"], prepared, target, folder, state.get("linear", "torch"))
        return _finish(job, state.get("seeds", ()), progress)


def _finish(job: Job, seeds: Sequence[int], progress: Progress) -> Run:
    """Train, once or once a seed, and make the graph of what came of it."""
    done = train_seeds(job, seeds, progress) if seeds else train(job, progress)
    return export_trained(done, job.prepared.validation.examples.rows)
