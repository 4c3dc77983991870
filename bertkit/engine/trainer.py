"""The Trainer of transformers with bertkit's batches, loss and evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
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

from bertkit.adapters import Adapter
from bertkit.adapters._base import Scores
from bertkit.adapters._encoder import Window
from bertkit.engine.batches import LengthGroupedBatches, pad
from bertkit.engine.forward import accepted_inputs
from bertkit.engine.progress import Progress
from bertkit.engine.signals import StopRequest

__all__ = ["EarlyStopping", "EncoderTrainer", "OutOfMemory", "Watch", "newest_checkpoint"]
EarlyStopping = EarlyStoppingCallback
OutOfMemory = torch.OutOfMemoryError


class EncoderTrainer(Trainer):
    """A Trainer whose evaluation decodes records and scores them, as `eval` does.

    Args:
        model: From `engine.model.for_training`.
        args: From `engine.training_arguments.build`.
        adapter: Gives targets and loss.
        windows: The training windows.
        pad_id: Fills short rows of a batch.
        validate: From the model to the scores of the validation rows.
    """

    def __init__(
        self,
        model: Any,
        args: TrainingArguments,
        *,
        adapter: Adapter,
        windows: Sequence[Window],
        pad_id: int,
        validate: Callable[[Any], Scores],
    ) -> None:
        self.adapter = adapter
        self.pad_id = pad_id
        self.validate = validate
        self.accepted = accepted_inputs(model)
        super().__init__(
            model=model,
            args=args,
            train_dataset=list(windows),
            # Only its presence counts: evaluate() below scores through validate.
            eval_dataset=[],
            data_collator=self._collate,
            compute_loss_func=self._mean_loss,
        )
        self.remove_callback(PrinterCallback)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Batches of similar length; one optimizer step holds the same rows whatever the accumulation."""
        parts = self.args.gradient_accumulation_steps
        batches = LengthGroupedBatches(
            [window.input_ids.size for window in self.train_dataset],
            self.args.per_device_train_batch_size * parts,
            parts,
            self.args.seed,
        )
        loader: DataLoader[Any] = DataLoader(
            self.train_dataset,
            batch_sampler=batches,  # type: ignore[arg-type]
            collate_fn=self.data_collator,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory,
        )
        return self.accelerator.prepare(loader)

    def evaluate(self, *args: Any, metric_key_prefix: str = "eval", **kwargs: Any) -> dict[str, float]:
        """Score the validation rows as `eval` would."""
        scores = self.validate(self.model)
        found = {f"{metric_key_prefix}_{name}": value for name, value in scores.items()}
        self.log(found)
        self.control: TrainerControl = self.callback_handler.on_evaluate(self.args, self.state, self.control, found)
        return found

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        # Without training_args.bin, which is a pickle.
        self.model.save_pretrained(output_dir or self.args.output_dir, state_dict=state_dict)

    def _collate(self, windows: Sequence[Window]) -> dict[str, torch.Tensor]:
        inputs = {key: value for key, value in pad(windows, self.pad_id).items() if key in self.accepted}
        inputs["labels"] = self.adapter.target_batch(windows)
        return {key: torch.from_numpy(value) for key, value in inputs.items()}

    def _mean_loss(self, outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
        # Sums over parts divided by the targets of the whole step give the step's mean, however it is divided.
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
        self.facts[self.metric] = found["metrics"][f"eval_{self.metric}"]
        self.progress("train", state.global_step, state.max_steps, epoch=state.epoch or 0.0, **self.facts)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Tell the step, and ask for a checkpoint before stopping."""
        self.progress("train", state.global_step, state.max_steps, epoch=state.epoch or 0.0, **self.facts)
        if self.stop.signal_number is not None:
            control.should_save = control.should_training_stop = True

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """A stop in the middle of an epoch is no end of an epoch: no evaluation."""
        if self.stop.signal_number is not None and (state.epoch or 0) % 1:
            control.should_evaluate = control.should_save = False


def newest_checkpoint(folder: Path) -> str | None:
    """Return the checkpoint with the most steps, or None."""
    from transformers.trainer_utils import get_last_checkpoint

    return get_last_checkpoint(str(folder)) if folder.is_dir() else None
