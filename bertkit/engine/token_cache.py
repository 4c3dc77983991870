"""Token ids of many texts, kept in files, so that training on the same rows again does not tokenise them again."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from bertkit.adapters._encoder import Encoder
from bertkit.errors import Interrupted

log = logging.getLogger("bertkit")
# Of fewer characters, the ids are there before anybody notices.
FEWEST_CHARACTERS = 250_000
MOST_BYTES = 2**30


def folder() -> Path | None:
    """Return where token ids are kept: under $BERTKIT_CACHE, else in the user's cache.

    Returns:
        None if $BERTKIT_CACHE is set to nothing, or there is no home.
    """
    if (named := os.environ.get("BERTKIT_CACHE")) is not None:
        return Path(named) / "tokens" if named else None
    try:
        caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:
        return None
    return Path(caches) / "bertkit" / "tokens"


def cached(encoder: Encoder) -> Encoder:
    """Return an encoder that gives the same ids, but tokenises only what is not in the cache."""
    place = folder()
    return encoder if place is None else CachedEncoder(encoder, place)


class CachedEncoder(Encoder):
    """An encoder that keeps the ids of many texts in a file.

    They are kept as the tokenizer gives them, before anything is cut, so that the recipe's [encode] table changes
    nothing about them: a file belongs to a tokenizer, the version that read it, and the texts in their order.

    Args:
        encoder: Tokenises what is not in the cache.
        place: The folder of the files.
    """

    def __init__(self, encoder: Encoder, place: Path) -> None:
        super().__init__(encoder.tokenizer, encoder.settings, encoder.max_length, encoder.pad_id)
        self.place = place

    def ids(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Return the token ids of each text without special tokens."""
        if (path := self._path("ids", texts)) is None:
            return super().ids(texts)
        if (stored := read(path, texts)) is None:
            found = super().ids(texts)
            write(path, {"sizes": _sizes(found), "ids": np.concatenate(found)})
            return found
        return _divided(stored["ids"], stored["sizes"])

    def ids_and_offsets(self, texts: Sequence[str]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the token ids of each text without special tokens, and the characters they stand for."""
        if (path := self._path("ids_and_offsets", texts)) is None:
            return super().ids_and_offsets(texts)
        if (stored := read(path, texts)) is None:
            found = super().ids_and_offsets(texts)
            ids, offsets = zip(*found, strict=True)
            write(path, {"sizes": _sizes(ids), "ids": np.concatenate(ids), "offsets": np.concatenate(offsets)})
            return found
        parts = (_divided(stored[name], stored["sizes"]) for name in ("ids", "offsets"))
        return list(zip(*parts, strict=True))

    @cached_property
    def _tokenizer_digest(self) -> bytes:
        import tokenizers

        return hashlib.sha256(f"{tokenizers.__version__} {self.tokenizer.to_str()}".encode()).digest()

    def _path(self, kind: str, texts: Sequence[str]) -> Path | None:
        lengths = np.array([len(text) for text in texts], np.int64)
        if lengths.sum() < FEWEST_CHARACTERS:
            return None
        digest = hashlib.sha256(self._tokenizer_digest)
        for part in (kind.encode(), lengths.tobytes(), "".join(texts).encode("utf-8", "surrogatepass")):
            digest.update(part)
        return self.place / f"{digest.hexdigest()}.npz"


def read(path: Path, texts: Sequence[str]) -> dict[str, np.ndarray] | None:
    """Return the arrays of a file, or None if there is no such file or not a whole one.

    Args:
        path: Where they were written.
        texts: What they belong to.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        if arrays["sizes"].shape != (len(texts),) or any(
            len(array) != arrays["sizes"].sum() for name, array in arrays.items() if name != "sizes"
        ):
            raise ValueError("its arrays do not fit together")
        os.utime(path)
    except FileNotFoundError:
        return None
    except Interrupted:
        raise
    except Exception as error:
        # Whatever a damaged file makes zipfile and numpy say: the texts are still there.
        log.debug("%s is not used: %r", path, error)
        return None
    return arrays


def write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write the arrays of a file, whole or not at all, and remove what was not used for longest beyond the limit."""
    if (size := sum(array.nbytes for array in arrays.values())) > MOST_BYTES:
        log.debug("%s is not kept: it would have %d bytes", path, size)
        return
    part = None
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as stream:
            part = Path(stream.name)
            np.savez(stream, **arrays)  # type: ignore[arg-type]
        part.replace(path)
        _trim(path.parent)
    except OSError as error:
        log.debug("%s is not kept: %s", path, error)
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _trim(place: Path) -> None:
    files = [path for path in place.iterdir() if path.suffix in {".npz", ".part"}]
    total = 0
    for stat, path in sorted(((path.stat(), path) for path in files), key=lambda file: -file[0].st_mtime):
        total += stat.st_size
        if total > MOST_BYTES:
            path.unlink(missing_ok=True)


def _sizes(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.array([part.size for part in parts], np.int64)


def _divided(whole: np.ndarray, sizes: np.ndarray) -> list[np.ndarray]:
    ends = np.cumsum(sizes)
    return [whole[start:end] for start, end in zip((ends - sizes).tolist(), ends.tolist(), strict=True)]
