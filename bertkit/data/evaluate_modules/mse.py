"""Mean squared error, or its root."""

from typing import Any

import evaluate

from bertkit.data import metrics
from bertkit.data.evaluate_modules import _numbers


class Mse(evaluate.Metric):  # type: ignore[misc]
    """`evaluate.load(".../mse.py")`."""

    def _info(self) -> Any:
        return _numbers.describe(__doc__)

    def _compute(self, predictions: Any, references: Any, squared: bool = True) -> dict[str, float]:
        root = metrics.root_mean_squared_error(*_numbers.columns(predictions, references))
        return {"mse": root**2 if squared else root}
