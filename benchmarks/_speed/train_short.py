"""Training on short sentences: the example script's three ways to pad and draw, beside bertkit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import torch
from _rows import of
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    default_data_collator,
)

from _speed.encoder_side import SETTINGS, encoder_side
from _speed.setup import Goal, Setup, Side, Work
from _speed.trainer_side import trainer_side
from bertkit.engine.prepare import Prepared, prepare
from bertkit.engine.request import Request, resolve

LENGTH = 128
KEPT, GROUPED = "bertkit, batch 32", "bertkit, batch 8, group_by_length"
BATCHES = {KEPT: 32, GROUPED: 8}
PADDED, DYNAMIC, BY_LENGTH = "padded to 128", "dynamic padding", "group_by_length"
GOALS = {PADDED: 5.0, DYNAMIC: 1.8, BY_LENGTH: 1.5}
FILES = ("sst2/train.tsv", "sst2/dev.tsv")
OVERRIDES = ('data.names=["sentence","label"]', f"encode.max_length={LENGTH}", *SETTINGS)


def work(checkpoint: Callable[[], Path], name: str, width: int, rows: int, padded_rows: int) -> Work:
    """Return the work for one checkpoint.

    Args:
        checkpoint: Gives its folder.
        name: Of the checkpoint in the table.
        width: Its hidden size.
        rows: Timed in one round.
        padded_rows: The same of the slowest side, all of whose steps cost the same.
    """
    goals = [
        Goal(ours, f"Trainer, batch {BATCHES[ours]}, {theirs}", ratio)
        for ours in (KEPT, GROUPED)
        for theirs, ratio in GOALS.items()
    ]
    opened = partial(_open, checkpoint, rows, padded_rows)
    return Work(f"train, SST-2 lengths, {name}", "tokens", goals, opened, FILES, width)


def _open(checkpoint: Callable[[], Path], rows: int, padded_rows: int, setup: Setup) -> Mapping[str, Side]:
    folder = str(checkpoint())
    sides: dict[str, Side] = {}
    for ours, batch in BATCHES.items():
        steps = max(setup.amount(rows) // batch, 1)
        overrides = [*OVERRIDES, f"train.batch_size={batch}"]
        if ours == GROUPED:
            overrides.append("train.group_by_length=true")
        request = Request("sentiment", model=folder, data=str(setup.data / "sst2"), overrides=overrides)
        prepared = prepare(resolve(request))
        sides[ours] = encoder_side(setup, prepared, steps)
        padded_steps = max(setup.amount(padded_rows) // batch, 1)
        sides |= _trainers(setup, prepared, batch, {PADDED: padded_steps, DYNAMIC: steps, BY_LENGTH: steps})
    return sides


def _trainers(setup: Setup, prepared: Prepared, batch: int, steps: Mapping[str, int]) -> dict[str, Side]:
    folder = prepared.checkpoint.folder
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = of(prepared.train, prepared.adapter)
    plain = datasets.Dataset.from_dict({"sentence": rows.texts, "label": rows.targets.tolist()})
    ragged = plain.map(partial(_tokenize, tokenizer, False), batched=True)
    side = partial(
        trainer_side,
        setup,
        partial(AutoModelForSequenceClassification.from_pretrained, folder, num_labels=2, dtype=torch.float32),
        lengths=[len(ids) for ids in ragged["input_ids"]],
        tokenizer=tokenizer,
        batch=batch,
    )
    padded = plain.map(partial(_tokenize, tokenizer, "max_length"), batched=True)
    to_longest = DataCollatorWithPadding(tokenizer)
    found = {
        PADDED: side(dataset=padded, collator=default_data_collator, steps=steps[PADDED]),
        DYNAMIC: side(dataset=ragged, collator=to_longest, steps=steps[DYNAMIC]),
        BY_LENGTH: side(dataset=ragged, collator=to_longest, steps=steps[BY_LENGTH], order="group_by_length"),
    }
    return {f"Trainer, batch {batch}, {name}": each for name, each in found.items()}


def _tokenize(tokenizer: Any, padding: str | bool, batch: Mapping[str, Any]) -> Any:
    return tokenizer(batch["sentence"], padding=padding, max_length=LENGTH, truncation=True)
