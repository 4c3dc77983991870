"""Exact match and F1 of answers, over all rows and by kind of question."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from bertkit.adapters._question_answering import squad
from bertkit.adapters._results import Grid, Scorer, Scores

QUESTION_WORDS = re.compile(r"\b(what|who|whom|whose|when|where|which|why|how)\b")
FEWEST_OF_A_WORD = 10
Golds = Sequence[Sequence[str]]


def scorer(golds: Golds, answers: Sequence[str], *, unanswerable: bool) -> Scorer:
    """Return a function from row positions to metrics.

    Args:
        golds: All right answers of each row.
        answers: Of the model.
        unanswerable: Whether there may be no answer; rows with and without one then have scores of their own too, if
            there are any.
    """
    exact, f1 = _compare(golds, answers)
    answerable = np.array([bool(gold) for gold in golds], bool)
    some, none = unanswerable and answerable.any(), unanswerable and not answerable.all()

    def scores(rows: np.ndarray) -> Scores:
        found = {"exact_match": _mean(exact[rows]), "f1": _mean(f1[rows])}
        if some:
            own = rows[answerable[rows]]
            found |= {"answerable_exact_match": _mean(exact[own]), "answerable_f1": _mean(f1[own])}
        if none:
            found["unanswerable_accuracy"] = _mean(exact[rows[~answerable[rows]]])
        return found

    return scores


def tables(golds: Golds, answers: Sequence[str], questions: Sequence[str]) -> list[Grid]:
    """Return the scores by kind of row, and by English question word where one is frequent."""
    exact, f1 = _compare(golds, answers)
    kinds = ["answerable" if gold else "unanswerable" for gold in golds]
    words = list(map(_question_word, questions))
    frequent = {word for word, rows in Counter(words).items() if word and rows >= FEWEST_OF_A_WORD}
    grids = [_grid("By kind of question", "kind", kinds, sorted(set(kinds)), exact, f1)]
    if frequent:
        grids.append(_grid("By question word", "word", words, sorted(frequent), exact, f1))
    return grids


def _compare(golds: Golds, answers: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    found = [squad.best(gold, answer) for gold, answer in zip(golds, answers, strict=True)]
    exact, f1 = np.array(found).reshape(-1, 2).T
    return exact, f1


def _question_word(question: str) -> str:
    found = QUESTION_WORDS.search(question.lower())
    return found.group() if found else ""


def _grid(title: str, name: str, of: Sequence[str], shown: Sequence[str], exact: np.ndarray, f1: np.ndarray) -> Grid:
    places = ((group, np.array([value == group for value in of])) for group in shown)
    lines = [[group, int(rows.sum()), _mean(exact[rows]), _mean(f1[rows])] for group, rows in places]
    return Grid(title, [name, "rows", "exact match", "f1"], lines)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else math.nan
