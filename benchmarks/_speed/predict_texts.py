"""Answering short and mixed texts: a text-classification pipeline beside bertkit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from _speed import row_sets, runs
from _speed.predictors import bertkit_sides, pipeline_side
from _speed.setup import Goal, Setup, Side, Work

BATCHES = (1, 32)
PEERS = {batch: f"pipeline, batch {batch}" for batch in BATCHES}
FILE = "sst2/test.tsv"
Draw = Callable[[Path, int], Sequence[str]]


def short() -> Work:
    """Return the work on short rows."""
    int8 = Goal("bertkit, onnx-int8", PEERS[1], 7.5)
    return _work("predict, short rows, minilm", {1: 5.0, 32: 2.7}, row_sets.short, 512, int8)


def short_base() -> Work:
    """Return the work on short rows with BERT-base's shape."""
    goals = [*_goals({1: 5.0, 32: 2.7}), Goal("bertkit, onnx-int8", PEERS[1], 7.5)]
    opened = partial(_open, lambda _: runs.sentiment_base(), row_sets.short, 64)
    return Work("predict, short rows, BERT-base", "rows", goals, opened, (FILE,), 768)


def mixed() -> Work:
    """Return the work on rows of mixed lengths."""
    return _work("predict, mixed lengths, minilm", {1: 1.5, 32: 6.5}, row_sets.mixed, 128)


def _work(title: str, ratios: Mapping[int, float], draw: Draw, rows: int, *more: Goal) -> Work:
    opened = partial(_open, runs.sentiment, draw, rows)
    files = (FILE, "sst2/train.tsv", "books_public_domain")
    return Work(title, "rows", [*_goals(ratios), *more], opened, files, exact="bertkit, torch")


def _goals(ratios: Mapping[int, float]) -> list[Goal]:
    return [
        Goal(f"bertkit, {backend}", PEERS[batch], ratio)
        for backend in ("onnx", "torch")
        for batch, ratio in ratios.items()
    ]


def _open(run: Callable[[Path], Path], draw: Draw, rows: int, setup: Setup) -> Mapping[str, Side]:
    folder, texts = run(setup.data), draw(setup.data, setup.amount(rows))
    options: dict[str, Any] = {"truncation": True, "max_length": runs.LENGTH}
    pipelines = {
        PEERS[batch]: pipeline_side(
            setup, "text-classification", folder, texts, batch, lambda found: str(found["label"]), **options
        )
        for batch in BATCHES
    }
    return {**pipelines, **bertkit_sides(setup, folder, texts)}
