"""What the windows of a pair show of the second text: where answers may begin and end, and where the gold ones do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bertkit.adapters._encoder import View, Window
from bertkit.adapters._question_answering.spans import Stretches

ILLEGAL = -1.0


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a context.

    Args:
        ids: Token ids, shape (tokens,).
        edges: First character of each token and the one after its last, white space left out, shape (tokens, 2).
        legal: The same where an answer may begin (end) with the token, else -1, same shape.
    """

    ids: np.ndarray
    edges: np.ndarray
    legal: np.ndarray

    @classmethod
    def of(cls, context: str, ids: np.ndarray, offsets: np.ndarray) -> Tokens:
        """Trim white space off the tokens of a context, and let no answer begin or end within a character."""
        ink = ~np.fromiter(map(str.isspace, context), bool, len(context))
        place = np.arange(len(context))
        following = np.minimum.accumulate(np.append(np.where(ink, place, len(context)), len(context))[::-1])[::-1]
        before = np.maximum.accumulate(np.append(0, np.where(ink, place + 1, 0)))
        begin, stop = following[offsets[:, 0]], before[offsets[:, 1]]
        some = begin < stop
        # Tokens of bytes share the character that they are parts of.
        whole_begin = some & (np.append(0, stop[:-1]) <= begin)
        whole_stop = some & (np.append(begin[1:], len(context)) >= stop)
        edges = np.stack([begin, stop], axis=1)
        legal = np.where(np.stack([whole_begin, whole_stop], axis=1), edges, -1)
        return cls(ids, edges, legal.astype(np.int32))

    def span(self, start: int, end: int) -> tuple[int, int] | None:
        """Return the first and last token of the characters from start to before end; None: no token holds them."""
        first = int(np.searchsorted(self.edges[:, 1], start, side="right"))
        last = int(np.searchsorted(self.edges[:, 0], end, side="left")) - 1
        return (first, last) if first <= last else None

    def is_legal(self, span: tuple[int, int]) -> bool:
        """Tell whether an answer may begin and end with the first and last token of a span."""
        return bool(self.legal[span[0], 0] >= 0 and self.legal[span[1], 1] >= 0)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a window shows of its context.

    Args:
        context: The whole text, from which answers are cut.
        legal: See Tokens; -1 for tokens that are not of the context, shape (window, 2).
        runs: First position in the window, number of tokens, and first token in the context of each run of
            neighbours, shape (runs, 3); only a window without the middle of a text has more than one.
    """

    context: str
    legal: np.ndarray
    runs: np.ndarray

    @classmethod
    def of(cls, context: str, tokens: Tokens, view: View) -> Shown:
        """Pick the tokens of a view."""
        kept = view.kept
        legal = np.full((view.input_ids.size, 2), -1, np.int32)
        legal[view.start : view.start + kept.size] = tokens.legal[kept]
        place = np.append(0, np.flatnonzero(np.diff(kept) != 1) + 1)[: kept.size]
        length = np.diff(np.append(place, kept.size))
        return cls(context, legal, np.stack([view.start + place, length, kept[place]], axis=1))

    def position(self, span: tuple[int, int]) -> tuple[int, int] | None:
        """Return where the first and last token of a span stand in the window; None: it does not hold them all."""
        for place, length, first in self.runs.tolist():
            if first <= span[0] and span[1] < first + length:
                return place + span[0] - first, place + span[1] - first
        return None


def target(spans: Iterable[tuple[int, int]], shown: Shown) -> np.ndarray | None:
    """Return the positions of the answers that a window holds, one of each annotator, shape (answers, 2); None: none.

    Args:
        spans: First and last token of each answer, where an answer may begin and end.
        shown: What the window shows.
    """
    held = [position for span in spans if (position := shown.position(span)) is not None]
    return np.array(held, np.int64) if held else None


def target_batch(windows: Sequence[Window], null: bool) -> np.ndarray:
    """Return -1 where no answer may begin (end), else the share of annotators whose answer does.

    Args:
        windows: With targets from `target`, or None.
        null: Whether the first position stands for no answer.

    Returns:
        Shape (windows, longest window, 2), float32; start and end of a window with a target sum to 1 each.
    """
    width = max(window.input_ids.size for window in windows)
    batch = np.full((len(windows), width, 2), ILLEGAL, np.float32)
    for line, window in zip(batch, windows, strict=True):
        shown: Shown = window.detail
        line[: len(shown.legal)][shown.legal >= 0] = 0
        if null:
            line[0] = 0
        if window.target is not None:
            for side in (0, 1):
                np.add.at(line[:, side], window.target[:, side], 1 / len(window.target))
    return batch


@dataclass(frozen=True)
class Field:
    """What the windows of some rows show, and the scores of their positions.

    Args:
        runs: Runs of neighbouring tokens.
        legal: Of all windows one after the other, shape (tokens, 2).
        null: The lowest score of no answer over the windows of each row, shape (rows,).
        contexts: Of each row.
    """

    runs: Stretches
    legal: np.ndarray
    null: np.ndarray
    contexts: list[str]

    def edges(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Return the first character of each span of tokens and the one after its last, shape (spans, 2)."""
        return np.stack([self.legal[start, 0], self.legal[end, 1]], axis=1)


def field(logits: Sequence[np.ndarray], windows: Sequence[Window], rows: int, null: bool) -> Field:
    """Lay windows out one after the other.

    Args:
        logits: Of each window, shape (window, 2).
        windows: Of all rows, at least one.
        rows: Their number.
        null: Whether the first position stands for no answer.
    """
    details: list[Shown] = [window.detail for window in windows]
    row = np.array([window.row for window in windows], np.int64)
    sizes = np.array([len(scores) for scores in logits], np.int64)
    begins = np.cumsum(sizes) - sizes
    scores, legal = np.concatenate(logits), np.concatenate([one.legal for one in details])
    starts, ends = np.where(legal >= 0, scores, np.float32(-np.inf)).T.copy()
    place, length, first = np.concatenate([one.runs for one in details]).T
    counts = [len(one.runs) for one in details]
    runs = Stretches(starts, ends, np.repeat(begins, counts) + place, length, first, np.repeat(row, counts))
    lowest = np.full(rows, np.inf if null else -np.inf)
    if null:
        np.minimum.at(lowest, row, scores[begins].sum(axis=1, dtype=np.float64))
    contexts = [""] * rows
    for window, one in zip(windows, details, strict=True):
        contexts[window.row] = one.context
    return Field(runs, legal, lowest, contexts)
