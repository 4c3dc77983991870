"""A recipe as TOML text, for --save-recipe, --dry-run and the run folder."""

from __future__ import annotations

from typing import Any

import tomli_w

from bertkit.recipe.schema import Recipe


def to_toml(recipe: Recipe) -> str:
    """Return the recipe as TOML; keys without a value are left out, because TOML has no null."""
    return tomli_w.dumps(_filled(recipe.model_dump(mode="json")))


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    inner = {key: _filled(value) if isinstance(value, dict) else value for key, value in values.items()}
    return {key: value for key, value in inner.items() if value not in (None, "", [], {})}
