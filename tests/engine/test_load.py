import json

import pytest

from bertkit import adapters
from bertkit.data.tables import open_table
from bertkit.engine import load
from bertkit.errors import DataError

ROW = {"tokens": ["a"], "tags": ["O"], "review": "a", "ents": []}


@pytest.fixture
def layout(tmp_path):
    """Chooses the columns of a table of words, tags, texts and entities."""

    def choose(named, row=ROW, labels=True, shared=()):
        path = tmp_path / "rows.jsonl"
        path.write_text(json.dumps(row), encoding="utf-8")
        adapter = adapters.create("token-classification", {})
        with open_table(path) as table:
            chosen = load.layout(table, adapter, named, labels=labels, shared=shared)
        return {column.role: name for column, name in chosen.items()}

    return choose


@pytest.mark.parametrize(
    ("named", "chosen"),
    [
        ({}, {"tokens": "tokens", "tags": "tags"}),
        ({"text": "review", "spans": "ents"}, {"text": "review", "spans": "ents"}),
        ({"tags": "ents"}, {"tokens": "tokens", "tags": "ents"}),
        ({"tokens": "tokens", "tags": "tags", "text": "review"}, {"tokens": "tokens", "tags": "tags"}),
    ],
)
def test_layout_of_the_named_columns_comes_before_one_of_usual_names(layout, named, chosen):
    assert layout(named) == chosen


def test_layout_takes_another_where_the_named_columns_are_not_there(layout):
    named = {"tokens": "tokens", "tags": "tags"}
    assert layout(named, {"text": "a", "spans": []}) == {"text": "text", "spans": "spans"}


def test_layout_needs_no_column_for_a_value_that_all_rows_share(layout):
    assert layout({"text": "text"}, {"id": 1}, labels=False, shared=["text"]) == {"text": "text"}


def test_layout_that_is_not_there_is_told_by_the_named_columns(layout):
    with pytest.raises(DataError, match=r'no column "review" \(wanted as text\) and no column "ents"') as caught:
        layout({"text": "review", "spans": "ents"}, {"words": 1})
    assert "data.names" not in caught.value.hint
