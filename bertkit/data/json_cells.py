"""Cells of text that hold JSON, such as a list of words in a CSV."""

from __future__ import annotations

import json
from typing import Any

from bertkit.data.formats._json import reason, refusal


def parse(text: str) -> Any:
    """Return what a cell of JSON holds.

    Args:
        text: The cell.

    Raises:
        ValueError: It is not JSON, holds half of a character, or is nested too deep.
    """
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError(reason(error)) from None
    _, problem = refusal({"": value}, len(text))
    if problem:
        raise ValueError(problem)
    return value
