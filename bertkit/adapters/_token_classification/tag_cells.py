"""The column of tags: cells to one tag a word, with faults named by row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from bertkit.adapters._faults import Fault, mend_each, with_value
from bertkit.adapters._token_classification import iob
from bertkit.data.examples import Example, Examples, words
from bertkit.errors import DataError

ROLE = "tags"
SHOWN = 8
OTHER_COLUMN = "--set columns.tags=NAME for another column"


def is_split(found: Examples) -> bool:
    """Tell whether rows hold split words, rather than raw text."""
    return bool(found.rows) and "tokens" in found.rows[0].values


def tags_of(cell: Any) -> list[str]:
    """Return the tags of a cell; a list of one number is a tag's position, which for a word it is not."""
    return [tag.strip() for tag in words(cell, fewest_numbers=1)]


def read(
    found: Examples, names: Sequence[str], on_bad_row: str, look_at: Callable[[str, Sequence[Sequence[str]]], None]
) -> Examples:
    """Return rows of split words with a list of tags each, or an empty list where the cell is empty.

    Args:
        found: The rows.
        names: What tags that are numbers are positions of.
        on_bad_row: "stop" or "skip".
        look_at: Given the source and the tags of all rows; raises DataError if they must be of another column.

    Raises:
        DataError: The column or, where on_bad_row is "stop", a row cannot be used.
    """
    tags = iob.named([tags_of(example.values.get(ROLE)) for example in found.rows], names)
    look_at(found.source, tags)
    rows = [with_value(example, ROLE, list(row)) for example, row in zip(found.rows, tags, strict=True)]
    return mend_each(replace(found, rows=rows), ROLE, on_bad_row, _checked)


def other_column(source: str, tags: Sequence[str], expected: str, or_else: str = "") -> DataError:
    """Return the error for a column that holds something else.

    Args:
        source: Name of the file.
        tags: Its first tags.
        expected: What they should look like.
        or_else: What else the user may have meant.
    """
    shown = ", ".join(f'"{tag}"' for tag in dict.fromkeys(tags[: SHOWN * SHOWN]))
    shown = ", ".join(shown.split(", ")[:SHOWN])
    return DataError(f'{source}, column of role "{ROLE}": {expected}; the first are {shown}', OTHER_COLUMN + or_else)


def _checked(example: Example) -> Example:
    tags, tokens = example.values[ROLE], example.values["tokens"]
    if tags and len(tags) != len(tokens):
        raise Fault("another number of tags than tokens", f"{len(tags)} tags for {len(tokens)} tokens")
    if "" in tags:
        raise Fault("an empty tag", f"the tag of token {tags.index('') + 1} is empty")
    return example
