"""Share of a class's predictions that are right."""

from typing import Any

import evaluate

from bertkit.data import metrics
from bertkit.data.evaluate_modules import _classes


class Precision(evaluate.Metric):  # type: ignore[misc]
    """`evaluate.load(".../precision.py")`; configuration "multilabel" takes 0/1 lists."""

    def _info(self) -> Any:
        return _classes.describe(self.config_name, __doc__)

    def _compute(
        self, predictions: Any, references: Any, pos_label: int = 1, average: str | None = "binary"
    ) -> dict[str, Any]:
        return {"precision": _classes.averaged(metrics.precision, predictions, references, pos_label, average)}
