"""Area under the ROC curve, one class against the rest; nan where only one class occurs."""

from typing import Any

import evaluate
import numpy as np

from bertkit.data import metrics
from bertkit.data.evaluate_modules import _scores


class RocAuc(evaluate.Metric):  # type: ignore[misc]
    """`evaluate.load(".../roc_auc.py")`; "multiclass" and "multilabel" average over the classes."""

    def _info(self) -> Any:
        return _scores.describe(self.config_name, __doc__)

    def _compute(
        self, prediction_scores: Any, references: Any, average: str = "macro", multi_class: str = "ovr"
    ) -> dict[str, float]:
        _scores.check(average, multi_class)
        return {"roc_auc": metrics.roc_auc(np.asarray(references), np.asarray(prediction_scores))}
