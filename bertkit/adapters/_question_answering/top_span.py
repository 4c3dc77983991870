"""The best span of each text and its probability, without a list of the others."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bertkit.adapters._question_answering.spans import Stretches, ahead, best_spans, log_totals, padded


@dataclass(frozen=True)
class TopSpan:
    """The best span of every row.

    Args:
        start: Position of the first token in the arrays of the runs, -1 where there is no span, shape (rows,).
        end: Position of the last token, same shape.
        probability: Of the span among all legal spans of the row and no answer, same shape.
        null_probability: Of no answer, same shape.
        null_difference: Log-odds of no answer against the span, inf without a span, same shape.
    """

    start: np.ndarray
    end: np.ndarray
    probability: np.ndarray
    null_probability: np.ndarray
    null_difference: np.ndarray


def top_spans(runs: Stretches, null: np.ndarray, longest: int, n: int) -> TopSpan:
    """Return the first of the spans that `best_spans` would list for each row.

    Args:
        runs: What the windows of all rows show.
        null: Score of no answer of each row, shape (rows,), -inf where there always is one.
        longest: Tokens of the longest legal span.
        n: How many spans of each window compete where a row has several.
    """
    rows = len(null)
    top = TopSpan(np.full(rows, -1), np.full(rows, -1), np.zeros(rows), np.zeros(rows), np.full(rows, np.inf))
    alone = np.bincount(runs.row, minlength=rows) == 1
    for lines, start, end in padded(runs, np.flatnonzero(alone[runs.row] & (runs.length > 0)), longest):
        _fill_alone(top, runs, null, lines, start, end, longest)
    if (others := np.flatnonzero(~alone)).size:
        _fill_others(top, runs, null, others, longest, n)
    return top


def _fill_alone(
    top: TopSpan, runs: Stretches, null: np.ndarray, lines: np.ndarray, start: np.ndarray, end: np.ndarray, longest: int
) -> None:
    best = (start + ahead(end, longest, np.maximum))[:, : start.shape[1] - longest + 1]
    first = best.argmax(axis=1)
    line = np.arange(len(lines))
    last = first + end[line[:, None], first[:, None] + np.arange(longest)].argmax(axis=1)
    score = np.add(start[line, first], end[line, last], dtype=np.float64)
    row, base = runs.row[lines], runs.base[lines]
    total = np.logaddexp(np.maximum(log_totals(start, end, longest), score), null[row])
    found = np.isfinite(score)
    top.start[row] = np.where(found, base + first, -1)
    top.end[row] = np.where(found, base + last, -1)
    with np.errstate(invalid="ignore"):
        top.probability[row] = np.where(found, np.exp(score - total), 0.0)
        top.null_probability[row] = np.where(np.isfinite(null[row]), np.exp(null[row] - total), 0.0)
        top.null_difference[row] = np.where(found, null[row] - score, np.inf)


def _fill_others(top: TopSpan, runs: Stretches, null: np.ndarray, others: np.ndarray, longest: int, n: int) -> None:
    place = np.full(len(null), -1)
    place[others] = np.arange(len(others))
    kept = place[runs.row] >= 0
    own = replace(
        runs,
        base=runs.base[kept],
        length=runs.length[kept],
        first=runs.first[kept],
        row=place[runs.row[kept]],
    )
    best = best_spans(own, null[others], longest, n)
    some = np.diff(best.bounds) > 0
    first = best.bounds[:-1][some]
    top.start[others[some]], top.end[others[some]] = best.start[first], best.end[first]
    top.probability[others[some]] = best.probability[first]
    top.null_probability[others] = best.null_probability
    top.null_difference[others] = best.null_difference
