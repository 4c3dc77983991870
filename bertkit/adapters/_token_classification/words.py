"""The words of a row with their characters, and the tokens and windows that answer them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.data.examples import Example

# Scripts that put no blank between words: there each character is a word of its own.
UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
MARKS = r"\p{M}"
LETTER = rf"[\p{{L}}\p{{N}}&&[^{UNSPACED}]]"
# Invisible characters, such as the joiners of Persian and the soft hyphen, may stand inside of a word. At its end
# they are no part of it, and by themselves no word; only emoji go on after a joiner.
WORD = (
    rf"(?:[{UNSPACED}]|{LETTER}(?:{LETTER}|[{MARKS}]|\p{{Cf}}+(?={LETTER}))*|[^\s\p{{Cf}}\p{{Cc}}])[{MARKS}\x{{200D}}]*"
)

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one row.

    Args:
        text: What the tokenizer reads.
        offsets: The first character of each word and the one after its last, shape (words, 2).
        is_raw: Whether the row has text alone, and its words were found in it.
    """

    text: str
    offsets: Ints
    is_raw: bool = False

    @classmethod
    def of(cls, example: Example) -> Words:
        """Return the words of a row that holds them split, or raw text."""
        tokens = example.values.get("tokens")
        return join(tokens) if tokens is not None else split(example.values["text"])

    def __getitem__(self, word: int) -> str:
        start, end = self.offsets[word]
        return self.text[start:end]


@dataclass(frozen=True, slots=True)
class Alignment:
    """Words and the tokens that answer for them.

    Words that begin in the same token are one unit: one answer is all that a model can give them.

    Args:
        words: The words of a row.
        units: The unit of each word, rising from 0, shape (words,).
        tokens: The first token of each unit, or -1 where the tokenizer has none for it, shape (units,).
    """

    words: Words
    units: Ints
    tokens: Ints

    @property
    def lost(self) -> Ints:
        """The words without a token."""
        return np.flatnonzero(self.tokens[self.units] < 0)

    @property
    def first_words(self) -> Ints:
        """The word that each unit begins with, shape (units,)."""
        return np.flatnonzero(np.diff(self.units, prepend=-1))

    @property
    def borders(self) -> tuple[Ints, Ints]:
        """The characters where units begin, and those where they end."""
        first = self.first_words
        last = np.append(first, self.units.size)[1:] - 1
        return self.words.offsets[first, 0], self.words.offsets[last, 1]


def join(words: Sequence[str]) -> Words:
    """Return split words as a text with one blank between them."""
    sizes = np.fromiter(map(len, words), np.int64, len(words))
    ends = np.cumsum(sizes + 1) - 1
    return Words(" ".join(words), np.stack([ends - sizes, ends], axis=1))


def split(text: str) -> Words:
    """Find the words of raw text: runs of letters and digits, and every other visible character by itself."""
    found = [offsets for _, offsets in _splitter().pre_tokenize_str(text)]
    return Words(text, np.array(found, np.int64).reshape(-1, 2), is_raw=True)


def align(words: Words, tokens: NDArray[Any]) -> Alignment:
    """Find the token that answers for each word: the first that shares a character with it.

    Args:
        words: The words of a row.
        tokens: The first character of each token of its text and the one after its last, shape (tokens, 2).
    """
    first = _first_tokens(words.offsets, tokens)
    begins = np.ones(first.size, bool)
    begins[1:] = (first[1:] < 0) | (first[1:] != first[:-1])
    return Alignment(words, np.cumsum(begins) - 1, first[begins])


def homes(views: Sequence[NDArray[Any]], tokens: int) -> Ints:
    """Choose the window that each token is answered in: the one with most context on both of its sides.

    Source: `_check_is_max_context` of Devlin et al. 2019, https://github.com/google-research/bert, run_squad.py.

    Args:
        views: The tokens that each window holds, in rising order.
        tokens: Tokens of the row.

    Returns:
        Position of the window, or -1 for a token that none holds, shape (tokens,).
    """
    chosen = np.full(tokens, -1, np.int64)
    widest = np.full(tokens, -1, np.int64)
    for position, kept in enumerate(views):
        place = np.arange(kept.size)
        context = np.minimum(place, place[::-1])
        better = context > widest[kept]
        chosen[kept[better]], widest[kept[better]] = position, context[better]
    return chosen


def _first_tokens(words: Ints, tokens: NDArray[Any]) -> Ints:
    real = np.flatnonzero(tokens[:, 1] > tokens[:, 0])
    if not real.size:
        return np.full(len(words), -1, np.int64)
    starts, ends = words[:, 0], words[:, 1]
    place = np.searchsorted(np.maximum.accumulate(tokens[real, 1]), starts, side="right")
    found = real[np.minimum(place, real.size - 1)]
    overlaps = (place < real.size) & (tokens[found, 0] < ends) & (starts < ends)
    return np.where(overlaps, found, -1)


@cache
def _splitter() -> Any:
    # Its regular expressions know scripts and marks, which those of the standard library do not.
    from tokenizers import Regex
    from tokenizers.pre_tokenizers import Split

    return Split(Regex(WORD), "removed", invert=True)
