"""One reader on one file, in a process of its own: its cells, or how long all of them take.

python one.py READER FILE cells|time

Every library is told to take all columns as text, in the strictest way that it offers, and the cells become Python
strings, a row at a time, as bertkit needs them.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator
from typing import Any

LONGEST = 2**24
CHUNK = 20_000


def bertkit(path: str) -> Iterator[list[str]]:
    """Read with bertkit."""
    from bertkit.data.tables import open_table

    with open_table(path) as table:
        yield table.columns
        for row in table:
            yield list(row.values.values())


def csv_module(path: str) -> Iterator[list[str]]:
    """Read with the csv module alone."""
    import csv

    csv.field_size_limit(LONGEST)
    with open(path, newline="", encoding="utf-8-sig") as file:
        yield from csv.reader(file, strict=True)


def pyarrow(path: str) -> Iterator[list[str]]:
    """Read with pyarrow.csv, in one thread and all at once: only then do its errors have a row number."""
    import pyarrow as pa
    from pyarrow import csv

    reading, parsing = csv.ReadOptions(use_threads=False), csv.ParseOptions(newlines_in_values=True)
    names = next(csv_module(path), [])
    types = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    table = csv.read_csv(path, read_options=reading, parse_options=parsing, convert_options=types)
    yield table.schema.names
    for batch in table.to_batches(max_chunksize=CHUNK):
        yield from map(list, zip(*(column.to_pylist() for column in batch.columns), strict=True))


def duckdb(path: str) -> Iterator[list[str]]:
    """Read with DuckDB; where its sniffer gives up, without it, since only then do errors have a line."""
    import duckdb

    options = (
        f"header=true, delim=',', quote='\"', escape='\"', comment='', nullstr='no such cell', strict_mode=true, "
        f"max_line_size={LONGEST}, null_padding=false"
    )
    connection = duckdb.connect()
    try:
        found = connection.execute(f"select * from read_csv(?, all_varchar=true, {options})", [path])
    except duckdb.Error:
        names = {name: "VARCHAR" for name in next(csv_module(path), [])}
        options += f", auto_detect=false, columns={names}"
        found = connection.execute(f"select * from read_csv(?, {options})", [path])
    yield [column[0] for column in found.description]
    while rows := found.fetchmany(CHUNK):
        yield from map(list, rows)


def polars(path: str) -> Iterator[list[str]]:
    """Read with Polars, in batches."""
    import polars as pl

    lazy = pl.scan_csv(path, infer_schema=False, empty_string_is_null=False)
    yield lazy.collect_schema().names()
    for batch in lazy.collect_batches(chunk_size=CHUNK):
        yield from map(list, batch.iter_rows())


def pandas(path: str) -> Iterator[list[str]]:
    """Read with pandas, in chunks."""
    import pandas as pd

    first = True
    for chunk in pd.read_csv(path, dtype=str, keep_default_na=False, na_filter=False, index_col=False, chunksize=CHUNK):
        if first:
            yield list(chunk.columns)
            first = False
        yield from map(list, chunk.itertuples(index=False, name=None))


READERS = {
    "bertkit": bertkit,
    "csv": csv_module,
    "pyarrow": pyarrow,
    "duckdb": duckdb,
    "polars": polars,
    "pandas": pandas,
}


def main() -> None:
    name, path, what = sys.argv[1:]
    print(json.dumps(_cells(name, path) if what == "cells" else _time(name, path)))


def _cells(name: str, path: str) -> dict[str, Any]:
    try:
        return {"cells": list(READERS[name](path))}
    except ImportError as error:
        return {"missing": str(error)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def _time(name: str, path: str) -> dict[str, Any]:
    rows = characters = 0
    started, busy = time.perf_counter(), time.process_time()
    try:
        for cells in READERS[name](path):
            rows += 1
            characters += len(cells[-1])
    except ImportError as error:
        return {"missing": str(error)}
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rows": rows, "characters": characters, "seconds": seconds, "busy": busy, "mebibytes": peak}


if __name__ == "__main__":
    main()
