"""One training: the Trainer, the final scores and the run folder."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from bertkit.adapters import Adapter
from bertkit.adapters._results import Scores
from bertkit.engine import device, layers, processes, run, sealed, training_arguments
from bertkit.engine.model import save as save_model
from bertkit.engine.prepare import Prepared
from bertkit.engine.progress import Progress
from bertkit.engine.run import Run
from bertkit.engine.signals import StopRequest
from bertkit.engine.tokenizer import save_tokenizer
from bertkit.errors import Interrupted, MachineError, RecipeError

log = logging.getLogger("bertkit")
LIBRARIES = ("torch", "transformers", "accelerate", "tokenizers", "datasets", "numpy")


@dataclass(frozen=True)
class Job:
    """One training to be done.

    Args:
        label: Name of the task or data.
        prepared: Recipe, rows and checkpoint.
        folder: Where the run will lie.
        work: Where it is made; another folder if an existing run is to be replaced.
        linear: What multiplied the matrices of a training that is to be continued; None: the fastest.
    """

    label: str
    prepared: Prepared
    folder: Path
    work: Path
    linear: layers.Linear | None = None

    def state(self) -> dict[str, Any]:
        """Return what a resume needs to know."""
        return {
            "label": self.label,
            # By name: the folders lie side by side, and a resume may know them by another path.
            "replaces": self.folder.name if self.work != self.folder else None,
            "recipe": self.prepared.recipe.model_dump(mode="json", exclude_none=True),
            "origins": self.prepared.resolved.origins,
            "data": self.prepared.data_info(),
            "processes": processes.count(),
            "linear": self.linear,
        }


def train(job: Job, progress: Progress) -> Run:
    """Train, tune, score and save; a failure before the first checkpoint leaves no folder behind."""
    _check_disk(job)
    job = replace(job, linear=job.linear or layers.fastest_linear(device.choose()))
    state = job.state()
    if processes.is_main():
        job.work.mkdir(parents=True, exist_ok=True)
        sealed.write(job.work / run.STATE_FILE, state)
    processes.wait()
    try:
        return _train(job, state, progress)
    except BaseException as error:
        if not processes.is_main():
            raise
        if run.newest_checkpoint(job.work) is None:
            shutil.rmtree(job.work, ignore_errors=True)
        elif not isinstance(error, Interrupted):
            log.warning("What was trained so far is kept: %s", run.resume_command(job.work))
        raise


def _check_disk(job: Job) -> None:
    weights = sum(path.stat().st_size for path in job.prepared.checkpoint.folder.glob("*.safetensors"))
    parent = next(path for path in (job.work, *job.work.absolute().parents) if path.exists())
    free = shutil.disk_usage(parent).free
    # Two checkpoints of weights and two moments each, and the finished weights.
    if free < 7 * weights:
        raise MachineError(
            f"{parent} has {free / 2**20:,.0f} MiB free, and this training needs about {7 * weights / 2**20:,.0f} MiB",
            "free some space, or --output on another disk",
        )


def _train(job: Job, state: Mapping[str, Any], progress: Progress) -> Run:
    # The Trainer takes seconds to import: mistakes that need none of it must have been reported before.
    from bertkit.engine import model as models
    from bertkit.engine.backends.torch import Torch
    from bertkit.engine.forward import Forward

    prepared = job.prepared
    settings = prepared.recipe.train
    metric = selecting_metric(prepared)
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
    layers.quicken(network, target, state["linear"], per_token=prepared.adapter.per_token)

    def forward(network: Any) -> Forward:
        return Forward(Torch(network, prepared.adapter), prepared.adapter, prepared.encoder.pad_id)

    started = time.perf_counter()
    trainer = _run_trainer(job, network, args, partial(_tuned, prepared=prepared, forward=forward), progress)
    adapter, scores, collapsed = _tuned(trainer.model, prepared=prepared, forward=forward)
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
        "linear": state["linear"],
        "batches": trainer.collate.form,
        "machine": device.describe(),
    }
    return _save(job, state, trainer.model, adapter, {"scores": {"validation": scores}, "training": training})


def _run_trainer(job: Job, network: Any, args: Any, tuned: Callable[..., Any], progress: Progress) -> Any:
    from bertkit.engine import trainer as trainers
    from bertkit.engine.watch import Watch

    prepared = job.prepared
    settings = prepared.recipe.train
    with StopRequest() as stop:
        trainer = trainers.EncoderTrainer(
            network,
            args,
            collate=prepared.collate(network, args.device.type),
            windows=prepared.train.taught,
            batches=prepared.batches(),
            validate=lambda model: tuned(model)[1],
        )
        trainer.add_callback(Watch(progress, stop, args.metric_for_best_model))
        if settings.patience:
            trainer.add_callback(trainers.EarlyStopping(settings.patience))
        with (
            device.memory_errors(
                f"--set train.accumulation={settings.accumulation * 2} keeps the result and needs less; "
                "or --set train.gradient_checkpointing=true, or a smaller encode.max_length"
            ),
            processes.peer_errors(),
        ):
            trainer.train(resume_from_checkpoint=run.newest_checkpoint(job.work))
        if stop.signal_number is not None:
            done = f"step {trainer.state.global_step} of {trainer.state.max_steps}"
            message = f"stopped after {done}; the state is saved in {job.work}"
            raise Interrupted(message, run.resume_command(job.work), stop.signal_number)
    return trainer


def selecting_metric(prepared: Prepared) -> str:
    """Return the metric that selects the best epoch.

    Raises:
        RecipeError: The recipe names a metric that this task does not have.
    """
    asked = prepared.recipe.train.metric
    if asked == "auto":
        return prepared.adapter.metric
    split = prepared.validation
    adapter, windows = prepared.adapter, split.encoded.windows
    zeros = [np.zeros((w.input_ids.size, adapter.outputs) if adapter.per_token else adapter.outputs) for w in windows]
    records = adapter.decode(zeros, windows, len(split.examples.rows))
    known = prepared.adapter.score(records, split.examples.rows)
    if asked not in known:
        raise RecipeError(f'train.metric: there is no metric "{asked}" here. Known: {", ".join(known)}')
    return asked


def _tuned(network: Any, *, prepared: Prepared, forward: Callable[..., Any]) -> tuple[Adapter, Scores, bool]:
    """Return the adapter tuned on the validation rows, their scores, and whether all answers are the same."""
    split = prepared.validation
    windows, rows = split.encoded.windows, split.examples.rows
    logits = processes.shared(windows, forward(network))
    adapter = prepared.adapter.tune(logits, windows, rows)
    records = adapter.decode(logits, windows, len(rows))
    collapsed = len(rows) > 1 and len({str(record.answer) for record in records}) == 1
    return adapter, adapter.score(records, rows), collapsed


def _save(job: Job, state: Mapping[str, Any], network: Any, adapter: Adapter, results: Mapping[str, Any]) -> Run:
    prepared = job.prepared
    info = {
        "recipe": state["recipe"],
        "origins": state["origins"],
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
        "data": state["data"],
        "versions": {name: version(name) for name in LIBRARIES},
        **results,
    }
    if processes.is_main():
        save_model(network, job.work)
        save_tokenizer(prepared.checkpoint.folder, job.work)
        run.save(job.work, info)
        run.replace_by(job.folder, job.work)
    processes.wait()
    return run.load(job.folder)
