"""Values as bytes and back, for processes that do one job; unlike pickle it can only make data.

JSON with marks for what JSON lacks, then the numbers of the arrays as they lie in memory.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np

MARK = "~"
NUMBERS = "biufc"  # kinds of arrays that hold plain numbers
MADE_BY: dict[str, Callable[[Any], Any]] = {
    "bytes": bytes.fromhex,
    "dict": dict,
    "frozenset": frozenset,
    "path": Path,
    "set": set,
    "tuple": tuple,
}


def to_bytes(value: Any) -> bytes:
    """Return a value as bytes.

    Args:
        value: None, numbers, text, bytes, paths, arrays of numbers, data classes of bertkit, and lists, tuples, sets
            and mappings of these. Other sequences become lists and other mappings dictionaries.

    Raises:
        TypeError: It holds something else.
    """
    buffers: list[bytes] = []
    text = json.dumps(_plain(value, buffers)).encode()
    return b"".join([len(text).to_bytes(8, "little"), text, *buffers])


def from_bytes(data: bytes) -> Any:
    """Return the value that `to_bytes` was given."""
    start = 8 + int.from_bytes(data[:8], "little")
    buffers = memoryview(data)[start:]
    return json.loads(data[8:start], object_hook=lambda entry: _restored(entry, buffers))


def _plain(value: Any, buffers: list[bytes]) -> Any:
    """Return what JSON can say of a value; its arrays are added to the buffers."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, np.ndarray | np.generic):
        return _array(value, buffers)
    if isinstance(value, int | float):
        return value
    if isinstance(value, Mapping):
        return _mapping(value, buffers)
    if isinstance(value, Sequence) and not isinstance(value, tuple | bytes):
        return [_plain(item, buffers) for item in value]
    kind, inner = _marked(value, buffers)
    return {MARK + kind: inner}


def _marked(value: Any, buffers: list[bytes]) -> tuple[str, Any]:
    if isinstance(value, PurePath):
        return "path", str(value)
    if isinstance(value, bytes):
        return "bytes", value.hex()
    if is_dataclass(value) and type(value).__module__.partition(".")[0] == "bertkit":
        values = [_plain(getattr(value, field.name), buffers) for field in fields(value)]
        return "data", [type(value).__module__, type(value).__qualname__, values]
    if type(value) in {tuple, set, frozenset}:
        return type(value).__name__, [_plain(item, buffers) for item in value]
    raise TypeError(f"{type(value).__name__} cannot be told to other processes")


def _mapping(value: Mapping[Any, Any], buffers: list[bytes]) -> dict[str, Any]:
    if all(type(key) is str and not key.startswith(MARK) for key in value):
        return {key: _plain(item, buffers) for key, item in value.items()}
    return {f"{MARK}dict": [[_plain(key, buffers), _plain(item, buffers)] for key, item in value.items()]}


def _array(value: Any, buffers: list[bytes]) -> dict[str, Any]:
    if value.dtype.kind not in NUMBERS:
        raise TypeError(f"an array of {value.dtype} cannot be told to other processes")
    start = sum(map(len, buffers))
    buffers.append(value.tobytes())
    return {f"{MARK}array": [value.dtype.str, list(value.shape), start, isinstance(value, np.generic)]}


def _restored(entry: dict[str, Any], buffers: memoryview) -> Any:
    mark = next(iter(entry), "")
    if not mark.startswith(MARK):
        return entry
    kind, inner = mark.removeprefix(MARK), entry[mark]
    if kind == "array":
        return _restored_array(buffers, *inner)
    return _record(*inner) if kind == "data" else MADE_BY[kind](inner)


def _restored_array(buffers: memoryview, dtype: str, shape: list[int], start: int, is_scalar: bool) -> Any:
    size = int(np.prod(shape, dtype=np.int64))
    array = np.frombuffer(buffers, dtype, size, start).reshape(shape) if size else np.empty(shape, dtype)
    return array[()] if is_scalar else array.copy()


def _record(module: str, name: str, values: list[Any]) -> Any:
    # Only what this process has imported, and only by laying values into it: no code of the class runs.
    kind = getattr(sys.modules[module], name) if module.partition(".")[0] == "bertkit" else None
    if not (isinstance(kind, type) and is_dataclass(kind)):
        raise ValueError(f"{module}.{name} is not a data class of bertkit")
    record = object.__new__(kind)
    for field, value in zip(fields(kind), values, strict=True):
        object.__setattr__(record, field.name, value)
    return record
