"""Metrics of the `evaluate` library that a recipe names: packaged ones, the user's own, or the hub's."""

from __future__ import annotations

import inspect
import logging
import re
from pathlib import Path
from typing import Any

import numpy as np

from bertkit.data.metrics import Array
from bertkit.errors import MachineError, RecipeError

FOLDER = Path(__file__).parent / "evaluate_modules"
LEAVE_OUT = "leave it out of metrics in the recipe"
HUB_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")

logger = logging.getLogger("bertkit")


def packaged() -> list[str]:
    """Return the names of the metrics that need no network."""
    return sorted(path.stem for path in FOLDER.glob("[!_]*.py"))


def module_path(name: str) -> Path:
    """Return the file of a packaged metric, fit for `evaluate.load`.

    Raises:
        RecipeError: There is no such metric.
    """
    if name not in packaged():
        raise RecipeError(f"{name} is not a packaged metric", hint=f"one of: {', '.join(packaged())}")
    return FOLDER / f"{name}.py"


def compute(name: str, gold: Array, answers: Array, *, n_classes: int | None = None) -> dict[str, float]:
    """Compute a metric that a recipe names as `evaluate:<name>`.

    A metric that averages over classes does so in its default way for two classes, and macro for more.

    Args:
        name: What follows `evaluate:`: a packaged name, a script, a folder with a script of the same name, or
            a name of the hub, whose script is downloaded and run.
        gold: Class ids or numbers, shape (rows,), or 0/1 indicators, shape (rows, labels).
        answers: The same of the answers.
        n_classes: Number of classes of the task; by default those that occur.

    Returns:
        The numbers that the metric gave, by name.

    Raises:
        RecipeError: The path does not exist, or the metric does not fit the task.
        MachineError: The metric cannot be downloaded, or needs a package that is not installed.
    """
    module = _load(name, "multilabel" if gold.ndim == 2 else None)
    _check_inputs(name, module, gold)
    several = gold.ndim == 2 or (n_classes or len(np.union1d(gold, answers))) > 2
    averages = "average" in inspect.signature(module._compute).parameters
    options = {"average": "macro"} if several and averages else {}
    try:
        return _numbers(name, module.compute(predictions=answers, references=gold, **options))
    except (TypeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise RecipeError(f"evaluate:{name} does not fit this task: {reason}", hint=LEAVE_OUT) from error


def _check_inputs(name: str, module: Any, gold: Array) -> None:
    if unknown := sorted(set(module._feature_names()) - {"predictions", "references"}):
        wanted = ", ".join(unknown)
        raise RecipeError(f"evaluate:{name} needs {wanted}, which a recipe does not give", hint=LEAVE_OUT)
    # evaluate cuts decimals off without a word: 0.2 and 0.9 would be the same class.
    if gold.dtype.kind == "f" and "int" in str(module.features):
        raise RecipeError(f"evaluate:{name} compares classes, but the labels are numbers", hint=LEAVE_OUT)


def _load(name: str, config_name: str | None) -> Any:
    source = _source(name)
    try:
        import evaluate
        import huggingface_hub

        # evaluate reads HF_EVALUATE_OFFLINE only, but HF_HUB_OFFLINE is what users set.
        evaluate.config.HF_EVALUATE_OFFLINE |= huggingface_hub.is_offline_mode()
        return evaluate.load(source, config_name, keep_in_memory=True)
    except OSError as error:
        raise MachineError(
            f"evaluate:{name} could not be loaded: {error}",
            hint=f"connect once, give the path of its script (evaluate:./{name}.py), "
            f"or take a packaged metric: {', '.join(packaged())}",
        ) from error
    except ImportError as error:
        raise MachineError(
            f"evaluate:{name} needs a package that is not installed: {error}", hint="install it with pip"
        ) from error


def _source(name: str) -> str:
    if name in packaged():
        return str(module_path(name))
    path = Path(name).expanduser()
    script = path / f"{path.resolve().name}.py" if path.is_dir() else path
    if script.is_file() and script.suffix == ".py":
        return str(script.resolve())
    if path.exists() or path.suffix == ".py" or not HUB_NAME.fullmatch(name):
        raise RecipeError(
            f"evaluate:{name}: there is no script {script}",
            hint=f"give a .py file, a folder with a script of the same name, a name of the hub, "
            f"or one of: {', '.join(packaged())}",
        )
    logger.warning("evaluate:%s is a script of the hub; the recipe names it, so it is downloaded and run", name)
    return name


def _numbers(name: str, result: Any) -> dict[str, float]:
    values = result if isinstance(result, dict) else {Path(name).stem: result}
    single = {key: float(value) for key, value in values.items() if _is_number(value)}
    if left_out := sorted(set(values) - set(single)):
        logger.warning("evaluate:%s: %s left out, not a single number", name, ", ".join(left_out))
    return single


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) or (isinstance(value, np.ndarray) and value.size == 1)
