"""A label, several labels or a number for one text or a pair, read from the first token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, Field

from bertkit.adapters import _guess
from bertkit.adapters._base import Adapter
from bertkit.adapters._encoder import Encoder, Window
from bertkit.adapters._results import Encoded, Grid, Inferred, Record, Scorer
from bertkit.adapters._sequence_classification.label_kind import LabelKind
from bertkit.adapters._sequence_classification.multi_label import MultiLabel
from bertkit.adapters._sequence_classification.number import Number
from bertkit.adapters._sequence_classification.single_label import SingleLabel
from bertkit.data.examples import Column, Example
from bertkit.recipe.schema import Settings

TEXT_NAMES = (
    "text",
    "sentence",
    "review",
    "comment",
    "content",
    "message",
    "body",
    "document",
    "utterance",
    "title",
)
LABEL_NAMES = (
    "label",
    "labels",
    "label_text",
    "category",
    "class",
    "intent",
    "topic",
    "sentiment",
    "target",
    "stars",
)
SCORE_NAMES = ("rating", "score", "similarity", "y")
KINDS: dict[str, type[LabelKind]] = {"single": SingleLabel, "multi": MultiLabel, "number": Number}


class SequenceClassificationSettings(Settings):
    """The [adapter] table of a recipe."""

    labels: Literal["single", "multi", "number"] = Field("single", description="one class, several, or a number")
    names: tuple[str, ...] = Field((), description="label names in order; by default those of the training rows")
    separator: str = Field(",", min_length=1, description="between several labels in one cell")
    class_weights: Literal["off", "auto"] = Field("off", description="auto: rare classes count more in the loss")
    threshold: Literal["auto", "off"] | Annotated[float, Field(gt=0, lt=1)] = Field(
        "auto", description="of two classes or several labels; auto: tuned on the validation rows"
    )


class SequenceClassification(Adapter):
    """Devlin et al. 2019: a linear layer on [CLS], over `[CLS] A [SEP]` or `[CLS] A [SEP] B [SEP]`."""

    settings_model: ClassVar[type[BaseModel]] = SequenceClassificationSettings
    model_class: ClassVar[str] = "AutoModelForSequenceClassification"
    layouts: ClassVar[tuple[tuple[Column, ...], ...]] = (
        (
            Column("text", "text"),
            Column("text_pair", "text", optional=True),
            Column("label", "label", training_only=True),
        ),
    )

    @property
    def metric(self) -> str:
        """The score that selects the best epoch."""
        return self.kind.metric

    @property
    def kind(self) -> LabelKind:
        """What it answers: a label, several, or a number."""
        return KINDS[self.settings.labels](self.settings, self.labels, self.fitted)

    @classmethod
    def infer(
        cls, columns: Sequence[str], rows: Sequence[Mapping[str, Any]], given: Mapping[str, str]
    ) -> Inferred | None:
        """Guess by the names of columns first, then by what their cells look like."""
        roles = dict(given)
        because = []
        free = [column for column in columns if column not in roles.values()]
        if "text" not in roles and "text_pair" not in roles and (both := _guess.pair(free)):
            roles["text"], roles["text_pair"] = both
            because.append(f'columns "{both[0]}" and "{both[1]}" form a pair of texts')
        if "label" not in roles:
            others = [column for column in columns if column not in roles.values()]
            label = _guess.by_name(others, LABEL_NAMES + SCORE_NAMES) or _guess.fewest_values(others, rows)
            if label is None:
                return None
            roles["label"] = label
            because.append(f'column "{label}" is the label, by its name or its few values')
        if "text" not in roles:
            others = [column for column in columns if column not in roles.values()]
            text = _guess.by_name(others, TEXT_NAMES) or _guess.longest(others, rows)
            if text is None:
                return None
            roles["text"] = text
            because.append(f'column "{text}" is the text, by its name or its long cells')
        kind, separator, reason = _guess.kind_of_labels(roles["label"], rows)
        meaning = {"single": "one label a row", "multi": "several labels a row", "number": "a number a row"}[kind]
        because.append(f'column "{roles["label"]}" holds {meaning}: {reason}')
        settings = {"labels": kind} | ({"separator": separator} if separator != "," else {})
        return Inferred(roles, settings, because, confidence=0.5)

    def learn_labels(self, examples: Sequence[Example]) -> Self:
        """Learn names, class weights or the scale of numbers from training rows."""
        labels, fitted = self.kind.learn(examples)
        learnt = replace(self, labels=tuple(labels)).with_fitted(**fitted)
        learnt.check_labels(examples)
        return learnt

    def is_unlabelled(self, example: Example) -> bool:
        """Tell whether the label cell is empty where it must not be."""
        return self.kind.is_unlabelled(example)

    def fault(self, example: Example) -> str | None:
        """What is wrong with the cell, whatever the other rows have."""
        return self.kind.fault(example)

    def stratum(self, example: Example) -> str | None:
        """Return the class; several labels and numbers are split at random."""
        return self.kind.stratum(example)

    def check_labels(self, examples: Sequence[Example]) -> None:
        """Refuse labels that the model does not have, and cells that are not numbers."""
        self.kind.check(examples)

    def config(self) -> dict[str, Any]:
        """Return label names and the problem type."""
        return {
            "id2label": dict(enumerate(self.labels)),
            "label2id": {label: index for index, label in enumerate(self.labels)},
            "problem_type": self.kind.problem_type,
            **self.kind.config(),
        }

    def encode(self, examples: Sequence[Example], encoder: Encoder, *, targets: bool) -> Encoded:
        """Return one window a row, or several where truncate is "windows"."""
        roles = [role for role in ("text", "text_pair") if examples and role in examples[0].values]
        rows = list(zip(*(encoder.ids([row.values[role] for row in examples]) for role in roles), strict=True))
        windows: list[Window] = []
        seen = np.zeros(len(rows), np.int64)
        for row, texts in enumerate(rows):
            target = self.kind.target(examples[row]) if targets else None
            for view in encoder.views(*texts):
                windows.append(Window(row, view.input_ids, view.segment_ids, target))
                seen[row] += view.fresh
        return Encoded(windows, np.array([sum(text.size for text in texts) for texts in rows], np.int64), seen)

    def target_batch(self, windows: Sequence[Window]) -> np.ndarray:
        """Class ids (windows,), or 0/1 by label (windows, labels), or standardised numbers (windows,)."""
        return np.array([window.target for window in windows], self.kind.target_type)

    def loss(self, logits: Any, targets: Any) -> Any:
        """Cross-entropy, binary cross-entropy a label, or squared error, summed."""
        return self.kind.loss(logits, targets)

    def decode(self, logits: Sequence[np.ndarray], windows: Sequence[Window], rows: int) -> list[Record]:
        """Average the logits of a row's windows, then read off the answer."""
        return self.kind.records(self._pool(logits, windows, rows)) if rows else []

    def tune(self, logits: Sequence[np.ndarray], windows: Sequence[Window], examples: Sequence[Example]) -> Self:
        """Fit thresholds on validation rows."""
        return self.with_fitted(**self.kind.tune(self._pool(logits, windows, len(examples)), examples))

    def scorer(self, records: Sequence[Record], examples: Sequence[Example]) -> Scorer:
        """Metrics of the kind of label."""
        return self.kind.scorer(records, examples)

    def arrays(self, records: Sequence[Record], examples: Sequence[Example]) -> tuple[np.ndarray, np.ndarray]:
        """Class ids, 0/1 by label, or numbers."""
        return self.kind.arrays(records, examples)

    def report(self, records: Sequence[Record], examples: Sequence[Example]) -> list[Grid]:
        """Tables of the kind of label."""
        return self.kind.report(records, examples)

    def gold(self, example: Example) -> Any:
        """Return the label, the list of labels in the model's order, or the number."""
        return self.kind.gold(example)

    def lessons(self, example: Example) -> list[str]:
        """The labels of the row."""
        gold = self.gold(example)
        return gold if isinstance(gold, list) else [str(gold)]

    @property
    def has_classes(self) -> bool:
        """Numbers are no classes."""
        return bool(self.kind.alternatives)

    @property
    def is_tuned(self) -> bool:
        """Tell whether thresholds were fitted to validation rows."""
        return not self.fitted.keys().isdisjoint(("threshold", "thresholds"))

    def as_cell(self, answer: Any) -> Any:
        """Return a label, labels with the separator between them, or a number."""
        return self.kind.as_cell(answer)

    def cells(self, record: Record, *, everything: bool) -> dict[str, Any]:
        """The answer, its probability, and the score of every label."""
        scores = {f"score_{label}": record.detail[label] for label in self.kind.alternatives} if everything else {}
        return {"answer": record.answer, "score": record.score, **scores}

    def cell_names(self, *, everything: bool) -> list[str]:
        """The names of these columns."""
        return ["answer", "score", *(f"score_{label}" for label in self.kind.alternatives if everything)]

    def severity(self, record: Record, example: Example) -> float | None:
        """Rank errors by confidence, numbers by how far they are off."""
        return self.kind.severity(record, self.kind.gold(example))

    def _pool(self, logits: Sequence[np.ndarray], windows: Sequence[Window], rows: int) -> np.ndarray:
        pooled = np.zeros((rows, len(self.labels)))
        positions = np.array([window.row for window in windows], np.int64)
        np.add.at(pooled, positions, np.asarray(logits, np.float64))
        return np.asarray(pooled / np.bincount(positions, minlength=rows)[:, None])
