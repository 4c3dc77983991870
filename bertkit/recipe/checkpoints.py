"""The checkpoints that bertkit knows by name."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bertkit.errors import ModelError


@dataclass(frozen=True)
class KnownCheckpoint:
    """One row of checkpoints.toml; `parameters` counts millions, without a task head."""

    name: str
    repository: str
    layers: int
    hidden: int
    heads: int
    parameters: float
    cased: bool
    languages: str
    note: str


@cache
def known() -> list[KnownCheckpoint]:
    """The known checkpoints in the order of the file: sizes first."""
    table = tomllib.loads(Path(__file__).with_name("checkpoints.toml").read_text(encoding="utf-8"))
    return [KnownCheckpoint(**row) for row in table["checkpoint"]]


def is_known(name: str) -> bool:
    """Whether a name without an owner, such as `base` or `bert-base-uncased`, stands for a repository."""
    return name.casefold() in _short_names()


def repository(name: str) -> str:
    """The hub repository behind a name.

    Args:
        name: A size (`base`), a name without its owner (`bert-base-uncased`), or `owner/name`, which stays.

    Raises:
        ModelError: The name has no owner and is not known.
    """
    if "/" in name:
        return name
    found = _short_names().get(name.casefold())
    if found is None:
        raise ModelError(f"no checkpoint is called {name!r}: {_ALLOWED}", suggestion(name))
    return found


def suggestion(name: str) -> str:
    """A hint with the known names nearest to a name that was not found.

    Args:
        name: What the user typed.
    """
    choices = _short_names() | {row.repository.casefold(): row.repository for row in known()}
    near = difflib.get_close_matches(name.casefold(), choices, n=3)
    if not near:
        return "list the known ones: bertkit models"
    return "did you mean " + " or ".join(f"--model {match}" for match in near) + "?"


_ALLOWED = "it must be a folder, owner/name on the hub, or a name that `bertkit models` lists"


def _short_names() -> dict[str, str]:
    rows = known()
    tails = {row.repository.split("/")[1].casefold(): row.repository for row in rows}
    return tails | {row.name.casefold(): row.repository for row in rows}
