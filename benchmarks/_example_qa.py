"""How transformers' example for question answering looks for spans, written anew from what it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

N_BEST = 20
LONGEST_ANSWER = 30  # tokens


def spans(
    start: np.ndarray,
    end: np.ndarray,
    offsets: Sequence[Sequence[int] | None],
    most_context: Mapping[str, bool] | None = None,
) -> list[dict[str, Any]]:
    """Return the legal spans of a window among its best starts times its best ends, with their scores.

    Args:
        start: Logits, shape (tokens,).
        end: The same of the ends.
        offsets: First and last character of each token, None outside the context.
        most_context: Position to whether no other window shows more around that token.
    """
    found = []
    last_ones = np.argsort(end)[-1 : -N_BEST - 1 : -1].tolist()
    for first in np.argsort(start)[-1 : -N_BEST - 1 : -1].tolist():
        for last in last_ones:
            if first >= len(offsets) or last >= len(offsets):
                continue
            begin, stop = offsets[first], offsets[last]
            if begin is None or stop is None or last < first or last - first + 1 > LONGEST_ANSWER:
                continue
            if most_context is not None and not most_context.get(str(first), False):
                continue
            score = start[first] + end[last]
            found.append({"offsets": (begin[0], stop[1]), "score": score, "start": start[first], "end": end[last]})
    return found
