"""What files a folder holds, with size and SHA-256: damage is found before anything is used."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bertkit.engine import sealed
from bertkit.errors import RunError

FILE = "manifest.json"
Files = Mapping[str, Mapping[str, Any]]


def write(folder: Path, names: Iterable[str]) -> None:
    """Describe files of a folder, after they were written; the manifest appears whole or not at all.

    Args:
        folder: Holds the files.
        names: Their paths within the folder, with "/".
    """
    sealed.write(folder / FILE, {"files": describe(folder, names)})


def describe(folder: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return name to size in bytes and sha256.

    Args:
        folder: Holds the files.
        names: Their paths within the folder, with "/".
    """
    return {name: _facts(folder / name) for name in sorted(names)}


def read(folder: Path) -> Files:
    """Return the files of a folder as they were when its manifest was written.

    Raises:
        RunError: There is no manifest, or it is damaged.
    """
    path = folder / FILE
    try:
        files: Files = sealed.read(path)["files"]
    except FileNotFoundError:
        raise RunError(f"{path} is missing") from None
    except (ValueError, KeyError) as error:
        raise RunError(f"{path} is damaged: {error}") from error
    return files


def check(folder: Path, files: Files, names: Iterable[str] | None = None, hint: str = "") -> None:
    """Compare files with what was recorded of them.

    Args:
        folder: Holds the files.
        files: From `describe` or `read`.
        names: Those that count; None: all.
        hint: What to type where one is damaged.

    Raises:
        RunError: One of them is missing, was cut off or has changed, or was never described.
    """
    for name in files if names is None else names:
        if name not in files:
            raise RunError(f"{folder / name} is not among the files that were recorded", hint)
        if fault := _fault(folder / name, files[name]):
            raise RunError(f"{folder / name} {fault}", hint)


def _fault(path: Path, facts: Mapping[str, Any]) -> str:
    if not path.is_file():
        return "is missing"
    size = path.stat().st_size
    if size != facts["size"]:
        return f"is damaged: it has {size:,} bytes, and was written with {facts['size']:,}"
    return "" if _facts(path) == facts else "is damaged: its bytes are not those that were written"


def _facts(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        return {"size": path.stat().st_size, "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}
