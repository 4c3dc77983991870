"""A training to be done, and what is remembered of it until it is."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from bertkit.engine import layers, processes, run, sealed, storage, unchanged
from bertkit.engine.prepare import Prepared
from bertkit.errors import RunError

log = logging.getLogger("bertkit")


@dataclass(frozen=True)
class Job:
    """One training to be done.

    Args:
        label: Name of the task or data.
        prepared: Recipe, rows and checkpoint.
        folder: Where the run will lie.
        work: Where it is made; another folder if an existing run is to be replaced.
        linear: What multiplied the matrices of a training that is to be continued; None: the fastest.
        changed: What became different since the training began, and was accepted.
        accepts: Whether a training may be continued although something else is different as well.
    """

    label: str
    prepared: Prepared
    folder: Path
    work: Path
    linear: layers.Linear | None = None
    changed: tuple[unchanged.Change, ...] = ()
    accepts: bool = False

    @property
    def checkpoints(self) -> Path:
        """Where its checkpoints lie."""
        return self.work / run.CHECKPOINTS

    @cached_property
    def same(self) -> dict[str, Any]:
        """What must be the same whenever it is continued."""
        return unchanged.facts(self.prepared, self.linear)

    def allowing(self, before: Mapping[str, Any]) -> Job:
        """Return the job with what is different now among its accepted changes.

        Args:
            before: What `same` was.

        Raises:
            RunError: Something is different, and that was not accepted or cannot be.
        """
        found = [change for change in unchanged.differences(before, self.same) if change not in self.changed]
        if not found:
            return self
        refused = [change for change in found if not (self.accepts and unchanged.can_change(change))]
        if refused:
            raise RunError(
                f"{self.work} cannot go on as it began: {unchanged.sentence(refused)}",
                "restore it, or --allow-change to go on nevertheless"
                if all(map(unchanged.can_change, refused))
                else "a new training",
            )
        log.warning("This training does not go on as it began: %s", unchanged.sentence(found))
        return replace(self, changed=(*self.changed, *found))

    def write(self, **more: Any) -> None:
        """Write what a resume needs to know.

        Args:
            more: What else it needs.

        Raises:
            MachineError: It cannot be written.
        """
        with storage.write_errors(self.work, 0, "free some space, or --output on another disk"):
            self.work.mkdir(parents=True, exist_ok=True)
            sealed.write(self.work / run.STATE_FILE, self._state() | more)

    def _state(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "replaces": self.work != self.folder,
            "recipe": self.prepared.recipe.model_dump(mode="json", exclude_none=True),
            "origins": self.prepared.resolved.origins,
            "data": self.prepared.data_info(),
            "processes": processes.count(),
            "linear": self.linear,
            "same": self.same,
            "machine": unchanged.machine_facts(),
            "changed": list(self.changed),
        }
