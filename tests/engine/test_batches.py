import numpy as np
import pytest

from bertkit.adapters._encoder import Window
from bertkit.engine.batches import LONGEST_STRETCH, LengthGroupedBatches, by_budget, pad


def lengths(count, seed=0):
    return np.random.default_rng(seed).integers(3, 100, count).tolist()


def epoch(batches, number=0):
    batches.set_epoch(number)
    return list(batches)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 64, 1000])
@pytest.mark.parametrize(("batch_size", "parts"), [(8, 1), (8, 4), (8, 8), (1, 1)])
def test_length_grouped_batches_hold_every_row_once_with_the_rest_last(count, batch_size, parts):
    batches = LengthGroupedBatches(lengths(count), batch_size, parts, seed=1)
    found = epoch(batches)
    assert sorted(row for batch in found for row in batch) == list(range(count))
    assert len(batches) == len(found)
    full = count // batch_size * parts
    assert {len(batch) for batch in found[:full]} <= {batch_size // parts}
    assert sum(map(len, found[full:])) == count % batch_size


def test_length_grouped_batches_are_the_same_for_a_seed_and_an_epoch():
    one, same = (LengthGroupedBatches(lengths(100), 8, 1, seed=1) for _ in range(2))
    other = LengthGroupedBatches(lengths(100), 8, 1, seed=2)
    first, second = epoch(one, 0), epoch(one, 1)
    assert first != second
    assert epoch(same, 1) == second
    assert epoch(one, 0) == first
    assert epoch(other, 0) != first


@pytest.mark.parametrize("count", [64, 61, 3])
@pytest.mark.parametrize("parts", [2, 4, 8])
def test_length_grouped_batches_parts_are_slices_of_the_same_batches(count, parts):
    whole = epoch(LengthGroupedBatches(lengths(count), 8, 1, seed=3), 2)
    slices = epoch(LengthGroupedBatches(lengths(count), 8, parts, seed=3), 2)
    joined = [[row for part in slices[start : start + parts] for row in part] for start in range(0, len(slices), parts)]
    assert joined == whole


def test_length_grouped_batches_pad_little_and_stay_in_random_order():
    sizes = np.array(lengths(8 * LONGEST_STRETCH * 4))
    batches = epoch(LengthGroupedBatches(sizes, 8, 1, seed=0))
    longest = np.array([sizes[batch].max() for batch in batches])
    assert sizes.sum() / (longest * 8).sum() > 0.9
    assert 0.3 < (np.diff(longest) > 0).mean() < 0.7


def test_length_grouped_batches_of_few_rows_mix_a_class_of_long_texts_with_the_other():
    sizes = [10] * 40 + [50] * 40
    mixed = [
        len({sizes[row] for row in batch})
        for number in range(20)
        for batch in epoch(LengthGroupedBatches(sizes, 8, 1, seed=0), number)
    ]
    assert np.mean(np.array(mixed) == 2) > 0.3


@pytest.mark.parametrize("budget", [10, 64, 500, 10_000])
def test_by_budget_holds_every_row_once_within_the_budget(budget):
    sizes = lengths(200)
    batches = list(by_budget(sizes, budget))
    assert sorted(row for batch in batches for row in batch) == list(range(200))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(sizes[row] for row in batch) <= budget


def test_by_budget_fills_batches_and_takes_nothing():
    assert list(by_budget([4, 4, 4, 4, 4], 8)) == [[0, 1], [2, 3], [4]]
    assert list(by_budget([], 8)) == []


def test_pad_fills_ids_with_the_pad_id_and_the_rest_with_zero():
    ids = [np.array(part, np.int32) for part in ([5, 6, 7], [8])]
    segments = [np.array(part, np.int32) for part in ([0, 1, 1], [0])]
    batch = pad([Window(row, *pair) for row, pair in enumerate(zip(ids, segments, strict=True))], pad_id=1)
    assert {name: values.tolist() for name, values in batch.items()} == {
        "input_ids": [[5, 6, 7], [8, 1, 1]],
        "token_type_ids": [[0, 1, 1], [0, 0, 0]],
        "attention_mask": [[1, 1, 1], [1, 0, 0]],
    }
    assert {values.dtype for values in batch.values()} == {np.dtype(np.int64)}
