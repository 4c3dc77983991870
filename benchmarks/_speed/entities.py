"""Finding entities in sentences: the pipeline of transformers beside bertkit."""

from __future__ import annotations

from collections.abc import Mapping

from _speed import row_sets, runs
from _speed.predictors import bertkit_sides, pipeline_side
from _speed.setup import Goal, Setup, Side, Work

SENTENCES = 256
BATCH = 32
PEER = f"pipeline, batch {BATCH}"


def work() -> Work:
    """Return the work."""
    goals = [Goal(f"bertkit, {backend}", PEER, 3.0) for backend in ("onnx", "torch")]
    return Work("entities, sentences, minilm", "sentences", goals, _open, ("ud_english_ewt",))


def _open(setup: Setup) -> Mapping[str, Side]:
    folder, texts = runs.entities(), row_sets.sentences(setup.data, setup.amount(SENTENCES))
    peer = pipeline_side(setup, "ner", folder, texts, BATCH, aggregation_strategy="simple")
    return {PEER: peer, **bertkit_sides(setup, folder, texts)}
