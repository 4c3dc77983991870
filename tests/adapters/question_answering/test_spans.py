import itertools
import math
from collections import defaultdict

import numpy as np
import pytest

from bertkit.adapters._question_answering import spans
from bertkit.adapters._question_answering.spans import Stretches, best_spans, slide


def stretches(runs):
    """From (row, first token, starts, ends) of each run."""
    row, first, starts, ends = zip(*runs, strict=True)
    length = np.array([len(scores) for scores in starts])
    starts, ends = (np.concatenate(scores).astype(np.float32) for scores in (starts, ends))
    return Stretches(starts, ends, np.cumsum(length) - length, length, np.array(first), np.array(row))


def brute(runs, null, longest):
    """All spans of each row with their probabilities, span by span, and the probability of none."""
    weights = [defaultdict(float) for _ in null]
    for row, first, starts, ends in runs:
        for begin, end in itertools.product(range(len(starts)), repeat=2):
            score = float(np.float32(starts[begin])) + float(np.float32(ends[end]))
            if 0 <= end - begin < longest and score > -math.inf:
                weights[row][first + begin, first + end] += math.exp(score)
    totals = [sum(own.values()) + math.exp(none) for own, none in zip(weights, null, strict=True)]
    spans = [{span: w / total for span, w in own.items()} for own, total in zip(weights, totals, strict=True)]
    return spans, [math.exp(none) / total if total else 0 for none, total in zip(null, totals, strict=True)]


def listed(runs, best, row):
    shift = np.repeat(runs.first - runs.base, runs.length)
    own = slice(best.bounds[row], best.bounds[row + 1])
    places = zip((best.start + shift[best.start])[own], (best.end + shift[best.end])[own], strict=True)
    return dict(zip([(int(a), int(b)) for a, b in places], best.probability[own].tolist(), strict=True))


def random_runs(generator, rows=6):
    """Rows of one window, of overlapping windows, and of a window with a gap, some tokens illegal."""
    runs = []
    for row in generator.permutation(rows).tolist():
        for first in ((0,), (0, 4, 8), (0, 20))[row % 3]:
            size = int(generator.integers(5, 12))
            scores = generator.normal(0, 3, (2, size))
            scores[generator.random((2, size)) < 0.2] = -np.inf
            runs.append((row, first, *scores))
    return runs


@pytest.mark.parametrize("longest", [1, 2, 3, 5, 8, 30])
def test_best_spans_are_those_of_all_spans_and_the_probabilities_sum_to_one(longest):
    generator = np.random.default_rng(longest)
    for _ in range(10):
        own = random_runs(generator)
        null = np.where(generator.random(6) < 0.5, generator.normal(0, 3, 6), -np.inf)
        runs = stretches(own)
        spans, none = brute(own, null, longest)
        best = best_spans(runs, null, longest, 10_000)
        for row in range(6):
            found = listed(runs, best, row)
            assert found == pytest.approx(spans[row])
            assert list(found.values()) == sorted(found.values(), reverse=True)
            assert best.null_probability[row] == pytest.approx(none[row])
            if found:
                assert sum(found.values()) + none[row] == pytest.approx(1)
                top = max(found.values())
                log_odds = math.log(none[row] / top) if none[row] else -math.inf
                assert best.null_difference[row] == pytest.approx(log_odds)


@pytest.mark.parametrize("n", [1, 3, 20])
def test_best_spans_lists_the_n_best_of_a_window(n):
    generator = np.random.default_rng(n)
    own = [(row, 0, *generator.normal(0, 2, (2, int(size)))) for row, size in enumerate(generator.integers(1, 60, 30))]
    runs, null = stretches(own), np.full(30, -np.inf)
    spans, _ = brute(own, null, 7)
    best = best_spans(runs, null, 7, n)
    for row in range(30):
        wanted = sorted(spans[row].items(), key=lambda item: -item[1])[:n]
        assert listed(runs, best, row) == pytest.approx(dict(wanted))


def test_best_spans_of_a_window_outside_another_window_s_list_still_adds_its_probability():
    first, second = (np.zeros(8), np.zeros(8)), (np.zeros(8), np.zeros(8))
    first[0][5] = first[1][5] = 9
    second[0][7] = second[1][7] = 9
    own = [(0, 0, *first), (0, 4, *second)]
    runs, null = stretches(own), np.array([-np.inf])
    spans, _ = brute(own, null, 3)
    for span, probability in listed(runs, best_spans(runs, null, 3, 1), 0).items():
        assert probability == pytest.approx(spans[0][span])


def test_best_spans_do_not_depend_on_how_runs_are_grouped(monkeypatch):
    generator = np.random.default_rng(5)
    own = random_runs(generator, 30)
    runs, null = stretches(own), generator.normal(0, 3, 30)
    whole = best_spans(runs, null, 4, 5)
    monkeypatch.setattr(spans, "CHUNK", 12)
    apart = best_spans(runs, null, 4, 5)
    for name in ("bounds", "start", "end"):
        assert (getattr(whole, name) == getattr(apart, name)).all()
    assert apart.probability == pytest.approx(whole.probability, rel=1e-12)


@pytest.mark.parametrize("shift", [-5000.0, 0.0, 5000.0])
def test_best_spans_are_stable_far_from_zero(shift):
    runs = stretches([(0, 0, np.array([1.0, 2.0]) + shift, np.array([0.5, 0.0]) + shift)])
    best = best_spans(runs, np.array([2 * shift + 1]), 2, 5)
    assert best.probability.sum() + best.null_probability[0] == pytest.approx(1)
    assert best.probability[0] == pytest.approx(math.exp(2) / sum(map(math.exp, (1.5, 1.0, 2.0, 1.0))), rel=1e-3)


@pytest.mark.parametrize("gap", [50.0, 600.0, 5000.0])
def test_best_spans_are_stable_where_the_best_start_follows_the_best_end(gap):
    runs = stretches([(0, 0, np.array([0.0, gap]), np.array([gap, 0.0]))])
    best = best_spans(runs, np.array([-np.inf]), 1, 5)
    assert best.probability.tolist() == pytest.approx([0.5, 0.5])


def test_best_spans_without_a_legal_span():
    none = np.full(3, -np.inf)
    runs = stretches([(1, 0, none, none), (0, 0, none, np.zeros(3))])
    best = best_spans(runs, np.array([-1.0, -np.inf]), 3, 5)
    assert best.bounds.tolist() == [0, 0, 0]
    assert best.null_probability.tolist() == [1, 0]
    assert np.isposinf(best.null_difference).all()


@pytest.mark.parametrize("width", range(1, 18))
def test_slide_combines_each_value_with_those_that_follow(width):
    values = np.random.default_rng(width).normal(size=width + 19)
    windows = np.lib.stride_tricks.sliding_window_view(values, width)
    assert (slide(values, width, np.maximum) == windows.max(axis=1)).all()
    assert slide(values, width, np.add) == pytest.approx(windows.sum(axis=1))
