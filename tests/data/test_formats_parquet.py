from __future__ import annotations

import datetime
import gzip
import io
import os
import sys
import threading

import pytest

from bertkit.data.tables import open_table
from bertkit.data.writers import create_table
from bertkit.errors import DataError
from bertkit.recipe.schema import ReadSettings

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

ROWS = [
    {"id": 1, "text": "NA", "tags": ["x"], "when": datetime.date(2020, 1, 2), "half": 0.5},
    {"id": None, "text": None, "tags": None, "when": None, "half": None},
]
SCHEMA = pa.schema(
    [
        ("id", pa.int16()),
        ("text", pa.large_string()),
        ("tags", pa.list_(pa.string())),
        ("when", pa.date32()),
        ("half", pa.float32()),
    ],
    metadata={"origin": "test"},
)


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pq.write_table(pa.Table.from_pylist(ROWS, schema=SCHEMA), tmp_path / "rows.parquet")
    return tmp_path / "rows.parquet"


def rows_of(table):
    with table:
        assert table.format == "parquet"
        return [row.values for row in table]


def test_read_parquet_native_values_and_row_numbers(path):
    with open_table(path) as table:
        assert table.columns == SCHEMA.names
        assert [(row.line, row.values) for row in table] == [(1, ROWS[0]), (2, ROWS[1])]


def not_utf_8(text):
    """An array of strings with bytes that are none."""
    offsets = pa.array([0, *(sum(map(len, text[: count + 1])) for count in range(len(text)))], pa.int32())
    return pa.Array.from_buffers(pa.string(), len(text), [None, offsets.buffers()[1], pa.py_buffer(b"".join(text))])


def test_read_parquet_bad_cells_are_bad_rows(tmp_path):
    path = tmp_path / "bad.parquet"
    columns = {"id": [1, 2, 3, 4], "text": not_utf_8([b"one", b"caf\xe9", b"x" * 101, b"four"])}
    pq.write_table(pa.table(columns), path)
    with open_table(path) as table, pytest.raises(DataError, match=r"bad\.parquet:2: the cell is not valid"):
        list(table)
    rejects = []
    with open_table(path, ReadSettings(on_bad_row="skip", max_cell=100), rejects.append) as table:
        assert [(row.line, row.values) for row in table] == [
            (1, {"id": 1, "text": "one"}),
            (4, {"id": 4, "text": "four"}),
        ]
    assert [(reject.line, reject.byte, reject.column) for reject in rejects] == [(2, None, "text"), (3, None, "text")]
    assert (table.rows_read, table.rejects.count) == (2, 2)


def test_read_parquet_gz(path, tmp_path):
    (tmp_path / "rows.parquet.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert rows_of(open_table(tmp_path / "rows.parquet.gz")) == ROWS


@pytest.mark.parametrize("settings", [None, ReadSettings(format="parquet")])
def test_read_parquet_stdin(path, monkeypatch, settings):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    assert rows_of(open_table("-", settings)) == ROWS


def test_read_parquet_named_pipe(path, tmp_path):
    os.mkfifo(tmp_path / "pipe.parquet")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe.parquet").write_bytes(path.read_bytes()))
    writer.start()
    assert rows_of(open_table(tmp_path / "pipe.parquet")) == ROWS
    writer.join()


def test_read_parquet_not_parquet(path):
    path.write_bytes(b"text,label\na,1\n")
    with pytest.raises(DataError, match=r"rows\.parquet cannot be read as Parquet"):
        open_table(path)


def test_read_parquet_damaged_inside(tmp_path):
    table = pa.table({"a": [f"row {number} " * 20 for number in range(20_000)]})
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=5_000, use_dictionary=False)
    content = bytearray((tmp_path / "rows.parquet").read_bytes())
    content[len(content) // 2 : len(content) // 2 + 5_000] = b"\xff" * 5_000
    (tmp_path / "rows.parquet").write_bytes(content)
    with (
        open_table(tmp_path / "rows.parquet") as damaged,
        pytest.raises(DataError, match="cannot be read as Parquet"),
    ):
        list(damaged)


def test_write_parquet_keeps_the_schema_and_appends(path, tmp_path):
    added = [{"label": "a", "score": 0.5, "n": 1, "labels": ["a", "b"]}, {"score": 1}]
    with (
        open_table(path) as like,
        create_table("out.parquet", like, ["label", "score", "n", "labels"]) as out,
    ):
        out.write(row.values | more for row, more in zip(like, added, strict=True))
    written = pq.read_table(tmp_path / "out.parquet")
    assert written.schema.metadata == {b"origin": b"test"}
    assert list(written.schema)[:5] == list(SCHEMA)
    assert [(field.name, field.type) for field in written.schema][5:] == [
        ("label", pa.string()),
        ("score", pa.float64()),
        ("n", pa.int64()),
        ("labels", pa.list_(pa.string())),
    ]
    empty = {"label": None, "n": None, "labels": None}
    assert written.to_pylist() == [ROWS[0] | added[0], ROWS[1] | empty | {"score": 1.0}]


def test_write_parquet_mixed_values_become_text(path, tmp_path):
    with open_table(path) as like, create_table("out.parquet", like, ["x"]) as out:
        out.write({"x": value} for value in [1, "a", True, None, {"k": 1}])
    assert pq.read_table(tmp_path / "out.parquet")["x"].to_pylist() == ["1", "a", "true", None, '{"k":1}']


def test_write_parquet_type_that_changes_after_the_first_row_group(path, tmp_path):
    with (
        pytest.raises(DataError, match='Column "x" began as int64'),
        open_table(path) as like,
        create_table("out.parquet", like, ["x"]) as out,
    ):
        out.write({"x": 1 if number < 9_000 else 0.5} for number in range(20_000))
    assert not list(tmp_path.glob("out.*"))


def test_write_parquet_without_rows(path, tmp_path):
    with open_table(path) as like, create_table("out.parquet", like, ["x"]):
        pass
    assert pq.read_schema(tmp_path / "out.parquet").names == [*SCHEMA.names, "x"]


def test_write_parquet_groups_small_chunks(path, tmp_path):
    with open_table(path) as like, create_table("out.parquet", like, ["x"]) as out:
        for number in range(10_000):
            out.write([{"x": number}])
    assert pq.ParquetFile(tmp_path / "out.parquet").num_row_groups == 3
    assert pq.read_table(tmp_path / "out.parquet")["x"].to_pylist() == list(range(10_000))
