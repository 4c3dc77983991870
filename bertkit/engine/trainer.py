"""The Trainer of transformers with bertkit's batches, loss and evaluation."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from itertools import islice
from statistics import median
from typing import Any

import torch
from accelerate.data_loader import prepare_data_loader
from torch.utils.data import DataLoader
from transformers import (
    EarlyStoppingCallback,
    PrinterCallback,
    TrainerControl,
    TrainingArguments,
)

from bertkit.adapters._encoder import Window
from bertkit.adapters._results import Scores
from bertkit.engine import device, flat, processes
from bertkit.engine.batches import ShuffledBatches
from bertkit.engine.collate import Collate
from bertkit.engine.finite import FiniteSteps, check_weights
from bertkit.engine.resumable import ResumableTrainer

log = logging.getLogger("bertkit")

__all__ = ["EarlyStopping", "EncoderTrainer"]
EarlyStopping = EarlyStoppingCallback
# Steps in each form of batches before one is chosen.
TRIED = 6


class EncoderTrainer(ResumableTrainer):
    """A Trainer whose steps are computed with as little padding as can be, and whose evaluation decodes and scores.

    Args:
        model: From `engine.model.for_training`.
        args: From `engine.training_arguments.build`.
        collate: Makes the parts of a step; its adapter gives the loss.
        windows: The training windows.
        batches: Their positions, batch by batch, in an order that a resumed training finds again.
        validate: From the model to the scores of the validation rows.
        where: From a window to the place of its row, for errors.
    """

    def __init__(
        self,
        model: Any,
        args: TrainingArguments,
        *,
        collate: Collate,
        windows: Sequence[Window],
        batches: ShuffledBatches,
        validate: Callable[[Any], Scores],
        where: Callable[[Window], str] = lambda window: f"row {window.row}",
    ) -> None:
        self.adapter = collate.adapter
        self.validate = validate
        self.batches = batches
        self.collate = collate
        self.settled = False
        self.finite_steps = FiniteSteps(where)
        super().__init__(
            model=model,
            args=args,
            train_dataset=list(windows),
            # Only its presence counts: evaluate() below scores through validate.
            eval_dataset=[],
            compute_loss_func=self._share_of_mean,
        )
        self.remove_callback(PrinterCallback)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """The batches of this process."""
        loader: DataLoader[Any] = DataLoader(
            self.train_dataset,
            batch_sampler=self.batches,  # type: ignore[arg-type]
            collate_fn=self._collated,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory,
        )
        # As if it were alone: the order above is already this process's share, and without repeated rows.
        return prepare_data_loader(loader, num_processes=1, process_index=0)

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Add up the gradients of the parts of one step."""
        model.train()
        if not self.settled:
            self._settle(model)
        self.taken = inputs["windows"], self._fitted(model, inputs, num_items_in_batch)
        return self.taken[1]

    def facts(self) -> dict[str, Any]:
        """Return the form of batches that was chosen, and how large their parts may be."""
        return {"device": self.args.device.type, "flattened": self.collate.flattened, "budget": self.collate.budget}

    def restore(self, facts: Mapping[str, Any]) -> None:
        """Go on with the form of batches that a training began with: forms round differently."""
        if facts["device"] == self.args.device.type:
            self.collate = replace(self.collate, flattened=facts["flattened"], budget=facts["budget"])
            self.settled = True

    def evaluate(self, *args: Any, metric_key_prefix: str = "eval", **kwargs: Any) -> dict[str, float]:
        """Score the validation rows as `eval` would."""
        check_weights(self.model, self.state.global_step)
        scores = self.validate(self.model)
        found = {f"{metric_key_prefix}_{name}": value for name, value in scores.items()}
        self.log(found)
        self.control: TrainerControl = self.callback_handler.on_evaluate(self.args, self.state, self.control, found)
        return found

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Count nothing: the count of the base class looks for padded inputs."""
        return 0

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        norm = super()._get_grad_norm(model, grad_norm)
        # The Trainer asks for it right before the optimizer takes the step.
        windows, loss = self.taken
        scaler = self.accelerator.scaler
        scale = None if scaler is None else scaler.get_scale()
        self.finite_steps.check(self.state.global_step + 1, windows, loss.item(), float(norm), scale)
        return norm

    def _collated(self, windows: Sequence[Window]) -> dict[str, Any]:
        # Looked up for each batch: training may settle on another form.
        return self.collate(windows)

    def _settle(self, model: Any) -> None:
        """Choose the faster form of batches, and take the step that needs most memory; what they did is forgotten.

        What does not fit into memory shows now and not in an hour. On a CPU the form is known and the parts are small;
        of several processes, one that runs out of memory would leave the others waiting.
        """
        self.settled = True
        if self.args.device.type != "cuda" or processes.count() > 1:
            return
        windows: list[Window] = self.train_dataset
        longest = sorted(windows, key=lambda window: -window.input_ids.size)[: self.args.train_batch_size]
        with torch.random.fork_rng([self.args.device]):
            if flat.supports(model):
                self.collate = self._fastest(model, [replace(self.collate, flattened=form) for form in (False, True)])
            self._take(model, longest)
        log.debug("Batches are %s", self.collate.form)

    def _fastest(self, model: Any, forms: Sequence[Collate]) -> Collate:
        seconds: list[list[float]] = [[] for _ in forms]
        for batch in islice(self.batches, TRIED):
            for self.collate, spent in zip(forms, seconds, strict=True):
                started = time.perf_counter()
                self._take(model, [self.train_dataset[place] for place in batch])
                spent.append(time.perf_counter() - started)
        # The first step of each also prepares its kernels.
        middle = [median(spent[1:] or spent) for spent in seconds]
        return forms[middle.index(min(middle))]

    def _take(self, model: Any, windows: Sequence[Window]) -> None:
        inputs = self.collate(windows)
        # A number on the CPU: what it waits for is computed.
        self._fitted(model, inputs, inputs["labels"].numel()).item()
        model.zero_grad()

    def _fitted(self, model: Any, inputs: dict[str, Any], targets: Any) -> torch.Tensor:
        """Add up the gradients in parts that fit into memory, which are found by trying."""
        while True:
            # The loader may have made these parts before the form was chosen, or found too large.
            fresh = inputs if inputs["collate"] == self.collate else self.collate(inputs["windows"])
            try:
                return self._step(model, self._prepare_inputs(fresh["parts"]), targets)
            except RuntimeError as error:
                # Several processes would wait for each other.
                if processes.count() > 1 or not _can_shrink(error, fresh):
                    raise
            model.zero_grad()
            if self.args.device.type == "cuda":
                torch.cuda.empty_cache()
            largest = max(part["input_ids"].numel() for part in fresh["parts"])
            self.collate = replace(self.collate, budget=largest // 2)
            log.warning("%d tokens at once do not fit into memory: %d from now on", largest, largest // 2)

    def _step(self, model: Any, parts: Sequence[dict[str, Any]], targets: Any) -> torch.Tensor:
        """Add up the gradients of the parts; the processes share them once, at the last part."""
        total = torch.zeros((), device=self.args.device)
        for position, part in enumerate(parts, 1):
            with nullcontext() if position == len(parts) else self.accelerator.no_sync(model):
                with self.compute_loss_context_manager():
                    loss = self.compute_loss(partial(flat.forward, model), part, num_items_in_batch=targets)
                self.accelerator.backward(loss)
            total += loss.detach()
        return total

    def _share_of_mean(self, outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
        # The sum over a part divided by the targets of the whole step: the parts add up to the step's mean.
        return self.adapter.loss(self.adapter.logits(outputs).float(), labels) / num_items_in_batch


def _can_shrink(error: RuntimeError, batch: dict[str, Any]) -> bool:
    return device.out_of_memory(error) and len(batch["parts"]) < len(batch["windows"])
