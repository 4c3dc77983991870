"""Guesses about a table without a recipe: whether it holds a tag a word, or texts with spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bertkit.adapters import _guess
from bertkit.adapters._faults import Fault
from bertkit.adapters._results import Inferred
from bertkit.adapters._token_classification import iob, span_cells, tag_cells
from bertkit.data.examples import words
from bertkit.data.tables import as_text

TOKENS = ("tokens", "words")
TAGS = ("tags", "ner_tags", "labels")
TEXT = ("text", "data", "content")
SPANS = ("spans", "entities", "label", "labels", "annotations")
# Where there is no column of entities, these are what corpora of grammar call their tags.
FREE_TAGS = ("upos", "pos_tags", "pos")
ROLES = {"tokens", "tags", "text", "spans"}
# Entities in the middle of a document need what stands around them: long text is read whole, in windows.
ENCODE = {"truncate": "windows", "max_length": 256, "stride": 64}
CONFIDENCE = 0.9
# Some rows of a table may have a fault, and it is still what it is.
MOST_ROWS = 0.9


def infer(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], given: Mapping[str, str]) -> Inferred | None:
    """Guess columns and settings; see `Adapter.infer`."""
    if not rows or not given.keys() <= ROLES:
        return None
    return _split_words(columns, rows, given) or _raw_text(columns, rows, given)


def _split_words(
    columns: Sequence[str], rows: Sequence[Mapping[str, Any]], given: Mapping[str, str]
) -> Inferred | None:
    tokens = given.get("tokens") or _guess.by_name(columns, TOKENS)
    tags = given.get("tags") or _guess.by_name(columns, TAGS + FREE_TAGS)
    if tokens is None or tags is None or not {tokens, tags} <= set(columns):
        return None
    pairs = [(words(row.get(tokens)), tag_cells.tags_of(row.get(tags))) for row in rows]
    alike = sum(len(one) == len(other) for one, other in pairs)
    if alike < MOST_ROWS * len(pairs) or all(len(one) < 2 for one, _ in pairs):
        return None
    found = {tag for _, row in pairs for tag in row}
    marked = found - {iob.OUTSIDE}
    entities = sum(map(iob.is_tag, marked)) >= len(marked) / 2
    meaning = "entities, as B- and I- mark them" if entities else f"one of {len(found)} free tags a word"
    because = [f'columns "{tokens}" and "{tags}" hold words and a tag for each', f'column "{tags}" has {meaning}']
    settings = {} if entities else {"labels": "tags"}
    return Inferred({"tokens": tokens, "tags": tags}, settings, because, CONFIDENCE, ENCODE)


def _raw_text(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], given: Mapping[str, str]) -> Inferred | None:
    text = given.get("text") or _guess.by_name(columns, TEXT)
    candidates = [given["spans"]] if "spans" in given else [name for name in SPANS if name in columns]
    spans = next((name for name in candidates if _holds_spans(name, rows)), None)
    if text is None or spans is None:
        return None
    because = [f'column "{spans}" lists entities by their characters in column "{text}"']
    return Inferred({"text": text, "spans": spans}, {}, because, CONFIDENCE, ENCODE)


def _holds_spans(column: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    lists, entities = 0, 0
    cells = [row.get(column) for row in rows]
    for cell in cells:
        try:
            spans = span_cells.read(cell)
        except Fault:
            continue
        lists += spans is not None or not (as_text(cell) or "").strip()
        entities += len(spans or ())
    return entities > 0 and lists >= MOST_ROWS * len(cells)
