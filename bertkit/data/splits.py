"""Held-out rows: a seeded split that keeps the share of each label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from bertkit.errors import DataError


def hold_out(strata: Sequence[str | None], fraction: float, seed: int, groups: Sequence[str | None] = ()) -> list[int]:
    """Return the positions of the rows to hold out, sorted.

    Each stratum gives its share, rounded so that the whole comes out right; one of a single row stays in training.
    Rows of one group stay together, and then groups are drawn and strata are left aside; at least the smallest one is
    held out.

    Args:
        strata: The label of each row, or None for rows to be split at random.
        fraction: Share of all rows to hold out, between 0 and 1.
        seed: Of the choice.
        groups: What each row shares with others that must not stand on both sides; None or nothing: it is alone.

    Raises:
        DataError: There are too few rows to hold any out, or all of them belong together.
    """
    generator = np.random.default_rng(seed)
    if groups and groups[0] is not None and len(set(groups)) == 1:
        raise DataError(f"all {len(groups)} training rows share one document (title or context)", "--validation FILE")
    grouped = any(group is not None for group in groups)
    held = _whole_groups(groups, fraction, generator) if grouped else _of_each(strata, fraction, generator)
    if not held:
        raise DataError(
            f"{len(strata)} training rows are too few to hold out {fraction:.0%} for validation",
            "--validation FILE, or " + ("--set data.validation_fraction=0.3" if fraction < 0.3 else "more rows"),
        )
    return sorted(held)


def _of_each(strata: Sequence[str | None], fraction: float, generator: np.random.Generator) -> list[int]:
    rows = _positions(strata)
    held: list[int] = []
    wanted = 0.0
    for stratum in sorted(rows, key=str):
        members = generator.permutation(rows[stratum]).tolist()
        if len(members) == 1:
            continue
        wanted += len(members) * fraction
        take = min(round(wanted) - len(held), len(members) - 1)
        held += members[: max(take, 0)]
    return held


def _whole_groups(groups: Sequence[str | None], fraction: float, generator: np.random.Generator) -> list[int]:
    shared = _positions(groups)
    rows = [[alone] for alone in shared.pop(None, [])] + list(shared.values())
    held: list[int] = []
    order = generator.permutation(len(rows)).tolist()
    for group in order:
        # A group that would take more than the fraction is passed over, unless it brings the share nearer.
        missing = fraction * len(groups) - len(held)
        if len(rows[group]) < 2 * missing and len(held) + len(rows[group]) < len(groups):
            held += rows[group]
    return held or min((rows[group] for group in order), key=len)


def _positions(keys: Sequence[str | None]) -> dict[str | None, list[int]]:
    rows: dict[str | None, list[int]] = defaultdict(list)
    for position, key in enumerate(keys):
        rows[key].append(position)
    return rows
