"""Tags of words: the schemes that mark entities with them, and the way from tags to entities and back."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Any

from bertkit.adapters._labels import is_position

OUTSIDE = "O"
TAG = re.compile(r"O|[BIMELSU]-.+", re.DOTALL)
# BMES is what IOBES is called, and written with, in Chinese corpora.
MARKS_OF_SCHEMES = {"BILOU": "LU", "BMES": "M", "IOBES": "ES"}


def is_tag(text: str) -> bool:
    """Tell whether a text is "O" or marks a type with one of the letters of a known scheme."""
    return TAG.fullmatch(text) is not None


def recognise(rows: Iterable[Sequence[str]]) -> str:
    """Return the scheme of a file of tags: IOB1, IOB2, IOBES, BILOU or BMES.

    Source: Tjong Kim Sang and Veenstra 1999, Representing text chunks. In IOB1 an entity begins with I-, and with
    B- only straight after one of its own type.

    Args:
        rows: Tags that `is_tag` accepts.
    """
    found: set[str] = set()
    begins_with_i = needless_b = False
    for tags in rows:
        before = ""
        for tag in tags:
            found.add(tag[0])
            follows = before[2:] == tag[2:]
            begins_with_i |= tag[0] == "I" and not follows
            needless_b |= tag[0] == "B" and not follows
            before = tag
    for scheme, marks in MARKS_OF_SCHEMES.items():
        if not found.isdisjoint(marks):
            return scheme
    return "IOB1" if begins_with_i and not needless_b else "IOB2"


def to_iob2(tags: Sequence[str]) -> tuple[list[str], int]:
    """Return tags of any scheme as IOB2, and how many continued an entity that no tag had begun.

    In IOB1 these are no faults but the rule.
    """
    found: list[str] = []
    begun = ""
    headless = 0
    for tag in tags:
        mark, kind = tag[0], tag[2:]
        if mark in "IMEL":
            headless += kind != begun
            found.append(f"I-{kind}" if kind == begun else f"B-{kind}")
        else:
            found.append(tag if mark == OUTSIDE else f"B-{kind}")
        begun = kind if mark in "BIM" else ""
    return found, headless


def tags_of(types: Sequence[str]) -> tuple[str, ...]:
    """Return the IOB2 tags of some types: "O", then "B-" and "I-" of each."""
    return (OUTSIDE, *(f"{mark}-{kind}" for kind in types for mark in "BI"))


def types_of(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the types of some tags in the order of their first appearance."""
    return tuple(dict.fromkeys(tag[2:] for tag in tags if tag != OUTSIDE))


def named(rows: Sequence[Sequence[str]], names: Sequence[str]) -> Sequence[Sequence[str]]:
    """Return rows of tags where positions in a list of names are replaced by these names."""
    found = set().union(*rows)
    if found <= set(names) or not all(is_position(tag, names) for tag in found):
        return rows
    return [[names[int(tag)] for tag in tags] for tags in rows]


def chunks(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    """Return the type, first word and last word of each entity of IOB2 tags."""
    found: list[tuple[str, int, int]] = []
    for word, tag in enumerate(tags):
        if tag[0] == "B":
            found.append((tag[2:], word, word))
        elif tag[0] == "I":
            found[-1] = (*found[-1][:2], word)
    return found


def project(entities: Iterable[dict[str, Any]], offsets: Sequence[Sequence[int]]) -> list[str]:
    """Return the IOB2 tags of words; an entity tags every word it touches that no earlier one has tagged.

    Args:
        entities: With "type", and with "start" and "end" as characters, in text order.
        offsets: The first character of each word and the one after its last.
    """
    starts, ends = [start for start, _ in offsets], [end for _, end in offsets]
    tags = [OUTSIDE] * len(starts)
    free = 0
    for entity in entities:
        first = max(bisect_right(ends, entity["start"]), free)
        free = max(bisect_left(starts, entity["end"]), first)
        for word in range(first, free):
            tags[word] = f"{'B' if word == first else 'I'}-{entity['type']}"
    return tags
