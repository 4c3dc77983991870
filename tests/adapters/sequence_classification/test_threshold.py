import numpy as np
import pytest

from bertkit.adapters._sequence_classification.threshold import best_threshold


def accuracy(hits, wrong, missed):
    return -(wrong + missed)


def f1(hits, wrong, missed):
    return 2 * hits / np.maximum(2 * hits + wrong + missed, 1)


@pytest.mark.parametrize(
    ("gold", "probability", "quality", "threshold"),
    [
        ([1, 1, 0, 0], [0.9, 0.8, 0.2, 0.1], accuracy, 0.5),
        ([1, 1, 0, 0], [0.4, 0.3, 0.1, 0.1], accuracy, 0.2),
        ([1, 0, 0, 0], [0.9, 0.8, 0.7, 0.1], accuracy, 0.85),
        ([1, 0, 1, 0], [0.4, 0.3, 0.2, 0.1], accuracy, 0.35),
        ([1, 0, 1, 0], [0.4, 0.3, 0.2, 0.1], f1, 0.15),
        ([0, 0, 0], [0.3, 0.2, 0.1], accuracy, 0.5),
        ([0, 0, 0], [0.3, 0.2, 0.1], f1, 0.5),
        ([1, 1, 1], [0.3, 0.2, 0.1], f1, 0.05),
        ([1, 0], [0.3, 0.3], f1, 0.15),
    ],
)
def test_best_threshold_by_hand(gold, probability, quality, threshold):
    found = best_threshold(np.array(gold) == 1, np.array(probability), quality)
    assert found == pytest.approx(threshold)


@pytest.mark.parametrize("quality", [accuracy, f1])
@pytest.mark.parametrize("seed", range(20))
def test_best_threshold_is_never_worse_than_a_half_nor_than_any_other(quality, seed):
    generator = np.random.default_rng(seed)
    probability = generator.random(40).round(generator.integers(1, 4))
    gold = generator.random(40) < probability**2

    def reached(threshold):
        given = probability >= threshold
        return quality((given & gold).sum(), (given & ~gold).sum(), (gold & ~given).sum())

    best = reached(best_threshold(gold, probability, quality))
    others = [0.5, *(value for value in np.unique(probability))]
    assert best >= max(map(reached, others)) - 1e-12
