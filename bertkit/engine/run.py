"""The run folder: everything that eval and predict need, and nothing that needs the outside."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import Any

from bertkit import __version__, adapters
from bertkit.adapters import Adapter
from bertkit.adapters._encoder import Encoder
from bertkit.data import durable
from bertkit.engine import manifest, processes, sealed, untrusted
from bertkit.engine.completeness import TOKENIZER_FILES
from bertkit.errors import RunError
from bertkit.recipe.schema import Recipe
from bertkit.recipe.write import to_toml

log = logging.getLogger("bertkit")
RUN_FILE = "run.json"
STATE_FILE = "unfinished.json"
RECIPE_FILE = "recipe.toml"
OWN_FILES = {RUN_FILE, STATE_FILE, RECIPE_FILE}
CHECKPOINTS = "checkpoints"
SEEDS = "seeds"
NEW = ".new"
GRAPHS = "onnx"
BACKENDS_FILE = f"{GRAPHS}/backends.json"
FORMAT = 2
# Without what is recorded of the files.
OLDER_FORMAT = 1


@dataclass(frozen=True)
class Run:
    """A finished run.

    Args:
        folder: Holds weights, tokenizer, config.json and run.json.
        info: What run.json says, and under "backends" what is known of its graphs.
    """

    folder: Path
    info: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.name

    @cached_property
    def recipe(self) -> Recipe:
        """The resolved recipe."""
        return Recipe.model_validate(self.info["recipe"])

    @cached_property
    def adapter(self) -> Adapter:
        """The adapter with the labels and fitted values of the run."""
        stored = self.info["adapter"]
        settings = {key: value for key, value in self.info["recipe"]["adapter"].items() if key != "name"}
        adapter = adapters.create(stored["name"], settings)
        return type(adapter)(adapter.settings, tuple(stored["labels"]), stored["fitted"])

    def encoder(self) -> Encoder:
        """Return the tokenizer with the run's limits."""
        model = self.info["model"]
        with self.checked(TOKENIZER_FILES):
            return Encoder.load(self.folder, self.recipe.encode, model["limit"], model["pad_id"])

    @contextmanager
    def checked(self, patterns: Sequence[str]) -> Iterator[None]:
        """Compare files with what was recorded of them while the block reads them, so that none is used unchecked.

        Args:
            patterns: Of their paths within the folder, such as "*.safetensors".

        Raises:
            RunError: One of them is damaged; told in place of what the block says of it.
        """
        files = {**self.info.get("files", {}), **self.info.get("backends", {}).get("files", {})}
        untrusted.check_places(self.folder, files)
        names = [name for name in files if any(fnmatch(name, pattern) for pattern in (*patterns, *untrusted.READ))]
        graphs = all(pattern.startswith(f"{GRAPHS}/") for pattern in patterns)
        hint = f"bertkit export {self.folder}" if graphs else "copy the run again, or train it anew"
        with ThreadPoolExecutor(1, thread_name_prefix="checked") as thread:
            found = thread.submit(manifest.check, self.folder, files, names, hint)
            try:
                untrusted.check(self.folder)
                yield
            finally:
                found.result()

    def held_out(self) -> list[int] | None:
        """Return the positions of the training rows that were held out for validation, if any were."""
        found: list[int] | None = self.info["data"].get("held_out")
        return found


def runs_folder() -> Path:
    """Return where runs are kept: $BERTKIT_RUNS, else ./runs."""
    return Path(os.environ.get("BERTKIT_RUNS", "runs"))


def load(folder: Path) -> Run:
    """Read a run.

    Raises:
        RunError: The folder holds no finished run, or one of a newer format.
    """
    try:
        info = _read(folder / RUN_FILE)
    except (FileNotFoundError, NotADirectoryError) as error:
        if (folder / STATE_FILE).is_file():
            raise RunError(f"{folder} is not finished", f"bertkit finetune --resume {folder}") from error
        reason = f"it has no {RUN_FILE}" if folder.is_dir() else "there is no such folder"
        raise RunError(f"{folder} is not a run: {reason}", "bertkit runs list") from error
    except (ValueError, RecursionError) as error:
        raise RunError(f"{folder / RUN_FILE} is damaged: {error}") from error
    untrusted.check_run_info(folder / RUN_FILE, info)
    return Run(folder, {**info, **_backends(folder)})


