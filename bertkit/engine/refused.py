"""Rows that the tokenizer refuses, found among many."""

from __future__ import annotations

from collections.abc import Sequence

from bertkit.adapters._encoder import Encoder
from bertkit.data.examples import Example


def may_be(error: BaseException) -> bool:
    """Tell whether an error may come from a tokenizer: its own are plain exceptions, and those of Rust are none.

    Args:
        error: What encoding many rows raised.
    """
    return type(error) in (Exception, TypeError, ValueError, UnicodeEncodeError) or _is_panic(error)


def find(examples: Sequence[Example], encoder: Encoder) -> dict[int, str]:
    """Return the positions of rows whose texts the tokenizer refuses, each with the reason.

    Args:
        examples: The rows; halves of them are tried as long as one fails.
        encoder: Has the tokenizer.
    """
    return _find(examples, encoder, 0)


def _find(examples: Sequence[Example], encoder: Encoder, first: int) -> dict[int, str]:
    reason = _refusal([text for example in examples for text in _texts(example)], encoder)
    if not reason:
        return {}
    if len(examples) == 1:
        return {first: reason}
    middle = len(examples) // 2
    return _find(examples[:middle], encoder, first) | _find(examples[middle:], encoder, first + middle)


def _refusal(texts: Sequence[str], encoder: Encoder) -> str:
    try:
        encoder.ids(texts)
    except BaseException as error:
        if not may_be(error):
            raise
        return (
            f"the tokenizer cannot read this row: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        )
    return ""


def _texts(example: Example) -> list[str]:
    cells = [cell if isinstance(cell, list) else [cell] for cell in example.values.values()]
    return [text for cell in cells for text in cell if isinstance(text, str)]


def _is_panic(error: BaseException) -> bool:
    # pyo3_runtime.PanicException cannot be imported.
    return type(error).__name__ == "PanicException"
