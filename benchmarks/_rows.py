"""The rows of a prepared bertkit recipe in the form that other libraries take."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bertkit.adapters import Adapter
from bertkit.engine.prepare import Split


class Rows(NamedTuple):
    """One split.

    Args:
        texts: The (first) text of each row.
        pairs: The second text of each row, or None.
        targets: Class ids (rows,), 0/1 by label (rows, labels), or raw numbers (rows,).
    """

    texts: list[str]
    pairs: list[str] | None
    targets: np.ndarray


def of(split: Split, adapter: Adapter) -> Rows:
    """Return the rows of a split, labels numbered as bertkit numbers them."""
    cells = [row.values for row in split.examples.rows]
    pairs = [row["text_pair"] for row in cells] if "text_pair" in cells[0] else None
    answers = [adapter.gold(row) for row in split.examples.rows]
    if adapter.settings.labels == "multi":
        targets = np.array([[label in answer for label in adapter.labels] for answer in answers], np.float32)
    elif adapter.settings.labels == "single":
        targets = np.array([adapter.labels.index(answer) for answer in answers])
    else:
        targets = np.array(answers, np.float32)
    return Rows([row["text"] for row in cells], pairs, targets)