def _read(path: Path) -> dict[str, Any]:
    try:
        info = sealed.read(path)
    except ValueError:
        info = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(info, dict) or info.get("format") != OLDER_FORMAT:
            raise
    if info["format"] not in (OLDER_FORMAT, FORMAT):
        raise RunError(f"{path.parent} has format {info['format']}; this bertkit reads formats up to {FORMAT}")
    return info


def _backends(folder: Path) -> dict[str, Any]:
    """Return what `export` has recorded of the graphs."""
    path = folder / BACKENDS_FILE
    try:
        return {"backends": sealed.read(path)}
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError) as error:
        raise RunError(
            f"{path} is damaged: {error}", f"bertkit export {folder}, after removing {path.parent}"
        ) from error


def is_whole(folder: Path) -> bool:
    """Tell whether a folder holds a finished run, all of whose files are as they were written."""
    try:
        found = load(folder)
        manifest.check(folder, found.info.get("files", {}))
    except RunError:
        return False
    return True


def find(name: str | Path | None) -> Run:
    """Return a run by folder or name, or the newest one.

    Raises:
        RunError: There is none.
    """
    if name is not None:
        folder = Path(name)
        named = folder.is_dir() or len(folder.parts) > 1
        return load(folder if named else runs_folder() / name)
    runs = listed()
    if not runs:
        raise RunError(f"there is no finished run in {runs_folder()}", "bertkit finetune sentiment --data sample")
    return runs[0]


def listed() -> list[Run]:
    """Return the finished runs, the newest first; damaged ones are named and left out."""
    runs = []
    for path in runs_folder().glob(f"*/{RUN_FILE}"):
        try:
            runs.append(load(path.parent))
        except RunError as error:
            log.warning("%s", error.message)
    return sorted(runs, key=lambda run: str(run.info["created"]), reverse=True)


def unfinished() -> list[Path]:
    """Return the folders of runs that stopped before all was done, if only the clearing up; the newest first."""
    files = sorted(runs_folder().glob(f"*/{STATE_FILE}"), key=lambda path: path.stat().st_mtime, reverse=True)
    return [path.parent for path in files]


def resume_command(folder: Path) -> str:
    """Return what to type to continue a training."""
    several = f" --processes {processes.count()}" if processes.count() > 1 else ""
    return f"bertkit finetune --resume {folder}{several}"


def complete(folder: Path, work: Path) -> Run:
    """Give a run that was saved its place, and forget how it was made.

    Args:
        folder: The place; an older run there is replaced.
        work: Where it was made and saved, perhaps the same.
    """
    if work != folder:
        durable.replace_folder(folder, work)
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    # Last: a run that has it is listed as unfinished, and a resume clears up.
    (folder / STATE_FILE).unlink(missing_ok=True)
    return load(folder)


def save(folder: Path, info: dict[str, Any]) -> Run:
    """Write what a run knows: run.json last, and by rename, so that it never describes half a run."""
    # An attempt that was killed may have left it.
    durable.part_path(folder / RUN_FILE).unlink(missing_ok=True)
    (folder / RECIPE_FILE).write_text(to_toml(Recipe.model_validate(info["recipe"])), encoding="utf-8")
    names = [path.name for path in folder.iterdir() if path.is_file() and path.name not in {RUN_FILE, STATE_FILE}]
    for name in names:
        durable.sync(folder / name)
    full = {
        "format": FORMAT,
        "bertkit": __version__,
        "created": datetime.now(UTC).isoformat(),
        **info,
        "files": manifest.describe(folder, names),
    }
    sealed.write(folder / RUN_FILE, full)
    return Run(folder, full)
