"""Training on questions of SQuAD's lengths: the example script, padded to 384, beside bertkit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from transformers import AutoModelForQuestionAnswering, AutoTokenizer, default_data_collator

from _speed.checkpoints import minilm
from _speed.encoder_side import SETTINGS, encoder_side
from _speed.example_features import LENGTH, STRIDE, training_features
from _speed.setup import Goal, Setup, Side, Work
from _speed.trainer_side import trainer_side
from bertkit.engine.prepare import Prepared, prepare
from bertkit.engine.request import Request, resolve

FILE = "xquad_en/xquad.en.json"
# The example script's default.
BATCH = 8
ROWS, PADDED_ROWS = 64, 16
OURS, THEIRS = f"bertkit, batch {BATCH}", f"Trainer, batch {BATCH}, padded to {LENGTH}"


def work() -> Work:
    """Return the work."""
    return Work("train, lengths of SQuAD, minilm", "tokens", [Goal(OURS, THEIRS, 2.5)], _open, (FILE,))


def _open(setup: Setup) -> Mapping[str, Side]:
    settings = [f"encode.max_length={LENGTH}", f"encode.stride={STRIDE}", f"train.batch_size={BATCH}", *SETTINGS]
    prepared = prepare(resolve(Request("qa", model=str(minilm()), data=str(setup.data / FILE), overrides=settings)))
    steps = max(setup.amount(ROWS) // BATCH, 1)
    return {OURS: encoder_side(setup, prepared, steps), THEIRS: _trainer(setup, prepared)}


def _trainer(setup: Setup, prepared: Prepared) -> Side:
    folder = prepared.checkpoint.folder
    tokenizer = AutoTokenizer.from_pretrained(folder)
    examples = [row.values for row in prepared.train.examples.rows]
    rows = [{"question": row["question"], "context": row["context"], **_place(row["answers"][0])} for row in examples]
    features = training_features(tokenizer, rows)
    return trainer_side(
        setup,
        partial(AutoModelForQuestionAnswering.from_pretrained, folder, dtype=torch.float32),
        features,
        [sum(mask) for mask in features["attention_mask"]],
        tokenizer=tokenizer,
        collator=default_data_collator,
        batch=BATCH,
        steps=max(setup.amount(PADDED_ROWS) // BATCH, 1),
    )


def _place(answer: Mapping[str, str | int]) -> dict[str, int]:
    start = int(answer["start"])
    return {"start": start, "end": start + len(str(answer["text"]))}
