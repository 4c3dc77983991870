"""A recipe as TOML text, for --save-recipe, `tasks show` and the run folder."""

from __future__ import annotations

from typing import Any

import tomli_w

from bertkit.recipe.schema import Recipe


def to_toml(recipe: Recipe) -> str:
    """Return the recipe as TOML; keys without a value are left out, because TOML has no null."""
    return tomli_w.dumps(without_none(recipe.model_dump(mode="json")))


def without_none(values: dict[str, Any]) -> dict[str, Any]:
    """Return nested tables without the keys whose value is None and without empty tables."""
    kept: dict[str, Any] = {}
    for key, value in values.items():
        inner = without_none(value) if isinstance(value, dict) else value
        if inner is not None and inner != {}:
            kept[key] = inner
    return kept
