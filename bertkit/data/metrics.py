"""Scores as plain functions on numpy arrays, with the values of scikit-learn and scipy.

What is undefined follows those libraries. 0.0: precision, recall or F1 without a case, MCC of constant
answers, average precision without positives. nan: correlation of a constant, ROC area of one class, no rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Average = Literal["micro", "macro", "weighted"]


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """All that precision, recall, F1 and MCC need to know of a set of answers.

    Args:
        hits: How often each class was answered rightly, shape (classes,).
        answered: How often each class was answered, shape (classes,).
        gold: How often each class is true (its support), shape (classes,).
        absent_is_zero: Whether a class that is neither true nor answered enters a macro average as 0.0;
            otherwise it is left out.
    """

    hits: Array
    answered: Array
    gold: Array
    absent_is_zero: bool = False

    def pooled(self) -> ClassCounts:
        """Return the counts of all classes together as those of one class."""
        return ClassCounts(*(counts.sum(keepdims=True) for counts in (self.hits, self.answered, self.gold)))


def confusion_matrix(gold: Array, answer: Array, n_classes: int) -> Array:
    """Count the pairs of true and answered class.

    Args:
        gold: Class ids from 0, shape (rows,).
        answer: Class ids from 0, shape (rows,).
        n_classes: Number of classes.

    Returns:
        Integers of shape (classes, classes): row = true class, column = answered class.

    Raises:
        ValueError: An id is not below n_classes.
    """
    shape = (n_classes, n_classes)
    return np.bincount(np.ravel_multi_index((gold, answer), shape), minlength=n_classes**2).reshape(shape)


def from_confusion(matrix: Array) -> ClassCounts:
    """Count hits, answers and support from a confusion matrix of shape (classes, classes)."""
    return ClassCounts(matrix.diagonal(), matrix.sum(axis=0), matrix.sum(axis=1))


def count_classes(gold: Array, answer: Array, n_classes: int) -> ClassCounts:
    """Count rows that have one class each; the same as by way of a confusion matrix, but cheaper.

    Args:
        gold: Class ids from 0, shape (rows,).
        answer: Class ids from 0, shape (rows,).
        n_classes: Number of classes.
    """
    hits, answered, support = (np.bincount(ids, minlength=n_classes) for ids in (gold[gold == answer], answer, gold))
    return ClassCounts(hits, answered, support)


def count_labels(gold: Array, answer: Array) -> ClassCounts:
    """Count rows that have any number of labels; a label that never occurs is 0.0 in a macro average.

    Args:
        gold: 0/1 or boolean indicators, shape (rows, labels).
        answer: 0/1 or boolean indicators, shape (rows, labels).
    """
    gold, answer = gold.astype(bool), answer.astype(bool)
    hits, answered, support = (np.count_nonzero(marks, axis=0) for marks in (gold & answer, answer, gold))
    return ClassCounts(hits, answered, support, absent_is_zero=True)


def precision(counts: ClassCounts) -> Array:
    """Return the share of each class's answers that are right, shape (classes,)."""
    return _ratio(counts.hits, counts.answered)


def recall(counts: ClassCounts) -> Array:
    """Return the share of each class's true rows that were found, shape (classes,)."""
    return _ratio(counts.hits, counts.gold)


def f1(counts: ClassCounts) -> Array:
    """Return the harmonic mean of precision and recall of each class, shape (classes,)."""
    return _ratio(2 * counts.hits, counts.answered + counts.gold)


def average(score: Callable[[ClassCounts], Array], counts: ClassCounts, how: Average) -> float:
    """Average precision, recall or F1 over the classes.

    Args:
        score: One of `precision`, `recall`, `f1`.
        counts: Counts of each class.
        how: micro pools the counts, macro weighs classes alike, weighted weighs them by support.
    """
    if how == "micro":
        return float(score(counts.pooled())[0])
    occurs = counts.answered + counts.gold > 0
    weights = counts.gold if how == "weighted" else occurs | counts.absent_is_zero
    total = weights.sum()
    return float(score(counts) @ weights / total) if total else 0.0


def mcc(counts: ClassCounts) -> float:
    """Return Matthews' correlation coefficient of rows that have one class each.

    Source: Gorodkin, Comparing two K-category assignments by a K-category correlation coefficient, 2004.
    """
    rows = int(counts.gold.sum())
    covariance = counts.hits.sum() * rows - counts.gold @ counts.answered
    spread_gold = rows**2 - counts.gold @ counts.gold
    spread_answer = rows**2 - counts.answered @ counts.answered
    if not spread_gold or not spread_answer:
        return 0.0
    return float(covariance / (np.sqrt(spread_gold) * np.sqrt(spread_answer)))


