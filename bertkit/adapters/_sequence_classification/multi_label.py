"""Any number of labels a row: one sigmoid, one threshold and one F1 a label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from bertkit.adapters import _labels
from bertkit.adapters._class_table import class_table
from bertkit.adapters._results import Grid, Record, Scorer, Scores
from bertkit.adapters._sequence_classification.label_kind import LabelKind, detail_matrix
from bertkit.adapters._sequence_classification.threshold import FEWEST_POSITIVES, best_threshold
from bertkit.data import metrics
from bertkit.data.examples import Example

# A label this rare would otherwise rule the loss.
LARGEST_WEIGHT = 20.0


class MultiLabel(LabelKind):
    """Several labels at once, or none."""

    problem_type: ClassVar[str] = "multi_label_classification"
    metric: ClassVar[str] = "f1_micro"

    def learn(self, examples: Sequence[Example]) -> tuple[tuple[str, ...], dict[str, Any]]:
        """Names from the recipe or the rows; with class_weights, rows without the label by rows with it."""
        counts = Counter(label for example in examples for label in self._names(example))
        labels, fitted = _labels.learn(counts, self.settings.names, examples[0].source)
        if self.settings.class_weights == "off":
            return labels, fitted
        rows_with = _labels.rows_with(counts, labels, fitted)
        ratios = [(len(examples) - rows) / max(rows, 1) for rows in rows_with]
        weights = [min(max(ratio, 1.0), LARGEST_WEIGHT) for ratio in ratios]
        return labels, {**fitted, "class_weights": weights}

    def is_unlabelled(self, example: Example) -> bool:
        """Never: an empty cell means that no label fits."""
        return False

    def check(self, examples: Sequence[Example]) -> None:
        """Every label must be known."""
        found = [(example, label) for example in examples for label in self._names(example)]
        _labels.check_known(found, self.labels)

    def gold(self, example: Example) -> list[str]:
        """The labels in the model's order."""
        names = self._names(example)
        return [label for label in self.labels if label in names]

    def target(self, example: Example) -> list[float]:
        """0 or 1 by label."""
        names = self._names(example)
        return [float(label in names) for label in self.labels]

    def loss(self, logits: Any, targets: Any) -> Any:
        """Binary cross-entropy, positives weighted where asked."""
        from torch.nn import functional

        weights = self.fitted.get("class_weights")
        weight = logits.new_tensor(weights) if weights else None
        return functional.binary_cross_entropy_with_logits(logits, targets, pos_weight=weight, reduction="sum")

    def records(self, logits: np.ndarray) -> list[Record]:
        """The labels that reach their thresholds."""
        fixed = self.settings.threshold if isinstance(self.settings.threshold, float) else 0.5
        thresholds = np.array(self.fitted.get("thresholds") or [fixed] * len(self.labels))
        return [self._record(row, thresholds) for row in 1 / (1 + np.exp(-logits))]

    def tune(self, logits: np.ndarray, examples: Sequence[Example]) -> dict[str, Any]:
        """Choose the threshold of each label that gives its best F1; rare labels share one."""
        if self.settings.threshold != "auto":
            return {}
        probabilities = 1 / (1 + np.exp(-logits))
        gold = np.array([self.target(example) for example in examples]) == 1
        shared = best_threshold(gold.ravel(), probabilities.ravel(), _f1)
        own = [best_threshold(gold[:, index], probabilities[:, index], _f1) for index in range(len(self.labels))]
        often = gold.sum(axis=0) >= FEWEST_POSITIVES
        return {"thresholds": [mine if many else shared for mine, many in zip(own, often, strict=True)]}

    def arrays(self, records: Sequence[Record], examples: Sequence[Example]) -> tuple[np.ndarray, np.ndarray]:
        """0 or 1 by label."""
        gold = np.array([self.target(example) for example in examples]).reshape(-1, len(self.labels)) == 1
        answer = np.array([[label in record.answer for label in self.labels] for record in records])
        return gold, answer.reshape(-1, len(self.labels))

    def as_cell(self, answer: Any) -> str:
        """The labels with the recipe's separator between them, as in a label column."""
        return str(self.settings.separator).join(answer)

    def scorer(self, records: Sequence[Record], examples: Sequence[Example]) -> Scorer:
        """F1, precision and recall over all labels, and the share of rows that are right as a whole."""
        gold, answer = self.arrays(records, examples)

        def scores(rows: np.ndarray) -> Scores:
            counts = metrics.count_labels(gold[rows], answer[rows])
            return {
                "f1_micro": metrics.average(metrics.f1, counts, "micro"),
                "f1_macro": metrics.average(metrics.f1, counts, "macro"),
                "f1_weighted": metrics.average(metrics.f1, counts, "weighted"),
                "precision_micro": metrics.average(metrics.precision, counts, "micro"),
                "recall_micro": metrics.average(metrics.recall, counts, "micro"),
                "accuracy": float((gold[rows] == answer[rows]).all(axis=1).mean()),
            }

        return scores

    def report(self, records: Sequence[Record], examples: Sequence[Example]) -> list[Grid]:
        """One line a label."""
        gold, answer = self.arrays(records, examples)
        probabilities = detail_matrix(records, self.labels)
        areas = [metrics.average_precision(gold[:, i], probabilities[:, i]) for i in range(len(self.labels))]
        return [class_table("label", self.labels, metrics.count_labels(gold, answer), "rows", average_precision=areas)]

    def _names(self, example: Example) -> tuple[str, ...]:
        return _labels.several(example, self.settings.separator, self.labels if "coded" in self.fitted else ())

    def _record(self, probabilities: np.ndarray, thresholds: np.ndarray) -> Record:
        chosen = np.flatnonzero(probabilities >= thresholds)
        # The least certain label decides: it limits the trust in the answer as a whole.
        score = probabilities[chosen].min() if chosen.size else 1 - probabilities.max()
        detail = dict(zip(self.labels, probabilities.tolist(), strict=True))
        return Record([self.labels[index] for index in chosen], float(score), detail)


def _f1(hits: np.ndarray, wrong: np.ndarray, missed: np.ndarray) -> np.ndarray:
    return np.asarray(2 * hits / np.maximum(2 * hits + wrong + missed, 1))
