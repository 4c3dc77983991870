"""Share of rows answered rightly; with label sets, of rows with every label right."""

from typing import Any

import evaluate
import numpy as np

from bertkit.data import metrics
from bertkit.data.evaluate_modules import _classes


class Accuracy(evaluate.Metric):  # type: ignore[misc]
    """`evaluate.load(".../accuracy.py")`; configuration "multilabel" takes 0/1 lists."""

    def _info(self) -> Any:
        return _classes.describe(self.config_name, __doc__)

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        return {"accuracy": metrics.accuracy(np.asarray(references), np.asarray(predictions))}
