import numpy as np
import pytest

from bertkit.adapters._encoder import View
from bertkit.adapters._token_classification import readings
from bertkit.adapters._token_classification.words import align, join

WORDS = join(["a", "\u200b", "bc", "d", "e", "f", "g"])
# "bc" has two tokens and the zero-width word none: six words on seven tokens.
TOKENS = np.array([(0, 1), (4, 5), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14)])


def views(*parts):
    return [
        View(
            np.arange(len(part) + 2, dtype=np.int32), np.zeros(len(part) + 2, np.int32), np.array(part, np.int64), 1, 0
        )
        for part in parts
    ]


def windows(*parts, gold=None):
    return readings.windows(0, views(*parts), len(TOKENS), align(WORDS, TOKENS), gold)


@pytest.mark.parametrize("parts", [[range(7)], [range(5), range(3, 7)], [range(3), range(2, 5), range(4, 7)]])
def test_windows_teach_every_word_once(parts):
    found = windows(*parts, gold=np.arange(7))
    taught = np.concatenate([window.target[window.target != readings.UNTAUGHT] for window in found])
    assert sorted(taught.tolist()) == [0, 2, 3, 4, 5, 6]
    for window, part in zip(found, parts, strict=True):
        assert window.target.shape == window.input_ids.shape
        read = [part[place - 1] for place in window.detail.positions]
        assert read == window.detail.alignment.tokens[window.detail.units].tolist()


def test_windows_without_a_word_teach_nothing():
    found = windows(range(2), range(2, 3), gold=np.arange(7))
    assert found[0].target.tolist() == [-100, 0, 2, -100]
    assert found[1].target is None
    assert [window.target for window in windows(range(7))] == [None]


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_gather_puts_windows_together_in_any_order(order):
    logits = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    parts = [range(5), range(3, 7)]
    found = windows(*parts)
    shown = [np.vstack([logits[:1], logits[list(part)], logits[:1]]) for part in parts]
    scores = readings.gather([shown[place] for place in order], [found[place] for place in order], 1, 3, lost=2)
    assert np.exp(scores.values).sum(axis=1) == pytest.approx(1)
    assert scores.was_read.tolist() == [True, False, True, True, True, True, True]
    assert scores.values[1].tolist() == [-np.inf, -np.inf, 0]
    assert scores.values[scores.was_read].argmax(axis=1).tolist() == logits[[0, 1, 3, 4, 5, 6]].argmax(axis=1).tolist()
    assert scores.parts == [slice(0, 7)]


def test_gather_knows_rows_that_no_window_shows():
    empty = readings.windows(0, views([]), 0, align(WORDS, TOKENS[:0]), None)
    scores = readings.gather([np.ones((2, 3))], empty, 1, 3, lost=0)
    assert not scores.was_read.any()
    assert scores.values.argmax(axis=1).tolist() == [0] * 7
