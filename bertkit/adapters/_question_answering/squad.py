"""Exact match and F1 of answers in text, as the evaluation script of SQuAD 2.0 defines them."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

import numpy as np

ARTICLES = re.compile(r"\b(a|an|the)\b")
WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise(text: str) -> str:
    """Return a text in lower case, without ASCII punctuation, English articles and repeated white space."""
    return " ".join(ARTICLES.sub(" ", text.lower().translate(WITHOUT_PUNCTUATION)).split())


def exact_match(gold: str, answer: str) -> float:
    """Return 1.0 where two texts are equal once normalised, else 0.0."""
    return float(normalise(gold) == normalise(answer))


def f1(gold: str, answer: str) -> float:
    """Return the F1 of the words that two texts share; where one has no words, whether both have none."""
    gold_words, words = normalise(gold).split(), normalise(answer).split()
    if not gold_words or not words:
        return float(gold_words == words)
    shared = (Counter(gold_words) & Counter(words)).total()
    # 2 precision recall / (precision + recall), with the rounding of a single division.
    return 2 * shared / (len(gold_words) + len(words))


def best(golds: Sequence[str], answer: str) -> tuple[float, float]:
    """Return exact match and F1 against the right answer that suits best.

    Args:
        golds: All right answers; none, or none with a word, means that there is no answer.
        answer: Of the model, "" for no answer.
    """
    wanted = [gold for gold in golds if normalise(gold)] or [""]
    return max(exact_match(gold, answer) for gold in wanted), max(f1(gold, answer) for gold in wanted)


def best_null_threshold(difference: np.ndarray, gain: np.ndarray) -> float:
    """Return the null threshold with the best sum of scores, as the script's search for it does.

    Between two rows it lies in the middle, so that it decides these rows the same and others more fairly.

    Args:
        difference: Null score less the score of the best span, shape (rows,); above the threshold there is no answer.
        gain: What answering each row with its best span adds to the sum of scores, shape (rows,): the F1 of a row with
            an answer, -1 for one without.
    """
    order = np.argsort(difference, kind="stable")
    ranked = difference[order]
    # Before the first row nothing is answered; equal differences cannot be told apart.
    sums = np.concatenate([[0.0], np.cumsum(gain[order])])
    possible = np.concatenate([[True], ranked[1:] != ranked[:-1], [True]])
    answered = int(np.where(possible, sums, -np.inf).argmax())
    edges = np.concatenate([[ranked[0] - 2], ranked, [ranked[-1] + 2]])
    return float((edges[answered] + edges[answered + 1]) / 2)
