"""Nested values of a training as JSON and safetensors: files that cannot run code, unlike a pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PLAIN = (str, int, float, bool, type(None))


def write(folder: Path, name: str, value: Any) -> None:
    """Write NAME.json, and NAME.safetensors if there are tensors.

    Args:
        folder: Exists.
        name: Of the files.
        value: Dictionaries, lists and tuples of numbers, texts and tensors.

    Raises:
        TypeError: It holds something else.
    """
    import safetensors.torch

    tensors: dict[str, Any] = {}
    text = json.dumps(_taken_apart(value, tensors))
    if tensors:
        safetensors.torch.save_file(tensors, folder / f"{name}.safetensors")
    (folder / f"{name}.json").write_text(text, encoding="utf-8")


def read(folder: Path, name: str) -> Any:
    """Return what was written, with its tensors on the CPU.

    Args:
        folder: Holds the files.
        name: Of the files.
    """
    import safetensors.torch

    path = folder / f"{name}.safetensors"
    tensors = safetensors.torch.load_file(path) if path.is_file() else {}
    return _put_together(json.loads((folder / f"{name}.json").read_text(encoding="utf-8")), tensors)


def _taken_apart(value: Any, tensors: dict[str, Any]) -> Any:
    """Return a value as JSON has it, where each tensor is the name under which it was added to the others."""
    import torch

    if isinstance(value, PLAIN):
        return value
    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().contiguous()
        return {"tensor": name}
    if isinstance(value, dict):
        # As pairs: the keys of an optimizer's state are numbers.
        return {"dict": [[_taken_apart(part, tensors) for part in pair] for pair in value.items()]}
    if isinstance(value, list | tuple):
        parts = [_taken_apart(part, tensors) for part in value]
        return parts if isinstance(value, list) else {"tuple": parts}
    raise TypeError(f"a value of type {type(value).__name__} cannot be saved")


def _put_together(value: Any, tensors: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_put_together(part, tensors) for part in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content]
    parts = [_put_together(part, tensors) for part in content]
    return tuple(parts) if kind == "tuple" else {key: part for key, part in parts}
