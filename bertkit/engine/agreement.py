"""How alike backends answer, and what one of them loses against the weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from bertkit.adapters import Adapter
from bertkit.adapters._encoder import Window
from bertkit.data.examples import Example
from bertkit.data.metrics import smaller_is_better
from bertkit.engine.side_by_side import Side

# Numbers as answers are the same if they differ by less than their thousandth part.
CLOSE = 1e-3


def compare(
    sides: Mapping[str, Side],
    adapter: Adapter,
    windows: Sequence[Window],
    examples: Sequence[Example],
    metric: str,
    reference: str = "torch",
) -> dict[str, dict[str, float]]:
    """Return what each backend is worth on labelled rows.

    Args:
        sides: What they did, by name.
        adapter: Decodes and scores.
        windows: Of the rows.
        examples: The rows.
        metric: The score that selected the best epoch.
        reference: The backend that the others are compared with.

    Returns:
        For each backend the share of rows with the same answer (agreement, 0..1), its score, the points it loses
        (hundredths; for errors per cent of the reference's) and the windows it answers in a second.
    """
    records = {name: adapter.decode(side.logits, windows, len(examples)) for name, side in sides.items()}
    scores = {name: adapter.score(own, examples)[metric] for name, own in records.items()}
    wanted = [record.answer for record in records[reference]]
    return {
        name: {
            "agreement": _share([same(record.answer, answer) for record, answer in zip(own, wanted, strict=True)]),
            "score": scores[name],
            "points_lost": points_lost(metric, scores[reference], scores[name]),
            "windows_per_second": sides[name].windows_per_second,
        }
        for name, own in records.items()
    }


def same(answer: Any, other: Any) -> bool:
    """Tell whether two answers say the same; how sure a part of an answer is does not count."""
    if isinstance(answer, float) and isinstance(other, float):
        both_nan = math.isnan(answer) and math.isnan(other)
        return both_nan or math.isclose(answer, other, rel_tol=CLOSE, abs_tol=CLOSE)
    return bool(_without_scores(answer) == _without_scores(other))


def points_lost(metric: str, before: float, after: float) -> float:
    """Return how many hundredths a metric is worse than before; less than nothing if it is better.

    An error has the unit of what is measured, so its hundredths are those of the error before.
    """
    if math.isnan(before) and math.isnan(after):
        return 0.0
    if math.isnan(before) or math.isnan(after):
        return math.inf
    if not smaller_is_better(metric):
        return 100 * (before - after)
    return 100 * (after - before) / before if before else (math.inf if after else 0.0)


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags)


def _without_scores(answer: Any) -> Any:
    if isinstance(answer, Mapping):
        return {key: _without_scores(part) for key, part in answer.items() if not isinstance(part, float)}
    return [_without_scores(part) for part in answer] if isinstance(answer, list) else answer
