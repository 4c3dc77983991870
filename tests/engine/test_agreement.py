import math

import pytest

from bertkit.engine.agreement import points_lost, same

ENTITY = {"type": "PER", "start": 0, "end": 3, "text": "Ada", "score": 0.9}


@pytest.mark.parametrize(
    ("answer", "other", "alike"),
    [
        ("good", "good", True),
        ("good", "bad", False),
        (["a", "b"], ["a"], False),
        (2.5, 2.5001, True),
        (2.5, 2.6, False),
        (math.nan, math.nan, True),
        (math.nan, 2.5, False),
        ([ENTITY], [{**ENTITY, "score": 0.8}], True),
        ([ENTITY], [{**ENTITY, "end": 4}], False),
    ],
)
def test_answers_are_the_same_whatever_their_scores(answer, other, alike):
    assert same(answer, other) is alike


def test_points_lost_are_hundredths_of_a_metric():
    assert points_lost("accuracy", 0.9, 0.89) == pytest.approx(1.0)
    assert points_lost("accuracy", 0.9, 0.91) == pytest.approx(-1.0)


def test_points_lost_of_an_error_are_per_cent_of_it():
    assert points_lost("mean_squared_error", 50.0, 51.0) == pytest.approx(2.0)
    assert points_lost("mean_squared_error", 0.0, 1.0) == math.inf


def test_points_lost_of_a_metric_that_is_not_defined_are_all_or_none():
    assert points_lost("pearson", math.nan, math.nan) == 0
    assert points_lost("pearson", 0.9, math.nan) == math.inf
