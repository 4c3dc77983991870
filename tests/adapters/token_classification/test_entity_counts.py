import numpy as np
import pytest

from bertkit.adapters._token_classification.entity_counts import count_entities, kinds_of_error, to_class_counts
from bertkit.data import metrics

TYPES = ("A", "B")


def entities(*triples):
    return [{"type": kind, "start": start, "end": end} for kind, start, end in triples]


def test_count_entities_by_row_and_type():
    gold = [entities(("A", 0, 2), ("B", 3, 4)), [], entities(("A", 0, 1))]
    answers = [entities(("A", 0, 2), ("A", 3, 4)), entities(("B", 0, 1)), []]
    counts = count_entities(gold, answers, TYPES)
    assert counts.tolist() == [[[1, 0], [2, 0], [1, 1]], [[0, 0], [0, 1], [0, 0]], [[0, 0], [0, 0], [1, 0]]]
    pooled = to_class_counts(counts.sum(axis=0))
    assert metrics.recall(pooled).tolist() == [0.5, 0]
    assert metrics.average(metrics.f1, pooled, "micro") == pytest.approx(2 * 1 / (3 + 3))


@pytest.mark.parametrize(
    ("gold", "answers", "kinds"),
    [
        ([("A", 0, 2)], [("A", 0, 2)], {"right": 1}),
        ([("A", 0, 2)], [("A", 0, 3)], {"boundary": 1}),
        ([("A", 0, 2)], [("B", 0, 2)], {"type": 1}),
        ([("A", 0, 2)], [("B", 1, 2)], {"boundary and type": 1}),
        ([("A", 0, 2)], [("A", 2, 3)], {"missed": 1, "spurious": 1}),
        # The pair that is most alike comes first, and each stands in one pair only.
        ([("A", 0, 4)], [("B", 0, 4), ("A", 1, 2)], {"type": 1, "spurious": 1}),
        ([("A", 0, 2), ("A", 2, 4)], [("A", 0, 4)], {"boundary": 1, "missed": 1}),
        ([("A", 0, 2), ("B", 3, 5)], [("B", 3, 5), ("A", 0, 5)], {"right": 1, "boundary": 1}),
    ],
)
def test_kinds_of_error_pair_one_to_one(gold, answers, kinds):
    found = kinds_of_error([entities(*gold)], [entities(*answers)])
    assert {kind: count for kind, count in found.items() if count} == kinds


def test_kinds_of_error_add_up():
    rng = np.random.default_rng(0)

    def some():
        starts = np.sort(rng.choice(30, size=rng.integers(0, 8), replace=False))
        ends = np.minimum(starts + rng.integers(1, 4, size=len(starts)), np.append(starts[1:], 33))
        return entities(*zip(rng.choice(TYPES, size=len(starts)), starts.tolist(), ends.tolist(), strict=True))

    gold, answers = [some() for _ in range(50)], [some() for _ in range(50)]
    found = kinds_of_error(gold, answers)
    assert sum(found.values()) - found["spurious"] == sum(map(len, gold))
    assert sum(found.values()) - found["missed"] == sum(map(len, answers))
    assert found["right"] == count_entities(gold, answers, TYPES)[:, 0].sum()
