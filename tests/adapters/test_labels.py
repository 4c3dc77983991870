import pytest

from bertkit.adapters import _labels
from bertkit.data.examples import Example

DIGITS = "1" * 5000


@pytest.mark.parametrize("coded", [(), ("a", "b")])
def test_one_takes_a_label_of_more_digits_than_python_converts_as_text(coded):
    assert _labels.one(Example("train.csv", 2, {"label": DIGITS}), coded) == DIGITS


@pytest.mark.parametrize(("cell", "label"), [("1", "b"), (" 01 ", "b"), (0, "a"), ("2", "2"), ("-1", "-1"), ("x", "x")])
def test_one_reads_positions_of_names(cell, label):
    assert _labels.one(Example("train.csv", 2, {"label": cell}), ("a", "b")) == label


def test_learn_takes_labels_of_many_digits_as_text():
    assert _labels.learn({"0": 1, DIGITS: 1}, ("a", "b"), "train.csv") == (("0", DIGITS), {})
