import pytest

from bertkit.data.examples import Example, Examples, is_empty, keep_usable, to_example, words
from bertkit.data.tables import Row
from bertkit.errors import DataError

COLUMNS = {"text": "review", "label": "stars"}
KINDS = {"text": "text", "label": "label"}


def texts(*values):
    return [Example("train.csv", line, {"text": value}) for line, value in enumerate(values, 2)]


@pytest.mark.parametrize(
    ("cell", "text"), [("NA", "NA"), (None, ""), (7, "7"), (True, "true"), ("", ""), (" a ", " a ")]
)
def test_to_example_makes_text_of_text_and_leaves_labels(cell, text):
    row = Row(5, {"review": cell, "stars": cell, "other": 1})
    example = to_example(row, "train.csv", COLUMNS, KINDS)
    assert example.values == {"text": text, "label": cell}
    assert example.where == "train.csv:5"


def test_to_example_of_a_row_without_the_column_is_empty():
    assert to_example(Row(1, {}), "rows.jsonl", COLUMNS, KINDS).values == {"text": "", "label": None}


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        (["a", "b c", 7, None], ["a", "b c", "7", ""]),
        ('["a", "b c"]', ["a", "b c"]),
        ('["a"]', ["a"]),
        ("[1, 2]", ["1", "2"]),
        ("[1]", ["[1]"]),
        (" [1] so [2]", ["[1]", "so", "[2]"]),
        ("[1.5, 2]", ["[1.5,", "2]"]),
        ("[true, false]", ["[true,", "false]"]),
        ("[[1, 2]]", ["[[1,", "2]]"]),
        ("[sic]", ["[sic]"]),
        ("[" * 100_000, ["[" * 100_000]),
        ("[" * 65 + "]" * 65, ["[" * 65 + "]" * 65]),
        ('["\\ud83d"]', ['["\\ud83d"]']),
        ("[]", []),
        (None, []),
    ],
)
def test_words_takes_lists_and_text(cell, found):
    assert words(cell) == found


def test_words_takes_a_lone_number_where_the_caller_says_so():
    assert words("[1]", fewest_numbers=1) == ["1"]


@pytest.mark.parametrize(("value", "empty"), [("", True), (" \t\u00a0", True), (None, True), ("0", False), (0, False)])
def test_is_empty(value, empty):
    assert is_empty(Example("x", 1, {"text": "full", "text_pair": value}), ["text", "text_pair"]) is empty


def test_keep_usable_drops_and_counts_rows_without_text():
    found = keep_usable("train.csv", texts("a", " ", "b", ""), ["text"], "drop")
    assert [example.line for example in found.rows] == [2, 4]
    assert found.dropped == {"empty text": 2}


def test_keep_usable_refuses_with_the_first_place():
    with pytest.raises(DataError, match=r"^train.csv:3: the text is empty \(2 such rows in train.csv\)"):
        keep_usable("train.csv", texts("a", " ", "b", ""), ["text"], "refuse")


def test_fingerprint_tells_values_and_order_but_not_places():
    rows = texts("a", "b")
    print_of = {name: Examples(name, examples).fingerprint() for name, examples in {
        "one": rows, "moved": [Example("other.csv", 9, row.values) for row in rows],
        "turned": rows[::-1], "longer": [*rows, *texts("c")], "changed": texts("a", "b "),
    }.items()}  # fmt: skip
    assert print_of["one"] == print_of["moved"]
    assert len(set(print_of.values())) == 4


def test_pick_takes_positions_in_the_given_order():
    assert [row.line for row in Examples("train.csv", texts("a", "b", "c")).pick([2, 0]).rows] == [4, 2]
