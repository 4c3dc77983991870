"""Metrics of the `evaluate` library: packaged ones that a recipe may name, and scripts that the user gives by hand."""

from __future__ import annotations

import importlib
import inspect
import logging
from pathlib import Path
from typing import Any

import numpy as np

from bertkit.data.metrics import Array
from bertkit.errors import MachineError, RecipeError, UsageError

FOLDER = Path(__file__).parent / "evaluate_modules"
LEAVE_OUT = "leave it out"

logger = logging.getLogger("bertkit")


def packaged() -> list[str]:
    """Return the names of the metrics that need no network."""
    return sorted(path.stem for path in FOLDER.glob("[!_]*.py"))


def compute(name: str, gold: Array, answers: Array, *, n_classes: int | None = None) -> dict[str, float]:
    """Compute a metric that a recipe names as `evaluate:<name>`; no code but bertkit's own runs.

    A metric that averages over classes does so in its default way for two classes, and macro for more.

    Args:
        name: A packaged name.
        gold: Class ids or numbers, shape (rows,), or 0/1 indicators, shape (rows, labels).
        answers: The same of the answers.
        n_classes: Number of classes of the task; by default those that occur.

    Returns:
        The numbers that the metric gave, by name.

    Raises:
        RecipeError: There is no such metric, or it does not fit the task.
    """
    if name not in packaged():
        raise RecipeError(
            f"evaluate:{name} is not a packaged metric, and a recipe must not fetch or bring code",
            hint=f"one of: {', '.join(packaged())}; or a script of your own: bertkit eval --metric SCRIPT",
        )
    return _compute(name, _packaged(name, _configuration(gold)), gold, answers, n_classes)


def compute_script(script: str, gold: Array, answers: Array, *, n_classes: int | None = None) -> dict[str, float]:
    """Compute a metric of the user's own; its code runs, so it must be named on the command line or in Python.

    Args:
        script: A .py file with a metric of the `evaluate` library, or a folder with a script of the same name.
        gold: As for `compute`.
        answers: As for `compute`.
        n_classes: As for `compute`.

    Returns:
        The numbers that the metric gave, by name.

    Raises:
        UsageError: There is no such script.
        RecipeError: The metric does not fit the task.
        MachineError: It needs a package that is not installed.
    """
    return _compute(script, _own(script, _configuration(gold)), gold, answers, n_classes)


def _configuration(gold: Array) -> str | None:
    return "multilabel" if gold.ndim == 2 else None


def _compute(name: str, module: Any, gold: Array, answers: Array, n_classes: int | None) -> dict[str, float]:
    _check_inputs(name, module, gold)
    several = gold.ndim == 2 or (n_classes or len(np.union1d(gold, answers))) > 2
    averages = "average" in inspect.signature(module._compute).parameters
    options = {"average": "macro"} if several and averages else {}
    try:
        return _numbers(name, module.compute(predictions=answers, references=gold, **options))
    except (TypeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise RecipeError(f"{name} does not fit this task: {reason}", hint=LEAVE_OUT) from error


def _check_inputs(name: str, module: Any, gold: Array) -> None:
    if unknown := sorted(set(module._feature_names()) - {"predictions", "references"}):
        wanted = ", ".join(unknown)
        raise RecipeError(f"{name} needs {wanted}, which bertkit does not give", hint=LEAVE_OUT)
    # evaluate cuts decimals off without a word: 0.2 and 0.9 would be the same class.
    if gold.dtype.kind == "f" and "int" in str(module.features):
        raise RecipeError(f"{name} compares classes, but the labels are numbers", hint=LEAVE_OUT)


def _packaged(name: str, configuration: str | None) -> Any:
    import evaluate

    # Not evaluate.load, which copies a script into its cache and imports the copy.
    module = importlib.import_module(f"bertkit.data.evaluate_modules.{name}")
    kinds = [kind for _, kind in inspect.getmembers(module, inspect.isclass) if issubclass(kind, evaluate.Metric)]
    kind: Any = kinds[0]
    return kind(config_name=configuration, keep_in_memory=True)


def _own(name: str, configuration: str | None) -> Any:
    script = _script(name)
    try:
        import evaluate
        import huggingface_hub

        # evaluate reads HF_EVALUATE_OFFLINE only, but HF_HUB_OFFLINE is what users set.
        evaluate.config.HF_EVALUATE_OFFLINE |= huggingface_hub.is_offline_mode()
        return evaluate.load(str(script), configuration, keep_in_memory=True)
    except ImportError as error:
        raise MachineError(
            f"{script} needs a package that is not installed: {error}", hint="install it with pip"
        ) from error


def _script(name: str) -> Path:
    path = Path(name).expanduser()
    script = path / f"{path.resolve().name}.py" if path.is_dir() else path
    if not script.is_file() or script.suffix != ".py":
        raise UsageError(
            f"--metric {name}: there is no script {script}", "a .py file, or a folder with a script of the same name"
        )
    return script.resolve()


def _numbers(name: str, result: Any) -> dict[str, float]:
    values = result if isinstance(result, dict) else {Path(name).stem: result}
    single = {key: float(value) for key, value in values.items() if _is_number(value)}
    if left_out := sorted(set(values) - set(single)):
        logger.warning("%s: %s left out, not a single number", name, ", ".join(left_out))
    return single


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) or (isinstance(value, np.ndarray) and value.size == 1)
