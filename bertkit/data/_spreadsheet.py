"""Cells that a spreadsheet program would compute instead of show."""

from __future__ import annotations

import re
from typing import Any

from bertkit.data._rows import as_text

# https://owasp.org/www-community/attacks/CSV_Injection; programs that take quotes off look behind them.
FORMULA = re.compile(r'"*[=+\-@\t\r\n]')
NUMBER = re.compile(r"[+-]?[0-9][0-9.,]*([eE][+-]?[0-9]+)?%?|[+-]?[.,][0-9]+", re.ASCII)


def is_formula(value: Any) -> bool:
    """Tell whether a cell of text begins like a formula; a plain number such as -5 does not.

    Args:
        value: A cell of any format.
    """
    return isinstance(value, str) and bool(FORMULA.match(value)) and not NUMBER.fullmatch(value)


def neutral(value: Any) -> Any:
    """Return a cell that a spreadsheet program shows as it is: what begins like a formula gets a ' in front.

    Args:
        value: A cell of any format; numbers stay numbers.
    """
    if value is None or isinstance(value, int | float):
        return value
    text = as_text(value)
    return f"'{text}" if is_formula(text) else text
