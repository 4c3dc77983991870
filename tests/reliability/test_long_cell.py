"""A cell of many megabytes is answered like any other, and costs no other row."""

import csv

import pytest

import bertkit

pytest_plugins = ("tests.fixtures",)
pytestmark = pytest.mark.soak
CHARACTERS = 9_000_000


def test_a_long_cell_is_answered_and_counted(finished, tmp_path):
    path, output = tmp_path / "rows.csv", tmp_path / "answers.csv"
    long = "a great day " * (CHARACTERS // 12)
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([["text"], ["a great day"], [long], ["a dull day"]])
    done = bertkit.predict(path, output, run=finished)
    assert (done.rows, done.rejected, done.unseen.rows_cut) == (3, 0, 1)
    assert done.unseen.tokens == 3 * (CHARACTERS // 12 + 2)
    csv.field_size_limit(2 * CHARACTERS)
    with output.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["text"] for row in rows] == ["a great day", long, "a dull day"]
    assert rows[1]["answer"] == rows[0]["answer"] == "good"
