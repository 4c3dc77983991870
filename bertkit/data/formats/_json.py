"""JSON text to values and back, as strict as RFC 8259 and I-JSON (RFC 7493) ask; every JSON format shares it."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from bertkit.data._rows import as_text


def parse(text: str) -> Any:
    """Reads one JSON text.

    Args:
        text: The whole text, with nothing after it.

    Raises:
        ValueError: It is not valid, holds NaN or infinity, a key twice, or half of a surrogate pair.
        RecursionError: It is nested too deep.
    """
    value = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique)
    if "\\u" in text:
        # Half a surrogate pair is legal JSON but no character: it could be neither tokenized nor written.
        json.dumps(value, ensure_ascii=False).encode()
    return value


def reason(error: Exception) -> str:
    """Says in a few words why `parse` failed.

    Args:
        error: What it raised.
    """
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (character {error.colno})"
    if isinstance(error, UnicodeEncodeError):
        return f"{error.object[error.start]!r} is half of a character"
    return "nested too deep" if isinstance(error, RecursionError) else str(error)


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


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f'key "{next(key for key in keys if keys.count(key) > 1)}" appears twice')
    return values


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
