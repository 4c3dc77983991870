"""Which files the index of divided weights may name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertkit.engine.untrusted.entries import shortened
from bertkit.errors import ModelError

KEY = "weight_map"


def check(path: Path, index: Mapping[str, Any]) -> None:
    """Refuse an index that names anything but safetensors files beside it.

    Args:
        path: Of the index.
        index: What it says.

    Raises:
        ModelError: Which entry, and what is allowed.
    """
    entries = index.get(KEY)
    if not isinstance(entries, dict) or not entries:
        raise ModelError(f"{path}, key {KEY}: it does not name the files of the weights", "fetch the file again")
    for tensor, name in entries.items():
        if not isinstance(name, str) or not name.endswith(".safetensors") or name != Path(name).name:
            raise ModelError(
                f"{path}, {shortened(tensor)}: {shortened(name)} is not the name of a safetensors file beside it",
                "fetch the checkpoint again, or choose another one: bertkit models",
            )
