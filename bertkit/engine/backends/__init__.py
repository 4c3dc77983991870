"""What computes logits, one file a backend; the folder is the registry."""

from __future__ import annotations

import importlib
import pkgutil

from bertkit.engine.backends._base import Backend

__all__ = ["Backend", "load", "names"]


def names() -> list[str]:
    """Return the names of the backends: their file names with dashes."""
    modules = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name.replace("_", "-") for name in modules if not name.startswith("_"))


def load(name: str) -> type[Backend]:
    """Return the class of a backend, such as OnnxInt8 for "onnx-int8"."""
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    backend: type[Backend] = getattr(module, "".join(part.capitalize() for part in name.split("-")))
    return backend
