"""What decides the bytes that a prediction writes, by the names that the user knows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from bertkit import __version__
from bertkit.engine import processes
from bertkit.engine.predictor import Predictor
from bertkit.recipe.schema import ReadSettings

LONGEST = 60


def of_prediction(
    source: Path | None,
    predictor: Predictor,
    settings: ReadSettings,
    columns: Mapping[str, str],
    values: Mapping[str, str],
    options: Mapping[str, object],
) -> dict[str, str]:
    """Return the facts that a prediction must share with an unfinished one to continue it.

    What is done with bad rows is none of them: up to the first such row the output is the same.

    Args:
        source: The input, a regular file, which is read as a whole; None: it cannot be read twice.
        predictor: Answers it.
        settings: How it is read.
        columns: Role to column name.
        values: Role to a text that all rows share.
        options: Others of the command, by their names.
    """
    read = {f"data.{name}": getattr(settings, name) for name in ReadSettings.model_fields if name != "on_bad_row"}
    facts = {
        "the input": _digest_of_file(source) if source else "a stream",
        "the run": hashlib.sha256(json.dumps(predictor.run.info, sort_keys=True).encode()).hexdigest(),
        "--backend": predictor.backend,
        "--processes": processes.count(),
        **read,
        **{f"columns.{role}": name for role, name in columns.items()},
        **{f"--with {role}": _told(value) for role, value in values.items()},
        **options,
        "bertkit": __version__,
    }
    return {name: str(value) for name, value in facts.items()}


def _digest_of_file(path: Path) -> str:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return f"{digest} of {stream.tell()} bytes"


def _told(value: str) -> str:
    return value if len(value) <= LONGEST else hashlib.sha256(value.encode()).hexdigest()
