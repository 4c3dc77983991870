"""Share of a class's references that are found."""

from typing import Any

import evaluate

from bertkit.data import metrics
from bertkit.data.evaluate_modules import _classes


class Recall(evaluate.Metric):  # type: ignore[misc]
    """`evaluate.load(".../recall.py")`; configuration "multilabel" takes 0/1 lists."""

    def _info(self) -> Any:
        return _classes.describe(self.config_name, __doc__)

    def _compute(
        self, predictions: Any, references: Any, pos_label: int = 1, average: str | None = "binary"
    ) -> dict[str, Any]:
        return {"recall": _classes.averaged(metrics.recall, predictions, references, pos_label, average)}
