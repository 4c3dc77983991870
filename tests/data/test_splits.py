from collections import Counter

import pytest

from bertkit.data.splits import hold_out
from bertkit.errors import DataError


def held_by_label(strata, fraction, seed=0):
    return Counter(strata[position] for position in hold_out(strata, fraction, seed))


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_hold_out_keeps_the_share_of_each_label(fraction, seed):
    strata = ["a"] * 103 + ["b"] * 31 + ["c"] * 12 + ["d"] * 5
    held = held_by_label(strata, fraction, seed)
    assert sum(held.values()) == round(len(strata) * fraction)
    for label, count in Counter(strata).items():
        assert abs(held[label] - count * fraction) <= 1


def test_hold_out_leaves_single_rows_in_training_and_takes_no_more_of_the_others_for_them():
    strata = [f"single {row}" for row in range(100)] + ["z"] * 20
    assert held_by_label(strata, 0.1) == {"z": 2}


def test_hold_out_leaves_a_row_of_each_label_in_training():
    assert held_by_label(["a", "a", "b", "b", "b"], 0.9) == {"a": 1, "b": 2}


def test_hold_out_without_labels_is_a_random_share():
    held = hold_out([None] * 200, 0.1, 0)
    assert len(held) == 20
    assert held == sorted(set(held))
    assert held[-1] - held[0] > 100


def test_hold_out_is_the_same_for_a_seed():
    strata = ["a", "b"] * 50
    assert hold_out(strata, 0.1, 3) == hold_out(strata, 0.1, 3) != hold_out(strata, 0.1, 4)


@pytest.mark.parametrize("strata", [["a"], ["a", "b"], ["a", "b", "c", "d"], ["a", "a"]])
def test_hold_out_of_too_few_rows_is_refused(strata):
    with pytest.raises(DataError, match=f"^{len(strata)} training rows are too few to hold out 10%") as error:
        hold_out(strata, 0.1, 0)
    assert "--validation FILE" in error.value.hint


def test_hold_out_keeps_groups_whole():
    groups = [f"document {row % 20}" for row in range(200)]
    held = hold_out([None] * 200, 0.1, 0, groups)
    assert len(held) == 20
    assert Counter(groups[row] for row in held) == dict.fromkeys({groups[row] for row in held}, 10)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("sizes", "held"), [([20] * 5, 20), ([50, 30, 40], 30), ([1, 1], 1)])
def test_hold_out_of_few_large_groups_takes_the_smallest(sizes, held, seed):
    groups = [f"document {group}" for group, size in enumerate(sizes) for _ in range(size)]
    found = hold_out([None] * len(groups), 0.1, seed, groups)
    assert len(found) == held
    assert len({groups[row] for row in found}) == 1


def test_hold_out_of_one_group_is_refused():
    with pytest.raises(DataError, match=r"^all 100 training rows share one document \(title or context\)") as error:
        hold_out([None] * 100, 0.1, 0, ["a"] * 100)
    assert error.value.hint == "--validation FILE"


def test_hold_out_draws_rows_without_a_group_one_by_one():
    held = hold_out([None] * 100, 0.1, 0, ["a"] * 50 + [None] * 50)
    assert len(held) == 10
    assert min(held) >= 50
