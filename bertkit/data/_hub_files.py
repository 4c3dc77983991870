"""Text files of a hub data set, read as any other table.

datasets reads CSV with pandas, which turns `NA` into nothing and `007` into 7, and JSON Lines with pyarrow, which turns
text that looks like a date into one.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bertkit.data._rows import Reject, Rejects, Row
from bertkit.data.tables import open_table
from bertkit.errors import DataError
from bertkit.recipe.schema import ReadSettings

EXTENSIONS = (".csv", ".tsv", ".jsonl", ".ndjson")
# Fields of datasets' configurations, and the settings that mean the same.
SETTINGS = {"sep": "delimiter", "encoding": "encoding", "names": "names", "quoting": "quoting"}
QUOTINGS = {str(csv.QUOTE_ALL): "csv", str(csv.QUOTE_NONE): "none"}
# Other fields that change no text: places, copies of other fields, speed, and what becomes a type or a null.
IMMATERIAL = {
    "name", "version", "data_dir", "data_files", "description", "features", "delimiter", "column_names",
    "chunksize", "engine", "memory_map", "verbose", "use_threads", "block_size", "newlines_in_values",
    "keep_default_na", "na_filter", "true_values", "false_values", "thousands", "decimal", "float_precision",
    "date_format", "on_mixed_types", "parse_agent_traces",
}  # fmt: skip


class HubFiles:
    """The files of one split, one after the other.

    Args:
        name: What messages call them.
        paths: The files, in order.
        settings: How they are read.

    Attributes:
        columns: Names in order, the same in every file.
        rejects: Bad rows passed over so far.
    """

    format = "hub"

    def __init__(self, name: str, paths: list[Path], settings: ReadSettings) -> None:
        self.name = name
        self.rejects = Rejects(name, skip=settings.on_bad_row == "skip")
        self._paths, self._settings = paths, settings
        with open_table(paths[0], settings) as table:
            self.columns = table.columns

    def __enter__(self) -> HubFiles:
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def __iter__(self) -> Iterator[Row]:
        number = 0
        for path in self._paths:
            with open_table(path, self._settings, partial(self._pass_over, path.name)) as table:
                if table.columns != self.columns:
                    first = self._paths[0].name
                    raise DataError(
                        f"{self.name}: {path.name} has other columns than {first}: {', '.join(table.columns)}",
                        "Name one of the files: --data FILE.",
                    )
                for row in table:
                    number += 1
                    yield Row(number, row.values)

    def _pass_over(self, file: str, reject: Reject) -> None:
        self.rejects.add(reject, place=f"{file}:{reject.line}")


def text_files(builder: Any) -> dict[str, list[Path]]:
    """Lists the files of each split, where all of them are text whose cells have no declared types.

    Args:
        builder: A DatasetBuilder of a local folder.
    """
    files = {str(split): [Path(path) for path in paths] for split, paths in (builder.config.data_files or {}).items()}
    plain = all(path.suffix.lower() in EXTENSIONS for paths in files.values() for path in paths)
    return files if plain and builder.info.features is None else {}


def stated_reading(config: Any) -> dict[str, Any] | None:
    """Returns what the card of a data set states of the reading of its files, as settings.

    Args:
        config: The configuration of a DatasetBuilder, a dataclass.

    Returns:
        Keys of ReadSettings, perhaps none; or None if there are no settings that say all of it.
    """
    usual = type(config)()
    names = {field.name for field in fields(config)} - IMMATERIAL
    stated = {name: getattr(config, name) for name in names if getattr(config, name) != getattr(usual, name)}
    found = {setting: stated.pop(name) for name, setting in SETTINGS.items() if name in stated}
    if "quoting" in found:
        found["quoting"] = QUOTINGS.get(str(found["quoting"]))
    # As in pandas, names stand for a header unless the card says that there is one.
    header = stated.pop("header", "infer")
    if stated or header not in ((None, "infer") if "names" in found else (0, "infer")) or None in found.values():
        return None
    try:
        return ReadSettings.model_validate(found).model_dump(include=set(found))
    except ValidationError:
        return None
