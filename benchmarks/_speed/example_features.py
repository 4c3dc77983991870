"""Features of the example script for question answering, padded as it pads by default, written from what it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import datasets

LENGTH = 384
STRIDE = 128


def training_features(tokenizer: Any, rows: Sequence[Mapping[str, Any]]) -> datasets.Dataset:
    """Return padded features with start_positions and end_positions.

    Args:
        tokenizer: Of the checkpoint.
        rows: With question, context and the first answer's place: start and end, in characters.
    """
    plain = datasets.Dataset.from_list([dict(row) for row in rows])
    return plain.map(partial(_training, tokenizer), batched=True, remove_columns=plain.column_names)


def prediction_features(tokenizer: Any, examples: datasets.Dataset) -> datasets.Dataset:
    """Return padded features with example_id, and offset_mapping that is None outside the context.

    Args:
        tokenizer: Of the checkpoint.
        examples: With id, question and context.
    """
    return examples.map(partial(_prediction, tokenizer), batched=True, remove_columns=examples.column_names)


def _encode(tokenizer: Any, batch: Mapping[str, Any]) -> Any:
    return tokenizer(
        [question.lstrip() for question in batch["question"]],
        batch["context"],
        truncation="only_second",
        max_length=LENGTH,
        stride=STRIDE,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        padding="max_length",
    )


def _training(tokenizer: Any, batch: Mapping[str, Any]) -> Any:
    encoded = _encode(tokenizer, batch)
    rows, offsets = encoded.pop("overflow_to_sample_mapping"), encoded.pop("offset_mapping")
    places = []
    for index, row in enumerate(rows):
        inside = [position for position, part in enumerate(encoded.sequence_ids(index)) if part == 1]
        places.append(_place(offsets[index], inside, batch["start"][row], batch["end"][row]))
    encoded["start_positions"], encoded["end_positions"] = ([place[side] for place in places] for side in (0, 1))
    return encoded


def _place(offsets: Sequence[Sequence[int]], inside: Sequence[int], start: int, end: int) -> tuple[int, int]:
    """Return first and last token of an answer, or [CLS] twice where the feature does not hold it."""
    if offsets[inside[0]][0] > start or offsets[inside[-1]][1] < end:
        return 0, 0
    first = max(position for position in inside if offsets[position][0] <= start)
    return first, min(position for position in inside if offsets[position][1] >= end)


def _prediction(tokenizer: Any, batch: Mapping[str, Any]) -> Any:
    encoded = _encode(tokenizer, batch)
    encoded["example_id"] = [batch["id"][row] for row in encoded.pop("overflow_to_sample_mapping")]
    encoded["offset_mapping"] = [
        [place if part == 1 else None for place, part in zip(places, encoded.sequence_ids(index), strict=True)]
        for index, places in enumerate(encoded["offset_mapping"])
    ]
    return encoded
