"""What a classifier answers: the contract of single labels, several labels and numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bertkit.adapters._results import Grid, Record, Scorer
from bertkit.data.examples import Example


@dataclass(frozen=True)
class LabelKind(ABC):
    """One kind of answer.

    Args:
        settings: The recipe's [adapter] table.
        labels: Label names in the order of the model's outputs.
        fitted: What was learnt from rows beside the labels; JSON values only.
    """

    problem_type: ClassVar[str]
    metric: ClassVar[str]
    target_type: ClassVar[Any] = np.float32

    settings: Any
    labels: tuple[str, ...]
    fitted: Mapping[str, Any]

    @abstractmethod
    def learn(self, examples: Sequence[Example]) -> tuple[tuple[str, ...], dict[str, Any]]:
        """Return the labels and the fitted values of training rows."""

    @abstractmethod
    def is_unlabelled(self, example: Example) -> bool:
        """Tell whether the label cell is empty where it must not be."""

    def fault(self, example: Example) -> str | None:
        """Return what makes the label of a row useless by itself; by default nothing."""
        return None

    @abstractmethod
    def check(self, examples: Sequence[Example]) -> None:
        """Raise DataError for labels the model does not have."""

    @abstractmethod
    def gold(self, example: Example) -> Any:
        """Return the right answer in the form of Record.answer."""

    @abstractmethod
    def target(self, example: Example) -> Any:
        """Return what the loss compares with."""

    @abstractmethod
    def loss(self, logits: Any, targets: Any) -> Any:
        """Return the loss summed over all targets (torch tensors)."""

    @abstractmethod
    def records(self, logits: np.ndarray) -> list[Record]:
        """Return one record a row from logits of shape (rows, labels)."""

    @abstractmethod
    def scorer(self, records: Sequence[Record], examples: Sequence[Example]) -> Scorer:
        """Return a function from row positions to metrics."""

    @abstractmethod
    def report(self, records: Sequence[Record], examples: Sequence[Example]) -> list[Grid]:
        """Return the tables that explain the scores."""

    @abstractmethod
    def arrays(self, records: Sequence[Record], examples: Sequence[Example]) -> tuple[np.ndarray, np.ndarray]:
        """Return gold and answers as class ids, as 0/1 by label, or as numbers; first axis the rows."""

    @property
    def alternatives(self) -> tuple[str, ...]:
        """The labels that each have a score of their own."""
        return self.labels

    def as_cell(self, answer: Any) -> Any:
        """Return an answer as one cell of CSV."""
        return answer

    def stratum(self, example: Example) -> str | None:
        """Return the group a held-out split keeps in proportion; by default none."""
        return None

    def tune(self, logits: np.ndarray, examples: Sequence[Example]) -> dict[str, Any]:
        """Return fitted values of validation rows; by default none."""
        return {}

    def config(self) -> dict[str, Any]:
        """Return further entries of the model's config; by default none."""
        return {}

    def severity(self, record: Record, gold: Any) -> float | None:
        """Return None for a right answer, else the confidence of the wrong one."""
        return None if record.answer == gold else record.score


def detail_matrix(records: Sequence[Record], labels: Sequence[str]) -> np.ndarray:
    """Return the scores of all labels as predict writes them, shape (rows, labels).

    With more decimals, rows of the same text would be ranked by what the shape of a batch does to a float.
    """
    scores = np.array([[record.detail[label] for label in labels] for record in records])
    return scores.reshape(-1, len(labels)).round(6)
