"""Text files of a hub data set, read as any other table.

datasets reads CSV with pandas, which turns `NA` into nothing and `007` into 7, and JSON Lines with pyarrow, which turns
text that looks like a date into one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from bertkit.data._rows import Reject, Rejects, Row
from bertkit.data.tables import open_table
from bertkit.errors import DataError
from bertkit.recipe.schema import ReadSettings

EXTENSIONS = (".csv", ".tsv", ".jsonl", ".ndjson")


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


def delimiter_of(builder: Any) -> dict[str, str]:
    """Returns the delimiter that the card of a data set states, as a setting; nothing if it states none."""
    stated = getattr(builder.config, "sep", None)
    return {"delimiter": stated} if stated and stated != "," else {}
