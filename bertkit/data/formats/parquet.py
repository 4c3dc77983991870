"""Parquet through pyarrow: native values, read and written in batches."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from bertkit.data._input import ByteSource
from bertkit.data._rows import Reject, Rejects, Row, as_text
from bertkit.data.columns import check_header
from bertkit.data.formats import Reader, Sink
from bertkit.data.formats._json import refusal
from bertkit.errors import BertkitError, DataError
from bertkit.recipe.schema import ReadSettings

if TYPE_CHECKING:
    import pyarrow as pa

EXTENSIONS = {".parquet": "parquet"}
READ_ROWS = 1024
GROUP_ROWS = 4096


class ParquetReader:
    """Rows of a Parquet file; a stream goes through a temporary file, since the format is read from its end.

    Args:
        source: The input, at its start.
        settings: The longest cell.
        rejects: Where rows go that hold text which is none, or too much of it.

    Raises:
        DataError: It is not a Parquet file.
    """

    def __init__(self, source: ByteSource, settings: ReadSettings, rejects: Rejects) -> None:
        import pyarrow.parquet as pq

        self._name, self._rejects, self._max_cell = source.name, rejects, settings.max_cell
        try:
            self._file = pq.ParquetFile(source.as_file())
            self.schema = self._file.schema_arrow
            self.columns: list[str] = list(self.schema.names)
        except BertkitError:
            raise
        except Exception as error:  # of a damaged file: pyarrow names no common base
            raise _damaged(self._name, error) from None
        check_header(self.columns, self._name)

    def rows(self) -> Iterator[Row]:
        """Reads row after row, once.

        Raises:
            DataError: A bad row that must not be skipped, or a damaged file.
        """
        number = 1
        for batch in self._batches():
            if batch.nbytes <= self._max_cell and (values := _values(batch)) is not None:
                yield from map(Row, range(number, number + len(values)), values)
            else:
                yield from self._rows_one_by_one(batch, number)
            number += batch.num_rows

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._file.iter_batches(batch_size=READ_ROWS)
        except BertkitError:
            raise
        except Exception as error:
            raise _damaged(self._name, error) from None

    def _rows_one_by_one(self, batch: pa.RecordBatch, number: int) -> Iterator[Row]:
        for index in range(batch.num_rows):
            row, column, problem = batch.slice(index, 1), None, ""
            values = _values(row)
            if values is None:
                column = next(name for name in self.columns if _values(row.select([name])) is None)
                problem = "the cell is not valid: its text is not UTF-8, or its value has no counterpart in Python"
            elif row.nbytes > self._max_cell:
                column, problem = refusal(values[0], self._max_cell)
            if problem:
                self._rejects.add(Reject(number + index, None, column, problem))
            elif values:
                yield Row(number + index, values[0])


class ParquetSink:
    """Writes row groups of a few thousand rows.

    The columns of a Parquet input keep their types; the types of the others follow from the first row group.

    A Parquet file cannot grow behind its footer, so each group is written as an Arrow IPC stream, one after another,
    and `rewrite` makes the Parquet file of them.

    Args:
        stream: Where the bytes go.
        columns: Names in order.
        schema: Arrow schema of the input, or None.
        state: Of a sink whose work goes on.
    """

    form = "values"
    keeps_other_keys = False
    parts_join = False

    def __init__(
        self,
        stream: BinaryIO,
        columns: Sequence[str],
        schema: pa.Schema | None,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self._stream, self._columns, self._like = stream, columns, schema
        self._rows: list[Mapping[str, Any]] = []
        self._schema: Any = _schema_of(state["schema"]) if state and state["schema"] else None

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Writes rows, or keeps them until a row group is full."""
        for row in rows:
            self._rows.append(row)
            if len(self._rows) >= 2 * GROUP_ROWS:
                self._write_group()
        # Not as soon as it is full: then rows would be held back after nearly every call, and none could be the last.
        if len(self._rows) >= GROUP_ROWS:
            self._write_group()

    def state(self) -> dict[str, Any] | None:
        """Returns the schema, or None while a row group is not full."""
        if self._rows:
            return None
        return {"schema": self._schema and base64.b64encode(self._schema.serialize()).decode()}

    def close(self) -> None:
        """Writes the last rows."""
        if self._rows or self._schema is None:
            self._write_group()

    def rewrite(self, written: BinaryIO, target: BinaryIO) -> None:
        """Makes the Parquet file of the row groups."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        with pq.ParquetWriter(target, self._schema) as writer:
            while written.peek(1):  # type: ignore[attr-defined]
                writer.write_table(pa.ipc.open_stream(written).read_all())

    def _write_group(self) -> None:
        import pyarrow as pa

        cells = {column: [row.get(column) for row in self._rows] for column in self._columns}
        if self._schema is None:
            self._schema = _extended(self._like, cells)
        arrays = [_array(field, cells[field.name]) for field in self._schema]
        with pa.ipc.new_stream(self._stream, self._schema) as group:
            group.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._rows = []


def open_reader(source: ByteSource, format_name: str, settings: ReadSettings, rejects: Rejects) -> Reader:
    """Opens a Parquet input and reads its footer."""
    return ParquetReader(source, settings, rejects)


def open_sink(
    stream: BinaryIO,
    format_name: str,
    columns: Sequence[str],
    like: Reader | None,
    state: Mapping[str, Any] | None = None,
) -> Sink:
    """Starts a Parquet output with the types of the input, if that was Parquet."""
    return ParquetSink(stream, columns, like.schema if isinstance(like, ParquetReader) else None, state)


def _values(batch: pa.RecordBatch) -> list[dict[str, Any]] | None:
    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
    except (ValueError, OverflowError):  # of text or a date; UnicodeDecodeError is a ValueError
        return None
    return rows


def _damaged(name: str, error: Exception) -> DataError:
    return DataError(
        f"{name} cannot be read as Parquet: {error}",
        "Copy it again, or say what it is, for example `--set data.format=csv`.",
    )


def _schema_of(serialized: str) -> pa.Schema:
    import pyarrow as pa

    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(serialized)))


def _extended(schema: pa.Schema | None, cells: Mapping[str, list[Any]]) -> pa.Schema:
    import pyarrow as pa

    schema = pa.schema([]) if schema is None else schema
    for column, values in cells.items():
        if column not in schema.names:
            schema = schema.append(pa.field(column, _arrow_type(values)))
    return schema


def _arrow_type(values: Iterable[Any]) -> pa.DataType:
    import pyarrow as pa

    present = [value for value in values if value is not None]
    kinds = {type(value) for value in present}
    if kinds == {list}:
        return pa.list_(_arrow_type(item for value in present for item in value))
    for allowed, arrow_type in ({bool}, pa.bool_()), ({int}, pa.int64()), ({int, float}, pa.float64()):
        if kinds and kinds <= allowed:
            return arrow_type
    return pa.string()


def _array(field: pa.Field, values: list[Any]) -> pa.Array:
    import pyarrow as pa

    try:
        return pa.array([_fitted(value, field.type) for value in values], type=field.type)
    except (pa.ArrowException, OverflowError) as error:
        raise DataError(
            f'Column "{field.name}" began as {field.type} and now holds something else: {error}',
            "Write to a .jsonl file, where every row may hold another type.",
        ) from None


def _fitted(value: Any, arrow_type: pa.DataType) -> Any:
    import pyarrow as pa

    if pa.types.is_string(arrow_type):
        return as_text(value)
    if pa.types.is_list(arrow_type) and isinstance(value, list):
        return [_fitted(item, arrow_type.value_type) for item in value]
    if pa.types.is_integer(arrow_type) and isinstance(value, float):
        raise pa.ArrowInvalid(f"{value} is no integer")  # pyarrow would cut it down in silence
    return value
