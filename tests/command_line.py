"""What tests of the command line share: outcomes of commands, and tables that a tiny model learns."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from bertkit import cli

WORDS = {"bad": ("awful", "dull", "poor"), "good": ("great", "lovely", "fine")}
ROWS = 72
# Every ninth label is wrong, so that a model that has learnt the words still makes mistakes.
WRONG = 9
LEARNS = ("train.epochs=8", "train.batch_size=8", "train.learning_rate=0.01", "data.validation_fraction=0.34")
# Nothing listens there.
NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document of stdout; a second one would be an error here."""
        return json.loads(self.out)


def leaves() -> dict[tuple[str, ...], Any]:
    """Return every verb and sub-verb: the words that name it, and its command object."""
    found: dict[tuple[str, ...], Any] = {}
    for name, command in typer.main.get_command(cli.build()).commands.items():
        below = getattr(command, "commands", None)
        found |= {(name,): command} if below is None else {(name, sub): leaf for sub, leaf in below.items()}
    return found


def environment(**settings: Any) -> dict[str, str]:
    """Return the environment of a new process, without this machine's settings of the hub."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return clean | {name: str(value) for name, value in settings.items()}


def write_csv(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)
    return path


def write_reviews(path: Path, rows: int = ROWS) -> Path:
    """Write a table with the columns text and label that a tiny model learns in a few steps."""
    lines = [["text", "label"]]
    for row in range(rows):
        label = ("bad", "good")[row % 2]
        words = WORDS[label if row % WRONG else "good"]
        lines.append([f"a {words[row // 2 % len(words)]} day", label])
    return write_csv(path, lines)
