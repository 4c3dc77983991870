import numpy as np
import pytest

from bertkit.adapters._token_classification.words import Words, align, homes, join, split
from bertkit.data.examples import Example


def pieces(words):
    return [words[index] for index in range(len(words.offsets))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Anna doesn't pay $5.", ["Anna", "doesn", "'", "t", "pay", "$", "5", "."]),
        ("COVID19  x_y", ["COVID19", "x", "_", "y"]),
        ("北京ABC大学", ["北", "京", "ABC", "大", "学"]),
        ("トヨタは", ["ト", "ヨ", "タ", "は"]),
        ("ซื้อบ้าน", ["ซื้", "อ", "บ้", "า", "น"]),
        ("עברית שָׁלוֹם.", ["עברית", "שָׁלוֹם", "."]),
        ("می\u200cخواهم بروم", ["می\u200cخواهم", "بروم"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("wo\u0301rd e\u0301", ["wo\u0301rd", "e\u0301"]),
        ("👍🏽ok ❤️", ["👍", "🏽", "ok", "❤️"]),
        ("ירושלים\u200f, \u200b\ufeff\x07", ["ירושלים", ","]),
        ("Donau\u00addampf", ["Donau\u00addampf"]),
        ("👩\u200d🚀 ok", ["👩\u200d", "🚀", "ok"]),
        (" \n", []),
    ],
)
def test_split_finds_words_of_every_script(text, found):
    words = split(text)
    assert pieces(words) == found
    assert words.offsets.shape == (len(found), 2)


def test_join_puts_one_blank_between_words():
    words = join(["New", "", "York", "\u200b", "a b"])
    assert words.text == "New  York \u200b a b"
    assert pieces(words) == ["New", "", "York", "\u200b", "a b"]
    assert join([]).offsets.shape == (0, 2)


def test_words_of_a_row_are_its_tokens_or_those_of_its_text():
    assert pieces(Words.of(Example("f", 1, {"tokens": ["a.b", "c"]}))) == ["a.b", "c"]
    assert pieces(Words.of(Example("f", 1, {"text": "a.b c"}))) == ["a", ".", "b", "c"]


@pytest.mark.parametrize(
    ("words", "tokens", "units", "first"),
    [
        # Two subwords: the first answers.
        (["word", "piece"], [(0, 2), (2, 4), (5, 10)], [0, 1], [0, 2]),
        # A token that covers the blank before its word, as SentencePiece has them.
        (["a", "b"], [(0, 1), (1, 3)], [0, 1], [0, 1]),
        # Words without a token shift nothing.
        (["a", "\u200b", "b"], [(0, 1), (4, 5)], [0, 1, 2], [0, -1, 1]),
        (["a", "", "b"], [(0, 1), (1, 4)], [0, 1, 2], [0, -1, 1]),
        (["\u200b", "\u200b"], [], [0, 1], [-1, -1]),
        # Several tokens for the bytes of one character, and one that stands for no character.
        (["x", "😀"], [(0, 1), (0, 0), (2, 3), (2, 3)], [0, 1], [0, 2]),
    ],
)
def test_align_takes_the_first_token_of_each_word(words, tokens, units, first):
    found = align(join(words), np.array(tokens, np.int32).reshape(-1, 2))
    assert found.units.tolist() == units
    assert found.tokens.tolist() == first
    assert found.lost.tolist() == [word for word, token in enumerate(first) if token < 0]


def test_align_makes_one_unit_of_words_that_begin_in_one_token():
    found = align(split("北京大学在"), np.array([(0, 2), (2, 5)]))
    assert found.units.tolist() == [0, 0, 1, 1, 1]
    assert found.tokens.tolist() == [0, 1]
    assert found.first_words.tolist() == [0, 2]
    assert [border.tolist() for border in found.borders] == [[0, 2], [2, 5]]


@pytest.mark.parametrize("text", ["\u200b", "\u200b \ufeff", ""])
def test_align_of_no_words_has_no_borders(text):
    found = align(split(text), np.zeros((0, 2), np.int32))
    assert found.first_words.size == 0
    assert [border.tolist() for border in found.borders] == [[], []]


def test_homes_gives_each_token_the_window_with_most_context():
    views = [np.arange(0, 6), np.arange(3, 9), np.arange(6, 10)]
    assert homes(views, 11).tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 2, 2, -1]


def test_homes_knows_tokens_that_no_window_holds():
    assert homes([np.array([0, 1, 5, 6])], 7).tolist() == [0, 0, -1, -1, -1, 0, 0]
    assert homes([np.arange(0)], 0).tolist() == []
