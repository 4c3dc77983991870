"""Texts to token ids: `datasets.map` with a fast tokenizer of transformers beside bertkit's encoder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import datasets
from transformers import AutoTokenizer

from _speed.checkpoints import minilm
from _speed.setup import Goal, Reading, Setup, Side, Work
from bertkit import adapters
from bertkit.data.examples import Example
from bertkit.engine.family import longest_input
from bertkit.engine.tokenizer import load_encoder
from bertkit.recipe.schema import EncodeSettings

FILE = "sst2/train.tsv"
ROWS = 20_000
LENGTH = 128
OURS, THEIRS = "bertkit", "datasets.map, batched"


def work() -> Work:
    """Return the work."""
    return Work("tokenising, short rows", "rows", [Goal(OURS, THEIRS, 2.0)], _open, (FILE,))


def _open(setup: Setup) -> Mapping[str, Side]:
    texts = _texts(setup.data / FILE, setup.amount(ROWS))
    return {OURS: _encoder(setup, texts), THEIRS: _map(setup, texts)}


def _texts(path: Path, count: int) -> list[str]:
    """Return rows of a file, several times where it holds fewer, each with a number of its own."""
    lines = [line.rpartition("\t")[0] for line in path.read_text(encoding="utf-8").splitlines()]
    return [f"{lines[position % len(lines)]} {position}" for position in range(count)]


def _encoder(setup: Setup, texts: list[str]) -> Side:
    adapter = adapters.create("sequence-classification", {})
    encoder = load_encoder(minilm(), EncodeSettings(max_length=LENGTH), longest_input(minilm()))
    examples = [Example("row", line, {"text": text}) for line, text in enumerate(texts, 1)]

    def encode() -> Reading:
        started = setup.clock()
        adapter.encode(examples, encoder, targets=False)
        return Reading(len(texts), setup.clock() - started)

    return encode


def _map(setup: Setup, texts: list[str]) -> Side:
    tokenizer = AutoTokenizer.from_pretrained(minilm())
    rows = datasets.Dataset.from_dict({"text": texts})

    def tokenize(batch: Mapping[str, Any]) -> Any:
        return tokenizer(batch["text"], truncation=True, max_length=LENGTH)

    def encode() -> Reading:
        started = setup.clock()
        rows.map(tokenize, batched=True)
        return Reading(len(texts), setup.clock() - started)

    return encode
