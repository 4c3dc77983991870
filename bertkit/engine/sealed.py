"""JSON files that show whether they are damaged: their first value is the SHA-256 of all the rest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertkit.data import durable

KEY = "sha256"
# What stands in the place of the digest while it is computed.
BLANK = "0" * hashlib.sha256().digest_size * 2


def write(path: Path, values: Mapping[str, Any]) -> None:
    """Write a file, whole or not at all; JSON has null for what is no number.

    Args:
        path: Of the file.
        values: What it shall hold.
    """
    finite = json.loads(json.dumps(values), parse_constant=lambda _: None)
    text = json.dumps({KEY: BLANK, **{key: finite[key] for key in finite if key != KEY}}, ensure_ascii=False, indent=1)
    durable.write(path, text.replace(BLANK, _digest(text), 1).encode())


def read(path: Path) -> dict[str, Any]:
    """Return what was written to a file.

    Args:
        path: Of the file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, or was changed by hand.
    """
    text = path.read_bytes().decode()
    values: dict[str, Any] = json.loads(text)
    digest = values.get(KEY) if isinstance(values, dict) else None
    if not isinstance(digest, str) or _digest(text.replace(digest, BLANK, 1)) != digest:
        raise ValueError("its content is not what was written")
    del values[KEY]
    return values


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
