"""Token ids to windows: special tokens, segments and the cutting of long text, for every family."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bertkit.errors import BertkitError, ModelError
from bertkit.recipe.schema import EncodeSettings, Truncate

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True, slots=True)
class Window:
    """What the model reads at once.

    Args:
        row: Position of its row among the encoded rows.
        input_ids: Token ids with special tokens, shape (length,), int32.
        segment_ids: 0 for the first text and 1 for the second where the family tells them apart, same shape.
        target: What the loss compares with, or None.
        detail: What decode needs beyond logits, such as offsets.
    """

    row: int
    input_ids: np.ndarray
    segment_ids: np.ndarray
    target: Any = None
    detail: Any = None


@dataclass(frozen=True, slots=True)
class View:
    """The part of a row that fits into one window.

    Args:
        input_ids: Token ids with special tokens, shape (length,), int32.
        segment_ids: The same shape.
        kept: Which tokens of the last text these are, shape (kept,).
        start: Where these begin in input_ids.
        fresh: How many of the row's tokens no earlier view held.
    """

    input_ids: np.ndarray
    segment_ids: np.ndarray
    kept: np.ndarray
    start: int
    fresh: int


@dataclass(frozen=True)
class Frame:
    """The special tokens around one text or a pair, read off the tokenizer itself.

    Args:
        ids: Special tokens before, between and after the texts.
        special_segments: Their segment ids.
        text_segments: The segment id of each text.
    """

    ids: tuple[np.ndarray, ...]
    special_segments: tuple[np.ndarray, ...]
    text_segments: tuple[int, ...]

    @classmethod
    def of(cls, tokenizer: Tokenizer, pair: bool) -> Frame:
        """Encode a probe and note which tokens belong to no text."""
        probe = tokenizer.encode("a", "a") if pair else tokenizer.encode("a")
        ids: list[list[int]] = [[]]
        segments: list[list[int]] = [[]]
        texts: list[int] = []
        previous: int | None = None
        for token, segment, sequence in zip(probe.ids, probe.type_ids, probe.sequence_ids, strict=True):
            if sequence is None:
                ids[-1].append(token)
                segments[-1].append(segment)
            elif sequence != previous:
                ids.append([])
                segments.append([])
                texts.append(segment)
            previous = sequence
        as_arrays = tuple(np.array(part, np.int32) for part in ids)
        return cls(as_arrays, tuple(np.array(part, np.int32) for part in segments), tuple(texts))

    @property
    def size(self) -> int:
        """Number of special tokens."""
        return sum(part.size for part in self.ids)

    @cached_property
    def has_segments(self) -> bool:
        """Whether any token is of another segment than 0."""
        return any(self.text_segments) or any(part.any() for part in self.special_segments)

    def wrap(self, *texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return input ids and segment ids of one window around these texts."""
        ids = np.concatenate([*chain(*zip(self.ids, texts, strict=False)), self.ids[-1]])
        if not self.has_segments:
            return ids, np.zeros(ids.size, np.int32)
        own = [np.full(text.size, segment, np.int32) for text, segment in zip(texts, self.text_segments, strict=True)]
        return ids, np.concatenate([*chain(*zip(self.special_segments, own, strict=False)), self.special_segments[-1]])


