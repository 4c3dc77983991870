from itertools import product

import numpy as np
import pytest

from bertkit.adapters._token_classification.viterbi import best_paths

LABELS = ("O", "B-X", "I-X", "B-Y", "I-Y")
FOLLOWS = np.array([[b[0] != "I" or (a[0] != "O" and a[2:] == b[2:]) for b in LABELS] for a in LABELS])


def log_probabilities(steps, seed):
    logits = np.random.default_rng(seed).normal(size=(steps, len(LABELS))) * 3
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def is_legal(path):
    return all(FOLLOWS[before, after] for before, after in zip((0, *path), path, strict=False))


def by_brute_force(scores):
    legal = (path for path in product(range(len(LABELS)), repeat=len(scores)) if is_legal(path))
    return max(legal, key=lambda path: sum(line[label] for line, label in zip(scores, path, strict=True)))


@pytest.mark.parametrize("seed", range(20))
def test_best_paths_are_those_of_brute_force(seed):
    sizes = np.array([5, 0, 1, 3, 4])
    scores = log_probabilities(sizes.sum(), seed)
    found = np.split(best_paths(scores, sizes, FOLLOWS), np.cumsum(sizes)[:-1])
    expected = [by_brute_force(part) if len(part) else () for part in np.split(scores, np.cumsum(sizes)[:-1])]
    assert [tuple(path) for path in found] == expected


def test_best_paths_of_many_rows_are_legal_and_argmax_where_that_is_legal():
    sizes = np.random.default_rng(0).integers(0, 12, size=300)
    scores = log_probabilities(sizes.sum(), 1)
    cuts = np.cumsum(sizes)[:-1]
    paths = np.split(best_paths(scores, sizes, FOLLOWS), cuts)
    greedy = np.split(scores.argmax(axis=1), cuts)
    assert all(is_legal(path) for path in paths)
    kept = [tuple(path) == tuple(other) for path, other in zip(paths, greedy, strict=True)]
    assert kept == [is_legal(path) for path in greedy]
    assert 0 < sum(kept) < len(kept)


def test_best_paths_keep_labels_that_have_no_alternative():
    scores = np.full((3, 5), -np.inf)
    scores[0, 1] = scores[1, 0] = 0
    scores[2] = np.log([0.1, 0.3, 0.4, 0.1, 0.1])
    assert best_paths(scores, np.array([3]), FOLLOWS).tolist() == [1, 0, 1]
