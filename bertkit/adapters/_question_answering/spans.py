"""The best spans of many texts at once, with probabilities over all legal spans."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

# Padded tokens searched at once: the arrays of so many stay in the cache.
CHUNK = 1 << 16
# Below this share of the best start times the best end, float32 has lost what else there is.
FAINT = 1e-20
# A span as one number: row, first token, last token.
BITS = 21
TOKENS = (1 << BITS) - 1


@dataclass(frozen=True)
class Stretches:
    """Runs of neighbouring tokens, one after the other; no span crosses from one to the next.

    Args:
        starts: Score of beginning at each token, -inf where no answer may begin, shape (tokens,), float32.
        ends: Score of ending there, same shape.
        base: Where each run begins, shape (runs,).
        length: Tokens of each run, shape (runs,).
        first: Position of each run's first token in its row's text, shape (runs,); neighbouring windows share tokens.
        row: Row of each run, shape (runs,).
    """

    starts: np.ndarray
    ends: np.ndarray
    base: np.ndarray
    length: np.ndarray
    first: np.ndarray
    row: np.ndarray


@dataclass(frozen=True)
class Best:
    """The best spans of all rows, row by row, the most probable first.

    Args:
        bounds: Row r has the spans bounds[r] to bounds[r + 1], shape (rows + 1,).
        start: Position of the first token in the arrays of the runs, shape (spans,).
        end: Position of the last token in the arrays of the runs, shape (spans,).
        probability: Of the span among all legal spans of the row and no answer, shape (spans,).
        null_probability: Of no answer, shape (rows,).
        null_difference: Log-odds of no answer against the best span, inf without a span, shape (rows,).
    """

    bounds: np.ndarray
    start: np.ndarray
    end: np.ndarray
    probability: np.ndarray
    null_probability: np.ndarray
    null_difference: np.ndarray


def best_spans(runs: Stretches, null: np.ndarray, longest: int, n: int) -> Best:
    """Return the n best spans of every row.

    Every window may list its n best. A span that several windows of a row show counts with the sum of its
    probabilities there, and so does it in the list.

    Args:
        runs: What the windows of all rows show.
        null: Score of no answer of each row, shape (rows,), -inf where there always is one.
        longest: Tokens of the longest legal span.
        n: Spans of a row to list.
    """
    rows = len(null)
    start, end, run, log_total = _search(runs, longest, n)
    top = null.copy()
    np.maximum.at(top, runs.row[run], _scores(runs, start, end))
    top = np.where(np.isfinite(top), top, 0.0)
    row, start, end, weight = _merged(runs, start, end, run, top)
    # By row, in a row by weight; the logarithms of weights span less than a thousand.
    order = np.argsort(1000.0 * row - np.log(np.maximum(weight, 1e-300)), kind="stable")
    row, start, end, weight = row[order], start[order], end[order], weight[order]
    bounds = np.searchsorted(row, np.arange(rows + 1))
    null_weight = np.exp(null - top)
    total = np.bincount(runs.row, np.exp(log_total - top[runs.row]), minlength=rows)
    # Far below the best start and the best end of a row, the total of its spans is lost; the listed ones are not.
    total = null_weight + np.maximum(total, np.bincount(row, weight, minlength=rows))
    with np.errstate(divide="ignore", invalid="ignore"):
        heaviest = np.append(weight, 0.0)[np.where(np.diff(bounds) > 0, bounds[:-1], len(weight))]
        difference = np.where(heaviest > 0, null - top - np.log(heaviest), np.inf)
        null_probability = np.where(total > 0, null_weight / total, 0.0)
    listed = np.arange(len(row)) - bounds[row] < n
    bounds = np.searchsorted(row[listed], np.arange(rows + 1))
    probability = weight[listed] / total[row[listed]]
    return Best(bounds, start[listed], end[listed], probability, null_probability, difference)


def slide(values: np.ndarray, width: int, combine: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Combine every value with the width - 1 that follow it, in about 2 log2(width) steps.

    Args:
        values: Shape (tokens,).
        width: At least 1, and no more than tokens.
        combine: np.maximum, np.add or the like.

    Returns:
        Shape (tokens - width + 1,).
    """
    size = len(values) - width + 1
    result: np.ndarray | None = None
    block, done, reach = values, 0, 1
    while True:
        if width & reach:
            part = block[done : done + size]
            result = part if result is None else combine(result, part)
            done += reach
        if done == width and result is not None:
            return result
        block = combine(block[:-reach], block[reach:])
        reach *= 2


def _search(runs: Stretches, longest: int, n: int) -> tuple[np.ndarray, ...]:
    """Return first and last token and run of the n best spans of every run, and the log of its total."""
    log_total = np.full(len(runs.base), -np.inf)
    found: list[tuple[np.ndarray, ...]] = [(np.zeros(0, np.int64),) * 3]
    for lines, start, end in padded(runs, np.flatnonzero(runs.length), longest):
        log_total[lines] = log_totals(start, end, longest)
        line, first, last = _top(start, end, longest, n)
        base = runs.base[lines[line]]
        found.append((base + first, base + last, lines[line]))
    first, last, run = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return first, last, run, log_total


