"""Sum of precisions, each weighted by the gain in recall; 0.0 without positives."""

from typing import Any

import evaluate
import numpy as np

from bertkit.data import metrics
from bertkit.data.evaluate_modules import _scores


class AveragePrecision(evaluate.Metric):  # type: ignore[misc]
    """`evaluate.load(".../average_precision.py")`; "multiclass" and "multilabel" average over the classes."""

    def _info(self) -> Any:
        return _scores.describe(self.config_name, __doc__)

    def _compute(self, prediction_scores: Any, references: Any, average: str = "macro") -> dict[str, float]:
        _scores.check(average)
        return {"average_precision": metrics.average_precision(np.asarray(references), np.asarray(prediction_scores))}
