"""What the run.json of a stranger must hold for the verbs that read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from bertkit.errors import RunError
from bertkit.recipe.schema import Recipe


class Adapter(BaseModel):
    """What the adapter learnt."""

    name: str
    labels: list[str]
    fitted: dict[str, Any]


class Model(BaseModel):
    """What the tokenizer needs to know of the model."""

    limit: int = Field(ge=1, le=10_000_000)
    pad_id: int = Field(ge=0, le=10_000_000)


class Data(BaseModel):
    """The rows that were held out."""

    held_out: list[int] | None = None


class File(BaseModel):
    """What was recorded of a file."""

    size: int
    sha256: str


class RunInfo(BaseModel):
    """The parts of run.json that answer rows; others are shown only."""

    created: str
    recipe: Recipe
    adapter: Adapter
    model: Model
    data: Data
    files: dict[str, File] = {}


def check(path: Path, info: Any) -> None:
    """Check the form of run.json.

    Args:
        path: Of the file, for the message.
        info: What it holds.

    Raises:
        RunError: An entry is missing, or of another form.
    """
    try:
        RunInfo.model_validate(info)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RunError(
            f"{path}, key {place}: {first['msg'][:1].lower()}{first['msg'][1:]}",
            "copy the run again, or train it anew",
        ) from error
