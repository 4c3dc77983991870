import pytest

from bertkit import adapters
from bertkit.data.examples import Example
from bertkit.engine._data_check.texts import fold, gather


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Great!", "great"),
        ("a  fine\tday", "A fine day."),
        ("foo,bar", "foo, bar"),
        ("ﬁne", "fine"),
        ("Stra\u00dfe", "STRASSE"),
        ("caf\u00e9", "cafe\u0301"),
        ("\uff21\uff22", "ab"),
        ("snake_case", "snake case"),
    ],
)
def test_fold_makes_alike_what_reads_alike(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("good 😀", "good 😡"), ("C++", "C"), ("...", "?"), ("कि", "का"), ("1 < 2", "1 > 2"), ("a b", "ab")],
)
def test_fold_keeps_apart_what_means_something_else(one, other):
    assert fold(one) != fold(other)


def test_gather_joins_words_and_leaves_out_labels():
    rows = [Example("a.conll", 1, {"tokens": ["A", "day", "."], "tags": ["O", "O", "O"]})]
    texts = gather({"train": rows}, adapters.create("token-classification", {}))["train"]
    assert (texts.exact, texts.folded) == ([("A day .",)], [("a day",)])
