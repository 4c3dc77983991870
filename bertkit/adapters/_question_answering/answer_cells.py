"""Answer cells of every usual form become one: pieces of the context with their places."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bertkit.adapters._faults import Fault, Tally, mend_each, some, with_counts, with_value
from bertkit.data import json_cells
from bertkit.data.examples import Example, Examples
from bertkit.data.tables import as_text

log = logging.getLogger("bertkit")
REPAIRED = "answer offsets repaired"
AMBIGUOUS = "answers occur several times: the first is taken"
EMPTY = "empty answers left out"
MISSING = "an answer that is not in the context"
ELSEWHERE = "an answer that is not where its row says"
UNREADABLE = "unreadable answers"
FAULTY = "answers that are not in the context left out of rows that have others"
Answer = dict[str, Any]


def mend(found: Examples, on_bad_row: str) -> Examples:
    """Return rows whose answers are lists of {"text", "start"} that stand in their context.

    Args:
        found: Rows with a context; those that do not say whether there is an answer stay as they are.
        on_bad_row: "stop" or "skip": what to do with a row none of whose answers can be placed.

    Raises:
        DataError: There is such a row and on_bad_row is "stop".
    """
    distinct, repeats = _without_repeats(found)
    repaired = Tally()

    def mend_one(example: Example) -> Example:
        if example.values.get("answers") is None:
            return example
        answers, notes = _placed(example)
        repaired.add(place(example), notes)
        return with_value(example, "answers", answers)

    mended = mend_each(replace(found, rows=distinct), "answers", on_bad_row, mend_one, place)
    return with_counts(mended, dropped=repeats, repaired=repaired)


def place(example: Example) -> str:
    """Return file, line and id of a row."""
    name = _id(example)
    return f"{example.where} (id {name})" if name else example.where


def read(cell: Any, starts: Any, context: str) -> list[tuple[str, int | None]]:
    """Return the answers of a cell and where the file says that they begin.

    Args:
        cell: A mapping of lists, a list of mappings, a list of texts, a text, or one of these as JSON.
        starts: What a column of its own says about where they begin.
        context: A text that stands in it is no JSON.

    Raises:
        Fault: The cell has none of these forms.
    """
    cell = _parsed(cell, context)
    if cell is None or cell in ("", [], ()):
        return []
    if isinstance(cell, Mapping) and "text" in cell:
        return _pairs(cell["text"], cell.get("answer_start", cell.get("start")))
    if _all_with_text(cell):
        return [pair for one in cell for pair in _pairs(one["text"], one.get("answer_start", one.get("start")))]
    if _all(cell, str) or not isinstance(cell, Mapping | list | tuple):
        return _pairs(cell, _parsed(starts, ""))
    message = 'the answers are neither text nor a list of texts nor {"text": [...], "answer_start": [...]}'
    raise Fault(UNREADABLE, message)


def find(text: str, start: int | None, context: str) -> tuple[int, str | None]:
    """Return where an answer begins in its context, and what had to be done to know.

    Args:
        text: Without white space around it.
        start: Where the file says that it begins.
        context: The text it is a part of.

    Raises:
        Fault: It is not there, or it is elsewhere and more than once.
    """
    if start is not None and start >= 0:
        if context.startswith(text, start):
            return start, None
        after_blanks = len(context) - len(context[start:].lstrip())
        if context.startswith(text, after_blanks):
            return after_blanks, REPAIRED
    first = context.find(text)
    if first < 0:
        raise Fault(MISSING, f'the answer "{_short(text)}" is not in the context')
    if context.find(text, first + 1) < 0:
        return first, None if start is None else REPAIRED
    if start is None:
        return first, AMBIGUOUS
    message = f'the answer "{_short(text)}" is not at character {start} and occurs in several other places'
    raise Fault(ELSEWHERE, message)


def _placed(example: Example) -> tuple[list[Answer], Counter[str]]:
    notes: Counter[str] = Counter()
    context = example.values["context"]
    placed: list[Answer] = []
    faults: list[Fault] = []
    for text, given in read(example.values["answers"], example.values.get("answer_start"), context):
        bare = text.strip()
        if not bare:
            notes[EMPTY] += 1
            continue
        start = given
        if start is not None and start >= 0 and context.startswith(text, start):
            start += len(text) - len(text.lstrip())
        try:
            at, note = find(bare, start, context)
        except Fault as fault:
            faults.append(fault)
            continue
        placed.append({"text": bare, "start": at})
        notes.update([note] if note else [])
    if faults and not placed:
        raise faults[0]
    notes[FAULTY] = len(faults)
    return placed, notes


def _pairs(texts: Any, starts: Any) -> list[tuple[str, int | None]]:
    many = isinstance(texts, list | tuple)
    texts = [as_text(text) or "" for text in (texts if many else [texts])]
    if starts in (None, "", []):
        starts = [None] * len(texts)
    elif not isinstance(starts, list | tuple):
        starts = [starts]
    if len(texts) != len(starts):
        raise Fault(UNREADABLE, f"there are {len(texts)} answers and {len(starts)} places where they begin")
    return [(text, _number(start)) for text, start in zip(texts, starts, strict=True)]


def _number(start: Any) -> int | None:
    if start is None or start == "":
        return None
    try:
        return int(start)
    except (TypeError, ValueError, OverflowError):
        message = f'"{_short(str(start))}" is no place where an answer begins: a whole number is'
        raise Fault(UNREADABLE, message) from None


def _parsed(cell: Any, context: str) -> Any:
    """Return what a text of JSON holds, if that can be answers; a text that is an answer itself stays one."""
    if not isinstance(cell, str):
        return cell
    bare = cell.strip()
    if bare[:1] not in ("[", "{") or bare in context:
        return cell if bare else None
    try:
        value = json_cells.parse(bare)
    except ValueError:
        return cell
    usual = (isinstance(value, Mapping) and "text" in value) or value == []
    places = not context and _all(value, int)
    return value if usual or places or _all_with_text(value) or _all(value, str) else cell


def _all_with_text(cell: Any) -> bool:
    return _all(cell, Mapping) and all("text" in one for one in cell)


def _all(cell: Any, kind: type) -> bool:
    return isinstance(cell, list | tuple) and len(cell) > 0 and all(isinstance(one, kind) for one in cell)


def _without_repeats(found: Examples) -> tuple[list[Example], Tally]:
    seen: set[str] = set()
    kept: list[Example] = []
    repeats: list[str] = []
    tally = Tally()
    for example in found.rows:
        name = _id(example)
        if name and name in seen:
            repeats.append(place(example))
            tally.add(place(example), {"a repeated id": 1})
        else:
            kept.append(example)
            seen.add(name)
    if repeats:
        log.warning("%s: an id that stood in an earlier row: %s", found.source, some(repeats))
    return kept, tally


def _id(example: Example) -> str:
    return (as_text(example.values.get("id")) or "").strip()


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}..."
