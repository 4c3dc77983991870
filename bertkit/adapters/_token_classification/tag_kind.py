"""What a tagger answers: the contract of entities and of free labels, one a word."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bertkit.adapters._results import Grid, Record, Scorer
from bertkit.adapters._token_classification.words import Alignment, Words
from bertkit.data.examples import Example, Examples


@dataclass(frozen=True)
class TagKind(ABC):
    """One kind of answer.

    Args:
        settings: The recipe's [adapter] table.
        labels: Tags in the order of the model's outputs.
        fitted: What was learnt from rows beside the labels; JSON values only.
    """

    metric: ClassVar[str]
    bounded: ClassVar[tuple[str, ...]]

    settings: Any
    labels: tuple[str, ...]
    fitted: Mapping[str, Any]

    @property
    @abstractmethod
    def lost(self) -> int:
        """Position of the tag of words that no window shows."""

    @property
    @abstractmethod
    def further(self) -> NDArray[np.int64]:
        """For each tag of a unit's first word, that of its other words, shape (labels,)."""

    @abstractmethod
    def learn(self, examples: Sequence[Example]) -> tuple[tuple[str, ...], dict[str, Any]]:
        """Return the labels and the fitted values of training rows."""

    @abstractmethod
    def check(self, examples: Sequence[Example]) -> None:
        """Raise DataError for labels the model does not have."""

    @abstractmethod
    def mend(self, found: Examples, on_bad_row: str) -> Examples:
        """Return rows with labels of one form."""

    @abstractmethod
    def tags(self, example: Example, words: Words) -> list[str]:
        """Return the right tag of each word."""

    @abstractmethod
    def paths(self, scores: NDArray[np.floating[Any]], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Choose a tag for every unit of all rows.

        Args:
            scores: Log probabilities, shape (units, labels).
            sizes: Units of each row, shape (rows,).
        """

    @abstractmethod
    def answer(self, tags: list[str], words: Words, probabilities: NDArray[np.floating[Any]]) -> Any:
        """Return the answer to a row.

        Args:
            tags: The chosen tag of each word.
            words: The words.
            probabilities: Those of the chosen tags, shape (words,).
        """

    @abstractmethod
    def gold(self, example: Example) -> Any:
        """Return the right answer in the form of Record.answer."""

    @abstractmethod
    def lessons(self, example: Example) -> list[str]:
        """Return what a labelled row teaches."""

    @abstractmethod
    def is_right(self, record: Record, example: Example) -> bool:
        """Tell whether an answer has no error."""

    @abstractmethod
    def scorer(self, records: Sequence[Record], examples: Sequence[Example]) -> Scorer:
        """Return a function from row positions to metrics."""

    @abstractmethod
    def report(self, records: Sequence[Record], examples: Sequence[Example]) -> list[Grid]:
        """Return the tables that explain the scores."""

    @abstractmethod
    def by_word(self, record: Record, example: Example) -> tuple[Sequence[str], Sequence[str]]:
        """Return the right and the answered tag of each word."""

    @abstractmethod
    def unit_tags(self, tags: Sequence[str], alignment: Alignment) -> list[str]:
        """Return the tag of each unit with which most of a row is right.

        Args:
            tags: The right tag of each word.
            alignment: The words and their units.
        """

    def reached(self, record: Record, example: Example) -> Record:
        """Return the answer without what should better be left out of it."""
        return record

    def remarks(self, example: Example, alignment: Alignment) -> dict[str, list[str]]:
        """Return what a labelled row teaches that no answer can reach, with the places."""
        return {}

    def arrays(self, records: Sequence[Record], examples: Sequence[Example]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return gold and answered tags as ids, the words of all rows in one line, shape (words,)."""
        index = {label: position for position, label in enumerate(self.labels)}
        pairs = [self.by_word(record, example) for record, example in zip(records, examples, strict=True)]
        gold = [index[tag] for tags, _ in pairs for tag in tags]
        answers = [index[tag] for _, tags in pairs for tag in tags]
        return np.array(gold, np.int64), np.array(answers, np.int64)
