"""All entries of a JSON document, however deep, and values as messages show them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from bertkit.errors import ModelError

DEEPEST = 64
LONGEST = 80  # characters


def entries(
    path: Path, value: Any, skipped: Collection[str] = (), place: str = "", depth: int = 0
) -> Iterator[tuple[str, str, Any]]:
    """Yield the dotted place, the key and the value of each entry.

    Args:
        path: Of the document, for messages.
        value: The document.
        skipped: Keys whose values are not looked into.
        place: Where in the document the value stands.
        depth: How deep that is.

    Raises:
        ModelError: It is nested deeper than any settings are.
    """
    if depth > DEEPEST:
        raise ModelError(f"{path}, key {shortened(place)}: nested more than {DEEPEST} deep", "fetch the file again")
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        name = key if key.isprintable() and len(key) <= LONGEST else shortened(key)
        inside = f"{place}.{name}" if place else name
        yield inside, key, inner
        if key not in skipped:
            yield from entries(path, inner, skipped, inside, depth + 1)
    for position, inner in enumerate(value if isinstance(value, list) else ()):
        yield from entries(path, inner, skipped, f"{place}[{position}]", depth + 1)


def shortened(value: Any) -> str:
    """Return a value as a message shows it."""
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
