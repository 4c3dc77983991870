from functools import partial

import pytest

from bertkit.adapters._token_classification import tag_cells
from bertkit.data.examples import Example, Examples
from bertkit.errors import DataError


def anything(source, rows):
    pass


read = partial(tag_cells.read, look_at=anything)


def rows(*pairs):
    found = [Example("a.conll", line, {"tokens": tokens, "tags": tags}) for line, (tokens, tags) in enumerate(pairs, 1)]
    return Examples("a.conll", found)


@pytest.mark.parametrize("cell", [["O", "B-X"], ("O", " B-X "), '["O", "B-X"]', "O B-X", [0, 1], "[0, 1]"])
def test_read_takes_lists_json_and_text(cell):
    (row,) = read(rows((["a", "b"], cell)), ("O", "B-X"), "stop").rows
    assert row.values["tags"] == ["O", "B-X"]


def test_read_takes_a_list_of_one_number_in_text():
    found = read(rows((["a", "b"], "[0, 1]"), (["a"], "[1]")), ("O", "B-X"), "stop")
    assert [row.values["tags"] for row in found.rows] == [["O", "B-X"], ["B-X"]]


@pytest.mark.parametrize("cell", [None, "", " ", [], "[]"])
def test_read_leaves_rows_without_tags(cell):
    (row,) = read(rows((["a", "b"], cell)), (), "stop").rows
    assert row.values["tags"] == []


@pytest.mark.parametrize(
    ("cell", "message", "reason"),
    [
        (["O"], "1 tags for 2 tokens", "another number of tags than tokens"),
        (["O", "O", "O"], "3 tags for 2 tokens", "another number of tags than tokens"),
        (["O", ""], "the tag of token 2 is empty", "an empty tag"),
        (["O", None], "the tag of token 2 is empty", "an empty tag"),
    ],
)
def test_read_refuses_or_leaves_out_faulty_rows(cell, message, reason):
    found = rows((["a"], ["O"]), (["a", "b"], cell))
    with pytest.raises(DataError, match=rf'^a\.conll:2, column of role "tags": {message}'):
        read(found, (), "stop")
    left = read(found, (), "skip")
    assert len(left.rows) == 1
    assert left.dropped == {reason: 1}


def test_read_shows_all_tags_before_it_refuses_a_row():
    def look_at(source, tags):
        raise tag_cells.other_column(source, [tag for row in tags for tag in row], "no tags")

    with pytest.raises(DataError) as error:
        tag_cells.read(rows((["a", "b"], "7"), (["a"], "8")), (), "stop", look_at)
    assert error.value.message == 'a.conll, column of role "tags": no tags; the first are "7", "8"'
    assert error.value.hint == "--set columns.tags=NAME for another column"
