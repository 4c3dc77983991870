"""The peer to beat: Trainer of transformers, written with care from its documentation."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

import datasets
import numpy as np
import torch
from _rows import Rows, of
from _run import Outcome, arguments, training_seconds
from _scores import METRICS, scores, tuned_answers
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    EarlyStoppingCallback,
    EvalPrediction,
    PrinterCallback,
    Trainer,
    set_seed,
)

from bertkit.engine.prepare import Prepared

PROBLEMS = {
    "single": "single_label_classification",
    "multi": "multi_label_classification",
    "number": "regression",
}
Padding = Literal["longest", "max_length"]


def train(prepared: Prepared, *, padding: Padding, select_best: bool) -> Outcome:
    """Train on the rows, checkpoint and hyperparameters of a recipe.

    Args:
        prepared: With every "auto" decided.
        padding: "longest" pads each batch, "max_length" all rows to the recipe's length.
        select_best: Whether to score and save every epoch, stop early and keep the best one.
    """
    adapter, folder = prepared.adapter, prepared.checkpoint.folder
    kind = adapter.settings.labels
    set_seed(prepared.recipe.train.seed)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=len(adapter.labels), problem_type=PROBLEMS[kind], dtype=torch.float32
    )
    tokenize = _tokenizer(tokenizer, min(prepared.recipe.encode.max_length, prepared.limit), padding)
    with tempfile.TemporaryDirectory() as work:
        trainer = Trainer(
            model=model,
            args=arguments(prepared, work, METRICS[kind][0] if select_best else None),
            train_dataset=_dataset(of(prepared.train, adapter), tokenize),
            eval_dataset=_dataset(of(prepared.validation, adapter), tokenize),
            processing_class=tokenizer,
            data_collator=DataCollatorWithPadding(tokenizer),
            compute_metrics=partial(_compute, prepared),
            callbacks=[EarlyStoppingCallback(prepared.recipe.train.patience)] if select_best else [],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        found = trainer.evaluate()
    return Outcome({name: found[f"eval_{name}"] for name in METRICS[kind]}, training_seconds(trainer.state.log_history))


def _tokenizer(tokenizer: Any, max_length: int, padding: Padding) -> Callable[[Mapping[str, Any]], Any]:
    def tokenize(batch: Mapping[str, Any]) -> Any:
        return tokenizer(
            batch["text"],
            batch.get("text_pair"),
            truncation=True,
            max_length=max_length,
            padding=False if padding == "longest" else padding,
        )

    return tokenize


def _dataset(rows: Rows, tokenize: Callable[[Mapping[str, Any]], Any]) -> datasets.Dataset:
    columns = {"text": rows.texts, "labels": rows.targets.tolist()}
    if rows.pairs is not None:
        columns["text_pair"] = rows.pairs
    return datasets.Dataset.from_dict(columns).map(tokenize, batched=True)


def _compute(prepared: Prepared, found: EvalPrediction) -> dict[str, float]:
    kind = prepared.adapter.settings.labels
    logits = np.asarray(found.predictions)
    if kind == "multi":
        answer = tuned_answers(prepared, logits)
    else:
        answer = logits.argmax(-1) if kind == "single" else logits.reshape(len(logits), -1)[:, 0]
    return scores(kind, np.asarray(found.label_ids), answer)
