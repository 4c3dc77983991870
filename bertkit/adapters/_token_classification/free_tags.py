"""One free label a word, such as its part of speech."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bertkit.adapters import _labels
from bertkit.adapters._class_table import class_table
from bertkit.adapters._results import Grid, Record, Scorer, Scores
from bertkit.adapters._token_classification import tag_cells
from bertkit.adapters._token_classification.entity_counts import to_class_counts
from bertkit.adapters._token_classification.tag_kind import TagKind
from bertkit.adapters._token_classification.words import Alignment, Words
from bertkit.data import metrics
from bertkit.data.examples import Example, Examples
from bertkit.errors import DataError

MOST_TAGS = 200
log = logging.getLogger("bertkit")


class FreeTags(TagKind):
    """Any label may follow any other. A word that nothing shows gets the most frequent label of the training rows."""

    metric: ClassVar[str] = "accuracy"
    bounded: ClassVar[tuple[str, ...]] = ("accuracy",)

    @property
    def lost(self) -> int:
        """The most frequent label."""
        return self.labels.index(self.fitted["most_frequent"])

    @cached_property
    def further(self) -> NDArray[np.int64]:
        """All words of a unit have its label."""
        return np.arange(len(self.labels))

    def learn(self, examples: Sequence[Example]) -> tuple[tuple[str, ...], dict[str, Any]]:
        """The labels of the recipe where the rows use them, else those of the rows; and the most frequent one."""
        counts = Counter(tag for example in examples for tag in self.gold(example))
        if len(counts) < 2:
            only = ", ".join(f'"{tag}"' for tag in counts) or "none"
            raise DataError(
                f"{examples[0].source}: a tagger needs at least two tags, and the training rows have {only}",
                tag_cells.OTHER_COLUMN,
            )
        names = self.settings.names
        if names and counts.keys().isdisjoint(names):
            log.info("The recipe's tags (%s) do not occur; using those of the rows.", ", ".join(names[:5]))
            names = ()
        most_frequent = min(counts, key=lambda tag: (-counts[tag], tag))
        return names or tuple(sorted(counts)), {"most_frequent": most_frequent}

    def check(self, examples: Sequence[Example]) -> None:
        """Every tag must be known."""
        found = [(example, tag) for example in examples for tag in dict.fromkeys(self.gold(example))]
        _labels.check_known(found, self.labels)

    def mend(self, found: Examples, on_bad_row: str) -> Examples:
        """Cells become lists of tags; raw text has none."""
        if found.rows and not tag_cells.is_split(found):
            raise DataError(
                f'{found.source}: free tags need rows of split words, with a column of role "tokens" and one of "tags"',
                "--set columns.tokens=NAME and --set columns.tags=NAME, or --set adapter.labels=entities for spans",
            )
        tokens = {word for example in found.rows for word in example.values["tokens"]}

        def look_at(source: str, rows: Sequence[Sequence[str]]) -> None:
            tags = [tag for row in rows for tag in row]
            distinct = len(set(tags))
            if distinct > max(MOST_TAGS, len(tokens) / 3):
                expected = f"{distinct} different tags for {len(tokens)} different words"
                raise tag_cells.other_column(source, tags, expected)

        return tag_cells.read(found, self.settings.names, on_bad_row, look_at)

    def tags(self, example: Example, words: Words) -> list[str]:
        """The tags as they are."""
        return self.gold(example)

    def unit_tags(self, tags: Sequence[str], alignment: Alignment) -> list[str]:
        """The tag that most of the words have."""
        words = np.split(np.array(tags, object), alignment.first_words[1:])
        return [Counter(unit).most_common(1)[0][0] for unit in words if unit.size]

    def paths(self, scores: NDArray[np.floating[Any]], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
        """The most probable tag of each unit."""
        return np.asarray(scores.argmax(axis=1), np.int64)

    def answer(self, tags: list[str], words: Words, probabilities: NDArray[np.floating[Any]]) -> list[Any]:
        """The tags; of raw text each with its word, which the reader could not know otherwise."""
        if not words.is_raw:
            return tags
        return [
            {"tag": tag, "start": start, "end": end, "text": words.text[start:end]}
            for tag, (start, end) in zip(tags, words.offsets.tolist(), strict=True)
        ]

    def gold(self, example: Example) -> list[str]:
        """The tags."""
        return list(example.values["tags"])

    def lessons(self, example: Example) -> list[str]:
        """The tags."""
        return self.gold(example)

    def is_right(self, record: Record, example: Example) -> bool:
        """Every word has the right tag."""
        return bool(record.answer == self.gold(example))

    def by_word(self, record: Record, example: Example) -> tuple[list[str], list[str]]:
        """The tags."""
        return self.gold(example), record.answer

    def scorer(self, records: Sequence[Record], examples: Sequence[Example]) -> Scorer:
        """How many words have the right tag, and the mean F1 of the tags."""
        table = self._counts(records, examples)

        def scores(rows: NDArray[Any]) -> Scores:
            counts = to_class_counts(np.bincount(rows, minlength=len(table)) @ table)
            words = counts.gold.sum()
            return {
                "accuracy": float(counts.hits.sum() / words) if words else float("nan"),
                "f1_macro": metrics.average(metrics.f1, counts, "macro"),
            }

        return scores

    def report(self, records: Sequence[Record], examples: Sequence[Example]) -> list[Grid]:
        """One line a tag."""
        counts = to_class_counts(self._counts(records, examples).sum(axis=0))
        return [class_table("tag", self.labels, counts, "words")]

    def _counts(self, records: Sequence[Record], examples: Sequence[Example]) -> NDArray[np.float64]:
        """Count right, answered and true tags by row, shape (rows, 3 * tags)."""
        gold, answers = self.arrays(records, examples)
        row = np.repeat(np.arange(len(examples)), [len(record.answer) for record in records])
        shape = (len(examples), 3, len(self.labels))
        right = gold == answers
        cells = ((row[right], 0, gold[right]), (row, 1, answers), (row, 2, gold))
        places = [np.ravel_multi_index(np.broadcast_arrays(*cell), shape) for cell in cells]
        counts = np.bincount(np.concatenate(places), minlength=int(np.prod(shape)))
        return counts.reshape(len(examples), -1).astype(np.float64)
