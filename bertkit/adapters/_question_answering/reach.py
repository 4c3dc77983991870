"""The best answer that windows leave room for: a piece between the borders of tokens, not too long, in one window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.adapters._question_answering import squad
from bertkit.adapters._question_answering.contexts import Shown

# A word of more characters is compared by so many of them.
LONGEST_WORD = 100


def best_answer(golds: Sequence[Mapping[str, Any]], shown: Sequence[Shown], longest: int) -> str:
    """Return the piece of a context that scores best, "" where there is no right answer.

    Args:
        golds: All right answers, each with "text" and "start".
        shown: What each window of the row shows.
        longest: Tokens of the longest answer.
    """
    if not golds:
        return ""
    context = shown[0].context
    pieces = [window.legal[place : place + size] for window in shown for place, size, _ in window.runs.tolist()]
    for gold in golds:
        start, end = gold["start"], gold["start"] + len(gold["text"])
        if any(_holds(piece, start, end, longest) for piece in pieces):
            return str(gold["text"])
    texts = [str(gold["text"]) for gold in golds]
    found = dict.fromkeys(text for piece in pieces for text in _promising(texts, context, piece, longest))
    return max(found, key=lambda text: squad.best(texts, text), default="")


def _holds(piece: NDArray[np.int32], start: int, end: int, longest: int) -> bool:
    first, last = np.flatnonzero(piece[:, 0] == start), np.flatnonzero(piece[:, 1] == end)
    return bool(first.size and last.size and 0 <= last[-1] - first[0] < longest)


def _promising(golds: Sequence[str], context: str, piece: NDArray[np.int32], longest: int) -> Iterator[str]:
    """Yield the pieces that begin and end with a word of a right answer: other words at the ends only lose F1."""
    words = tuple({word for gold in golds for word in squad.normalise(gold).split()})
    if not words:
        return
    starts = [
        token for token, place in enumerate(piece[:, 0].tolist()) if place >= 0 and _begins(context, place, words)
    ]
    ends = [token for token, place in enumerate(piece[:, 1].tolist()) if place >= 0 and _ends(context, place, words)]
    for start in starts:
        for end in ends:
            if 0 <= end - start < longest:
                yield context[piece[start, 0] : piece[end, 1]]


def _begins(context: str, place: int, words: tuple[str, ...]) -> bool:
    after = context[place : place + LONGEST_WORD].split(maxsplit=1)
    return bool(after) and _plain(after[0]).startswith(words)


def _ends(context: str, place: int, words: tuple[str, ...]) -> bool:
    before = context[max(place - LONGEST_WORD, 0) : place].rsplit(maxsplit=1)
    return bool(before) and _plain(before[-1]).endswith(words)


def _plain(word: str) -> str:
    return word.lower().translate(squad.WITHOUT_PUNCTUATION)
