"""Runs to predict with: made once, by bertkit itself, and kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from _speed.cache import cached
from _speed.checkpoints import bert_base, minilm
from bertkit import finetune
from bertkit.engine.export import MAX_DROP, check_refused, export
from bertkit.engine.run import load
from bertkit.errors import GateError

# Long enough for the mixed lengths; short rows do not notice.
LENGTH = 512
CHECKPOINTS = {"minilm": minilm, "bert-base": bert_base}


def sentiment(data: Path) -> Path:
    """Return a run of minilm on all of SST-2, trained well enough that its answers can be compared."""
    settings = ['data.names=["sentence","label"]', f"encode.max_length={LENGTH}", "adapter.threshold=off"]
    return _made("minilm", "sentiment", str(data / "sst2"), [*settings, "train.epochs=1"], int8=True)


def sentiment_base() -> Path:
    """Return a run of BERT-base's shape after a single step: only its speed means anything, so nothing is refused."""
    settings = ["adapter.threshold=off", "train.extra.max_steps=1"]
    return _made("bert-base", "sentiment", "sample", settings, int8=True, max_drop=100.0)


def entities() -> Path:
    """Return a run that finds entities."""
    return _made("minilm", "ner", "sample", ["train.epochs=1"])


def questions() -> Path:
    """Return a run that answers questions."""
    return _made("minilm", "qa", "sample", ["train.epochs=1"])


def backends(folder: Path) -> list[str]:
    """Return the names of the backends that a run can be answered by."""
    return list(dict.fromkeys(["torch", *load(folder).info.get("backends", {}).get("accepted", {})]))


def _made(
    checkpoint: str, task: str, data: str, settings: Sequence[str], *, int8: bool = False, max_drop: float = MAX_DROP
) -> Path:
    def make(folder: Path) -> None:
        model = str(CHECKPOINTS[checkpoint]())
        finetune(task, model=model, data=data, overrides=settings, output=str(folder))
        try:
            check_refused(export(folder, int8=int8, max_drop=max_drop))
        except GateError as error:
            print(f"{task}: {error.message}")

    return cached(f"run-{task}-{checkpoint}", make)
