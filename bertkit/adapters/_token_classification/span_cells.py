"""The column of spans: entities as tools for annotation write them, read into one form and mended."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bertkit.adapters._faults import Fault
from bertkit.data import json_cells

Span = dict[str, Any]

UNREADABLE = "unreadable entities"
OUT_OF_PLACE = "entities outside their text"
SUCH_AS = 'such as [[0, 5, "PERSON"]] or [{"start": 0, "end": 5, "label": "PERSON"}]'


def read(cell: Any) -> list[Span] | None:
    """Return the spans of a cell with "start", "end" and "type", and "text" where given; None: not annotated.

    Known are the lists of doccano, its dicts with "start_offset", dicts with "start", and Label Studio's, of which the
    first annotation that was not cancelled counts.

    Raises:
        Fault: The cell has another form.
    """
    if isinstance(cell, str):
        if not cell.strip():
            return None
        try:
            cell = json_cells.parse(cell)
        except ValueError:
            raise Fault(UNREADABLE, f"{brief(cell)} is not JSON {SUCH_AS}") from None
    if cell is None:
        return None
    if not isinstance(cell, list | tuple):
        raise Fault(UNREADABLE, f"{brief(cell)} is not a list {SUCH_AS}")
    if any(isinstance(item, Mapping) and "result" in item for item in cell):
        results = _first_annotation(cell)
        return None if results is None else [_span(result) for result in results]
    return [_span(item) for item in cell]


def mend(spans: Iterable[Span], text: str) -> tuple[list[Span], Counter[str]]:
    """Return spans that lie in their text, sorted and without overlap, and what was done how often.

    Args:
        spans: From `read`.
        text: The text that their characters count in.

    Raises:
        Fault: A span lies outside the text, or elsewhere than its own text.
    """
    repaired: Counter[str] = Counter()
    placed = [_trimmed(_moved(span, text, repaired), text, repaired) for span in spans]
    kept: list[Span] = []
    for span in sorted(placed, key=lambda span: (span["start"] - span["end"], span["start"])):
        if any(span["start"] < other["end"] and other["start"] < span["end"] for other in kept):
            repaired["entities left out: they overlap a longer one"] += 1
        else:
            kept.append(span)
    return sorted(kept, key=lambda span: int(span["start"])), repaired


def brief(value: Any) -> str:
    """Return a value as JSON for a message, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _first_annotation(annotations: Sequence[Any]) -> list[Any] | None:
    for annotation in annotations:
        if isinstance(annotation, Mapping) and not annotation.get("was_cancelled"):
            values = (result.get("value") or {} for result in annotation.get("result") or [])
            # Choices and relations stand beside the spans and have no labels.
            return [value for value in values if "labels" in value]
    return None


def _span(item: Any) -> Span:
    start: Any = None
    end = kind = text = start
    if isinstance(item, Mapping):
        start = item.get("start", item.get("start_offset"))
        end = item.get("end", item.get("end_offset"))
        kind = item.get("type", item.get("label", item.get("labels")))
        text = item.get("text")
    elif isinstance(item, list | tuple) and len(item) == 3:
        start, end, kind = item
    if isinstance(kind, list | tuple) and len(kind) == 1:
        kind = kind[0]
    if not (_is_whole(start) and _is_whole(end) and isinstance(kind, str) and kind.strip()):
        raise Fault(UNREADABLE, f"{brief(item)} has no start, end and single type, {SUCH_AS}")
    span = {"start": int(start), "end": int(end), "type": kind.strip()}
    return span | ({"text": text} if isinstance(text, str) and text else {})


def _moved(span: Span, text: str, repaired: Counter[str]) -> Span:
    start, end = span["start"], span["end"]
    own = span.get("text")
    if own is not None and (start < 0 or text[start:end] != own):
        start = text.find(own)
        if start < 0 or text.find(own, start + 1) >= 0:
            found = "is not in the text" if start < 0 else "is in the text more than once, but not there"
            raise Fault(OUT_OF_PLACE, f"{brief(own)}, said to be at {span['start']} to {span['end']}, {found}")
        end = start + len(own)
        repaired["entities moved to where their text is"] += 1
    if not 0 <= start < end <= len(text):
        raise Fault(OUT_OF_PLACE, f"an entity at {start} to {end} in a text of {len(text)} characters")
    return {"start": start, "end": end, "type": span["type"]}


def _trimmed(span: Span, text: str, repaired: Counter[str]) -> Span:
    inside = text[span["start"] : span["end"]]
    start = span["start"] + len(inside) - len(inside.lstrip())
    end = span["end"] - len(inside) + len(inside.rstrip())
    if start >= end:
        raise Fault(OUT_OF_PLACE, f"an entity at {span['start']} to {span['end']} holds nothing but blanks")
    if (start, end) != (span["start"], span["end"]):
        repaired["entities trimmed of the blanks around them"] += 1
    return {**span, "start": start, "end": end}


def _is_whole(value: Any) -> bool:
    # Not float(value): an int may be too large for it.
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())
