"""What happens beside the steps of a training: progress is told, and a signal stops it."""

from __future__ import annotations

import time
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from bertkit.data.metrics import smaller_is_better
from bertkit.engine import processes
from bertkit.engine.progress import Progress
from bertkit.engine.signals import StopAsked, StopRequest


class Watch(TrainerCallback):
    """Tells the progress, asks for checkpoints, and stops at the end of a step when a signal came.

    Args:
        progress: Told after each step.
        stop: Asked after each step.
        metric: Whose best value is told.
        save_minutes: Between two checkpoints; 0: only those after each epoch.
    """

    def __init__(self, progress: Progress, stop: StopRequest, metric: str, save_minutes: float) -> None:
        self.progress = progress
        self.stop = stop
        self.metric = metric
        self.save_seconds = save_minutes * 60
        self.stopping = False
        self.saved = time.monotonic()
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
        """Tell the step, and ask for a checkpoint when it is time for one, or before stopping."""
        self.progress("train", state.global_step, state.max_steps, epoch=state.epoch or 0.0, **self.facts)
        due = 0 < self.save_seconds <= time.monotonic() - self.saved
        # A signal or the hour may reach one process a step before another, and then they would wait for each other.
        signals, hours = zip(*processes.gather((self.stop.signal_number, due)), strict=True)
        if noted := [number for number in signals if number is not None]:
            # Only then: one that came in the meantime is told at the next step.
            self.stop.signal_number = noted[0]
            self.stopping = True
        control.should_save = control.should_save or self.stopping or any(hours)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Stop where that was asked for: now there is a checkpoint to go on from."""
        self.saved = time.monotonic()
        if self.stopping:
            raise StopAsked
