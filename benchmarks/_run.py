"""What the trainings by a plain Trainer share: hyperparameters, the clock and what comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from transformers import TrainingArguments

from bertkit.engine.prepare import Prepared


class Outcome(NamedTuple):
    """What one training gave.

    Args:
        scores: Metric to value on the rows it was scored on.
        seconds: Duration of Trainer.train() by its own clock.
    """

    scores: dict[str, float]
    seconds: float


def arguments(prepared: Prepared, work: str, metric: str | None) -> TrainingArguments:
    """Return the hyperparameters of a recipe for a plain Trainer.

    Args:
        prepared: With every "auto" decided.
        work: Folder for checkpoints.
        metric: Selects the best epoch; None keeps the last one.
    """
    train = prepared.recipe.train
    every = "no" if metric is None else "epoch"
    return TrainingArguments(
        output_dir=work,
        num_train_epochs=float(train.epochs),
        per_device_train_batch_size=train.batch_size,
        per_device_eval_batch_size=train.batch_size,
        learning_rate=float(train.learning_rate),
        warmup_steps=train.warmup,
        weight_decay=train.weight_decay,
        max_grad_norm=train.max_grad_norm,
        seed=train.seed,
        eval_strategy=every,
        save_strategy=every,
        save_total_limit=1,
        load_best_model_at_end=metric is not None,
        metric_for_best_model=metric,
        dataloader_pin_memory=torch.cuda.is_available(),
        disable_tqdm=True,
        report_to=[],
    )


def training_seconds(history: Sequence[Mapping[str, float]]) -> float:
    """Return how long Trainer.train() took by its own clock, from a Trainer's log history."""
    return next(entry["train_runtime"] for entry in history if "train_runtime" in entry)
