import random

import numpy as np
import pytest

from bertkit.adapters._question_answering import squad

WORDS = (
    "the",
    "a",
    "The",
    "an",
    "Oslo",
    "oslo",
    "in",
    "1,234",
    "U.S.",
    "well-known",
    "…",
    "!",
    "—",
    "挪威",
    "أوسلو",
    "",
)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("The  Cat's\tHat!", "cats hat"),
        ("a an the", ""),
        ("Theatre another", "theatre another"),
        ("U.S.", "us"),
        ("an-thology", "anthology"),
        ("“quoted”", "“quoted”"),
        ("奥斯陆。", "奥斯陆。"),
    ],
)
def test_normalise_worked_cases(text, plain):
    assert squad.normalise(text) == plain


@pytest.mark.parametrize(
    ("golds", "answer", "exact", "f1"),
    [
        (["Denver Broncos"], "the Denver Broncos.", 1, 1),
        (["Denver Broncos"], "Broncos", 0, 2 / 3),
        (["Denver Broncos", "Broncos"], "Broncos", 1, 1),
        (["in the city of Oslo"], "Oslo city", 0, 2 * (2 / 4) * (2 / 2) / (2 / 4 + 2 / 2)),
        (["to to be"], "to be be", 0, 2 / 3),
        (["Oslo"], "", 0, 0),
        ([], "", 1, 1),
        ([], "Oslo", 0, 0),
        (["the"], "", 1, 1),
        (["the", "Oslo"], "", 0, 0),
        (["خمسة أيام"], "خمسة", 0, 2 / 3),
        (["五天"], "五天", 1, 1),
    ],
)
def test_best_worked_cases(golds, answer, exact, f1):
    assert squad.best(golds, answer) == (exact, pytest.approx(f1))


def test_scores_of_random_strings_are_those_of_precision_and_recall():
    generator = random.Random(0)
    for _ in range(500):
        gold, answer = (" ".join(generator.choices(WORDS, k=generator.randint(0, 6))) for _ in "ab")
        golds, answers = squad.normalise(gold).split(), squad.normalise(answer).split()
        rest, shared = list(golds), 0
        for word in answers:
            if word in rest:
                rest.remove(word)
                shared += 1
        if not golds or not answers:
            wanted = float(golds == answers)
        elif not shared:
            wanted = 0.0
        else:
            precision, recall = shared / len(answers), shared / len(golds)
            wanted = 2 * precision * recall / (precision + recall)
        assert squad.f1(gold, answer) == pytest.approx(wanted)
        assert squad.f1(gold, answer) == pytest.approx(squad.f1(answer, gold))
        assert squad.exact_match(gold, answer) == (" ".join(golds) == " ".join(answers))


@pytest.mark.parametrize("seed", range(8))
def test_null_threshold_is_the_best_of_all(seed):
    generator = np.random.default_rng(seed)
    # Rounded, so that some rows are equal.
    difference = generator.normal(0, 3, 40).round(0 if seed % 2 else 6)
    gain = np.where(generator.random(40) < 0.5, generator.random(40), -1.0)

    def value(threshold):
        return gain[difference <= threshold].sum()

    threshold = squad.best_null_threshold(difference, gain)
    every = [difference.min() - 1, *difference]
    assert value(threshold) == pytest.approx(max(map(value, every)))


@pytest.mark.parametrize(("gain", "answered"), [([-1.0, -1.0], 0), ([1.0, 0.5], 2)])
def test_null_threshold_may_be_beyond_all_rows(gain, answered):
    difference = np.array([-3.0, 5.0])
    threshold = squad.best_null_threshold(difference, np.array(gain))
    assert np.isfinite(threshold)
    assert (difference <= threshold).sum() == answered
