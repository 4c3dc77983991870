"""What files a folder holds, with size and SHA-256: damage is found before anything is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bertkit.data import durable
from bertkit.errors import RunError

FILE = "manifest.json"


def write(folder: Path, names: Iterable[str]) -> None:
    """Describe files of a folder, after they were written; the manifest appears whole or not at all.

    Args:
        folder: Holds the files.
        names: Their paths within the folder, with "/".
    """
    files = {name: _facts(folder / name) for name in sorted(names)}
    durable.write(folder / FILE, json.dumps({"files": files, "sha256": _digest(files)}).encode())


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """Return name to size in bytes and sha256, as they were when the manifest was written.

    Raises:
        RunError: There is no manifest, or it is damaged.
    """
    path = folder / FILE
    try:
        document = json.loads(path.read_bytes())
        files: dict[str, dict[str, Any]] = document["files"]
        whole = document["sha256"] == _digest(files)
    except FileNotFoundError:
        raise RunError(f"{path} is missing") from None
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise RunError(f"{path} is damaged")
    return files


def check(folder: Path, names: Iterable[str] | None = None) -> None:
    """Compare files with the manifest of their folder.

    Args:
        folder: Holds both.
        names: The files that count; None: all.

    Raises:
        RunError: One of them is missing, was cut off or has changed, or was never described.
    """
    files = read(folder)
    for name in files if names is None else names:
        if name not in files:
            raise RunError(f"{folder / name} is not in {FILE}")
        if fault := _fault(folder / name, files[name]):
            raise RunError(f"{folder / name} {fault}")


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


def _digest(files: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