def accuracy(gold: Array, answer: Array) -> float:
    """Return the share of rows answered rightly; with indicators, rows with every label right.

    Args:
        gold: Class ids or names, shape (rows,), or indicators, shape (rows, labels).
        answer: The same of the answers.
    """
    right = gold == answer
    return _mean(right if right.ndim == 1 else right.all(axis=1))


def roc_auc(gold: Array, scores: Array) -> float:
    """Return the area under the ROC curve: how often a positive outranks a negative, ties half.

    Args:
        gold: 0/1, shape (rows,); for scores of several classes, class ids of shape (rows,) (one against the
            rest) or indicators of shape (rows, labels).
        scores: Shape (rows,), or (rows, classes) for the mean over the classes that have both values.
    """
    return _over_classes(_binary_roc_auc, gold, scores)


def average_precision(gold: Array, scores: Array) -> float:
    """Return the sum of precisions, each weighted by the gain in recall.

    Args:
        gold: 0/1, shape (rows,); for scores of several classes, class ids of shape (rows,) (one against the
            rest) or indicators of shape (rows, labels).
        scores: Shape (rows,), or (rows, classes) for the mean over the classes.
    """
    return _over_classes(_binary_average_precision, gold, scores)


def smaller_is_better(name: str) -> bool:
    """Tell whether a metric, by its name, counts errors."""
    return name.endswith("_error")


def expected_calibration_error(correct: Array, confidence: Array, n_bins: int = 15) -> float:
    """Return how far confidence is from accuracy, over bins of equal width, weighted by their rows.

    Source: Naeini et al. 2015, Obtaining well calibrated probabilities using Bayesian binning; with the bins
    of Guo et al. 2017, On calibration of modern neural networks.

    Args:
        correct: Whether each answer is right, shape (rows,).
        confidence: Probability of each answer, 0 to 1, shape (rows,).
        n_bins: Number of bins; a value on an edge belongs to the lower bin.
    """
    if not len(confidence):
        return float("nan")
    inner_edges = np.linspace(0, 1, n_bins + 1)[1:-1]
    gaps = np.bincount(np.searchsorted(inner_edges, confidence), weights=confidence - correct)
    return float(np.abs(gaps).sum() / len(confidence))


def pearson(gold: Array, answer: Array) -> float:
    """Return the linear correlation of two columns of numbers, each of shape (rows,)."""
    if len(gold) < 2 or np.ptp(gold) == 0 or np.ptp(answer) == 0:
        return float("nan")
    gold, answer = gold - gold.mean(), answer - answer.mean()
    cosine = (gold / np.linalg.norm(gold)) @ (answer / np.linalg.norm(answer))
    return float(np.clip(cosine, -1.0, 1.0))


def spearman(gold: Array, answer: Array) -> float:
    """Return the correlation of the ranks of two columns of numbers; tied numbers share their mean rank."""
    if np.isnan(gold).any() or np.isnan(answer).any():
        return float("nan")
    return pearson(_ranks(gold), _ranks(answer))


def mean_absolute_error(gold: Array, answer: Array) -> float:
    """Return the mean size of the errors, in the unit of the labels."""
    return _mean(np.abs(gold - answer))


def root_mean_squared_error(gold: Array, answer: Array) -> float:
    """Return the root of the mean squared error, in the unit of the labels."""
    return float(np.sqrt(_mean((gold - answer) ** 2)))


def _ratio(part: Array, whole: Array) -> Array:
    return part / np.maximum(whole, 1)


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _ranks(values: Array) -> Array:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    mean_ranks: Array = np.cumsum(counts) - (counts - 1) / 2
    return mean_ranks[place]


def _over_classes(score: Callable[[Array, Array], float], gold: Array, scores: Array) -> float:
    if np.isnan(scores).any():
        return float("nan")
    if scores.ndim == 1:
        return score(gold.astype(bool), scores)
    classes = np.arange(scores.shape[1])
    positive = gold.astype(bool) if gold.ndim == 2 else gold[:, None] == classes
    values = np.array([score(positive[:, k], scores[:, k]) for k in classes])
    return _mean(values[~np.isnan(values)])


def _binary_roc_auc(positive: Array, scores: Array) -> float:
    positives = int(np.count_nonzero(positive))
    negatives = len(positive) - positives
    if not positives or not negatives:
        return float("nan")
    outranked = _ranks(scores)[positive].sum() - positives * (positives + 1) / 2
    return float(outranked / (positives * negatives))


def _binary_average_precision(positive: Array, scores: Array) -> float:
    positives = np.count_nonzero(positive)
    if not positives:
        return 0.0
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last_of_tie = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    found = np.cumsum(positive[order])[last_of_tie]
    return float(np.diff(found, prepend=0) @ (found / (last_of_tie + 1)) / positives)
