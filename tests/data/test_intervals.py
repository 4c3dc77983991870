import math

import numpy as np
import pytest

from bertkit.data.intervals import bootstrap_interval
from bertkit.data.metrics import accuracy


def mean_of(values):
    return lambda rows: {"mean": values[rows].mean()}


def test_interval_holds_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(7)
    found = 0
    for seed in range(200):
        values = rng.normal(3.0, 2.0, 60)
        low, high = bootstrap_interval(mean_of(values), 60, samples=300, seed=seed)["mean"]
        found += low <= 3.0 <= high
    assert 0.89 <= found / 200 <= 0.99


def test_interval_is_close_to_the_normal_one():
    values = np.random.default_rng(0).normal(0.0, 1.0, 400)
    low, high = bootstrap_interval(mean_of(values), 400, samples=4000, confidence=0.9)["mean"]
    half_width = 1.645 * values.std() / np.sqrt(400)
    assert low == pytest.approx(values.mean() - half_width, abs=0.01)
    assert high == pytest.approx(values.mean() + half_width, abs=0.01)


def test_interval_is_the_same_for_the_same_seed_only():
    values = np.random.default_rng(0).random(50)
    first = bootstrap_interval(mean_of(values), 50, samples=100, seed=1)
    assert first == bootstrap_interval(mean_of(values), 50, samples=100, seed=1)
    assert first != bootstrap_interval(mean_of(values), 50, samples=100, seed=2)


def test_interval_draws_as_many_rows_as_there_are_as_often_as_asked():
    draws = []
    bootstrap_interval(lambda rows: draws.append(rows) or {}, 30, samples=17)
    assert len(draws) == 17
    assert all(len(rows) == 30 and rows.min() >= 0 and rows.max() < 30 for rows in draws)
    assert any(len(set(rows)) < 30 for rows in draws)


def test_interval_passes_over_draws_where_a_metric_is_nan_or_absent():
    values = np.arange(10.0)

    def statistic(rows):
        mean = values[rows].mean()
        scores = {"all": mean, "some": mean if rows[0] else math.nan, "none": math.nan}
        return scores if rows[1] else scores | {"rare": 1.0}

    intervals = bootstrap_interval(statistic, 10, samples=400)
    assert intervals["some"] == pytest.approx(intervals["all"], abs=0.5)
    assert all(math.isnan(end) for end in intervals["none"])
    assert intervals["rare"] == (1.0, 1.0)


def test_interval_of_no_rows_is_nan():
    none = np.array([])
    ends = bootstrap_interval(lambda rows: {"accuracy": accuracy(none[rows], none[rows])}, 0, samples=3)["accuracy"]
    assert all(math.isnan(end) for end in ends)
