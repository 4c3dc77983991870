"""Checkpoints of a training: whole and described before they get their names, and checked before they are used."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertkit.data import durable
from bertkit.engine import manifest, storage, untrusted
from bertkit.errors import BertkitError, RunError

log = logging.getLogger("bertkit")
# A checkpoint at the end of an epoch may be saved before the validation rows are scored, and again after that.
NAME = re.compile(r"checkpoint-(\d+)(\.unscored)?")
STATE = "trainer_state.json"
FACTS = "training.json"
REQUIRED = frozenset(
    {"model.safetensors", "config.json", "optimizer.json", "scheduler.json", "process-0.json", STATE, FACTS}
)
# More than the last one took: the optimizer gets its state with its first step, and file systems have overheads.
ROOM = 1.2


@dataclass(frozen=True)
class Checkpoint:
    """A folder that should hold the state of a training.

    Args:
        folder: The folder.
        step: After how many steps.
        scored: Whether an evaluation that belongs to this step is done.
    """

    folder: Path
    step: int
    scored: bool


def read(path: Path) -> dict[str, Any]:
    """Return what one of the JSON files of a checkpoint holds."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def name(step: int, *, scored: bool) -> str:
    """Return the name of a checkpoint's folder."""
    return f"checkpoint-{step}" + ("" if scored else ".unscored")


def listed(parent: Path) -> list[Checkpoint]:
    """Return what has the name of a checkpoint, the newest first; times of files say nothing after a copy.

    Args:
        parent: Holds the checkpoints; it need not exist.
    """
    names = [(path, NAME.fullmatch(path.name)) for path in parent.glob("checkpoint-*")]
    found = [Checkpoint(path, int(match[1]), match[2] is None) for path, match in names if match]
    return sorted(found, key=lambda one: (one.step, one.scored), reverse=True)


def newest(parent: Path) -> tuple[Checkpoint | None, list[str]]:
    """Return the newest checkpoint that is as it was written, and why newer ones are not used.

    Args:
        parent: Holds the checkpoints; it need not exist.
    """
    skipped: list[str] = []
    for checkpoint in listed(parent):
        fault = _fault(checkpoint)
        if not fault:
            return checkpoint, skipped
        skipped.append(fault)
    return None, skipped


def check(folder: Path) -> None:
    """Check that a checkpoint is as it was written.

    Raises:
        RunError: A file is missing or damaged, or something else lies there.
    """
    files = manifest.read(folder)
    if absent := sorted(REQUIRED - files.keys()):
        raise RunError(f"{folder} is no checkpoint: {absent[0]} is not in its {manifest.FILE}")
    untrusted.check_places(folder, files)
    manifest.check(folder, files)


@contextmanager
def writing(folder: Path, needed: float) -> Iterator[Path]:
    """Give a folder to write a checkpoint into; when the block ends it is synced, described and gets its name.

    Args:
        folder: The name it gets in the end.
        needed: Bytes that it takes.

    Raises:
        MachineError: There is no room for it, or the operating system refused.
    """
    storage.require(folder.parent, needed * ROOM, "the next checkpoint")
    made = unfinished(folder)
    try:
        with storage.write_errors(folder, needed * ROOM, "free some space, then resume: older checkpoints are kept"):
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir(parents=True)
            yield made
            for path in made.iterdir():
                durable.sync(path)
            manifest.write(made, [path.name for path in made.iterdir()])
            # One that passed its check would have been continued, so what has this name is damaged.
            _remove(folder)
            durable.rename(made, folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def unfinished(folder: Path) -> Path:
    """Return where a checkpoint is written before it gets its name."""
    return folder.with_name(f".{folder.name}")


def keep(parent: Path, latest: Path, best: Path | None) -> None:
    """Remove all checkpoints but three.

    Args:
        parent: Holds the checkpoints.
        latest: What a resume will take; what was saved before it stays too, in case it is damaged.
        best: Has the weights of the best epoch, if there was one.
    """
    found = listed(parent)
    step = next(checkpoint.step for checkpoint in found if checkpoint.folder == latest)
    before = next((checkpoint.folder for checkpoint in found if checkpoint.step < step), None)
    for checkpoint in found:
        if checkpoint.folder in (latest, before, best):
            continue
        try:
            _remove(checkpoint.folder)
        except OSError as error:
            log.warning("%s is of no use any more, but cannot be removed: %s", checkpoint.folder, error.strerror)


def sweep(parent: Path) -> None:
    """Remove what attempts that were killed left behind.

    Args:
        parent: Holds the checkpoints; it need not exist.
    """
    for path in parent.glob(".checkpoint-*"):
        shutil.rmtree(path, ignore_errors=True)


def _fault(checkpoint: Checkpoint) -> str:
    """Return why a checkpoint cannot be used, or nothing if it can."""
    try:
        check(checkpoint.folder)
        state = read(checkpoint.folder / STATE)
        if state["global_step"] != checkpoint.step:
            return f"{checkpoint.folder} holds step {state['global_step']}: it has another name than it was given"
        best = state["best_global_step"]
        if best is not None and best != checkpoint.step:
            check(checkpoint.folder.with_name(name(best, scored=True)))
    except (BertkitError, OSError) as error:
        return str(error)
    return ""


def _remove(folder: Path) -> None:
    """Remove a checkpoint by way of another name: a kill halfway leaves nothing that looks like one."""
    if not folder.exists():
        return
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    folder.rename(old)
    shutil.rmtree(old, ignore_errors=True)
