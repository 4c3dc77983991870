"""How far a prediction has come, noted on the disk, so that the same command goes on there."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import Any

from bertkit.data import durable
from bertkit.data._output import writing_errors
from bertkit.data.writers import Mark
from bertkit.engine import sealed
from bertkit.engine.unseen import Unseen
from bertkit.errors import UsageError

log = logging.getLogger("bertkit")
FORMAT = 1
SHOWN = 24


@dataclass(frozen=True)
class Entry:
    """What was done when an output was last safe on the disk.

    Args:
        output: Where the output goes on.
        rejects: Where the file of rejects goes on; None: there is none yet.
        read: Good rows that were taken from the input.
        rows: Rows written.
        empty: Rows without text among them.
        rejected: Bad rows that were left out.
        unseen: What the model did not see.
    """

    output: Mark
    rejects: Mark | None = None
    read: int = 0
    rows: int = 0
    empty: int = 0
    rejected: int = 0
    unseen: Unseen = field(default_factory=Unseen)


class Journal:
    """The note beside an unfinished output; it appears whole or not at all.

    Args:
        output: The name that the output gets in the end.
        identity: What decides the bytes of the output, by the names that the user knows.
        overwrite: Whether the unfinished output of another prediction may go.
        resumable: Whether the input can be read again.
    """

    def __init__(self, output: Path, identity: Mapping[str, str], *, overwrite: bool, resumable: bool) -> None:
        self.output = output
        self.identity = dict(identity)
        self.overwrite = overwrite
        self.resumable = resumable
        part = durable.part_path(output)
        self.path = part.with_name(part.name + ".journal")

    def find(self, size: int) -> Entry | None:
        """Return where the prediction goes on, or None where it starts anew; an old note is gone then.

        Args:
            size: Bytes of the unfinished output.

        Raises:
            UsageError: There is the unfinished output of another prediction.
        """
        noted = self._read()
        changed = self._changed(noted["identity"]) if noted else []
        if changed and size and not self.overwrite:
            raise UsageError(
                f"{durable.part_path(self.output)} is the unfinished output of another prediction; "
                f"changed since: {'; '.join(changed)}",
                "--overwrite to start anew, or -o FILE with another name",
            )
        entry = _entry(noted["entry"]) if noted and not changed else None
        if entry and entry.output.size <= size:
            return entry
        if size:
            log.warning(
                "%s cannot be continued (%s): it is replaced",
                durable.part_path(self.output),
                "; ".join(changed) or "its journal is missing or does not fit",
            )
        self.remove()
        return None

    def write(self, entry: Entry) -> None:
        """Note what is done.

        Raises:
            MachineError: The disk is full or fails.
        """
        with writing_errors(str(self.path)):
            sealed.write(self.path, {"format": FORMAT, "identity": self.identity, "entry": asdict(entry)})

    def remove(self) -> None:
        """Forget it."""
        with writing_errors(str(self.path)):
            self.path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any] | None:
        try:
            document = sealed.read(self.path)
        except (OSError, ValueError):
            return None
        return document if document["format"] == FORMAT else None

    def _changed(self, before: Mapping[str, str]) -> list[str]:
        names = [name for name in {**before, **self.identity} if before.get(name) != self.identity.get(name)]
        return [f"{name} ({_short(before.get(name))} -> {_short(self.identity.get(name))})" for name in names]


def _entry(noted: Mapping[str, Any]) -> Entry:
    rejects = noted["rejects"] and Mark(**noted["rejects"])
    return Entry(
        **{**noted, "output": Mark(**noted["output"]), "rejects": rejects, "unseen": Unseen(**noted["unseen"])}
    )


def _short(value: str | None) -> str:
    if value is None:
        return "none"
    return shorten(value, SHOWN, placeholder="...") if " " in value[:SHOWN] else value[:SHOWN]
