"""Texts that come more than once: inside of a split, on both sides of two splits, and with different labels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

from bertkit.adapters import Adapter
from bertkit.data.examples import Example
from bertkit.data.tables import as_text
from bertkit.engine._data_check.findings import SHOWN, Finding, brief, counted, spot
from bertkit.engine._data_check.resemblance import ALIKE, PIECE, near_pairs
from bertkit.engine._data_check.texts import Text, Texts
from bertkit.engine.progress import Progress

# Of the later split: beyond it, scores tell how well a model remembers.
LEAKED = 0.01
NEAR = "the same but for case, punctuation and white space"
Alike = Mapping[Text, set[Text]]


def alike(texts: Mapping[str, Texts], progress: Progress) -> Alike:
    """Return the folded texts that resemble others, each with these."""
    distinct = list(dict.fromkeys(text for split in texts.values() for text in split.folded))
    found: defaultdict[Text, set[Text]] = defaultdict(set)
    for first, second in near_pairs(distinct, progress):
        found[distinct[first]].add(distinct[second])
        found[distinct[second]].add(distinct[first])
    return found


def inside(texts: Mapping[str, Texts], near: Alike | None) -> list[Finding]:
    """Return how many rows repeat an earlier one of their split.

    Args:
        texts: By split.
        near: From `alike`, or None where only folded texts are compared.
    """
    exact, close = {}, {}
    exact_places: list[str] = []
    close_places: list[str] = []
    for name, split in texts.items():
        same, other = _repeats(split, near or {})
        exact[name], close[name] = len(same), len(other)
        exact_places += [_pair(*rows) for rows in same[:SHOWN]]
        close_places += [_pair(*rows) for rows in other[:SHOWN]]
    return [
        counted(
            "repeated texts", "warning", exact, "no text comes twice in a split", "rows whose text came before",
            exact_places, "remove the repeats, or make sure that no held-out row repeats a training row",
        ),
        counted(
            "near-repeated texts", "warning", close, "no two texts of a split are nearly the same",
            f"rows whose text nearly came before ({_near(near)})", close_places, "see whether they say the same",
        ),
    ]  # fmt: skip


def between(texts: Mapping[str, Texts], near: Alike | None) -> list[Finding]:
    """Return how many rows of a later split stand in an earlier one, too."""
    found = []
    for earlier, later in combinations(texts, 2):
        same, other = _shared(texts[earlier], texts[later], near or {})
        share = len(same) / max(len(texts[later].rows), 1)
        sides = f"{earlier} and {later}"
        found += [
            counted(
                f"leaks: {sides}", "error" if share > LEAKED else "warning", {later: len(same)},
                f"no text of {later} stands in {earlier}",
                f"rows whose text stands in {earlier}, too ({share:.1%} of {later})",
                [_pair(*rows) for rows in same[:SHOWN]], f"remove them from one of the two: scores on {later} flatter",
            ),
            counted(
                f"near leaks: {sides}", "warning", {later: len(other)},
                f"no text of {later} nearly stands in {earlier}",
                f"rows whose text nearly stands in {earlier} ({_near(near)})",
                [_pair(*rows) for rows in other[:SHOWN]], "see whether they say the same",
            ),
        ]  # fmt: skip
    return found


def documents(splits: Mapping[str, Sequence[Example]], adapter: Adapter) -> list[Finding]:
    """Return how many rows of a later split share a document with an earlier one, where rows have documents."""
    groups = {name: [adapter.group(row) for row in rows] for name, rows in splits.items()}
    if not any(group is not None for found in groups.values() for group in found):
        return []
    found = []
    for earlier, later in combinations(splits, 2):
        known = set(groups[earlier]) - {None}
        shared = [
            spot(row, group or "") for row, group in zip(splits[later], groups[later], strict=True) if group in known
        ]
        found.append(
            counted(
                f"shared documents: {earlier} and {later}", "warning", {later: len(shared)},
                f"no document of {later} stands in {earlier}", f"rows whose document stands in {earlier}, too",
                shared[:SHOWN], "divide the rows by document",
            )
        )  # fmt: skip
    return found


def conflicts(texts: Mapping[str, Texts], adapter: Adapter) -> Finding:
    """Return how many texts have different labels in different rows.

    Args:
        texts: By split, all with labels.
        adapter: Knows the labels.
    """
    first: dict[Text, dict[str, Example]] = defaultdict(dict)
    seen: dict[Text, tuple[str, Text]] = {}
    for name, split in texts.items():
        # Labels of words and characters count in a text as it is.
        keys = split.exact if adapter.per_token else split.folded
        for key, text, row in zip(keys, split.exact, split.rows, strict=True):
            first[key].setdefault(as_text(adapter.as_cell(adapter.gold(row))) or "", row)
            seen.setdefault(key, (name, text))
    mixed = {key: list(rows.items()) for key, rows in first.items() if len(rows) > 1}
    counts = dict.fromkeys(texts, 0) | Counter(seen[key][0] for key in mixed)
    places = [
        " and ".join(f"{row.where} {brief(label)}" for label, row in rows[:2]) + f": {brief(seen[key][1][0])}"
        for key, rows in list(mixed.items())[:SHOWN]
    ]
    return counted(
        "conflicting labels", "warning", counts, "the same text always has the same label",
        "texts with different labels, by the split of the first row", places, "decide which of the labels is right",
    )  # fmt: skip


def _near(near: Alike | None) -> str:
    return NEAR if near is None else f"{NEAR}, or {ALIKE:.0%} of the pieces of {PIECE} characters in common"


def _pair(row: Example, other: Example, text: Text) -> str:
    return f"{spot(row, text[0])} as {other.where}"


def _repeats(split: Texts, near: Alike) -> tuple[list[tuple[Example, Example, Text]], ...]:
    exact: dict[Text, Example] = {}
    folded: dict[Text, Example] = {}
    same, other = [], []
    for row, text, plain in zip(split.rows, split.exact, split.folded, strict=True):
        if (before := exact.get(text)) is not None:
            same.append((row, before, text))
        elif (before := _first(plain, folded, near)) is not None:
            other.append((row, before, text))
        exact.setdefault(text, row)
        folded.setdefault(plain, row)
    return same, other


def _shared(earlier: Texts, later: Texts, near: Alike) -> tuple[list[tuple[Example, Example, Text]], ...]:
    exact = dict(zip(reversed(earlier.exact), reversed(earlier.rows), strict=True))
    folded = dict(zip(reversed(earlier.folded), reversed(earlier.rows), strict=True))
    same, other = [], []
    for row, text, plain in zip(later.rows, later.exact, later.folded, strict=True):
        if (before := exact.get(text)) is not None:
            same.append((row, before, text))
        elif (before := _first(plain, folded, near)) is not None:
            other.append((row, before, text))
    return same, other


def _first(plain: Text, known: Mapping[Text, Example], near: Alike) -> Example | None:
    return next((known[text] for text in (plain, *sorted(near.get(plain, ()))) if text in known), None)