def padded(runs: Stretches, which: np.ndarray, longest: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield runs of similar length as lines of one array, so many that it stays small.

    Args:
        runs: All runs.
        which: Those wanted, none of them empty, shape (wanted,).
        longest: Tokens of the longest legal span; so many illegal ones follow each run that no span reaches the next.

    Yields:
        The runs of the lines, and their scores of start and end, shape (lines, longest run + longest - 1).
    """
    starts, ends = (np.append(scores, np.float32(-np.inf)) for scores in (runs.starts, runs.ends))
    order = which[np.argsort(-runs.length[which], kind="stable")]
    while order.size:
        size = max(CHUNK // int(runs.length[order[0]]), 1)
        lines, order = order[:size], order[size:]
        base, length = runs.base[lines, None], runs.length[lines, None]
        place = np.arange(int(length[0, 0]) + longest - 1)
        place = np.where(place < length, base + place, len(runs.starts))
        yield lines, starts.take(place), ends.take(place)


def log_totals(start: np.ndarray, end: np.ndarray, longest: int, exact: type = np.float32) -> np.ndarray:
    """Return the logarithm of the sum of exp(score) over all legal spans of each line.

    Args:
        start: Scores from `padded`, shape (lines, tokens).
        end: The same.
        longest: Tokens of the longest legal span.
        exact: The type to compute in.
    """
    top_start, top_end = (_finite(scores.max(axis=1, keepdims=True)) for scores in (start, end))
    weights = np.exp(end - top_end, dtype=exact)
    totals = np.einsum("lt,lt->l", np.exp(start - top_start, dtype=exact), ahead(weights, longest, np.add))
    with np.errstate(divide="ignore"):
        found = np.asarray(np.log(totals) + top_start[:, 0] + top_end[:, 0], np.float64)
    # The best start and the best end may never meet; float64 reaches further down.
    lost = np.flatnonzero(totals < FAINT) if exact is np.float32 else ()
    if len(lost):
        found[lost] = log_totals(start[lost], end[lost], longest, np.float64)
    return found


def _top(start: np.ndarray, end: np.ndarray, longest: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return line, first and last token of the n best spans of every line, and of those as good as the last of them.

    They begin at the n tokens whose own best spans are best: any other token has n better spans before it.
    """
    lines, width = start.shape
    best = (start + ahead(end, longest, np.maximum))[:, : width - longest + 1]
    rest = max(best.shape[1] - n, 0)
    first = np.argpartition(best, rest, axis=1)[:, rest:] + width * np.arange(lines)[:, None]
    scores = start.ravel()[first][:, :, None] + sliding_window_view(end.ravel(), longest)[first]
    scores = scores.reshape(lines, -1)
    rest = max(scores.shape[1] - n, 0)
    lowest = np.partition(scores, rest, axis=1)[:, rest, None]
    chosen = np.flatnonzero(scores >= np.maximum(lowest, np.finfo(scores.dtype).min))
    line = chosen // scores.shape[1]
    begin = first.ravel()[chosen // longest] - width * line
    return line, begin, begin + chosen % longest


def ahead(values: np.ndarray, longest: int, combine: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Combine each token with the ends that a span from it may have; behind a run the values mean nothing."""
    flat = slide(np.append(values, np.zeros(longest - 1, values.dtype)), longest, combine)
    return flat.reshape(values.shape)


def _merged(
    runs: Stretches, start: np.ndarray, end: np.ndarray, run: np.ndarray, top: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Return each span once: row, first and last token, and exp(score - top) summed over the runs that show it."""
    skipped = runs.first[run] - runs.base[run]
    key = (runs.row[run] << (2 * BITS)) + ((start + skipped) << BITS) + end + skipped
    key, kept = np.unique(key, return_index=True)
    start, end, row = start[kept], end[kept], key >> (2 * BITS)
    by_row = np.argsort(runs.row, kind="stable")
    count = np.bincount(runs.row, minlength=len(top))
    shown = count[row]
    # Every span beside every run of its row.
    span = np.repeat(np.arange(len(key)), shown)
    within = np.arange(len(span)) - np.repeat(np.cumsum(shown) - shown, shown)
    other = by_row[(np.cumsum(count) - count)[row][span] + within]
    first, last = (((key >> shift) & TOKENS)[span] - runs.first[other] for shift in (BITS, 0))
    inside = (first >= 0) & (last < runs.length[other])
    span, first, last = span[inside], (first + runs.base[other])[inside], (last + runs.base[other])[inside]
    weight = np.exp(_scores(runs, first, last) - top[row[span]])
    return row, start, end, np.bincount(span, weight, minlength=len(key))


def _scores(runs: Stretches, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    return np.asarray(np.add(runs.starts[start], runs.ends[end], dtype=np.float64))


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, 0.0)
