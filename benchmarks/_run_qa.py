"""The procedure of transformers' example script for question answering, written from its documentation."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from typing import Any

import datasets
import numpy as np
import torch
from _example_qa import spans
from _run import Outcome, arguments, training_seconds
from transformers import (
    AutoModelForQuestionAnswering,
    AutoTokenizer,
    DataCollatorWithPadding,
    PrinterCallback,
    Trainer,
    set_seed,
)

from bertkit.adapters._question_answering import squad
from bertkit.data.examples import Example
from bertkit.engine.prepare import Prepared


def train(prepared: Prepared, test: list[Example]) -> Outcome:
    """Train on the rows and hyperparameters of a recipe, and answer the test rows by the script's loops.

    Args:
        prepared: With every "auto" decided.
        test: Rows to score the last epoch on.
    """
    folder, settings = prepared.checkpoint.folder, prepared.recipe
    set_seed(settings.train.seed)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForQuestionAnswering.from_pretrained(folder, dtype=torch.float32)
    with tempfile.TemporaryDirectory() as work:
        trainer = Trainer(
            model=model,
            args=arguments(prepared, work, None),
            train_dataset=_training_features(prepared, tokenizer),
            processing_class=tokenizer,
            data_collator=DataCollatorWithPadding(tokenizer),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        seconds = training_seconds(trainer.state.log_history)
        encoded = _features(prepared, tokenizer, test)
        inputs = datasets.Dataset.from_dict({key: encoded[key] for key in tokenizer.model_input_names})
        starts, ends = trainer.predict(inputs).predictions[:2]
    answers = best_answers(encoded, starts, ends, test)
    golds = [[answer["text"] for answer in row.values["answers"]] for row in test]
    scores = np.array([squad.best(gold, answer) for gold, answer in zip(golds, answers, strict=True)])
    return Outcome(dict(zip(("exact_match", "f1"), scores.mean(axis=0).tolist(), strict=True)), seconds)


def best_answers(encoded: Any, starts: np.ndarray, ends: np.ndarray, rows: list[Example]) -> list[str]:
    """Return the best answer to each row: the best span of all its features, or nothing.

    Args:
        encoded: Features with offset_mapping (None outside the context) and overflow_to_sample_mapping.
        starts: Logits, shape (features, tokens).
        ends: The same shape.
        rows: The questions, each with its context.
    """
    features = defaultdict(list)
    for feature, row in enumerate(encoded["overflow_to_sample_mapping"]):
        features[row].append(feature)
    answers = []
    for row, example in enumerate(rows):
        windows = [(starts[index], ends[index], encoded["offset_mapping"][index]) for index in features[row]]
        found = [span for window in windows for span in spans(*window)]
        first, last = max(found, key=lambda span: span["score"])["offsets"] if found else (0, 0)
        answers.append(example.values["context"][first:last])
    return answers


def _features(prepared: Prepared, tokenizer: Any, rows: list[Example]) -> Any:
    encoded = tokenizer(
        [row.values["question"].lstrip() for row in rows],
        [row.values["context"] for row in rows],
        truncation="only_second",
        max_length=prepared.encoder.max_length,
        stride=prepared.recipe.encode.stride,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    encoded["offset_mapping"] = [
        [place if part == 1 else None for place, part in zip(places, encoded.sequence_ids(index), strict=True)]
        for index, places in enumerate(encoded["offset_mapping"])
    ]
    return encoded


def _training_features(prepared: Prepared, tokenizer: Any) -> datasets.Dataset:
    rows = prepared.train.examples.rows
    encoded = _features(prepared, tokenizer, rows)
    places = [
        _place(encoded["offset_mapping"][index], rows[row].values["answers"][0])
        for index, row in enumerate(encoded["overflow_to_sample_mapping"])
    ]
    columns = {key: encoded[key] for key in tokenizer.model_input_names}
    return datasets.Dataset.from_dict(
        columns | {"start_positions": [start for start, _ in places], "end_positions": [end for _, end in places]}
    )


def _place(offsets: list[tuple[int, int] | None], answer: dict[str, Any]) -> tuple[int, int]:
    """Return first and last token of the answer, or [CLS] where the feature does not hold it."""
    first, last = answer["start"], answer["start"] + len(answer["text"])
    inside = [index for index, place in enumerate(offsets) if place is not None]
    if offsets[inside[0]][0] > first or offsets[inside[-1]][1] < last:
        return 0, 0
    start = max(index for index in inside if offsets[index][0] <= first)
    end = min(index for index in inside if offsets[index][1] >= last)
    return start, end
