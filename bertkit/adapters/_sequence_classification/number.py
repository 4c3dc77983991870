"""A number a row: regression on standardised values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from bertkit.adapters import _labels
from bertkit.adapters._results import Grid, Record, Scorer, Scores
from bertkit.adapters._sequence_classification.label_kind import LabelKind
from bertkit.data import metrics
from bertkit.data.examples import Example
from bertkit.errors import DataError


class Number(LabelKind):
    """A score, a price, a similarity; the model learns it with mean 0 and deviation 1."""

    problem_type: ClassVar[str] = "regression"
    metric: ClassVar[str] = "pearson"

    def learn(self, examples: Sequence[Example]) -> tuple[tuple[str, ...], dict[str, Any]]:
        """Mean and standard deviation of the training rows."""
        values = np.array([self.gold(example) for example in examples])
        if not np.ptp(values):
            raise DataError(
                f"{examples[0].source}: all {len(values)} training rows have the number {values[0]:g}",
                "check --label: it must name the column with the numbers",
            )
        return ("value",), {"mean": float(values.mean()), "scale": float(values.std())}

    @property
    def alternatives(self) -> tuple[str, ...]:
        """None: a number has no probability."""
        return ()

    def is_unlabelled(self, example: Example) -> bool:
        """An empty cell."""
        return not _labels.one(example)

    def fault(self, example: Example) -> str | None:
        """A cell that is no finite number."""
        try:
            self.gold(example)
        except DataError as error:
            return error.message.removeprefix(f"{example.where}, ")
        return None

    def check(self, examples: Sequence[Example]) -> None:
        """Every cell must be a number."""
        for example in examples:
            self.gold(example)

    def gold(self, example: Example) -> float:
        """The number itself."""
        return _labels.number(example)

    def target(self, example: Example) -> float:
        """The standardised number."""
        return float((self.gold(example) - self.fitted["mean"]) / self.fitted["scale"])

    def loss(self, logits: Any, targets: Any) -> Any:
        """Squared error."""
        from torch.nn import functional

        return functional.mse_loss(logits[:, 0], targets, reduction="sum")

    def records(self, logits: np.ndarray) -> list[Record]:
        """The number on its own scale."""
        values = logits[:, 0] * self.fitted["scale"] + self.fitted["mean"]
        return [Record(value, None) for value in values.tolist()]

    def config(self) -> dict[str, Any]:
        """Mean and scale, so that the folder's outputs can be read without bertkit."""
        return {"value_mean": self.fitted["mean"], "value_scale": self.fitted["scale"]}

    def arrays(self, records: Sequence[Record], examples: Sequence[Example]) -> tuple[np.ndarray, np.ndarray]:
        """The numbers."""
        return np.array([self.gold(example) for example in examples]), np.array([record.answer for record in records])

    def scorer(self, records: Sequence[Record], examples: Sequence[Example]) -> Scorer:
        """Correlations and errors."""
        gold, answer = self.arrays(records, examples)

        def scores(rows: np.ndarray) -> Scores:
            return {
                "pearson": metrics.pearson(gold[rows], answer[rows]),
                "spearman": metrics.spearman(gold[rows], answer[rows]),
                "mean_absolute_error": metrics.mean_absolute_error(gold[rows], answer[rows]),
                "root_mean_squared_error": metrics.root_mean_squared_error(gold[rows], answer[rows]),
            }

        return scores

    def report(self, records: Sequence[Record], examples: Sequence[Example]) -> list[Grid]:
        """Error by quarter of the gold values."""
        gold, answer = self.arrays(records, examples)
        error = answer - gold
        lines = []
        for part in np.array_split(np.argsort(gold, kind="stable"), min(4, len(gold))):
            span = f"{gold[part[0]]:g} to {gold[part[-1]]:g}"
            lines.append([span, float(error[part].mean()), float(np.abs(error[part]).mean()), len(part)])
        return [Grid("By size of the gold value", ["gold", "mean_error", "mean_absolute_error", "rows"], lines)]

    def severity(self, record: Record, gold: Any) -> float | None:
        """How far the answer is off."""
        return float(abs(record.answer - gold))