def cut(length: int, room: int, how: Truncate, stride: int) -> list[np.ndarray]:
    """Return the token positions of each window over a text.

    Args:
        length: Tokens of the text.
        room: Tokens that fit into one window.
        how: Which part to keep; "windows" keeps all of it.
        stride: Tokens that neighbouring windows share.
    """
    everything = np.arange(length)
    if length <= room:
        return [everything]
    if how == "head":
        return [everything[:room]]
    if how == "tail":
        return [everything[length - room :]]
    if how == "head-tail":
        # A quarter head, as in Sun et al. 2019 (128 of 510 tokens), the best simple choice on long reviews.
        head = room // 4
        return [np.concatenate([everything[:head], everything[length - (room - head) :]])]
    overlap = min(stride, room // 2)
    starts = range(0, length - overlap, room - overlap)
    return [everything[start : start + room] for start in starts]


def share(first: int, second: int, room: int) -> tuple[int, int]:
    """Divide room between two texts: the shorter keeps all it can, as longest-first truncation does."""
    if first + second <= room:
        return first, second
    shorter = min(first, second, room // 2)
    return (shorter, room - shorter) if first <= second else (room - shorter, shorter)


class Encoder:
    """A tokenizer together with the limits of a recipe.

    Args:
        tokenizer: The Rust tokenizer; its own truncation and padding are switched off.
        settings: The recipe's [encode] table.
        limit: The longest input of the model, in tokens.
        pad_id: The id that fills short rows of a batch.
    """

    def __init__(self, tokenizer: Tokenizer, settings: EncodeSettings, limit: int, pad_id: int) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.tokenizer = tokenizer
        self.settings = settings
        self.max_length = min(settings.max_length, limit)
        self.pad_id = pad_id
        self.single = Frame.of(tokenizer, pair=False)
        self.pair = Frame.of(tokenizer, pair=True)

    @classmethod
    def load(cls, folder: Path, settings: EncodeSettings, limit: int, pad_id: int) -> Encoder:
        """Read tokenizer.json of a folder.

        Raises:
            ModelError: It is no tokenizer.
        """
        from tokenizers import Tokenizer

        path = folder / "tokenizer.json"
        try:
            return cls(Tokenizer.from_file(str(path)), settings, limit, pad_id)
        except BertkitError:
            raise
        except BaseException as error:
            # What Rust gives up on is no Exception.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            raise ModelError(
                f"{path} is not a tokenizer that can be used: {error}", "fetch the file again, or copy the run again"
            ) from error

    def ids(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Return the token ids of each text without special tokens."""
        encodings = self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [np.array(encoding.ids, np.int32) for encoding in encodings]

    def ids_and_offsets(self, texts: Sequence[str]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the token ids of each text without special tokens, and the characters they stand for.

        Returns:
            For each text its ids of shape (tokens,) and the first character and the one after the last of each
            token, shape (tokens, 2).
        """
        encodings = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [
            (np.array(encoding.ids, np.int32), np.array(encoding.offsets, np.int32).reshape(-1, 2))
            for encoding in encodings
        ]

    def views(self, *texts: np.ndarray) -> Iterator[View]:
        """Yield the windows of a row.

        Args:
            texts: Token ids of one text, or of two that form a pair.
        """
        settings = self.settings
        frame = self.single if len(texts) == 1 else self.pair
        tokens = sum(text.size for text in texts)
        if frame.size + tokens <= self.max_length:
            # As the rest does it, in less time: most texts are short.
            before = sum(part.size for part in (*frame.ids[:-1], *texts[:-1]))
            yield View(*frame.wrap(*texts), np.arange(texts[-1].size), before, tokens)
            return
        if len(texts) == 1:
            parts = cut(texts[0].size, self.max_length - self.single.size, settings.truncate, settings.stride)
            start = self.single.ids[0].size
            for kept, fresh in _fresh(parts):
                yield View(*self.single.wrap(texts[0][kept]), kept, start, fresh)
            return
        rooms = share(texts[0].size, texts[1].size, self.max_length - self.pair.size)
        # In "windows" only the second text moves on: the first is the question that each window repeats.
        how = "head" if settings.truncate == "windows" else settings.truncate
        first = cut(texts[0].size, rooms[0], how, 0)[0]
        seen_before = first.size
        start = self.pair.ids[0].size + first.size + self.pair.ids[1].size
        for kept, fresh in _fresh(cut(texts[1].size, rooms[1], settings.truncate, settings.stride)):
            yield View(*self.pair.wrap(texts[0][first], texts[1][kept]), kept, start, fresh + seen_before)
            seen_before = 0


def _fresh(parts: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, int]]:
    end = 0
    for part in parts:
        yield part, int((part >= end).sum())
        end = max(end, int(part[-1]) + 1 if part.size else 0)
