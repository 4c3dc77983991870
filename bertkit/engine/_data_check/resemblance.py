"""Texts that share most of their pieces, found without comparing all with all.

Source: Broder 1997, On the resemblance and containment of documents: the share of pieces (shingles) that two texts have
in common is the chance that the smallest hash of both is the same. Texts that agree in all hashes of some band are
compared piece by piece (Leskovec, Rajaraman and Ullman 2014, Mining of Massive Datasets, 3.4).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from bertkit.engine.progress import Progress

PIECE = 5
ALIKE = 0.8
BANDS = 16
HASHES_A_BAND = 3
CHARACTERS_AT_ONCE = 2_000_000
LEAST_AGREEMENT = 0.55

Hashes = NDArray[np.uint64]
Pair = tuple[int, int]


def near_pairs(texts: Sequence[tuple[str, ...]], progress: Progress) -> list[Pair]:
    """Return pairs of rows whose texts share at least `ALIKE` of the pieces of `PIECE` characters, role by role.

    In each band every row is compared with the first one of its bucket alone, so that time grows with the rows.

    Args:
        texts: Different rows, each with one text a role.
        progress: Told how many rows were looked at.

    Returns:
        Positions, the smaller one first.
    """
    if len(texts) < 2:
        return []
    roles = range(len(texts[0]))
    # The role that differs most: contexts of questions recur.
    leading = max(roles, key=lambda role: len({row[role] for row in texts}))
    sketches = _sketches([row[leading] for row in texts], progress)
    return [
        (first, second)
        for first, second in sorted(_candidates(sketches))
        if all(resemblance(texts[first][role], texts[second][role]) >= ALIKE for role in roles)
    ]


def resemblance(first: str, second: str) -> float:
    """Return the share of their pieces that two texts have in common, or 0 where it must be less than `ALIKE`."""
    if first == second:
        return 1.0
    ours, theirs = _pieces(first), _pieces(second)
    # What they share is at most all pieces of the shorter one.
    if not ours or not theirs or min(len(ours), len(theirs)) < ALIKE * max(len(ours), len(theirs)):
        return 0.0
    return len(ours & theirs) / len(ours | theirs)


def _pieces(text: str) -> set[str]:
    return {text[place : place + PIECE] for place in range(len(text) - PIECE + 1)}


def _candidates(sketches: Hashes) -> set[Pair]:
    found: set[Pair] = set()
    usable = np.flatnonzero(sketches[:, 0] != np.iinfo(np.uint64).max)
    for band in range(BANDS):
        keys = sketches[usable, band * HASHES_A_BAND : (band + 1) * HASHES_A_BAND]
        _, first, bucket = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        leader = usable[first[bucket.ravel()]]
        apart = leader != usable
        ours, theirs = leader[apart], usable[apart]
        likely = (sketches[ours] == sketches[theirs]).mean(axis=1) >= LEAST_AGREEMENT
        found.update(zip(ours[likely].tolist(), theirs[likely].tolist(), strict=True))
    return found


def _sketches(texts: Sequence[str], progress: Progress) -> Hashes:
    """Return the smallest of each row's hashes, one of each function, shape (texts, functions)."""
    generator = np.random.default_rng(0)
    factors = generator.integers(1, 2**63, BANDS * HASHES_A_BAND, np.uint64) * np.uint64(2) + np.uint64(1)
    masks = generator.integers(0, 2**63, factors.size, np.uint64)
    found = np.full((len(texts), factors.size), np.iinfo(np.uint64).max, np.uint64)
    for start, stop in _chunks(texts):
        hashes, row = _hashes(texts[start:stop])
        if hashes.size:
            begins = np.flatnonzero(np.diff(row, prepend=-1))
            rows = start + row[begins]
            for function, (factor, mask) in enumerate(zip(factors, masks, strict=True)):
                mixed = (hashes ^ mask) * factor
                found[rows, function] = np.minimum.reduceat(mixed, begins)
        progress("compare", stop, len(texts))
    return found


def _chunks(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    start, characters = 0, 0
    for position, text in enumerate(texts, 1):
        characters += len(text)
        if characters >= CHARACTERS_AT_ONCE or position == len(texts):
            yield start, position
            start, characters = position, 0


def _hashes(texts: Sequence[str]) -> tuple[Hashes, NDArray[np.int64]]:
    """Return the hash of each piece of each text, and the position of its text."""
    joined = "".join(texts).encode("utf-32-le", "surrogatepass")
    characters = np.frombuffer(joined, np.uint32).astype(np.uint64)
    row = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    pieces = characters.size - PIECE + 1
    if pieces < 1:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    hashes = np.zeros(pieces, np.uint64)
    for place in range(PIECE):
        hashes = (hashes ^ characters[place : place + pieces]) * np.uint64(0x9E3779B97F4A7C15)
        hashes ^= hashes >> np.uint64(29)
    whole = row[:pieces] == row[PIECE - 1 :]
    return hashes[whole], row[:pieces][whole]
