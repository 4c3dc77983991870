"""Which files the card of a hub data set may name: its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from bertkit.errors import DataError

KEYS = ("data_dir", "data_files")


def check(folder: Path, repository: str) -> None:
    """Refuse a card that names files elsewhere: the datasets library would read them as rows.

    Args:
        folder: The local copy of the data set.
        repository: owner/name, for the message.

    Raises:
        DataError: A path leads out of the data set.
    """
    for entry in _configurations(folder / "README.md", repository):
        for path in _texts([entry.get(key) for key in KEYS]):
            if "://" in path or "::" in path or PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
                raise DataError(
                    f'The card of the hub data set "{repository}" names {path[:80]!r}, which is not in the data set',
                    "--data FILE with rows of your own",
                )


def _configurations(card: Path, repository: str) -> list[dict[str, Any]]:
    if not card.is_file():
        return []
    from huggingface_hub import DatasetCard

    try:
        data = DatasetCard.load(card).data.to_dict()
        list(_texts(data))
        listed = data.get("configs") or []
        if isinstance(listed, list) and all(isinstance(entry, dict) for entry in listed):
            return listed
        reason = "configs is not a list of tables"
    except Exception as error:
        # The YAML parser has exceptions of its own.
        reason = str(error).partition("\n")[0]
    raise DataError(f'The card of the hub data set "{repository}" cannot be read: {reason}', "--data FILE")


def _texts(value: Any) -> Iterator[str]:
    """Yield all text in lists and mappings; each of them is looked through once.

    Raises:
        ValueError: One holds itself, which aliases of YAML make possible.
    """
    above: set[int] = set()
    done: set[int] = set()
    waiting = [(value, False)]
    while waiting:
        item, is_left = waiting.pop()
        if isinstance(item, str):
            yield item
        elif is_left:
            above.remove(id(item))
            done.add(id(item))
        elif id(item) in above:
            raise ValueError("a value holds itself")
        elif isinstance(item, list | dict) and id(item) not in done:
            above.add(id(item))
            waiting.append((item, True))
            waiting.extend((inner, False) for inner in (item.values() if isinstance(item, dict) else item))
