"""The procedure of transformers' example script for token classification, written from its documentation."""

from __future__ import annotations

import tempfile
from typing import Any

import datasets
import numpy as np
import torch
from _run import Outcome, arguments, training_seconds
from seqeval.metrics import f1_score as entity_f1
from sklearn.metrics import accuracy_score, f1_score
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    PrinterCallback,
    Trainer,
    set_seed,
)

from bertkit.data.examples import Example
from bertkit.engine.prepare import Prepared

IGNORED = -100


def train(prepared: Prepared, test: list[Example]) -> Outcome:
    """Train on the rows and hyperparameters of a recipe; words cut off by the window are lost, as in the script.

    Args:
        prepared: With every "auto" decided.
        test: Rows to score the best epoch on.
    """
    folder, settings = prepared.checkpoint.folder, prepared.recipe
    set_seed(settings.train.seed)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    labels = prepared.adapter.labels
    model = AutoModelForTokenClassification.from_pretrained(folder, num_labels=len(labels), dtype=torch.float32)

    def dataset(rows: list[Example]) -> datasets.Dataset:
        words = [row.values["tokens"] for row in rows]
        encoded = tokenizer(words, truncation=True, max_length=prepared.encoder.max_length, is_split_into_words=True)
        encoded["labels"] = [
            _first_subwords(encoded.word_ids(index), [labels.index(tag) for tag in row.values["tags"]])
            for index, row in enumerate(rows)
        ]
        return datasets.Dataset.from_dict(dict(encoded))

    def compute(found: Any) -> dict[str, float]:
        return _scores(np.asarray(found.predictions).argmax(-1), np.asarray(found.label_ids), labels)

    with tempfile.TemporaryDirectory() as work:
        trainer = Trainer(
            model=model,
            args=arguments(prepared, work, prepared.adapter.metric),
            train_dataset=dataset(prepared.train.examples.rows),
            eval_dataset=dataset(prepared.validation.examples.rows),
            processing_class=tokenizer,
            data_collator=DataCollatorForTokenClassification(tokenizer),
            compute_metrics=compute,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        seconds = training_seconds(trainer.state.log_history)
        scores = trainer.predict(dataset(test), metric_key_prefix="test").metrics
    return Outcome({name: scores[f"test_{name}"] for name in ("f1", "accuracy") if f"test_{name}" in scores}, seconds)


def _first_subwords(word_ids: list[int | None], tags: list[int]) -> list[int]:
    before = [None, *word_ids[:-1]]
    return [
        IGNORED if word is None or word == previous else tags[word]
        for word, previous in zip(word_ids, before, strict=True)
    ]


def _scores(answers: np.ndarray, gold: np.ndarray, labels: tuple[str, ...]) -> dict[str, float]:
    kept = gold != IGNORED
    tags = [
        [[labels[index] for index in row[mask]] for row, mask in zip(of, kept, strict=True)] for of in (gold, answers)
    ]
    accuracy = float(accuracy_score(gold[kept], answers[kept]))
    if "O" in labels:
        return {"f1": float(entity_f1(*tags)), "accuracy": accuracy}
    return {"f1": float(f1_score(gold[kept], answers[kept], average="macro")), "accuracy": accuracy}
