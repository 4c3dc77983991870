"""Questions and contexts in, answers out: the example script's predict loop beside bertkit."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import datasets
import torch
from qa_decoding import example_decoding
from transformers import (
    AutoModelForQuestionAnswering,
    AutoTokenizer,
    PrinterCallback,
    Trainer,
    TrainingArguments,
    default_data_collator,
)

from _speed import row_sets, runs
from _speed.example_features import LENGTH, prediction_features
from _speed.predictors import bertkit_sides
from _speed.setup import Goal, Reading, Setup, Side, Work

QUESTIONS = 64
# The default of the Trainer.
BATCH = 8
PEER = f"Trainer.predict, batch {BATCH}, padded to {LENGTH}, and its loops"


def work() -> Work:
    """Return the work."""
    goals = [Goal(f"bertkit, {backend}", PEER, 2.5) for backend in ("onnx", "torch")]
    files = ("squad_v2_cs224n/dev-v2.0.json",)
    return Work("questions, end to end, minilm", "questions", goals, _open, files, exact="bertkit, torch")


def _open(setup: Setup) -> Mapping[str, Side]:
    folder, rows = runs.questions(), row_sets.questions(setup.data, setup.amount(QUESTIONS))
    texts = [{"question": row["question"], "context": row["context"]} for row in rows]
    return {PEER: _trainer(setup, folder, rows), **bertkit_sides(setup, folder, texts)}


def _trainer(setup: Setup, folder: Path, rows: Sequence[Mapping[str, str]]) -> Side:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForQuestionAnswering.from_pretrained(folder, dtype=torch.float32)
    examples = datasets.Dataset.from_list([dict(row) for row in rows])
    with tempfile.TemporaryDirectory() as work:
        args = TrainingArguments(
            output_dir=work,
            per_device_eval_batch_size=BATCH,
            disable_tqdm=True,
            report_to=[],
            dataloader_pin_memory=False,
        )
        trainer = Trainer(model=model, args=args, processing_class=tokenizer, data_collator=default_data_collator)
    trainer.remove_callback(PrinterCallback)

    def predict() -> Reading:
        started = setup.clock()
        features = prediction_features(tokenizer, examples)
        starts, ends = trainer.predict(features).predictions[:2]
        found = example_decoding(examples, features, starts, ends)
        seconds = setup.clock() - started
        # The run always answers, so the script would be told that there are no questions without an answer.
        best = [next((span["text"] for span in spans if span["text"]), "") for _, spans in found]
        return Reading(len(rows), seconds, answers=best)

    return predict
