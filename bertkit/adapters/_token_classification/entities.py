"""Entities: tags of words after IOB2, decoded so that only legal sequences come out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bertkit.adapters import _labels
from bertkit.adapters._class_table import class_table
from bertkit.adapters._faults import Fault, Tally, mend_each, with_counts, with_value
from bertkit.adapters._results import Grid, Record, Scorer, Scores
from bertkit.adapters._token_classification import iob, span_cells, tag_cells
from bertkit.adapters._token_classification.entity_counts import count_entities, key, kinds_of_error, to_class_counts
from bertkit.adapters._token_classification.tag_kind import TagKind
from bertkit.adapters._token_classification.viterbi import best_paths
from bertkit.adapters._token_classification.words import Alignment, Words
from bertkit.data import metrics
from bertkit.data.examples import Example, Examples
from bertkit.errors import DataError

HEADLESS = "tags repaired: an entity that does not begin (I- without B-)"
log = logging.getLogger("bertkit")


class Entities(TagKind):
    """Stretches of text with a type each."""

    metric: ClassVar[str] = "f1"
    bounded: ClassVar[tuple[str, ...]] = ("f1", "recall", "f1_macro")

    @property
    def lost(self) -> int:
        """What nothing shows is outside of entities."""
        return 0

    @cached_property
    def further(self) -> NDArray[np.int64]:
        """A unit that begins an entity goes on inside of it."""
        inside = [tag if tag == iob.OUTSIDE else f"I{tag[1:]}" for tag in self.labels]
        return np.array([self.labels.index(tag) for tag in inside], np.int64)

    @cached_property
    def types(self) -> tuple[str, ...]:
        """The types that the tags mark."""
        return iob.types_of(self.labels)

    def learn(self, examples: Sequence[Example]) -> tuple[tuple[str, ...], dict[str, Any]]:
        """The types of the recipe where the rows use them, else those of the rows."""
        found = {entity["type"] for example in examples for entity in self.gold(example)}
        if not found:
            raise DataError(
                f"{examples[0].source}: no training row has an entity",
                "check columns.tags or columns.spans: it must name the column with the entities",
            )
        names = self.settings.names
        names = iob.types_of(names) if all(map(iob.is_tag, names)) else names
        if names and found.isdisjoint(names):
            log.info("The recipe's types (%s) do not occur; using those of the rows.", ", ".join(names[:5]))
            names = ()
        return iob.tags_of(names or sorted(found)), {}

    def check(self, examples: Sequence[Example]) -> None:
        """Every type must be known."""
        found = [(example, kind) for example in examples for kind in dict.fromkeys(self.lessons(example))]
        _labels.check_known(found, self.types)

    def mend(self, found: Examples, on_bad_row: str) -> Examples:
        """Tags become IOB2, spans one form; repairs are counted."""
        return (self._mend_tags if tag_cells.is_split(found) else _mend_spans)(found, on_bad_row)

    def tags(self, example: Example, words: Words) -> list[str]:
        """The tags as they are, or those of the words that spans touch."""
        if "tokens" in example.values:
            return list(example.values["tags"])
        return iob.project(example.values["spans"], words.offsets.tolist())

    def remarks(self, example: Example, alignment: Alignment) -> dict[str, list[str]]:
        """Entities whose first or last character no answer can have."""
        found: dict[str, list[str]] = {}
        words, units = alignment.words.offsets, alignment.borders
        for entity in self.gold(example):
            start, end = entity["start"], entity["end"]
            place = f"{example.where} {span_cells.brief(entity['text'])}"
            if start not in words[:, 0] or end not in words[:, 1]:
                found.setdefault("entities do not fall on word borders", []).append(place)
            elif start not in units[0] or end not in units[1]:
                found.setdefault("entities begin or end inside a token", []).append(place)
        return found

    def unit_tags(self, tags: Sequence[str], alignment: Alignment) -> list[str]:
        """The tag of the first word."""
        return [tags[word] for word in alignment.first_words.tolist()]

    def reached(self, record: Record, example: Example) -> Record:
        """Without entities that only come near a right one."""
        right = set(map(key, self.gold(example)))
        return replace(record, answer=[entity for entity in record.answer if key(entity) in right])

    def paths(self, scores: NDArray[np.floating[Any]], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
        """The best sequence in which I- follows only B- or I- of its type."""
        follows = [
            [tag[0] != "I" or (before[1:] == tag[1:] and before != iob.OUTSIDE) for tag in self.labels]
            for before in self.labels
        ]
        return best_paths(scores, sizes, np.array(follows))

    def answer(self, tags: list[str], words: Words, probabilities: NDArray[np.floating[Any]]) -> list[dict[str, Any]]:
        """The entities with the mean probability of their tags."""
        return [
            {**_entity(kind, words, first, last), "score": float(probabilities[first : last + 1].mean())}
            for kind, first, last in iob.chunks(tags)
        ]

    def gold(self, example: Example) -> list[dict[str, Any]]:
        """The entities, also those that no answer can reach."""
        if "tokens" not in example.values:
            text = example.values["text"]
            return [{**span, "text": text[span["start"] : span["end"]]} for span in example.values["spans"] or ()]
        words = Words.of(example)
        return [_entity(kind, words, first, last) for kind, first, last in iob.chunks(example.values["tags"] or ())]

    def lessons(self, example: Example) -> list[str]:
        """The type of each entity."""
        return [entity["type"] for entity in self.gold(example)]

    def is_right(self, record: Record, example: Example) -> bool:
        """All entities found, and no others."""
        return set(map(key, record.answer)) == set(map(key, self.gold(example)))

    def by_word(self, record: Record, example: Example) -> tuple[list[str], list[str]]:
        """The tags of the words that the entities touch."""
        offsets = record.detail["words"]
        return iob.project(self.gold(example), offsets), iob.project(record.answer, offsets)

    def scorer(self, records: Sequence[Record], examples: Sequence[Example]) -> Scorer:
        """Precision, recall and F1 of entities after CoNLL's definition, and how many words have the right tag."""
        entities = self._counts(records, examples).reshape(len(records), -1)
        pairs = [self.by_word(record, example) for record, example in zip(records, examples, strict=True)]
        words = [[sum(map(str.__eq__, *pair)), len(pair[0])] for pair in pairs]
        table = np.hstack([entities, np.array(words, float).reshape(-1, 2)])

        def scores(rows: NDArray[Any]) -> Scores:
            # Counts of rows drawn more than once, by one product: resampling asks a thousand times.
            total = np.bincount(rows, minlength=len(table)) @ table
            counts = to_class_counts(total[:-2])
            return {
                "f1": metrics.average(metrics.f1, counts, "micro"),
                "precision": metrics.average(metrics.precision, counts, "micro"),
                "recall": metrics.average(metrics.recall, counts, "micro"),
                "f1_macro": metrics.average(metrics.f1, counts, "macro"),
                "accuracy": float(total[-2] / total[-1]) if total[-1] else float("nan"),
            }

        return scores

    def report(self, records: Sequence[Record], examples: Sequence[Example]) -> list[Grid]:
        """One line a type, and the kinds of error."""
        counts = to_class_counts(self._counts(records, examples).sum(axis=0))
        kinds = kinds_of_error(list(map(self.gold, examples)), [record.answer for record in records])
        return [
            class_table("type", self.types, counts, "entities"),
            Grid("Kinds of error", ["kind", "entities"], [[kind, count] for kind, count in kinds.items()]),
        ]

    def _counts(self, records: Sequence[Record], examples: Sequence[Example]) -> NDArray[np.float64]:
        return count_entities(list(map(self.gold, examples)), [record.answer for record in records], self.types)

    def _mend_tags(self, found: Examples, on_bad_row: str) -> Examples:
        names = self.settings.names
        names = names if all(map(iob.is_tag, names)) else iob.tags_of(names)
        read = tag_cells.read(found, names, on_bad_row, _look_at)
        read = mend_each(read, tag_cells.ROLE, on_bad_row, _checked)
        scheme = iob.recognise(example.values["tags"] for example in read.rows)
        repaired = Tally()
        rows = []
        for example in read.rows:
            tags, faults = iob.to_iob2(example.values["tags"])
            faults = 0 if scheme == "IOB1" else faults
            changed = 0 if scheme == "IOB2" else sum(map(str.__ne__, tags, example.values["tags"])) - faults
            repaired.add(example.where, {HEADLESS: faults, f"tags converted from {scheme} to IOB2": changed})
            rows.append(with_value(example, "tags", tags))
        return with_counts(replace(read, rows=rows), repaired=repaired)


