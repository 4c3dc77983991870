"""Training by the procedure of transformers' example scripts: a plain Trainer with its defaults."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Literal

import datasets
import torch
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from _speed.setup import Reading, Setup, Side
from _speed.steps import Stamps, chosen, timed

Order = Literal["random", "group_by_length"]


class StepEnds(TrainerCallback):
    """Notes when each step ends.

    Args:
        stamps: Where.
    """

    def __init__(self, stamps: Stamps) -> None:
        self.stamps = stamps

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Note the time."""
        self.stamps.add()


class SomeSteps(Trainer):
    """A Trainer that takes a few of the batches of the epoch that its own sampler makes.

    Args:
        lengths: Real tokens of each row.
        steps: How many are timed.
        options: Of the Trainer.
    """

    def __init__(self, lengths: Sequence[int], steps: int, **options: Any) -> None:
        self.lengths = lengths
        self.steps = steps
        self.batches: list[list[int]] = []
        super().__init__(**options)
        self.remove_callback(PrinterCallback)

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        sampler: Any = super()._get_train_sampler(train_dataset)
        sampler.generator = torch.Generator().manual_seed(self.args.seed)
        order, size = list(sampler), self.args.train_batch_size
        batches = (order[start : start + size] for start in range(0, len(order), size))
        self.batches = chosen(batches, self.lengths, self.steps)
        return [position for batch in self.batches for position in batch]


def trainer_side(
    setup: Setup,
    model: Callable[[], Any],
    dataset: datasets.Dataset,
    lengths: Sequence[int],
    *,
    tokenizer: Any,
    collator: Any,
    batch: int,
    steps: int,
    order: Order = "random",
) -> Side:
    """Return a side that trains a new model for a few steps.

    Args:
        setup: Gives the clock.
        model: Makes the model.
        dataset: Tokenised rows.
        lengths: Real tokens of each row.
        tokenizer: Given to the Trainer.
        collator: The script's.
        batch: Rows of a step.
        steps: How many are timed.
        order: How the Trainer draws its batches.
    """
    seeds = count(1)

    def train() -> Reading:
        stamps = Stamps(setup.clock)
        with tempfile.TemporaryDirectory() as folder:
            args = TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=batch,
                num_train_epochs=1,
                train_sampling_strategy=order,
                seed=next(seeds),
                save_strategy="no",
                disable_tqdm=True,
                report_to=[],
                dataloader_pin_memory=False,
            )
            trainer = SomeSteps(
                lengths,
                steps,
                model=model(),
                args=args,
                train_dataset=dataset,
                processing_class=tokenizer,
                data_collator=collator,
                callbacks=[StepEnds(stamps)],
            )
            trainer.train()
        return Reading(sum(lengths[row] for row in timed(trainer.batches)), stamps.seconds())

    return train
