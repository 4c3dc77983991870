"""How much of the gold a tokenizer, a length and a stride can express at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bertkit.adapters import Adapter
from bertkit.adapters._results import Encoded, Scores
from bertkit.data.examples import Example
from bertkit.data.tables import as_text
from bertkit.engine._data_check.findings import SHOWN, Finding, brief, counted

ADVICE = "correct the rows, or a larger encode.max_length, --set encode.truncate=windows, or another checkpoint"


def remarks(encoded: Mapping[str, Encoded]) -> list[Finding]:
    """Return what encoding found out about rows."""
    found: dict[str, dict[str, Sequence[str]]] = {}
    for name, split in encoded.items():
        for remark, places in split.remarks.items():
            found.setdefault(remark, {})[name] = places
    return [
        counted(
            "encoding", "warning", {name: len(split) for name, split in places.items()}, "", remark,
            [place for split in places.values() for place in split], ADVICE,
        )
        for remark, places in found.items()
    ]  # fmt: skip


def ceiling(name: str, rows: Sequence[Example], encoded: Encoded, adapter: Adapter) -> list[Finding]:
    """Return the highest scores that any model could get on a split, where the task has such a bound.

    Args:
        name: Of the split.
        rows: Labelled rows.
        encoded: Their windows.
        adapter: With the labels of the training rows.
    """
    best = adapter.reach(rows, encoded)
    if not best:
        return []
    scores = adapter.ceiling(best, rows)
    missed = [row for row, record in zip(rows, best, strict=True) if adapter.severity(record, row) is not None]
    check = f"ceiling: {name}"
    if not missed:
        return [Finding(check, "good", 0, "every right answer can be given", figures=dict(scores))]
    places = [f"{row.where}: {brief(as_text(adapter.as_cell(adapter.gold(row))) or '')}" for row in missed[:SHOWN]]
    sentence = f"in {len(missed):,} of {len(rows):,} rows the right answer cannot be given; at best {_listed(scores)}"
    return [Finding(check, "warning", len(missed), sentence, places, ADVICE, dict(scores))]


def _listed(scores: Scores) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in scores.items())
