"""Entities, or one label a word, for split words or raw text, read from the first token of each word."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from bertkit.adapters._base import Adapter
from bertkit.adapters._encoder import Encoder, Window
from bertkit.adapters._results import Encoded, Grid, Inferred, Record, Scorer
from bertkit.adapters._token_classification import guess, readings
from bertkit.adapters._token_classification.entities import Entities
from bertkit.adapters._token_classification.free_tags import FreeTags
from bertkit.adapters._token_classification.readings import UNTAUGHT, gather
from bertkit.adapters._token_classification.tag_kind import TagKind
from bertkit.adapters._token_classification.words import Alignment, Words, align
from bertkit.data.examples import Column, Example, Examples, words
from bertkit.recipe.schema import Settings

KINDS: dict[str, type[TagKind]] = {"entities": Entities, "tags": FreeTags}
CERTAIN = 100.0
ROWS_AT_ONCE = 256


class TokenClassificationSettings(Settings):
    """The [adapter] table of a recipe."""

    labels: Literal["entities", "tags"] = Field("entities", description="entities, or one free tag a word")
    names: tuple[str, ...] = Field(
        (), description="types of entities, or tags, in order; by default those of the training rows"
    )


class TokenClassification(Adapter):
    """Devlin et al. 2019: a linear layer on the first token of each word."""

    settings_model: ClassVar[type[BaseModel]] = TokenClassificationSettings
    model_class: ClassVar[str] = "AutoModelForTokenClassification"
    per_token: ClassVar[bool] = True
    layouts: ClassVar[tuple[tuple[Column, ...], ...]] = (
        (
            Column("tokens", "words", usual=guess.TOKENS),
            Column("tags", "label", training_only=True, usual=guess.TAGS),
        ),
        (
            Column("text", "text", usual=guess.TEXT),
            Column("spans", "label", training_only=True, usual=guess.SPANS),
        ),
    )

    @property
    def metric(self) -> str:
        """The score that selects the best epoch."""
        return self.kind.metric

    @property
    def bounded(self) -> tuple[str, ...]:
        """Metrics that words without a token of their own bound."""
        return self.kind.bounded

    @cached_property
    def kind(self) -> TagKind:
        """What it answers: entities or free tags."""
        return KINDS[self.settings.labels](self.settings, self.labels, self.fitted)

    @classmethod
    def infer(
        cls, columns: Sequence[str], rows: Sequence[Mapping[str, Any]], given: Mapping[str, str]
    ) -> Inferred | None:
        """Guess by the names of columns, and by cells that hold a tag a word or spans of characters."""
        return guess.infer(columns, rows, given)

    def learn_labels(self, examples: Sequence[Example]) -> Self:
        """Learn types or tags from training rows."""
        labels, fitted = self.kind.learn(examples)
        learnt = replace(self, labels=labels).with_fitted(**fitted)
        learnt.check_labels(examples)
        return learnt

    def mend(self, found: Examples, on_bad_row: str) -> Examples:
        """Bring tags to IOB2 and spans to one form."""
        return self.kind.mend(found, on_bad_row)

    def is_unlabelled(self, example: Example) -> bool:
        """Tell whether a row has no tags or was not annotated; a text without entities is no such row."""
        if "tokens" in example.values:
            return not words(example.values.get("tags"))
        spans = example.values.get("spans")
        return spans is None or (isinstance(spans, str) and not spans.strip())

    def stratum(self, example: Example) -> str | None:
        """Rows are split at random."""
        return None

    def check_labels(self, examples: Sequence[Example]) -> None:
        """Refuse labels that the model does not have."""
        self.kind.check(examples)

    def config(self) -> dict[str, Any]:
        """Return label names."""
        return {
            "id2label": dict(enumerate(self.labels)),
            "label2id": {label: index for index, label in enumerate(self.labels)},
        }

    def encode(self, examples: Sequence[Example], encoder: Encoder, *, targets: bool) -> Encoded:
        """Return one window a row, or several where truncate is "windows"; each word is answered in one of them."""
        split = [Words.of(example) for example in examples]
        tokenized = encoder.ids_and_offsets([row.text for row in split])
        windows: list[Window] = []
        seen = np.zeros(len(examples), np.int64)
        remarks: defaultdict[str, list[str]] = defaultdict(list)
        index = {label: position for position, label in enumerate(self.labels)}
        for row, (example, (ids, offsets)) in enumerate(zip(examples, tokenized, strict=True)):
            alignment = align(split[row], offsets)
            for word in alignment.lost.tolist():
                # What has no token is often not visible either: escapes show it.
                remarks["words have no token"].append(f"{example.where} {json.dumps(split[row][word])}")
            gold = None
            if targets:
                tags = self.kind.tags(example, split[row])
                gold = np.array([index[tags[word]] for word in alignment.first_words.tolist()], np.int64)
                for remark, places in self.kind.remarks(example, alignment).items():
                    remarks[remark] += places
            views = list(encoder.views(ids))
            windows += readings.windows(row, views, ids.size, alignment, gold)
            seen[row] = sum(view.fresh for view in views)
        sizes = np.array([ids.size for ids, _ in tokenized], np.int64)
        return Encoded(windows, sizes, seen, dict(remarks))

    def target_batch(self, windows: Sequence[Window]) -> np.ndarray:
        """Tag ids at the first token of each word and -100 elsewhere, shape (windows, longest window)."""
        targets = np.full((len(windows), max(window.input_ids.size for window in windows)), UNTAUGHT, np.int64)
        for line, window in enumerate(windows):
            if window.target is not None:
                targets[line, : window.target.size] = window.target
        return targets

    def count(self, targets: np.ndarray) -> int:
        """Return the number of words that are taught."""
        return int(np.count_nonzero(targets != UNTAUGHT))

    def loss(self, logits: Any, targets: Any) -> Any:
        """Cross-entropy of the words, summed."""
        from torch.nn import functional

        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=UNTAUGHT, reduction="sum")

    def decode(self, logits: Sequence[np.ndarray], windows: Sequence[Window], rows: int) -> list[Record]:
        """Put the units of each row together, choose their tags, and read off the answers word by word."""
        if not rows:
            return []
        scores = gather(logits, windows, rows, len(self.labels), self.kind.lost)
        paths = self.kind.paths(scores.values, scores.sizes)
        probabilities = np.exp(scores.values[np.arange(len(paths)), paths])
        return [
            self._record(alignment, paths[part], probabilities[part], scores.was_read[part])
            for alignment, part in zip(scores.alignments, scores.parts, strict=True)
        ]

    def reach(self, examples: Sequence[Example], encoded: Encoded) -> list[Record]:
        """Decode scores that leave no doubt of the right tag of each unit."""
        own: list[list[Window]] = [[] for _ in examples]
        for window in encoded.windows:
            own[window.row].append(window)
        found: list[Record] = []
        for start in range(0, len(examples), ROWS_AT_ONCE):
            rows = range(start, min(start + ROWS_AT_ONCE, len(examples)))
            windows = [replace(window, row=row - start) for row in rows for window in own[row]]
            logits = [line for row in rows for line in self._certain(examples[row], own[row])]
            found += self.decode(logits, windows, len(rows))
        return [self.kind.reached(record, example) for record, example in zip(found, examples, strict=True)]

    def scorer(self, records: Sequence[Record], examples: Sequence[Example]) -> Scorer:
        """Metrics of the kind of label."""
        return self.kind.scorer(records, examples)

    def arrays(self, records: Sequence[Record], examples: Sequence[Example]) -> tuple[np.ndarray, np.ndarray]:
        """Tag ids, the words of all rows in one line."""
        return self.kind.arrays(records, examples)

    def report(self, records: Sequence[Record], examples: Sequence[Example]) -> list[Grid]:
        """Tables of the kind of label."""
        return self.kind.report(records, examples)

    def gold(self, example: Example) -> Any:
        """Return the entities without scores, or the tags."""
        return self.kind.gold(example)

    def lessons(self, example: Example) -> list[str]:
        """The type of each entity, or the tags."""
        return self.kind.lessons(example)

    def severity(self, record: Record, example: Example) -> float | None:
        """Rank rows with an error by confidence."""
        return None if self.kind.is_right(record, example) else record.score

    def cells(self, record: Record, *, everything: bool) -> dict[str, Any]:
        """The answer and its probability."""
        return {"answer": record.answer, "score": record.score}

    def cell_names(self, *, everything: bool) -> list[str]:
        """The names of these columns."""
        return ["answer", "score"]

    def by_word(self, record: Record) -> Sequence[str]:
        """The tag of each word."""
        tags: list[str] = record.detail["tags"]
        return tags

    def _certain(self, example: Example, windows: Sequence[Window]) -> Iterator[NDArray[np.float32]]:
        alignment: Alignment = windows[0].detail.alignment
        tags = self.kind.unit_tags(self.kind.tags(example, alignment.words), alignment)
        ids = np.array([self.labels.index(tag) for tag in tags], np.int64)
        for window in windows:
            logits = np.zeros((window.input_ids.size, len(self.labels)), np.float32)
            logits[window.detail.positions, ids[window.detail.units]] = CERTAIN
            yield logits

    def _record(
        self,
        alignment: Alignment,
        path: NDArray[np.int64],
        probabilities: NDArray[np.float64],
        was_read: NDArray[np.bool_],
    ) -> Record:
        units = alignment.units
        ids = self.kind.further[path[units]]
        ids[alignment.first_words] = path
        by_word = probabilities[units]
        tags = [self.labels[index] for index in ids.tolist()]
        known = by_word[was_read[units]]
        score = float(known.mean()) if known.size else 0.0
        detail = {"tags": tags, "words": alignment.words.offsets.tolist()}
        return Record(self.kind.answer(tags, alignment.words, by_word), score, detail)
