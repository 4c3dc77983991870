import pytest

from bertkit.adapters._faults import Fault, mend_each, with_value
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


def test_mend_each_names_the_first_bad_row_and_counts_all():
    with pytest.raises(DataError) as error:
        mend_each(rows("a", "1", "2"), "tags", "stop", upper)
    expected = 'train.csv:3, column of role "tags": "1" is no word (bad rows in train.csv: 2 with a bad cell)'
    assert error.value.message == expected
    assert "data.on_bad_row=skip" in error.value.hint
