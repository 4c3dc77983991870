"""A Trainer whose checkpoints are whole, hold no pickle, and continue a training bit for bit."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from transformers import Trainer, TrainerControl
from transformers.trainer_callback import ExportableState

from bertkit.engine import checkpoints, finite, processes, random_states, state_files, storage
from bertkit.engine.model import save
from bertkit.engine.signals import StopAsked
from bertkit.errors import RecipeError


class ResumableTrainer(Trainer):
    """A Trainer that saves and loads its own checkpoints.

    Attributes:
        same: What must be the same when the training goes on, from `engine.unchanged`; written into each checkpoint.
        adopts: Whether a training that goes on takes the values of a changed recipe, in place of the saved ones.
    """

    same: Mapping[str, Any] = {}
    adopts = False
    control: TrainerControl
    _latest: Path | None = None
    # Read at once: the checkpoint may be followed by another before all of it is taken up.
    _own: Mapping[str, Any] | None = None
    _kept: Mapping[str, Any] | None = None
    _ended = False

    def facts(self) -> dict[str, Any]:
        """Return what a subclass wants back when the training goes on."""
        return {}

    def restore(self, facts: Mapping[str, Any]) -> None:
        """Take back what `facts` returned."""

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        # Without training_args.bin, which is a pickle.
        save(self.model, Path(output_dir or self.args.output_dir), state_dict)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        finite.check_weights(self.model, self.state.global_step)
        parent = Path(self.args.output_dir)
        folder = parent / checkpoints.name(self.state.global_step, scored=not self._evaluation_is_due())
        if folder != self._latest:
            needed = storage.size(self._latest) if self._latest else 3 * _bytes(self.model)
            hint = "free some space, then resume: older checkpoints are kept"
            with (
                storage.write_errors(folder, needed, hint),
                checkpoints.writing(folder, needed) if processes.is_main() else nullcontext(),
            ):
                self._write(checkpoints.unfinished(folder))
            processes.wait()
        self._latest = folder
        best = self._best(parent)
        self.state.best_model_checkpoint = str(best) if best else None
        if processes.is_main():
            checkpoints.keep(parent, folder, best)

    def _write(self, folder: Path) -> None:
        """Write what this process has to add; the main process has made the folder, and waits for the others."""
        processes.wait()
        own = {"random": random_states.states(), "loss": self._tr_loss.item(), "logged": self._globalstep_last_logged}
        state_files.write(folder, f"process-{processes.index()}", own)
        if processes.is_main():
            self._save(str(folder))
            try:
                state_files.write(folder, "optimizer", self.optimizer.state_dict())
                state_files.write(folder, "scheduler", self.lr_scheduler.state_dict())
            except TypeError as error:
                raise RecipeError(
                    f"train.extra: the state of this optimizer or schedule is not known: {error}"
                ) from error
            if self.accelerator.scaler is not None:
                state_files.write(folder, "scaler", self.accelerator.scaler.state_dict())
            self._write_state(folder)
        processes.wait()

    def _write_state(self, folder: Path) -> None:
        for callback in [*self.callback_handler.callbacks, self.control]:
            if isinstance(callback, ExportableState):
                self.state.stateful_callbacks[type(callback).__name__] = callback.state()
        # The best checkpoint is found by its step: the run may be moved.
        state = dataclasses.asdict(self.state) | {"best_model_checkpoint": None}
        facts = {"same": self.same, "facts": self.facts()}
        for name, values in ((checkpoints.STATE, state), (checkpoints.FACTS, facts)):
            (folder / name).write_text(json.dumps(values, indent=1, sort_keys=True), encoding="utf-8")

    def _best(self, parent: Path) -> Path | None:
        step = self.state.best_global_step
        folder = parent / checkpoints.name(step or 0, scored=True)
        return folder if step and folder.is_dir() else None

    def _evaluation_is_due(self) -> bool:
        """Tell whether the step ends an epoch or the training, and the validation rows have not been scored since."""
        state, each = self.state, len(self.callback_handler.train_dataloader)
        if (state.global_step % each and state.global_step < state.max_steps) or state.epoch < self.args.eval_delay:
            return False
        done = [entry for entry in state.log_history if entry["step"] == state.global_step]
        return not any(key.startswith("eval_") for entry in done for key in entry)

    def _maybe_log_save_evaluate(self, *given: Any, **named: Any) -> None:
        try:
            super()._maybe_log_save_evaluate(*given, **named)
        except StopAsked:
            # Where the validation rows were left unscored, the step they belong to must be there to go on from.
            self._save_checkpoint(self.model, None)
            raise

    def _init_training_state(
        self, max_steps: int, each: int, epochs: int, resume_from_checkpoint: str | None, trial: Any
    ) -> tuple[int, int]:
        position: tuple[int, int] = super()._init_training_state(max_steps, each, epochs, resume_from_checkpoint, trial)
        if resume_from_checkpoint is not None:
            self._latest = Path(resume_from_checkpoint)
            self._own = state_files.read(self._latest, f"process-{processes.index()}")
            self._kept = checkpoints.read(self._latest / checkpoints.FACTS)["facts"]
            self.state.best_model_checkpoint = str(best) if (best := self._best(self._latest.parent)) else None
            before = checkpoints.read(self._latest / checkpoints.STATE)["max_steps"]
            patience_ended = self.control.should_training_stop and self.state.global_step < before
            self._ended = patience_ended or self.state.global_step >= max_steps
            # It was done at the start.
            self.args.eval_on_start = False
        return position

    def _load_callback_state(self) -> None:
        # Their counts are the checkpoint's; what they were told to do is the recipe's.
        for callback in self.callback_handler.callbacks:
            stored = self.state.stateful_callbacks.get(type(callback).__name__)
            if isinstance(callback, ExportableState) and stored:
                stored["args"] = callback.state()["args"]
        super()._load_callback_state()

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None:
            return
        optimizer, scheduler = (state_files.read(Path(checkpoint), name) for name in ("optimizer", "scheduler"))
        if self.adopts:
            for saved, fresh in zip(optimizer["param_groups"], self.optimizer.param_groups, strict=True):
                rate = saved["lr"] / (saved["initial_lr"] or 1) * fresh["initial_lr"]
                saved.update({key: value for key, value in fresh.items() if key != "params"} | {"lr": rate})
            scheduler["base_lrs"] = self.lr_scheduler.base_lrs
            scheduler["_last_lr"] = [group["lr"] for group in optimizer["param_groups"]]
        self.optimizer.load_state_dict(optimizer)
        self.lr_scheduler.load_state_dict(scheduler)

    def _load_scaler(self, checkpoint: str | None) -> None:
        if checkpoint is not None and self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(state_files.read(Path(checkpoint), "scaler"))

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if self._own is not None:
            random_states.restore(self._own["random"])

    def _run_epoch(self, **given: Any) -> None:
        self._catch_up()
        if not self.control.should_training_stop:
            super()._run_epoch(**given)

    def _finalize_training(self, *given: Any) -> Any:
        self._catch_up()
        if self.state.best_model_checkpoint is not None:
            checkpoints.check(Path(self.state.best_model_checkpoint))
        return super()._finalize_training(*given)

    def _catch_up(self) -> None:
        """Take up what the Trainer forgets: sums for the log, an evaluation that was left, and that it was the end."""
        if self._own is None or self._kept is None:
            return
        facts, self._kept = self._kept, None
        self._tr_loss.fill_(self._own["loss"])
        self._globalstep_last_logged = self._own["logged"]
        # Now, and not with the first batch: an evaluation that was left ends in a checkpoint, which holds them.
        random_states.restore(self._own["random"])
        self.restore(facts)
        if self._evaluation_is_due():
            self.control = self.callback_handler.on_epoch_end(self.args, self.state, self.control)
            self._maybe_log_save_evaluate(self._tr_loss, None, self.model_wrapped, None, self.state.epoch, None, None)
        if self._ended:
            self.control.should_training_stop = True


def _bytes(model: Any) -> int:
    return sum(weight.numel() * weight.element_size() for weight in model.parameters())
