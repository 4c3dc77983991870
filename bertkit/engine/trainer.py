"""The Trainer of transformers with bertkit's batches, loss and evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from accelerate.data_loader import prepare_data_loader
from torch.utils.data import DataLoader
from transformers import (
    EarlyStoppingCallback,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from bertkit.adapters._encoder import Window
from bertkit.adapters._results import Scores
from bertkit.data.metrics import smaller_is_better
from bertkit.engine import processes
from bertkit.engine.batches import ShuffledBatches
from bertkit.engine.collate import Collate
from bertkit.engine.model import save
from bertkit.engine.progress import Progress
from bertkit.engine.signals import StopRequest

__all__ = ["EarlyStopping", "EncoderTrainer", "Watch"]
EarlyStopping = EarlyStoppingCallback


class EncoderTrainer(Trainer):
    """A Trainer whose steps are computed in parts of similar length, and whose evaluation decodes and scores.

    Args:
        model: From `engine.model.for_training`.
        args: From `engine.training_arguments.build`.
        collate: Makes the parts of a step; its adapter gives the loss.
        windows: The training windows.
        validate: From the model to the scores of the validation rows.
    """

    def __init__(
        self,
        model: Any,
        args: TrainingArguments,
        *,
        collate: Collate,
        windows: Sequence[Window],
        validate: Callable[[Any], Scores],
    ) -> None:
        self.adapter = collate.adapter
        self.validate = validate
        super().__init__(
            model=model,
            args=args,
            train_dataset=list(windows),
            # Only its presence counts: evaluate() below scores through validate.
            eval_dataset=[],
            data_collator=collate,
            compute_loss_func=self._share_of_mean,
        )
        self.remove_callback(PrinterCallback)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Random batches, in an order that a resumed training finds again."""
        order = ShuffledBatches(
            len(self.train_dataset),
            self.args.train_batch_size,
            self.args.seed,
            processes.index(),
            processes.count(),
        )
        loader: DataLoader[Any] = DataLoader(
            self.train_dataset,
            batch_sampler=order,  # type: ignore[arg-type]
            collate_fn=self.data_collator,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory,
        )
        # As if it were alone: the order above is already this process's share, and without repeated rows.
        return prepare_data_loader(loader, num_processes=1, process_index=0)

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Add up the gradients of the parts of one step; the processes share them once, at the last part."""
        model.train()
        parts = self._prepare_inputs(inputs)["parts"]
        total = torch.zeros((), device=self.args.device)
        for position, part in enumerate(parts, 1):
            with nullcontext() if position == len(parts) else self.accelerator.no_sync(model):
                with self.compute_loss_context_manager():
                    loss = self.compute_loss(model, part, num_items_in_batch=num_items_in_batch)
                self.accelerator.backward(loss)
            total += loss.detach()
        return total

    def evaluate(self, *args: Any, metric_key_prefix: str = "eval", **kwargs: Any) -> dict[str, float]:
        """Score the validation rows as `eval` would."""
        scores = self.validate(self.model)
        found = {f"{metric_key_prefix}_{name}": value for name, value in scores.items()}
        self.log(found)
        self.control: TrainerControl = self.callback_handler.on_evaluate(self.args, self.state, self.control, found)
        return found

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        # Without training_args.bin, which is a pickle.
        save(self.model, Path(output_dir or self.args.output_dir), state_dict)

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Count nothing: the count of the base class looks for padded inputs."""
        return 0

    def _share_of_mean(self, outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
        # The sum over a part divided by the targets of the whole step: the parts add up to the step's mean.
        return self.adapter.loss(self.adapter.logits(outputs).float(), labels) / num_items_in_batch


class Watch(TrainerCallback):
    """Tells the progress, and stops at the end of a step when a signal came.

    Args:
        progress: Told after each step.
        stop: Asked after each step.
        metric: Whose best value is told.
    """

    def __init__(self, progress: Progress, stop: StopRequest, metric: str) -> None:
        self.progress = progress
        self.stop = stop
        self.metric = metric
        self.facts: dict[str, float] = {}

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Give each process a dropout of its own; all were seeded alike, for the first weights of the head."""
        if processes.index():
            torch.manual_seed(args.seed + processes.index())

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float],
        **_: Any,
    ) -> None:
        """Remember the loss."""
        if "loss" in logs:
            self.facts["loss"] = logs["loss"]

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **found: Any) -> None:
        """Remember the score."""
        value = found["metrics"][f"eval_{self.metric}"]
        better = min if smaller_is_better(self.metric) else max
        self.facts[f"best {self.metric}"] = better(value, self.facts.get(f"best {self.metric}", value))
        self.progress("train", state.global_step, state.max_steps, epoch=state.epoch or 0.0, **self.facts)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Tell the step, and ask for a checkpoint before stopping."""
        self.progress("train", state.global_step, state.max_steps, epoch=state.epoch or 0.0, **self.facts)
        # A signal may reach one process a step before another, and then they would wait for each other.
        noted = [number for number in processes.gather(self.stop.signal_number) if number is not None]
        if noted:
            # Only then: one that came in the meantime is told at the next step.
            self.stop.signal_number = noted[0]
            control.should_save = control.should_training_stop = True

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """A stop in the middle of an epoch is no end of an epoch: no evaluation."""
        if self.stop.signal_number is not None and (state.epoch or 0) % 1:
            control.should_evaluate = control.should_save = False
