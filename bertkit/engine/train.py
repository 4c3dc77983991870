"""One training: the Trainer, the final scores and the run folder."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import Any

from bertkit.adapters import Adapter
from bertkit.adapters._results import Scores
from bertkit.engine import (
    checkpoints,
    device,
    layers,
    processes,
    run,
    storage,
    training_arguments,
    unchanged,
    validation,
)
from bertkit.engine.job import Job
from bertkit.engine.model import save as save_model
from bertkit.engine.progress import Progress
from bertkit.engine.run import Run
from bertkit.engine.signals import StopAsked, StopRequest
from bertkit.engine.tokenizer import save_tokenizer
from bertkit.errors import Interrupted, RunError

log = logging.getLogger("bertkit")
LESS_MEMORY = (
    "--set train.accumulation={} keeps the result and needs less; "
    "or --set train.gradient_checkpointing=true, or a smaller encode.max_length"
)
LIBRARIES = ("torch", "transformers", "accelerate", "tokenizers", "datasets", "numpy")


def train(job: Job, progress: Progress) -> Run:
    """Train, tune, score and save; a failure before the first checkpoint leaves no folder behind."""
    job = replace(job, linear=job.linear or layers.fastest_linear(device.choose()))
    began = (job.work / run.STATE_FILE).exists()
    found = _newest(job) if began else None
    before = checkpoints.read(found.folder / checkpoints.FACTS)["same"] if found else job.same
    job = job.allowing(before)
    _check_disk(job, found)
    processes.wait()
    try:
        if processes.is_main():
            job.write()
            checkpoints.sweep(job.checkpoints)
        processes.wait()
        with StopRequest() as stop:
            done = _train(job, found, progress, stop, adopts=unchanged.in_recipe(before, job.same))
            if stop.signal_number is not None:
                message = f"stopped; the run is complete, but without a graph: {done.folder}"
                raise Interrupted(message, f"bertkit export {done.folder}", stop.signal_number)
            return done
    except BaseException as error:
        if not processes.is_main():
            raise
        if not began and not checkpoints.listed(job.checkpoints) and not (job.work / run.RUN_FILE).exists():
            shutil.rmtree(job.work, ignore_errors=True)
        elif not isinstance(error, Interrupted) and job.work.exists():
            log.warning("What was trained so far is kept: %s", run.resume_command(job.work))
        raise


def _newest(job: Job) -> checkpoints.Checkpoint | None:
    """Return the checkpoint to go on from, or None if there is none yet."""
    found, skipped = checkpoints.newest(job.checkpoints)
    if found is None and skipped:
        raise RunError(f"no checkpoint of {job.work} can be used: {'; '.join(skipped)}", "a new training")
    for reason in skipped:
        log.warning("A checkpoint is not used: %s", reason)
    if found is None:
        log.info("%s has no checkpoint yet: the training starts from the beginning", job.work)
    else:
        log.info("The training goes on after step %d", found.step)
    return found


def _check_disk(job: Job, found: checkpoints.Checkpoint | None) -> None:
    weights = sum(path.stat().st_size for path in job.prepared.checkpoint.folder.glob("*.safetensors"))
    # Of weights and two moments each: the best checkpoint, the last two and the next; and the finished weights.
    needed = 13 * weights - storage.size(job.checkpoints)
    if found and found.scored and _is_last(found):
        needed = weights
    storage.require(job.work, needed, "this training")


def _is_last(found: checkpoints.Checkpoint) -> bool:
    return found.step >= int(checkpoints.read(found.folder / checkpoints.STATE)["max_steps"])


def _train(
    job: Job, found: checkpoints.Checkpoint | None, progress: Progress, stop: StopRequest, *, adopts: bool
) -> Run:
    # The Trainer takes seconds to import: mistakes that need none of it must have been reported before.
    from bertkit.engine import model as models
    from bertkit.engine.backends.torch import Torch
    from bertkit.engine.forward import Forward

    prepared = job.prepared
    settings = prepared.recipe.train
    metric = validation.selecting_metric(prepared)
    target = device.choose()
    precision = device.precision(settings.precision, target)
    args = training_arguments.build(
        settings, job.work / run.CHECKPOINTS, device=target, precision=precision, metric=metric
    )
    network = models.for_training(
        prepared.checkpoint.folder,
        prepared.adapter,
        settings.seed,
        checkpointing=settings.gradient_checkpointing,
    )
    layers.quicken(network, target, job.linear or "torch", per_token=prepared.adapter.per_token)

    def forward(network: Any) -> Forward:
        return Forward(Torch(network, prepared.adapter), prepared.adapter, prepared.encoder.pad_id)

    started = time.perf_counter()
    tuned = partial(validation.tuned, prepared=prepared, forward=forward, stop=stop)
    trainer = _trainer(job, network, args, lambda model: tuned(model)[1], progress, stop)
    trainer.same, trainer.adopts = job.same, adopts
    try:
        with device.memory_errors(LESS_MEMORY.format(settings.accumulation * 2)), processes.peer_errors():
            trainer.train(resume_from_checkpoint=None if found is None else str(found.folder))
        adapter, scores, collapsed = tuned(trainer.model)
    except StopAsked:
        done = f"step {trainer.state.global_step} of {trainer.state.max_steps}"
        message = f"stopped after {done}; the state is saved in {job.work}"
        raise Interrupted(message, run.resume_command(job.work), stop.signal_number or 0) from None
    if collapsed:
        log.warning(
            "The model gives every validation row the same answer: training collapsed. "
            "Try another seed, a smaller train.learning_rate, more epochs, or --seeds 3."
        )
    training = {
        "steps": trainer.state.global_step,
        "epochs": trainer.state.epoch,
        "best_step": trainer.state.best_global_step,
        "metric": metric,
        "seconds": time.perf_counter() - started,
        "precision": precision,
        "collapsed": collapsed,
        "history": trainer.state.log_history,
        "processes": processes.count(),
        "linear": job.linear,
        "batches": trainer.collate.form,
        "machine": device.describe(),
        "changed": list(job.changed),
    }
    return _save(job, trainer.model, adapter, {"scores": {"validation": scores}, "training": training})


def _trainer(
    job: Job,
    network: Any,
    args: Any,
    validate: Callable[[Any], Scores],
    progress: Progress,
    stop: StopRequest,
) -> Any:
    from bertkit.engine import trainer as trainers
    from bertkit.engine.watch import Watch

    prepared = job.prepared
    settings = prepared.recipe.train
    trainer = trainers.EncoderTrainer(
        network,
        args,
        collate=prepared.collate(network, args.device.type),
        windows=prepared.train.taught,
        batches=prepared.batches(),
        validate=validate,
        where=lambda window: prepared.train.examples.rows[window.row].where,
    )
    trainer.add_callback(Watch(progress, stop, args.metric_for_best_model, settings.save_minutes))
    if settings.patience:
        trainer.add_callback(trainers.EarlyStopping(settings.patience))
    return trainer


def _save(job: Job, network: Any, adapter: Adapter, results: Mapping[str, Any]) -> Run:
    prepared = job.prepared
    info = {
        "recipe": prepared.recipe.model_dump(mode="json", exclude_none=True),
        "origins": prepared.resolved.origins,
        "adapter": {
            "name": prepared.recipe.adapter.name,
            "labels": list(adapter.labels),
            "fitted": dict(adapter.fitted),
        },
        "model": {
            "name": prepared.checkpoint.name,
            "source": prepared.checkpoint.source,
            "revision": prepared.checkpoint.revision,
            "limit": prepared.limit,
            "pad_id": prepared.encoder.pad_id,
            "parameters": sum(weight.numel() for weight in network.parameters()),
        },
        "data": prepared.data_info(),
        "versions": {name: version(name) for name in LIBRARIES},
        **results,
    }
    if processes.is_main():
        hint = f"free some space, then {run.resume_command(job.work)}"
        with storage.write_errors(job.work, 4 * info["model"]["parameters"], hint):
            save_model(network, job.work)
            save_tokenizer(prepared.checkpoint.folder, job.work)
            run.save(job.work, info)
            run.complete(job.folder, job.work)
    processes.wait()
    return run.load(job.folder)
