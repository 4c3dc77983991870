"""Correlation of the ranks; nan where a column is constant."""

from typing import Any

import evaluate

from bertkit.data import metrics
from bertkit.data.evaluate_modules import _numbers


class Spearmanr(evaluate.Metric):  # type: ignore[misc]
    """`evaluate.load(".../spearmanr.py")`."""

    def _info(self) -> Any:
        return _numbers.describe(__doc__)

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        return {"spearmanr": metrics.spearman(*_numbers.columns(predictions, references))}
