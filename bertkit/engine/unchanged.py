"""What must be unchanged when a training goes on, and what is different."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from bertkit import __version__
from bertkit.adapters._encoder import Window
from bertkit.engine import machine, processes, threads
from bertkit.engine.prepare import Prepared

LIBRARIES = ("torch", "transformers", "accelerate", "tokenizers")
# They change nothing of what a training computes.
FREE = frozenset({"title", "train.save_minutes", "data.test"})
SPLITS = ("training", "validation")
ROWS = "the {} rows"
TOKENS = "the tokens of the {} rows"
VERSION = "the version of {}"
Change = Mapping[str, Any]


def facts(prepared: Prepared, linear: str | None) -> dict[str, Any]:
    """Return what decides the weights that come out of a training, by name.

    Args:
        prepared: Recipe and rows.
        linear: What multiplies the matrices of linear layers.
    """
    recipe = prepared.recipe.model_dump(mode="json", exclude_none=True)
    found = {key: value for key, value in _leaves(recipe) if key not in FREE}
    for name, split in zip(SPLITS, (prepared.train, prepared.validation), strict=True):
        found[ROWS.format(name)] = split.examples.fingerprint()
        found[TOKENS.format(name)] = _digest(split.encoded.windows)
    found |= {VERSION.format(name): version(name) for name in LIBRARIES}
    found |= {
        VERSION.format("bertkit"): __version__,
        "labels": list(prepared.adapter.labels),
        "processes": processes.count(),
        "linear": linear,
    }
    # As JSON gives it back.
    same: dict[str, Any] = json.loads(json.dumps(found))
    return same


def machine_facts() -> dict[str, Any]:
    """Return what decides how this machine rounds."""
    here = machine.fingerprint()
    return {"the processor": here["cpu"], "a GPU": here["gpu"], "threads": threads.count()}


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """Return what changed: name, value before and value now.

    Args:
        before: From `facts` or `machine_facts`, as it was stored.
        now: The same of today.
    """
    changed = [name for name in dict.fromkeys([*before, *now]) if before.get(name) != now.get(name)]
    # Other rows have other tokens.
    follow = {TOKENS.format(split) for split in SPLITS if ROWS.format(split) in changed}
    return [{"what": name, "before": before.get(name), "now": now.get(name)} for name in changed if name not in follow]


def in_recipe(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Tell whether a value of the recipe is different."""
    return any(change["what"].startswith("train.") for change in differences(before, now))


def can_change(change: Change) -> bool:
    """Tell whether a training may go on in spite of a change: that of another model, or of its labels, may not."""
    rows = {pattern.format(split) for pattern in (ROWS, TOKENS) for split in SPLITS}
    return change["what"].startswith(("train.", VERSION.format(""))) or change["what"] in rows


def sentence(changes: Sequence[Change]) -> str:
    """Return the changes in words."""
    return "; ".join(_words(**change) for change in changes)


def _words(what: str, before: Any, now: Any) -> str:
    if what.endswith(" rows"):
        return f"{what} have changed"
    return f"{what} was {_value(before)} and is {_value(now)}"


def _value(value: Any) -> str:
    return "not set" if value is None else json.dumps(value, ensure_ascii=False)


def _digest(windows: Sequence[Window]) -> str:
    digest = hashlib.sha256()
    for window in windows:
        digest.update(b"%d:" % window.input_ids.size)
        digest.update(window.input_ids.tobytes())
        digest.update(window.segment_ids.tobytes())
    return digest.hexdigest()


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
