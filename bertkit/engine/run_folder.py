"""Where a run is made, and where it will lie."""

from __future__ import annotations

import shutil
from datetime import datetime
from functools import partial
from pathlib import Path

from bertkit.data import durable
from bertkit.engine import processes
from bertkit.engine.run import CHECKPOINTS, NEW, RUN_FILE, SEEDS, STATE_FILE, runs_folder
from bertkit.errors import UsageError

# What took time to train.
TRAINED = (RUN_FILE, f"{CHECKPOINTS}/checkpoint-*", f"{SEEDS}/*/{RUN_FILE}", f"{SEEDS}/*/{CHECKPOINTS}/checkpoint-*")


def new(label: str, output: str | None, overwrite: bool) -> Path:
    """Choose the folder of a new run; it does not exist afterwards.

    Args:
        label: First part of its name.
        output: The folder the user named, or None.
        overwrite: Whether an existing run of that name may go once the new one is complete.

    Raises:
        UsageError: The named folder exists.
    """
    if output is not None:
        folder = Path(output).resolve()
        file = next((path for path in (folder, *folder.parents) if path.is_file()), None)
        if file is not None:
            raise UsageError(f"{file} is a file, not a folder", "another --output")
        if _is_free(folder):
            return folder
        if not _is_run(folder):
            raise UsageError(f"{folder} holds other things than a run", "another --output")
        if not overwrite:
            begun = f"bertkit finetune --resume {folder}, " if (folder / STATE_FILE).exists() else ""
            raise UsageError(f"{folder} exists and is not empty", f"{begun}--overwrite, or another --output")
        return folder
    stamp = f"{label}-{datetime.now():%Y%m%d-%H%M%S}"
    taken = 0
    while (folder := runs_folder() / (stamp if not taken else f"{stamp}-{taken}")).exists():
        taken += 1
    return folder


def agreed(label: str, output: str | None, overwrite: bool) -> Path:
    """Return what `new` chooses in the main process."""
    return processes.agree(partial(new, label, output, overwrite))


def work(folder: Path) -> Path:
    """Return where a run is made: in place, or beside an existing one that it will replace.

    What an earlier attempt left there is removed, unless it has come as far as a checkpoint.

    Raises:
        UsageError: Something else lies there, or what an earlier attempt has trained.
    """
    if _is_free(folder):
        return folder
    made = folder.with_name(folder.name + NEW)
    if made.exists() and not any((made / name).exists() for name in (STATE_FILE, SEEDS)):
        raise UsageError(f"{made} is in the way of the new run", "move it, or another --output")
    if any(path for pattern in TRAINED for path in made.glob(pattern)):
        raise UsageError(
            f"{made} holds an earlier training that was to replace {folder}",
            f"bertkit finetune --resume {made} to complete it, or remove it",
        )
    shutil.rmtree(made, ignore_errors=True)
    return made


def target(work: Path) -> Path:
    """Return where a run will lie that is made beside the one it replaces.

    Args:
        work: From `work`; one that has got its place already is its own target.

    Raises:
        UsageError: Something else than a run lies there.
    """
    if not work.resolve().name.endswith(NEW):
        return work
    folder = work.resolve().with_name(work.resolve().name.removesuffix(NEW))
    if not (_is_free(folder) or _is_run(folder)):
        raise UsageError(f"{folder} holds other things than a run, and {work} would replace it", "move it")
    return folder


def _is_run(folder: Path) -> bool:
    return any((folder / name).exists() for name in (RUN_FILE, STATE_FILE, SEEDS))


def _is_free(folder: Path) -> bool:
    # An attempt that was killed while it wrote its very first file leaves the part of that.
    begun = durable.part_path(folder / STATE_FILE)
    return not folder.exists() or all(path == begun for path in folder.iterdir())
