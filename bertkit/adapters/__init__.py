"""Task types, one file each; the folder is the registry."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from typing import Any

from bertkit.adapters._base import Adapter
from bertkit.errors import RecipeError

__all__ = ["Adapter", "create", "load", "names"]


def names() -> list[str]:
    """Return the names of the adapters: their file names with dashes."""
    modules = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name.replace("_", "-") for name in modules if not name.startswith("_"))


def load(name: str) -> type[Adapter]:
    """Return the adapter class of a name.

    Raises:
        RecipeError: There is no adapter of that name.
    """
    if name not in names():
        close = difflib.get_close_matches(name, names(), n=1)
        guess = f' Did you mean "{close[0]}"?' if close else ""
        raise RecipeError(f'adapter.name: there is no adapter "{name}". Known: {", ".join(names())}.{guess}')
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    adapter: type[Adapter] = getattr(module, "".join(part.capitalize() for part in name.split("-")))
    return adapter


def create(name: str, settings: dict[str, Any]) -> Adapter:
    """Return an adapter with the settings of a recipe's [adapter] table, its name left out."""
    adapter = load(name)
    return adapter(settings=adapter.settings_model.model_validate(settings))
