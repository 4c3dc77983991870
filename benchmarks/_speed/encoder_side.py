"""Training by bertkit, as `finetune` does it, for a few steps."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from transformers.trainer_utils import IntervalStrategy, SaveStrategy

from _speed.arithmetic import forward_flop
from _speed.setup import Reading, Setup, Side
from _speed.steps import Stamps, chosen, timed
from bertkit.engine import device, layers, training_arguments
from bertkit.engine import model as models
from bertkit.engine.job import Job
from bertkit.engine.prepare import Prepared
from bertkit.engine.progress import Progress
from bertkit.engine.signals import StopRequest
from bertkit.engine.train import _trainer
from bertkit.engine.validation import selecting_metric

# One pass, and no callback that asks for scores.
SETTINGS = ("train.epochs=1", "train.patience=0")
# Gradients of the inputs and of the weights cost as much as the way forward, each.
WITH_BACKWARD = 3


@dataclass(frozen=True)
class SomeSteps(Prepared):
    """What training needs, with a few of the batches of bertkit's own epoch.

    Args:
        steps: How many are timed.
    """

    steps: int

    def batches(self) -> Any:
        """Return the batches of these steps in place of all of them."""
        return chosen(super().batches(), self.lengths, self.steps)

    @property
    def lengths(self) -> list[int]:
        """Tokens of each training window."""
        return [window.input_ids.size for window in self.train.taught]


def encoder_side(setup: Setup, prepared: Prepared, steps: int) -> Side:
    """Return a side that trains a new model for a few steps.

    Args:
        setup: Gives the clock.
        prepared: Recipe with `SETTINGS`, rows and checkpoint.
        steps: How many are timed.
    """
    seeds = count(1)
    some = SomeSteps(**vars(prepared), steps=steps)

    def train() -> Reading:
        stamps, seeded = Stamps(setup.clock), some.with_seed(next(seeds))
        with tempfile.TemporaryDirectory() as folder:
            _train(seeded, Path(folder), lambda *_, **__: stamps.add())
        lengths = some.lengths
        tokens = [lengths[position] for position in timed(seeded.batches())]
        flop = WITH_BACKWARD * forward_flop(prepared.checkpoint.folder, tokens)
        return Reading(sum(tokens), stamps.seconds(), flop)

    return train


def _train(prepared: Prepared, folder: Path, progress: Progress) -> None:
    """Do what `finetune` does from the model to the last step; nothing is scored or saved."""
    settings, metric, target = prepared.recipe.train, selecting_metric(prepared), device.choose()
    precision = device.precision(settings.precision, target)
    args = training_arguments.build(settings, folder, device=target, precision=precision, metric=metric)
    args.eval_strategy, args.save_strategy = IntervalStrategy.NO, SaveStrategy.NO
    args.load_best_model_at_end = False
    network = models.for_training(
        prepared.checkpoint.folder, prepared.adapter, settings.seed, checkpointing=settings.gradient_checkpointing
    )
    layers.quicken(network, target, layers.fastest_linear(target), per_token=prepared.adapter.per_token)
    _trainer(Job("speed", prepared, folder, folder), network, args, lambda _: {}, progress, StopRequest()).train()
