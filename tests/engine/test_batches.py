import numpy as np
import pytest

from bertkit.adapters._encoder import Window
from bertkit.engine.batches import ShuffledBatches, by_budget, by_length, by_tokens, pad


def lengths(count, seed=0):
    return np.random.default_rng(seed).integers(3, 100, count).tolist()


def epoch(batches, number=0):
    batches.set_epoch(number)
    return list(batches)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 64, 1000])
@pytest.mark.parametrize("batch_size", [1, 8])
def test_shuffled_batches_hold_every_row_once_and_are_as_equal_as_can_be(count, batch_size):
    batches = ShuffledBatches(count, batch_size, seed=1)
    found = epoch(batches)
    assert sorted(row for batch in found for row in batch) == list(range(count))
    assert len(batches) == len(found)
    sizes = {len(batch) for batch in found}
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1


def test_shuffled_batches_are_the_same_for_a_seed_and_an_epoch():
    one, same = (ShuffledBatches(100, 8, seed=1) for _ in range(2))
    other = ShuffledBatches(100, 8, seed=2)
    first, second = epoch(one, 0), epoch(one, 1)
    assert first != second
    assert epoch(same, 1) == second
    assert epoch(one, 0) == first
    assert epoch(other, 0) != first


def cost(sizes, parts, part_cost):
    return sum(max(sizes[row] for row in part) * len(part) + part_cost for part in parts)


def within(sizes, parts, budget):
    """Whether each part has no more tokens than the budget, or a single row."""
    return all(len(part) == 1 or max(sizes[row] for row in part) * len(part) <= budget for part in parts)


def divisions(rows, most):
    """Every way to cut a list into runs of at most so many."""
    if not rows:
        yield []
    for size in range(1, min(most, len(rows)) + 1):
        for rest in divisions(rows[size:], most):
            yield [rows[:size], *rest]


@pytest.mark.parametrize("part_cost", [0, 10, 1000])
@pytest.mark.parametrize("most", [3, 9])
@pytest.mark.parametrize("budget", [60, 150, 10_000])
@pytest.mark.parametrize("seed", range(3))
def test_by_length_finds_the_cheapest_division(part_cost, most, budget, seed):
    sizes = lengths(9, seed)
    parts = by_length(sizes, most, part_cost, budget)
    assert sorted(row for part in parts for row in part) == list(range(9))
    assert max(map(len, parts)) <= most
    assert sizes[parts[0][0]] == max(sizes)
    ranked = sorted(range(9), key=lambda row: -sizes[row])
    possible = [other for other in divisions(ranked, most) if within(sizes, other, budget)]
    assert within(sizes, parts, budget)
    assert cost(sizes, parts, part_cost) == min(cost(sizes, other, part_cost) for other in possible)


def test_by_length_of_equal_lengths_is_one_part():
    assert len(by_length([7] * 32, 32, 64, 1024)) == 1


@pytest.mark.parametrize("most", [3, 100])
@pytest.mark.parametrize("budget", [50, 300, 10_000])
def test_by_tokens_holds_every_row_once_within_the_budget(most, budget):
    sizes = lengths(40)
    parts = by_tokens(sizes, most, budget)
    assert sorted(row for part in parts for row in part) == list(range(40))
    for part in parts:
        assert len(part) == 1 or sum(sizes[row] for row in part) <= budget
        assert len(part) <= most


def test_batches_of_similar_length_hold_every_row_once_and_pad_less():
    sizes = lengths(1000)
    random, similar = (ShuffledBatches(1000, 8, seed=1, lengths=given) for given in (None, sizes))
    assert sorted(row for batch in epoch(similar) for row in batch) == list(range(1000))
    assert sorted(map(len, epoch(similar))) == sorted(map(len, epoch(random)))
    padded = [sum(len(batch) * max(sizes[row] for row in batch) for batch in epoch(one)) for one in (random, similar)]
    assert padded[1] < 0.7 * padded[0]
    assert padded[1] < 1.1 * sum(sizes)


def test_batches_of_similar_length_come_in_a_random_order_of_the_epoch():
    sizes = lengths(1000)
    one, same = (ShuffledBatches(1000, 8, seed=1, lengths=sizes) for _ in range(2))
    assert epoch(one, 1) == epoch(same, 1) != epoch(one, 0)
    longest = [max(sizes[row] for row in batch) for batch in epoch(one)]
    assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.3


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
