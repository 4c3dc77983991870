"""Loaded models that answer texts: pipelines of transformers, and bertkit with one backend or another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from _speed.arithmetic import forward_flop
from _speed.runs import backends
from _speed.setup import Reading, Setup, Side
from bertkit.data.examples import Example
from bertkit.engine.predictor import load_run

WARM_UP = 8
Text = str | Mapping[str, str]


def pipeline_side(
    setup: Setup,
    task: str,
    folder: Path,
    texts: Sequence[str],
    batch: int,
    answer: Callable[[Any], str] = str,
    **options: Any,
) -> Side:
    """Return a side that answers texts by a pipeline that is loaded.

    Args:
        setup: Gives the clock.
        task: Of the pipeline.
        folder: Of the run: its weights, tokenizer and label names.
        texts: What is answered.
        batch: Texts that go through the model together.
        answer: From what the pipeline gives for one text to what is compared.
        options: Of the pipeline.
    """
    from transformers import pipeline

    pipe = pipeline(task, model=str(folder), device="cpu", batch_size=batch, **options)
    pipe(list(texts[:WARM_UP]))

    def predict() -> Reading:
        started = setup.clock()
        found = pipe(list(texts))
        seconds = setup.clock() - started
        return Reading(len(texts), seconds, answers=[answer(each) for each in found])

    return predict


def bertkit_sides(setup: Setup, folder: Path, texts: Sequence[Text]) -> dict[str, Side]:
    """Return a side for every backend that the run has; each answers through `load_run(...).predict(texts)`.

    Args:
        setup: Gives the clock.
        folder: Of the run.
        texts: What is answered.
    """
    return {f"bertkit, {name}": _bertkit_side(setup, folder, texts, name) for name in backends(folder)}


def _bertkit_side(setup: Setup, folder: Path, texts: Sequence[Text], backend: str) -> Side:
    predictor = load_run(folder, backend=backend)
    predictor.predict(texts[:WARM_UP])
    roles = [text if isinstance(text, Mapping) else {"text": text} for text in texts]
    examples = [Example("row", line, dict(values)) for line, values in enumerate(roles, 1)]
    windows = predictor.adapter.encode(examples, predictor.encoder, targets=False).windows
    flop = forward_flop(folder, [window.input_ids.size for window in windows])

    def predict() -> Reading:
        started = setup.clock()
        records = predictor.predict(texts)
        return Reading(len(texts), setup.clock() - started, flop, [str(record.answer) for record in records])

    return predict
