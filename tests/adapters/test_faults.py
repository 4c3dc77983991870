from dataclasses import replace

import pytest

from bertkit.adapters._faults import Fault, Tally, mend_each, with_counts, with_value
from bertkit.data.examples import Example, Examples
from bertkit.errors import DataError


def rows(*cells):
    found = [Example("train.csv", line, {"tags": cell}) for line, cell in enumerate(cells, 2)]
    return Examples("train.csv", found, dropped={"empty text": 1, "a bad cell": 1})


def upper(example):
    if not example.values["tags"].isalpha():
        raise Fault("a bad cell", f'"{example.values["tags"]}" is no word')
    return with_value(example, "tags", example.values["tags"].upper())


def test_mend_each_leaves_out_and_counts_what_it_may_skip():
    found = mend_each(rows("a", "1", "b", "2"), "tags", "skip", upper)
    assert [row.values["tags"] for row in found.rows] == ["A", "B"]
    assert found.dropped == {"empty text": 1, "a bad cell": 3}


def test_mend_each_names_what_it_skips(caplog):
    found = mend_each(rows(*"a1234567"), "tags", "skip", upper)
    assert found.first == {"a bad cell": "train.csv:3"}
    assert found.places["a bad cell"] == [f'train.csv:{line}: "{line - 2}" is no word' for line in range(3, 8)]
    assert caplog.text.count('column of role "tags": ') == 5
    assert 'train.csv:7, column of role "tags": "5" is no word; ...' in caplog.text


def test_mend_each_says_where_a_row_stands_as_it_is_told():
    with pytest.raises(DataError, match=r'^row 3, column of role "tags": "1" is no word'):
        mend_each(rows("a", "1"), "tags", "stop", upper, lambda example: f"row {example.line}")


def test_tally_counts_reasons_that_were_met_and_keeps_their_first_place():
    tally = Tally()
    tally.add("f:1", {"a": 2, "b": 0})
    tally.add("f:2", {"a": 1, "b": 1})
    assert tally.counts == {"a": 3, "b": 1}
    assert tally.first == {"a": "f:1", "b": "f:2"}


def test_with_counts_adds_and_keeps_earlier_places():
    tally = Tally()
    tally.add("train.csv:9", {"empty text": 2, "new": 1})
    found = with_counts(replace(rows(), first={"empty text": "train.csv:2"}), dropped=tally, repaired=tally)
    assert found.dropped == {"empty text": 3, "a bad cell": 1, "new": 1}
    assert found.repaired == {"empty text": 2, "new": 1}
    assert found.first == {"empty text": "train.csv:2", "new": "train.csv:9"}


def test_mend_each_names_the_first_bad_row_and_counts_all():
    with pytest.raises(DataError) as error:
        mend_each(rows("a", "1", "2"), "tags", "stop", upper)
    expected = 'train.csv:3, column of role "tags": "1" is no word (bad rows in train.csv: 2 with a bad cell)'
    assert error.value.message == expected
    assert "data.on_bad_row=skip" in error.value.hint
