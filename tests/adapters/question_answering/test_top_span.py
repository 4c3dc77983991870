import numpy as np
import pytest

from bertkit.adapters._question_answering.spans import best_spans
from bertkit.adapters._question_answering.top_span import top_spans
from tests.adapters.question_answering.test_spans import random_runs, stretches


@pytest.mark.parametrize("longest", [1, 2, 5, 30])
def test_top_spans_are_the_first_of_the_best_spans(longest):
    generator = np.random.default_rng(longest)
    for _ in range(10):
        runs = stretches(random_runs(generator))
        null = np.where(generator.random(6) < 0.5, generator.normal(0, 3, 6), -np.inf)
        best, top = best_spans(runs, null, longest, 20), top_spans(runs, null, longest, 20)
        some = np.diff(best.bounds) > 0
        first = best.bounds[:-1][some]
        assert (top.start[some] == best.start[first]).all()
        assert (top.end[some] == best.end[first]).all()
        assert top.probability[some] == pytest.approx(best.probability[first], abs=1e-6)
        assert (top.start[~some] == -1).all()
        assert top.null_probability == pytest.approx(best.null_probability, abs=1e-6)
        assert top.null_difference == pytest.approx(best.null_difference, abs=1e-5)


def test_top_span_where_the_best_start_and_the_best_end_never_meet():
    scores = np.full(200, -500.0)
    starts, ends = scores.copy(), scores.copy()
    starts[190] = ends[3] = 0.0
    runs = stretches([(0, 0, starts, ends)])
    top = top_spans(runs, np.array([-np.inf]), 30, 20)
    best = best_spans(runs, np.array([-np.inf]), 30, 20)
    assert (top.start[0], top.end[0]) == (best.start[0], best.end[0])
    assert 0 < top.probability[0] <= 1
