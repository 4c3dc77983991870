"""Trainings of a fraction of a second, in forked processes, that can be killed at any step and resumed."""

import hashlib
import importlib
import json
import os
import signal
import sys
from pathlib import Path

from bertkit.engine import run
from bertkit.errors import BertkitError
from tests import families
from tests.reliability import forked

ADAPTERS = tuple(families.ROWS)
# Saved after each step.
OFTEN = "train.save_minutes=1e-9"
SHORT = ("train.epochs=3", "train.batch_size=4", "train.learning_rate=1e-3", "train.extra.logging_steps=1")


class Trainings:
    """A checkpoint, a recipe of each adapter, and what is done with them.

    Args:
        folder: Of all that.
    """

    def __init__(self, folder):
        self.model = folder / "model"
        self.recipes = {}
        for adapter in ADAPTERS:
            (folder / adapter).mkdir()
            self.recipes[adapter] = families.write_recipe(adapter, folder / adapter)
        assert forked.run(families.build, "bert", self.model) == 0
        # What a training imports is imported once, here, and not in each process.
        names = folder / "names.json"
        assert forked.run(self.name_modules, names) == 0
        for name in json.loads(names.read_text()):
            importlib.import_module(name)

    def name_modules(self, path):
        """Train, and write the names of all modules that were imported."""
        assert self.train(path.with_name("warm")) == 0
        known = ("torch", "transformers", "accelerate", "bertkit", "safetensors", "tokenizers", "numpy")
        files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
        path.write_text(json.dumps([name for name, file in files.items() if file and name.partition(".")[0] in known]))

    def train(self, folder, *overrides, adapter=ADAPTERS[0], data=None, progress=None, seeds=1):
        """Train into a folder; returns an exit code."""
        from bertkit.engine.finetune import finetune
        from bertkit.engine.progress import silent

        recipe = self.recipes[adapter]
        rows = str(data or recipe.with_name("rows.jsonl"))
        named = {"model": str(self.model), "data": rows, "validation": rows, "output": str(folder), "seeds": seeds}
        return _ended(
            lambda: finetune(str(recipe), overrides=[*SHORT, *overrides], progress=progress or silent, **named)
        )

    def resume(self, folder, *overrides, allow_change=False, progress=None):
        """Go on with a training that was stopped; returns an exit code, 0 also where it was finished."""
        from bertkit.engine.finetune import resume
        from bertkit.engine.progress import silent

        if (folder / run.RUN_FILE).exists() and not (folder / run.STATE_FILE).exists():
            return 0
        return _ended(lambda: resume(folder, progress or silent, overrides=overrides, allow_change=allow_change))


def _ended(work):
    """Do something that trains, without a graph at its end and with one thread; returns its exit code."""
    from bertkit.engine import finetune, layers, signals, threads

    # As the command line does.
    for number in signals.CAUGHT:
        signal.signal(number, signals.stop_now)
    finetune.export_trained = lambda done, rows: done
    # What is faster is measured, and another process may measure otherwise.
    layers.fastest_linear = lambda device: "torch"
    try:
        with threads.using(1):
            work()
    except BertkitError as error:
        sys.stderr.write(f"{type(error).__name__}: {error.message}\n{error.hint}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 128 + signals.taken()
    return 0


def killed_after(step, number=signal.SIGKILL):
    """Return a progress callback that sends this process a signal after a step."""

    def progress(phase, done, total, **facts):
        if done == step:
            os.kill(os.getpid(), number)

    return progress


def sha256(folder):
    """Return the digest of the weights of a finished run."""
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def scores(folder):
    """Return what a finished run says of its evaluations and losses."""
    history = run.load(folder).info["training"]["history"]
    return [
        {key: value for key, value in entry.items() if key.startswith("eval_") or key in ("loss", "step", "grad_norm")}
        for entry in history
        if "train_runtime" not in entry
    ]


def steps(folder):
    """Return the steps of the checkpoints of a run."""
    names = [path.name for path in (Path(folder) / run.CHECKPOINTS).glob("checkpoint-*")]
    return sorted(int(name.removeprefix("checkpoint-").partition(".")[0]) for name in names)
