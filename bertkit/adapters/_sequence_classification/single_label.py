"""Exactly one label a row: softmax, cross-entropy, a threshold where there are two labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from bertkit.adapters import _labels
from bertkit.adapters._class_table import class_table
from bertkit.adapters._results import Grid, Record, Scorer, Scores
from bertkit.adapters._sequence_classification.label_kind import LabelKind, detail_matrix
from bertkit.adapters._sequence_classification.threshold import FEWEST_ROWS, best_threshold
from bertkit.data import metrics
from bertkit.data.examples import Example

CONFUSIONS = 10


class SingleLabel(LabelKind):
    """One class out of several."""

    problem_type: ClassVar[str] = "single_label_classification"
    metric: ClassVar[str] = "accuracy"
    target_type: ClassVar[Any] = np.int64

    def learn(self, examples: Sequence[Example]) -> tuple[tuple[str, ...], dict[str, Any]]:
        """Names from the recipe or the rows; with class_weights, n / (classes * rows of the class)."""
        counts = Counter(map(self.gold, examples))
        labels, fitted = _labels.learn(counts, self.settings.names, examples[0].source)
        if self.settings.class_weights == "off":
            return labels, fitted
        even = len(examples) / len(counts)
        weights = [even / rows if rows else 0.0 for rows in _labels.rows_with(counts, labels, fitted)]
        return labels, {**fitted, "class_weights": weights}

    def is_unlabelled(self, example: Example) -> bool:
        """An empty cell."""
        return not self.gold(example)

    def check(self, examples: Sequence[Example]) -> None:
        """Every label must be known."""
        _labels.check_known([(example, self.gold(example)) for example in examples], self.labels)

    def stratum(self, example: Example) -> str | None:
        """The class."""
        return self.gold(example)

    def gold(self, example: Example) -> str:
        """The label's name."""
        return _labels.one(example, self.labels if "coded" in self.fitted else ())

    def target(self, example: Example) -> int:
        """The label's position."""
        return self.labels.index(self.gold(example))

    def loss(self, logits: Any, targets: Any) -> Any:
        """Cross-entropy, weighted by class where asked."""
        from torch.nn import functional

        each = functional.cross_entropy(logits, targets, reduction="none")
        if "class_weights" in self.fitted:
            each = each * logits.new_tensor(self.fitted["class_weights"])[targets]
        return each.sum()

    def records(self, logits: np.ndarray) -> list[Record]:
        """The most probable label, or of two the second where it reaches the threshold."""
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = shifted / shifted.sum(axis=1, keepdims=True)
        chosen = probabilities.argmax(axis=1)
        if (threshold := self._threshold()) is not None:
            chosen = (probabilities[:, 1] >= threshold).astype(int)
        return [
            Record(self.labels[index], float(row[index]), dict(zip(self.labels, row.tolist(), strict=True)))
            for index, row in zip(chosen, probabilities, strict=True)
        ]

    def tune(self, logits: np.ndarray, examples: Sequence[Example]) -> dict[str, Any]:
        """Choose the threshold of the second of two labels with the best accuracy, unless the gain may be luck."""
        if len(self.labels) != 2 or self.settings.threshold != "auto" or len(examples) < FEWEST_ROWS:
            return {}
        probability = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
        gold = np.array([self.target(example) for example in examples]) == 1
        threshold = best_threshold(gold, probability, lambda hits, wrong, missed: -(wrong + missed))
        changed = (probability >= threshold) != (probability >= 0.5)
        gain = ((probability >= threshold) == gold)[changed].sum() - ((probability >= 0.5) == gold)[changed].sum()
        # A sign test on the rows whose answer changes, at about 95 %.
        return {"threshold": threshold} if gain > 2 * np.sqrt(changed.sum()) else {}

    def _threshold(self) -> float | None:
        if len(self.labels) == 2 and isinstance(self.settings.threshold, float):
            return self.settings.threshold
        return self.fitted.get("threshold")

    def arrays(self, records: Sequence[Record], examples: Sequence[Example]) -> tuple[np.ndarray, np.ndarray]:
        """Class ids."""
        index = {label: position for position, label in enumerate(self.labels)}
        gold = np.array([index[self.gold(example)] for example in examples], np.int64)
        return gold, np.array([index[record.answer] for record in records], np.int64)

    def scorer(self, records: Sequence[Record], examples: Sequence[Example]) -> Scorer:
        """Accuracy, averages over classes, MCC; of two labels also the areas under the curves."""
        gold, answer = self.arrays(records, examples)
        correct, confidence = gold == answer, np.array([record.score for record in records])
        binary = len(self.labels) == 2
        probability = detail_matrix(records, self.labels)[:, 1] if binary else np.zeros(0)

        def scores(rows: np.ndarray) -> Scores:
            counts = metrics.count_classes(gold[rows], answer[rows], len(self.labels))
            found: Scores = {
                "accuracy": metrics.accuracy(gold[rows], answer[rows]),
                "f1_macro": metrics.average(metrics.f1, counts, "macro"),
                "f1_weighted": metrics.average(metrics.f1, counts, "weighted"),
                "precision_macro": metrics.average(metrics.precision, counts, "macro"),
                "recall_macro": metrics.average(metrics.recall, counts, "macro"),
                "mcc": metrics.mcc(counts),
                "calibration_error": metrics.expected_calibration_error(correct[rows], confidence[rows]),
            }
            if binary:
                found["roc_auc"] = metrics.roc_auc(gold[rows], probability[rows])
                found["average_precision"] = metrics.average_precision(gold[rows], probability[rows])
            return found

        return scores

    def report(self, records: Sequence[Record], examples: Sequence[Example]) -> list[Grid]:
        """One line a class, and the confusion matrix."""
        gold, answer = self.arrays(records, examples)
        matrix = metrics.confusion_matrix(gold, answer, len(self.labels))
        mixed = self._confusions(matrix)
        cells = [[label, *row] for label, row in zip(self.labels, matrix.tolist(), strict=True)]
        return [
            class_table("class", self.labels, metrics.from_confusion(matrix), "rows"),
            Grid("Confusion matrix (line: gold, column: answer)", ["gold", *self.labels], cells),
            *([Grid("Most frequent confusions", ["gold", "answer", "rows"], mixed)] if mixed else []),
        ]

    def _confusions(self, matrix: np.ndarray) -> list[list[Any]]:
        wrong = matrix - np.diag(matrix.diagonal())
        pairs = zip(
            *np.unravel_index(np.argsort(-wrong, axis=None, kind="stable")[:CONFUSIONS], wrong.shape), strict=True
        )
        return [
            [self.labels[gold], self.labels[answer], int(wrong[gold, answer])]
            for gold, answer in pairs
            if wrong[gold, answer]
        ]