def _entity(kind: str, words: Words, first: int, last: int) -> dict[str, Any]:
    start, end = int(words.offsets[first, 0]), int(words.offsets[last, 1])
    return {"type": kind, "start": start, "end": end, "text": words.text[start:end]}


def _look_at(source: str, rows: Sequence[Sequence[str]]) -> None:
    tags = [tag for row in rows for tag in row]
    marked = [tag for tag in tags if tag != iob.OUTSIDE]
    if sum(map(iob.is_tag, marked)) < len(marked) / 2:
        raise tag_cells.other_column(
            source,
            tags,
            "its tags are not O, B-TYPE and I-TYPE",
            ", or --set adapter.labels=tags for one free tag a word",
        )


def _checked(example: Example) -> Example:
    tags = example.values["tags"]
    odd = next((tag for tag in tags if not iob.is_tag(tag)), None)
    if odd is not None:
        raise Fault("a tag of no known form", f'"{odd}" is neither O nor B-TYPE or I-TYPE')
    return example


def _mend_spans(found: Examples, on_bad_row: str) -> Examples:
    repaired = Tally()

    def mend(example: Example) -> Example:
        spans = span_cells.read(example.values.get("spans"))
        if spans is not None:
            spans, done = span_cells.mend(spans, example.values["text"])
            repaired.add(example.where, done)
        return with_value(example, "spans", spans)

    return with_counts(mend_each(found, "spans", on_bad_row, mend), repaired=repaired)
