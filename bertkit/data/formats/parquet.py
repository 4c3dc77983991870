"""Parquet through pyarrow: native values, read and written in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from bertkit.data._input import ByteSource
from bertkit.data._rows import Rejects, Row, as_text
from bertkit.data.columns import check_header
from bertkit.data.formats import Reader, Sink
from bertkit.errors import DataError
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

    Raises:
        DataError: It is not a Parquet file.
    """

    def __init__(self, source: ByteSource) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._name = source.name
        try:
            self._file = pq.ParquetFile(source.as_file())
        except (pa.ArrowException, OSError) as error:
            raise _damaged(self._name, error) from None
        self.schema = self._file.schema_arrow
        self.columns: list[str] = list(self.schema.names)
        check_header(self.columns, self._name)

    def rows(self) -> Iterator[Row]:
        """Reads row after row, once."""
        import pyarrow as pa

        number = 0
        try:
            for batch in self._file.iter_batches(batch_size=READ_ROWS):
                for values in batch.to_pylist():
                    number += 1
                    yield Row(number, values)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(self._name, error) from None


class ParquetSink:
    """Writes row groups of a few thousand rows.

    The columns of a Parquet input keep their types; the types of the others follow from the first row group.

    Args:
        stream: Where the bytes go.
        columns: Names in order.
        schema: Arrow schema of the input, or None.
    """

    form = "values"
    keeps_other_keys = False

    def __init__(self, stream: BinaryIO, columns: Sequence[str], schema: pa.Schema | None) -> None:
        self._stream, self._columns, self._schema = stream, columns, schema
        self._rows: list[Mapping[str, Any]] = []
        self._writer: Any = None

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Writes rows, or keeps them until a row group is full."""
        for row in rows:
            self._rows.append(row)
            if len(self._rows) >= GROUP_ROWS:
                self._write_group()

    def close(self) -> None:
        """Writes the last rows and the footer."""
        try:
            if self._rows or self._writer is None:
                self._write_group()
        finally:
            if self._writer is not None:
                self._writer.close()

    def _write_group(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        cells = {column: [row.get(column) for row in self._rows] for column in self._columns}
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._stream, _extended(self._schema, cells))
        arrays = [_array(field, cells[field.name]) for field in self._writer.schema]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._writer.schema))
        self._rows = []


def open_reader(source: ByteSource, format_name: str, settings: ReadSettings, rejects: Rejects) -> Reader:
    """Opens a Parquet input and reads its footer."""
    return ParquetReader(source)


def open_sink(stream: BinaryIO, format_name: str, columns: Sequence[str], like: Reader | None) -> Sink:
    """Starts a Parquet output with the types of the input, if that was Parquet."""
    return ParquetSink(stream, columns, like.schema if isinstance(like, ParquetReader) else None)


def _damaged(name: str, error: Exception) -> DataError:
    return DataError(
        f"{name} cannot be read as Parquet: {error}",
        "Copy it again, or say what it is, for example `--set data.format=csv`.",
    )


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
