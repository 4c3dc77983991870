"""All rows of a split, those too that training would refuse or leave out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from bertkit.adapters import Adapter
from bertkit.data import sources
from bertkit.data.examples import Example, Examples, is_empty, to_example
from bertkit.engine import load
from bertkit.engine._data_check.findings import SHOWN, Finding, Level, counted, spot
from bertkit.engine.progress import Progress
from bertkit.recipe.schema import DataSettings, Recipe

log = logging.getLogger("bertkit")
REPORT_EVERY = 1000


@dataclass(frozen=True)
class Part:
    """One split, divided by what can be done with its rows.

    Args:
        name: "train", "validation" or "test".
        usable: Rows with text and labels of one form.
        unreadable: Rows that the format could not be read from.
        examples_of_unreadable: The first of these, each with its place.
        empty: Rows without text.
        unlabelled: Rows without a label.
        faulty: Rows whose label is useless by itself, each with the reason.
    """

    name: str
    usable: Examples
    unreadable: int
    examples_of_unreadable: list[str]
    empty: list[Example]
    unlabelled: list[Example]
    faulty: list[tuple[Example, str]]


def read(recipe: Recipe, adapter: Adapter, name: str, progress: Progress) -> Part:
    """Read a split.

    Raises:
        BertkitError: There is no such file or column, or the file cannot be read at all.
    """
    settings = recipe.data.model_copy(update={"on_bad_row": "skip"})
    with sources.open_split(settings, name) as table:
        chosen = load.layout(table, adapter, recipe.columns, labels=True)
        names = {column.role: column_name for column, column_name in chosen.items()}
        kinds = {column.role: column.kind for column in chosen}
        rows = []
        for row in table:
            rows.append(to_example(row, table.name, names, kinds))
            if len(rows) % REPORT_EVERY == 0:
                progress(f"read {name}", len(rows), None)
        unreadable, examples = table.rejects.count, list(table.rejects.examples)
        source = table.name
    empty = [row for row in rows if is_empty(row, load.texts(list(chosen)))]
    lost = {id(row) for row in empty}
    with unsaid():
        found = adapter.mend(Examples(source, [row for row in rows if id(row) not in lost]), "skip")
    unlabelled, faulty, usable = [], [], []
    for row in found.rows:
        if adapter.is_unlabelled(row):
            unlabelled.append(row)
        elif (fault := adapter.fault(row)) is not None:
            faulty.append((row, fault))
        else:
            usable.append(row)
    return Part(name, replace(found, rows=usable), unreadable, examples, empty, unlabelled, faulty)


@contextmanager
def unsaid() -> Iterator[None]:
    """Keep the warnings of the block to itself: a finding says the same, with more places."""

    def is_no_warning(record: logging.LogRecord) -> bool:
        return record.levelno < logging.WARNING

    log.addFilter(is_no_warning)
    try:
        yield
    finally:
        log.removeFilter(is_no_warning)


def findings(parts: list[Part], data: DataSettings) -> list[Finding]:
    """Return what was wrong with rows before their labels were compared with those of others."""
    bad: Level = "error" if data.on_bad_row == "stop" else "warning"
    return [
        counted(
            "unreadable rows", bad, {part.name: part.unreadable for part in parts},
            "every row can be read", "rows cannot be read",
            [place for part in parts for place in part.examples_of_unreadable],
            "repair them, or --set data.on_bad_row=skip",
        ),
        counted(
            "empty texts", "error" if data.on_empty == "refuse" else "warning",
            {part.name: len(part.empty) for part in parts},
            "every row has text", "rows without text, which training leaves out",
            [spot(row, _shown(row)) for part in parts for row in part.empty[:SHOWN]],
            "fill the cells or remove the rows",
        ),
        counted(
            "missing labels", "error" if data.on_missing_label == "refuse" else "warning",
            {part.name: len(part.unlabelled) for part in parts},
            "every row has a label", "rows without a label, which training leaves out",
            [spot(row, _shown(row)) for part in parts for row in part.unlabelled[:SHOWN]],
            "label them or remove the rows",
        ),
        *_beyond_repair(parts, bad),
        *_repaired(parts),
    ]  # fmt: skip


def _beyond_repair(parts: list[Part], level: Level) -> list[Finding]:
    good, advice = "no label is beyond repair", "repair the rows"
    faulty = counted(
        "broken labels", "error", {part.name: len(part.faulty) for part in parts}, good, "labels that mean nothing",
        [f"{row.where}: {fault}" for part in parts for row, fault in part.faulty[:SHOWN]], advice,
    )  # fmt: skip
    reasons = dict.fromkeys(reason for part in parts for reason in part.usable.dropped)
    found = [
        counted(
            "broken labels", level, {part.name: part.usable.dropped.get(reason, 0) for part in parts}, good,
            f"rows with {reason}",
            [place for part in parts for place in part.usable.places.get(reason, ())],
            f"{advice}, or --set data.on_bad_row=skip",
        )
        for reason in reasons
    ]  # fmt: skip
    return [*found, faulty] if faulty.count else found or [faulty]


def _repaired(parts: list[Part]) -> list[Finding]:
    return [
        Finding("repaired labels", "good", count, f"{count:,} {reason} in {part.name}", places=places[:SHOWN])
        for part in parts
        for reason, count in part.usable.repaired.items()
        for places in [part.usable.places.get(reason, [])]
    ]


def _shown(row: Example) -> str:
    return " | ".join(str(value) for value in row.values.values() if value and str(value).strip())
