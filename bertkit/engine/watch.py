"""What happens beside the steps of a training: progress is told, and a signal stops it."""

from __future__ import annotations

from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from bertkit.data.metrics import smaller_is_better
from bertkit.engine import processes
from bertkit.engine.progress import Progress
from bertkit.engine.signals import StopRequest


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
