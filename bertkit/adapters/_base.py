"""The adapter contract: what a task type must offer so that every verb can use it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import BaseModel

from bertkit.adapters._encoder import Encoder, Window
from bertkit.adapters._results import Encoded, Grid, Inferred, Record, Scorer, Scores
from bertkit.data.examples import Column, Example, Examples
from bertkit.errors import RecipeError


@dataclass(frozen=True)
class Adapter(ABC):
    """One task type; a value object, so that a run can be rebuilt from what it stored.

    A class names its settings model, the Auto class of its head, whether that head answers every token, and its
    layouts: the sets of columns it can read rows from. A table is read by the first layout that it can fill.

    Args:
        settings: The recipe's [adapter] table.
        labels: Label names in the order of the model's outputs.
        fitted: What it learnt from rows beside the labels, such as thresholds; JSON values only.
    """

    settings_model: ClassVar[type[BaseModel]]
    model_class: ClassVar[str]
    per_token: ClassVar[bool] = False
    layouts: ClassVar[tuple[tuple[Column, ...], ...]]

    settings: Any
    labels: tuple[str, ...] = ()
    fitted: Mapping[str, Any] = field(default_factory=dict)

    @property
    @abstractmethod
    def metric(self) -> str:
        """The score that selects the best epoch unless the recipe names one."""

    @property
    def bounded(self) -> tuple[str, ...]:
        """The metrics that cannot exceed those of the answers of `reach`."""
        return ()

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

    def mend(self, found: Examples, on_bad_row: str) -> Examples:
        """Return rows whose labels have one form and no repairable fault; what was done is counted.

        Args:
            found: Rows with text; their labels are what the file holds.
            on_bad_row: "stop" or "skip": what to do with a row that cannot be repaired.

        Raises:
            DataError: A label cannot be repaired and on_bad_row is "stop".
        """
        return found

    @abstractmethod
    def is_unlabelled(self, example: Example) -> bool:
        """Tell whether a training row lacks what it should teach."""

    def fault(self, example: Example) -> str | None:
        """Return what makes the labels of a row useless whatever the other rows have; None: nothing."""
        return None

    @abstractmethod
    def stratum(self, example: Example) -> str | None:
        """Return the group a held-out split keeps in proportion, or None."""

    def group(self, example: Example) -> str | None:
        """Return what rows share that must not stand on both sides of a split, such as a document; None: nothing."""
        return None

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
        """Return the windows of some rows.

        Args:
            examples: The rows.
            encoder: Tokenizer and limits.
            targets: Whether each window shall carry what the loss compares with; one that has nothing to teach
                carries None and is not trained on.
        """

    @abstractmethod
    def target_batch(self, windows: Sequence[Window]) -> np.ndarray:
        """Return the targets of a batch of windows as one array, first axis the windows.

        Where the head answers every token, the second axis is as long as the longest window.
        """

    def count(self, targets: np.ndarray) -> int:
        """Return the number of targets that the mean loss is taken over."""
        return targets.size

    @abstractmethod
    def loss(self, logits: Any, targets: Any) -> Any:
        """Return the loss summed over targets (torch tensors); the trainer divides by their number."""

    def logits(self, outputs: Any) -> Any:
        """Return the tensor that decode reads from the model's outputs, shape (windows, ...)."""
        return outputs.logits

    @abstractmethod
    def decode(self, logits: Sequence[np.ndarray], windows: Sequence[Window], rows: int) -> list[Record]:
        """Return one record a row from the logits of all windows of these rows."""

    def reach(self, examples: Sequence[Example], encoded: Encoded) -> list[Record] | None:
        """Return the best answers that decode can give for some windows, whatever the model says.

        Args:
            examples: Labelled rows.
            encoded: Their windows, with or without targets.

        Returns:
            One record a row, or None where every right answer can be given.
        """
        return None

    def ceiling(self, reached: Sequence[Record], examples: Sequence[Example]) -> Scores:
        """Return the highest value of each metric that the windows bound.

        Args:
            reached: From `reach`.
            examples: The same rows.
        """
        scores = self.score(reached, examples) if reached else {}
        return {name: scores[name] for name in self.bounded if np.isfinite(scores.get(name, np.nan))}

    def tune(self, logits: Sequence[np.ndarray], windows: Sequence[Window], examples: Sequence[Example]) -> Self:
        """Return this adapter with decoder settings fitted to validation rows."""
        return self

    @property
    def outputs(self) -> int:
        """The numbers that the head gives for each text, or for each token."""
        return max(len(self.labels), 1)

    @abstractmethod
    def scorer(self, records: Sequence[Record], examples: Sequence[Example]) -> Scorer:
        """Return a function from row positions, repeats allowed, to metrics; resampling calls it often."""

    def arrays(self, records: Sequence[Record], examples: Sequence[Example]) -> tuple[np.ndarray, np.ndarray]:
        """Return gold and answers as numbers, in the form that metrics of the evaluate library take.

        Raises:
            RecipeError: Its answers are not numbers.
        """
        raise RecipeError("metrics: modules of evaluate compare labels or numbers, and this task answers neither")

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
    def lessons(self, example: Example) -> list[str]:
        """Return what a labelled row teaches, to be counted: its labels, the types of its entities."""

    @property
    def has_classes(self) -> bool:
        """Tell whether lessons are names that recur, so that their counts mean something."""
        return True

    @abstractmethod
    def severity(self, record: Record, example: Example) -> float | None:
        """Return None for a right answer, else how high it belongs in the list of errors."""

    @abstractmethod
    def cells(self, record: Record, *, everything: bool) -> dict[str, Any]:
        """Return what predict adds to a row: "answer", "score" and further columns, the same for every record.

        Args:
            record: A decoded answer.
            everything: Also add what only --all-scores asks for.
        """

    @abstractmethod
    def cell_names(self, *, everything: bool) -> list[str]:
        """Return the names of these columns."""

    def by_word(self, record: Record) -> Sequence[str] | None:
        """Return the answer as one label a word, for formats with a line a word; None: there is no such form."""
        return None

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
