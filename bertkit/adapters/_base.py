"""The adapter contract: what a task type must offer so that every verb can use it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import BaseModel

from bertkit.adapters._encoder import Encoder, Window
from bertkit.data.examples import Column, Example

Scores = dict[str, float]
Scorer = Callable[[np.ndarray], Scores]


@dataclass(frozen=True)
class Encoded:
    """The windows of some rows, and how much of each row they show.

    Args:
        windows: In row order; each names its row by position.
        tokens: Tokens of each row's text, special tokens left out, shape (rows,).
        seen: How many of these at least one window holds, shape (rows,).
    """

    windows: list[Window]
    tokens: np.ndarray
    seen: np.ndarray


@dataclass(frozen=True, slots=True)
class Record:
    """The decoded answer to one row.

    Args:
        answer: What the user asked for: a label, several labels, a number.
        score: Probability of the answer in 0..1, or None where there is none.
        detail: Every alternative with its score.
    """

    answer: Any
    score: float | None
    detail: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Grid:
    """A small table of a report.

    Args:
        title: What it shows.
        header: Names of the columns.
        rows: Cells.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Adapter(ABC):
    """One task type; a value object, so that a run can be rebuilt from what it stored.

    Args:
        settings: The recipe's [adapter] table.
        labels: Label names in the order of the model's outputs.
        fitted: What it learnt from rows beside the labels, such as thresholds; JSON values only.
    """

    settings_model: ClassVar[type[BaseModel]]
    model_class: ClassVar[str]
    per_token: ClassVar[bool] = False

    settings: Any
    labels: tuple[str, ...] = ()
    fitted: Mapping[str, Any] = field(default_factory=dict)

    @property
    @abstractmethod
    def metric(self) -> str:
        """The score that selects the best epoch unless the recipe names one."""

    @abstractmethod
    def columns(self, names: Mapping[str, str]) -> tuple[Column, ...]:
        """Return the columns it needs, given the role-to-name table of the recipe."""

    @classmethod
    @abstractmethod
    def infer(
        cls, columns: Sequence[str], rows: Sequence[Mapping[str, Any]], given: Mapping[str, str]
    ) -> Inferred | None:
        """Guess columns and settings from a header, its first rows and the roles already given; None: not this type."""

    @abstractmethod
    def learn_labels(self, examples: Sequence[Example]) -> Self:
        """Return this adapter with the labels of the training rows.

        Raises:
            DataError: The labels cannot be learnt, such as a single class.
        """

    @abstractmethod
    def is_unlabelled(self, example: Example) -> bool:
        """Tell whether a training row lacks what it should teach."""

    @abstractmethod
    def stratum(self, example: Example) -> str | None:
        """Return the group a held-out split keeps in proportion, or None."""

    @abstractmethod
    def check_labels(self, examples: Sequence[Example]) -> None:
        """Check the gold labels of rows against the known labels.

        Raises:
            DataError: A label is missing or unknown, with its file and line.
        """

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """Return the entries of the model's config: label names and problem type."""

    @abstractmethod
    def encode(self, examples: Sequence[Example], encoder: Encoder, *, targets: bool) -> Encoded:
        """Return the windows of some rows; with targets, each window carries what the loss compares with."""

    @abstractmethod
    def target_batch(self, windows: Sequence[Window]) -> np.ndarray:
        """Return the targets of a batch of windows as one array, first axis the windows."""

    @abstractmethod
    def loss(self, logits: Any, targets: Any) -> Any:
        """Return the loss summed over targets (torch tensors); the trainer divides by their number."""

    def logits(self, outputs: Any) -> Any:
        """Return the tensor that decode reads from the model's outputs, shape (windows, ...)."""
        return outputs.logits

    @abstractmethod
    def decode(self, logits: Sequence[np.ndarray], windows: Sequence[Window], rows: int) -> list[Record]:
        """Return one record a row from the logits of all windows of these rows."""

    def tune(self, logits: Sequence[np.ndarray], windows: Sequence[Window], examples: Sequence[Example]) -> Self:
        """Return this adapter with decoder settings fitted to validation rows."""
        return self

    @abstractmethod
    def scorer(self, records: Sequence[Record], examples: Sequence[Example]) -> Scorer:
        """Return a function from row positions, repeats allowed, to metrics; resampling calls it often."""

    @abstractmethod
    def arrays(self, records: Sequence[Record], examples: Sequence[Example]) -> tuple[np.ndarray, np.ndarray]:
        """Return gold and answers as numbers, in the form that metrics of the evaluate library take."""

    def score(self, records: Sequence[Record], examples: Sequence[Example]) -> Scores:
        """Return the metrics over all rows."""
        return self.scorer(records, examples)(np.arange(len(examples)))

    @abstractmethod
    def report(self, records: Sequence[Record], examples: Sequence[Example]) -> list[Grid]:
        """Return the tables that explain the scores, such as one line a class."""

    @abstractmethod
    def gold(self, example: Example) -> Any:
        """Return the right answer to a row in the form that records have."""

    @abstractmethod
    def severity(self, record: Record, gold: Any) -> float | None:
        """Return None for a right answer, else how high it belongs in the list of errors."""

    @property
    def alternatives(self) -> tuple[str, ...]:
        """The names of the scores in Record.detail."""
        return self.labels

    @property
    def is_tuned(self) -> bool:
        """Tell whether decode uses what was fitted to validation rows."""
        return False

    def as_cell(self, answer: Any) -> Any:
        """Return an answer as one cell of CSV, in the form that label cells have."""
        return answer

    def with_fitted(self, **fitted: Any) -> Self:
        """Return this adapter with further fitted values."""
        return replace(self, fitted={**self.fitted, **fitted})


@dataclass(frozen=True)
class Inferred:
    """What an adapter guessed from a table.

    Args:
        columns: Role to column name.
        settings: Its own settings that differ from the defaults.
        because: One sentence a guess.
        confidence: How well the table fits this task type, 0..1.
    """

    columns: dict[str, str]
    settings: dict[str, Any]
    because: list[str]
    confidence: float
