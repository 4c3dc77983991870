"""The texts of rows in the forms in which they are compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bertkit.adapters import Adapter
from bertkit.data.examples import Example

Text = tuple[str, ...]
SIGN = re.compile(r"[^\w\s]|_")


@dataclass(frozen=True)
class Texts:
    """The rows of one split with their texts.

    Args:
        rows: The rows.
        exact: The texts of each row as they are, one a role.
        folded: The same after `fold`.
    """

    rows: Sequence[Example]
    exact: Sequence[Text]
    folded: Sequence[Text]


def gather(splits: Mapping[str, Sequence[Example]], adapter: Adapter) -> dict[str, Texts]:
    """Return the texts of all rows by split."""
    roles = roles_of_text(adapter)
    known: dict[str, str] = {}

    def folded(text: str) -> str:
        if text not in known:
            known[text] = fold(text)
        return known[text]

    found = {}
    for name, rows in splits.items():
        exact = [texts_of(row, roles) for row in rows]
        found[name] = Texts(rows, exact, [tuple(map(folded, texts)) for texts in exact])
    return found


def roles_of_text(adapter: Adapter) -> set[str]:
    """Return the roles of all columns but those of labels."""
    return {column.role for columns in adapter.layouts for column in columns if column.kind != "label"}


def texts_of(row: Example, roles: set[str]) -> Text:
    """Return the texts of a row; words are joined by blanks."""
    values = (value for role, value in row.values.items() if role in roles)
    return tuple(value if isinstance(value, str) else " ".join(value) for value in values)


def fold(text: str) -> str:
    """Return a text without case, punctuation, repeated white space and forms of the same characters (NFKC).

    Symbols such as emoji stay, since they may be all that two texts differ by.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(SIGN.sub(_blank, plain).split()) or plain.strip()


def _blank(sign: re.Match[str]) -> str:
    return " " if unicodedata.category(sign.group())[0] == "P" else sign.group()
