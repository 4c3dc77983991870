from __future__ import annotations

import pytest

from bertkit.data.columns import check_columns, check_header
from bertkit.errors import DataError


def test_check_columns_all_there():
    check_columns(["id", "text", "label"], {"text": "text", "label": "label"}, "train.csv", delimited=True)


def test_check_columns_missing_names_role_columns_and_nearest():
    with pytest.raises(DataError) as caught:
        check_columns(["text", "label"], {"text": "txt"}, "train.csv", delimited=True)
    assert caught.value.message == (
        'train.csv has no column "txt" (wanted as text). It has: text, label. Did you mean "text"?'
    )
    assert "`--set columns.text=text`" in caught.value.hint


def test_check_columns_several_missing_are_one_error():
    with pytest.raises(DataError) as caught:
        check_columns(["Review Text", "stars"], {"text": "reviewtext", "label": "star"}, "a.csv", delimited=True)
    assert 'no column "reviewtext" (wanted as text) and no column "star" (wanted as label)' in caught.value.message
    assert 'Did you mean "Review Text", "stars"?' in caught.value.message
    assert "`--set 'columns.text=Review Text' --set columns.label=stars`" in caught.value.hint


@pytest.mark.parametrize(
    ("wanted", "columns", "nearest"),
    [
        ("text", ["texts", "Text"], "Text"),
        ("text", ["tex", " TEXT "], " TEXT "),
        ("label", ["text", "labels"], "labels"),
    ],
)
def test_check_columns_equal_but_for_case_and_spaces_comes_first(wanted, columns, nearest):
    with pytest.raises(DataError, match=f'Did you mean "{nearest}"'):
        check_columns(columns, {"text": wanted}, "a.csv", delimited=True)


def test_check_columns_nothing_near_tells_of_files_without_header():
    with pytest.raises(DataError) as caught:
        check_columns(["a stirring , funny film " * 5, "1"], {"text": "sentence"}, "train.tsv", delimited=True)
    assert "Did you mean" not in caught.value.message
    assert "..., 1." in caught.value.message
    assert "--set columns.text=NAME" in caught.value.hint
    assert "data.names=" in caught.value.hint


@pytest.mark.parametrize("columns", [["tokens", "upos"], ['"text"'], ["text;label"]])
def test_check_columns_of_a_table_without_a_header_line_tells_of_names_alone(columns):
    with pytest.raises(DataError) as caught:
        check_columns(columns, {"text": "question"}, "train.conllu", delimited=False)
    assert caught.value.hint == "Name the column: `--set columns.text=NAME`."


@pytest.mark.parametrize(
    ("header", "option"),
    [
        ("text;label", '--set data.delimiter=";"'),
        ("text|label", '--set data.delimiter="|"'),
        ("text,label", '--set data.delimiter=","'),
        ("text\tlabel", "--set data.format=tsv"),
    ],
)
def test_check_columns_single_column_with_another_delimiter(header, option):
    with pytest.raises(DataError) as caught:
        check_columns([header], {"text": "text"}, "a.csv", delimited=True)
    assert option in caught.value.hint


def test_check_columns_names_in_quotes():
    with pytest.raises(DataError) as caught:
        check_columns(['"text"', '"label"'], {"text": "text"}, "a.tsv", delimited=True)
    assert "--set data.quoting=csv" in caught.value.hint


def test_check_columns_long_header_is_cut():
    with pytest.raises(DataError, match=r"c19 and 10 more\.$"):
        check_columns([f"c{number}" for number in range(30)], {"text": "sentence"}, "a.csv", delimited=True)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["", "text", ""], "a.csv: column 3 of 3 is the second one without a name in the header."),
        (["text", "label", "text"], 'a.csv: the header has the column "text" twice.'),
    ],
)
def test_check_header_repeated_name(columns, message):
    with pytest.raises(DataError) as caught:
        check_header(columns, "a.csv")
    assert caught.value.message == message


def test_check_header_lets_the_index_of_pandas_pass():
    check_header(["", "text", "label"], "a.csv")
