"""Held-out rows: a seeded split that keeps the share of each label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from bertkit.errors import DataError


def hold_out(strata: Sequence[str | None], fraction: float, seed: int) -> list[int]:
    """Return the positions of the rows to hold out, sorted.

    Each stratum gives its share, rounded so that the whole comes out right; one of a single row stays in training.

    Args:
        strata: The label of each row, or None for rows to be split at random.
        fraction: Share of all rows to hold out, between 0 and 1.
        seed: Of the choice.

    Raises:
        DataError: There are too few rows to hold any out.
    """
    groups: dict[str | None, list[int]] = defaultdict(list)
    for position, stratum in enumerate(strata):
        groups[stratum].append(position)
    generator = np.random.default_rng(seed)
    held: list[int] = []
    wanted = 0.0
    for stratum in sorted(groups, key=str):
        members = generator.permutation(groups[stratum]).tolist()
        if len(members) == 1:
            continue
        wanted += len(members) * fraction
        take = min(round(wanted) - len(held), len(members) - 1)
        held += members[: max(take, 0)]
    if not held:
        raise DataError(
            f"{len(strata)} training rows are too few to hold out {fraction:.0%} for validation",
            "--validation FILE, or --set data.validation_fraction=0.3",
        )
    return sorted(held)
