"""JSON text to values and back, as strict as RFC 8259 and I-JSON (RFC 7493) ask; every JSON format shares it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from bertkit.data._rows import as_text, long_cell

MOST_NESTED = 64
TOO_DEEP = f"nested deeper than {MOST_NESTED}"
# Half a surrogate pair is legal JSON but no character: it could be neither tokenized nor written.
SURROGATE = re.compile("[\ud800-\udfff]")


def parse(text: str) -> Any:
    """Reads one JSON text.

    Args:
        text: The whole text, with nothing after it.

    Raises:
        ValueError: It is not valid, or holds NaN, infinity, a number too large to be finite or a key twice.
        RecursionError: It is nested too deep to be read at all.
    """
    return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite_number, object_pairs_hook=_unique)


def reason(error: Exception) -> str:
    """Says in a few words why `parse` failed.

    Args:
        error: What it raised.
    """
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (character {error.colno})"
    return TOO_DEEP if isinstance(error, RecursionError) else str(error)


def refusal(values: Mapping[str, Any], max_cell: int) -> tuple[str | None, str]:
    """Says why an object cannot be a row.

    Args:
        values: The object.
        max_cell: Characters of the longest text it may hold.

    Returns:
        The column at fault and the reason; the reason is empty where there is nothing against the row.
    """
    for column, value in values.items():
        for text, depth in _texts({column: value}):
            if depth > MOST_NESTED:
                return column, TOO_DEEP
            if len(text) > max_cell:
                return column, long_cell(max_cell)
            if found := SURROGATE.search(text):
                return column, f"{found[0]!r} is half of a character"
    return None, ""


def dump(value: Any) -> str:
    """Writes a value as one line, with text unescaped; NaN and infinity, which JSON cannot hold, become null.

    Args:
        value: Plain Python values; others are written as `as_text` does.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=as_text)
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=False, default=as_text)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite_number(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits} is too large a number")
    return number


def _texts(value: Any) -> Iterator[tuple[str, int]]:
    """Walk through the texts of a value with how deep they are nested, without recursion; "" stands for a container."""
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if isinstance(item, str):
            yield item, depth
        elif isinstance(item, dict | list):
            yield "", depth
            if depth > MOST_NESTED:
                return
            if isinstance(item, dict):
                waiting.extend((key, depth) for key in item)
                item = item.values()
            waiting.extend((inner, depth + 1) for inner in item if isinstance(inner, str | dict | list))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f'key "{key}" appears twice')
            seen.add(key)
    return values


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
