"""The hostile files on which `benchmarks/readers.py` compares readers: bertkit must be right on all of them."""

import re

import pytest

from benchmarks._readers.corpus import cases
from bertkit.data.tables import open_table
from bertkit.errors import DataError


def cells_of(path):
    with open_table(path) as table:
        return [table.columns, *(list(row.values.values()) for row in table)]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_exact_cells_or_an_error_with_its_line(tmp_path, case):
    path = tmp_path / "rows.csv"
    path.write_bytes(case.content)
    if case.cells is not None:
        assert cells_of(path) == case.cells
        return
    with pytest.raises(DataError) as caught:
        cells_of(path)
    assert re.search(rf"rows\.csv:{case.line}:" if case.line else r"rows\.csv", caught.value.message)
