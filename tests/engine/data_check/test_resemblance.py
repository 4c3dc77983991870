import random
from itertools import combinations
from string import ascii_lowercase

import pytest

from bertkit.engine._data_check.resemblance import ALIKE, near_pairs, resemblance
from bertkit.engine.progress import silent


def sentences(count, seed=1):
    generator = random.Random(seed)
    return [" ".join("".join(generator.choices(ascii_lowercase, k=6)) for _ in range(25)) for _ in range(count)]


def with_other_word(text, place):
    words = text.split()
    words[place] = "changed"
    return " ".join(words)


def near(texts):
    return near_pairs([(text,) for text in texts], silent)


def test_near_pairs_finds_texts_with_one_word_changed():
    plain = sentences(200)
    changed = [with_other_word(text, place % 25) for place, text in enumerate(plain)]
    assert set(near(plain + changed)) == {(place, place + 200) for place in range(200)}


def test_near_pairs_are_those_of_comparing_all_with_all():
    plain = sentences(40, seed=2)
    texts = plain + [with_other_word(with_other_word(text, 3), 12) for text in plain]
    wanted = [pair for pair in combinations(range(80), 2) if resemblance(*(texts[place] for place in pair)) >= ALIKE]
    assert near(texts) == wanted
    assert 0 < len(wanted) < 80


def test_near_pairs_of_several_roles_must_be_near_in_each():
    context, other = sentences(2, seed=3)
    rows = [("what is this place", context), ("what is this place?", other), ("what is this place!", context)]
    assert near_pairs(rows, silent) == [(0, 2)]


@pytest.mark.parametrize("texts", [[], ["one"], ["", "a"], ["abc", "abcd"], ["ab", "cd", "ef"]])
def test_near_pairs_of_texts_too_short_to_have_pieces_are_none(texts):
    assert near(texts) == []


def test_near_pairs_have_no_other_short_text_beside_a_near_one():
    near_one = "what do they say of the place where we were yesterday"
    assert near_pairs([(near_one, "yes"), (f"{near_one}?", "no"), (f"{near_one}!", "yes")], silent) == [(0, 2)]


def test_near_pairs_of_a_template_are_found_through_its_first_row():
    texts = [f"your parcel number {number} was sent to the address that you gave us yesterday" for number in range(300)]
    assert {second for _, second in near(texts)} == set(range(1, 300))


@pytest.mark.parametrize(
    ("first", "second", "share"),
    [
        ("abcdef", "abcdef", 1),
        ("abcdefghijkl", "abcdefghijkx", 7 / 9),
        ("abcdef", "uvwxyz", 0),
        ("", "abcdef", 0),
        ("yes", "no", 0),
    ],
)
def test_resemblance_is_the_share_of_common_pieces(first, second, share):
    assert resemblance(first, second) == pytest.approx(share)
