"""Folders that are made once and kept: checkpoints and runs that take minutes to make."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from _results import CACHE


def cached(name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder of the cache, complete or not at all.

    Args:
        name: Of the folder.
        make: Fills a folder that does not exist yet; called if there is none of that name.
    """
    folder = CACHE / name
    if not folder.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        (CACHE / ".gitignore").write_text("*\n", encoding="utf-8")
        part = folder.with_name(f"{name}.part")
        shutil.rmtree(part, ignore_errors=True)
        make(part)
        part.rename(folder)
    return folder
