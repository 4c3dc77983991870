"""Labels of all rows together: unknown, oddly written, rare and out of balance."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from bertkit.adapters import Adapter
from bertkit.data.examples import Example
from bertkit.engine._data_check.findings import SHOWN, Finding, counted
from bertkit.errors import DataError

# Rows of the most frequent label for one of the rarest.
UNBALANCED = 100
# What programs write where there was nothing.
NOTHING = {"nan", "null", "n/a", "#n/a", "<na>", "?", "nat"}
MOST_LISTED = 10


def unknown(splits: Mapping[str, Sequence[Example]], adapter: Adapter) -> tuple[list[Finding], dict[str, set[int]]]:
    """Return how many rows have a label that the training rows lack, and their positions by split.

    Args:
        splits: Those that are compared with the training rows.
        adapter: With the labels of the training rows.
    """
    places: list[str] = []
    positions: dict[str, set[int]] = {}
    for name, rows in splits.items():
        positions[name] = set()
        for position, row in enumerate(rows):
            try:
                adapter.check_labels([row])
            except DataError as error:
                positions[name].add(position)
                places += error.message.splitlines()[1:] or [error.message]
    if not splits:
        return [], positions
    found = counted(
        "unknown labels", "error", {name: len(rows) for name, rows in positions.items()},
        f"every label of {' and '.join(splits)} stands in the training rows, too",
        "rows with a label that no training row has", places, "correct the labels, or add training rows",
    )  # fmt: skip
    return [found], positions


def count(splits: Mapping[str, Sequence[Example]], adapter: Adapter) -> dict[str, Counter[str]]:
    """Count what the rows of each split teach."""
    return {name: Counter(lesson for row in rows for lesson in adapter.lessons(row)) for name, rows in splits.items()}


def odd(splits: Mapping[str, Sequence[Example]], adapter: Adapter) -> Finding:
    """Return labels that differ from a more frequent one in case, spaces or Unicode form alone, or mean nothing."""
    total: Counter[str] = sum(count(splits, adapter).values(), Counter())
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for label, _ in total.most_common():
        groups[_plain(label)].append(label)
    twins = {other: group[0] for group in groups.values() for other in group[1:]}
    notes = {label: f'like "{label}" ({total[label]:,})' for label in twins.values()}
    reasons = {label: notes[usual] for label, usual in twins.items()}
    reasons |= {label: "what programs write where there was nothing" for label in total if _plain(label) in NOTHING}
    counts = dict.fromkeys(splits, 0)
    places: dict[str, str] = {}
    for name, rows in splits.items():
        for row in rows:
            if met := reasons.keys() & set(adapter.lessons(row)):
                counts[name] += 1
                for label in sorted(met):
                    places.setdefault(label, f'{row.where}: "{label}" ({total[label]:,}) {reasons[label]}')
    return counted(
        "odd labels", "warning", counts, "no two labels differ in case, spaces or Unicode form alone",
        "rows with an odd label", list(places.values()), "write labels that mean the same alike",
    )  # fmt: skip


def single(rows: Sequence[Example], adapter: Adapter) -> Finding:
    """Return labels that one training row has."""
    rare = {label for label, times in count({"": rows}, adapter)[""].items() if times == 1}
    places = [f'{row.where}: "{label}"' for row in rows for label in adapter.lessons(row) if label in rare]
    return counted(
        "single labels", "warning", {"train": len(rare)}, "every label comes more than once",
        "labels that come only once", places[:SHOWN], "add rows, or merge the label with another",
    )  # fmt: skip


def balance(rows: Sequence[Example], adapter: Adapter) -> Finding:
    """Return how often the labels of the training rows come."""
    counts = count({"": rows}, adapter)[""].most_common()
    figures = {"labels": dict(counts)}
    listed = [f"{label} {times:,}" for label, times in counts]
    if len(listed) > MOST_LISTED:
        half = MOST_LISTED // 2
        listed = [*listed[:half], "...", *listed[-half:]]
    sentence = f"{len(counts)} labels in train: {', '.join(listed)}"
    if not counts or counts[0][1] <= UNBALANCED * counts[-1][1]:
        return Finding("label balance", "good", len(counts), sentence, figures=figures)
    ratio = counts[0][1] / counts[-1][1]
    advice = "more rows of the rare labels; for labels of whole texts also: bertkit finetune --class-weights auto"
    sentence += f"; the most frequent one comes {ratio:,.0f} times as often as the rarest"
    return Finding("label balance", "warning", len(counts), sentence, (), advice, figures)


def _plain(label: str) -> str:
    return "".join(unicodedata.normalize("NFKC", label).casefold().split())
