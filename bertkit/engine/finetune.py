"""A recipe becomes a run."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bertkit.engine import (
    device,
    lock,
    processes,
    run,
    run_folder,
    sealed,
    signals,
    storage,
    threads,
    training_arguments,
    unchanged,
)
from bertkit.engine.export import export_trained
from bertkit.engine.job import Job
from bertkit.engine.prepare import Prepared, prepare
from bertkit.engine.progress import Progress, silent
from bertkit.engine.request import Request, resolve, settings_model
from bertkit.engine.run import Run
from bertkit.engine.seeds import train_seeds
from bertkit.engine.train import train
from bertkit.engine.validation import selecting_metric
from bertkit.errors import RunError
from bertkit.recipe.read import Layer, Resolved, parse_override
from bertkit.recipe.read import resolve as resolve_layers

log = logging.getLogger("bertkit")


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
    folder = run_folder.agreed(request.label, output, overwrite)
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
        folder: Where the run will lie, from `run_folder.new`.
        seeds: Train so many times.
        progress: Told what is going on.
    """
    first = prepared.recipe.train.seed
    with lock.locked(folder):
        job = Job(label, prepared, folder, processes.agree(partial(run_folder.work, folder)))
        return _finish(job, range(first, first + seeds) if seeds > 1 else (), progress)


def resume(
    folder: Path, progress: Progress = silent, *, overrides: Sequence[str] = (), allow_change: bool = False
) -> Run:
    """Continue a run that was interrupted, from its newest checkpoint that is undamaged.

    Args:
        folder: Of the run.
        progress: Told what is going on.
        overrides: Changes of the recipe, such as ["train.epochs=5"].
        allow_change: Go on although recipe, rows or versions are others than before, and record it in the run.

    Raises:
        RunError: There is nothing to continue, or something has changed that decides what comes out.
    """
    state = _state(folder)
    target = run_folder.target(folder) if state["replaces"] else folder
    with lock.locked(target), threads.using(threads.named() or state["machine"]["threads"]):
        if processes.agree(partial(run.is_whole, folder)):
            return _placed(folder, target)
        with signals.told(
            "stopped before the training went on; what was saved is as it was", run.resume_command(folder)
        ):
            job = _continued(state, folder, target, overrides, allow_change)
        return _finish(job, state.get("seeds", ()), progress)


def _placed(folder: Path, target: Path) -> Run:
    """Give a run its place that was complete when its training was killed."""
    if processes.is_main():
        with storage.write_errors(target, 0, f"mend that, then {run.resume_command(folder)}"):
            run.complete(target, folder)
        log.info("The training was done already; bertkit export %s makes its graph", target)
    processes.wait()
    return run.load(target)


def _state(folder: Path) -> dict[str, Any]:
    path = folder / run.STATE_FILE
    try:
        state = sealed.read(path)
    except FileNotFoundError as error:
        raise RunError(f"{folder} is no interrupted run", "bertkit runs list") from error
    except (ValueError, RecursionError) as error:
        hint = "restore it, or a new training; --resume takes changes of the recipe with --set and --allow-change"
        raise RunError(f"{path} is damaged: {error}", hint) from error
    started = state["processes"]
    if started != processes.count():
        raise RunError(
            f"{folder} was started with {started} processes, and its batches are theirs; now there are "
            f"{processes.count()}",
            f"bertkit finetune --resume {folder} --processes {started}",
        )
    return state


def _continued(
    state: Mapping[str, Any], folder: Path, target: Path, overrides: Sequence[str], allow_change: bool
) -> Job:
    """Return the job of an interrupted run, with all that is different now among its accepted changes."""
    layers = [Layer("resumed run", state["recipe"]), *map(parse_override, overrides)]
    resolved = resolve_layers(layers, settings_model)
    training_arguments.check_extra(resolved.recipe.train.extra)
    prepared = prepare(Resolved(resolved.recipe, state["origins"]), state["data"])
    selecting_metric(prepared)
    elsewhere = unchanged.differences(state["machine"], unchanged.machine_facts())
    if elsewhere:
        log.warning("The training goes on, but not bit for bit: %s", unchanged.sentence(elsewhere))
    changed = (*state["changed"], *(change for change in elsewhere if change not in state["changed"]))
    job = Job(state["label"], prepared, target, folder, state["linear"], changed, allow_change)
    return job.allowing(state["same"])


def _finish(job: Job, seeds: Sequence[int], progress: Progress) -> Run:
    """Train, once or once a seed, and make the graph of what came of it."""
    done = train_seeds(job, seeds, progress) if seeds else train(job, progress)
    with signals.told(
        f"stopped; the run is complete, but without a graph: {done.folder}", f"bertkit export {done.folder}"
    ):
        return export_trained(done, job.prepared.validation.examples.rows)
