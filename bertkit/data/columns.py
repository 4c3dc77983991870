"""Names of columns: what a header may hold, and whether the wanted ones are there."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Mapping, Sequence

from bertkit.errors import DataError

SHOWN = 20
SHOWN_CHARACTERS = 40


def check_header(columns: Sequence[str], where: str) -> None:
    """Refuses a header with one name twice, blanks around it aside.

    One column without a name is fine, as pandas writes its index.

    Args:
        columns: The names in order.
        where: The file, and the line if it has one.

    Raises:
        DataError: A name is repeated.
    """
    seen: set[str] = set()
    for position, name in enumerate(map(str.strip, columns), 1):
        if name in seen and not name:
            raise DataError(
                f"{where}: column {position} of {len(columns)} is the second one without a name in the header.",
                "Name the columns in the file.",
            )
        if name in seen:
            raise DataError(f'{where}: the header has the column "{name}" twice.', "Rename one of them in the file.")
        seen.add(name)


def check_columns(columns: Sequence[str], wanted: Mapping[str, str], where: str, *, delimited: bool) -> None:
    """Checks that every wanted column is there.

    Args:
        columns: The columns of the table.
        wanted: Role to column name.
        where: The name of the table.
        delimited: Whether the names come from the first line of a CSV or TSV file, which may be read wrongly.

    Raises:
        DataError: One error that lists every missing column, with the nearest names.
    """
    missing = {role: name for role, name in wanted.items() if name not in columns}
    if not missing:
        return
    absent = " and ".join(f'no column "{name}" (wanted as {role})' for role, name in missing.items())
    near = {role: found for role, name in missing.items() if (found := nearest_column(name, columns))}
    message = f"{where} has {absent}. It has: {_listed(columns)}."
    if near:
        message += f" Did you mean {', '.join(dict.fromkeys(_quoted(name) for name in near.values()))}?"
    named = " ".join("--set " + shlex.quote(f"columns.{role}={near.get(role, 'NAME')}") for role in missing)
    hint = f"Name the column: `{named}`."
    raise DataError(message, _reading_hint(columns, missing, near, hint) if delimited else hint)


def nearest_column(name: str, columns: Sequence[str]) -> str | None:
    """Finds the column that was probably meant: equal but for case and spaces, else a similar spelling.

    Args:
        name: The name that is not there.
        columns: The names that are.
    """
    plain = {_plain(column): column for column in reversed(columns)}
    near = difflib.get_close_matches(_plain(name), list(plain), n=1)
    return plain.get(_plain(name)) or (plain[near[0]] if near else None)


def _plain(name: str) -> str:
    return "".join(name.split()).casefold()


def _quoted(name: str) -> str:
    return f'"{name}"'


def _listed(columns: Sequence[str]) -> str:
    shown = [c if len(c) <= SHOWN_CHARACTERS else c[:SHOWN_CHARACTERS] + "..." for c in columns[:SHOWN]]
    return ", ".join(shown) + (f" and {len(columns) - SHOWN} more" if len(columns) > SHOWN else "")


def _reading_hint(columns: Sequence[str], missing: Mapping[str, str], near: Mapping[str, str], hint: str) -> str:
    if delimiter := _other_delimiter(columns, missing):
        option = "data.format=tsv" if delimiter == "\t" else f'data.delimiter="{delimiter}"'
        return f"The header looks like several columns in one: `--set {option}`."
    if any(_quoted(name) in columns for name in missing.values()):
        return "The names stand in quotes in the file: `--set data.quoting=csv`."
    if near:
        return hint
    return f"""{hint} If the first line is a row and no header: `--set 'data.names=["text", "label"]'`."""


def _other_delimiter(columns: Sequence[str], missing: Mapping[str, str]) -> str | None:
    for delimiter in "\t;|,":
        found = [name.strip('" ') for column in columns for name in column.split(delimiter)]
        if len(found) > len(columns) and set(missing.values()) <= set(found):
            return delimiter
    delimiter = max("\t;|,", key=columns[0].count)
    return delimiter if len(columns) == 1 and delimiter in columns[0] else None
